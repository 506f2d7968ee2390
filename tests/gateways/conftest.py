"""Sinks: real servers on this machine that gateways talk to."""

from __future__ import annotations

from tests.fixtures.http_sink import http_sink
from tests.fixtures.smtp_sink import smtp_sink

__all__ = ["http_sink", "smtp_sink"]
