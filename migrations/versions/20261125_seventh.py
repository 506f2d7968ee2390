"""Begin the next release: nothing has changed yet."""

from __future__ import annotations

revision: str = "20261125_seventh"
down_revision: str | None = "20261124_sixth"


def upgrade() -> None:
    """Towards this release."""


def downgrade() -> None:
    """Back to the release before."""
