"""The HTML of emails: what it reads like without HTML."""

from __future__ import annotations

from gateways.text import text_of


class EmailMarkup:
    """Knowledge of email HTML; never asks the network."""

    def text(self, html: str) -> str:
        """What a reader without HTML reads."""
        return text_of(html)
