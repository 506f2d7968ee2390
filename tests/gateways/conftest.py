"""Sinks: real servers on this machine that gateways talk to."""

from __future__ import annotations

from tests.fixtures.smtp_sink import smtp_sink

__all__ = ["smtp_sink"]
