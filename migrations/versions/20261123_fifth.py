"""Add what messages, consent and actions need: each part in a function of its own."""

from __future__ import annotations

revision: str = "20261123_fifth"
down_revision: str | None = "20261122_fourth"


def upgrade() -> None:
    """Towards this release."""


def downgrade() -> None:
    """Back to the release before."""
