"""Add to changes and deliveries what the trace was that they came of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "20261126_eighth"
down_revision: str | None = "20261125_seventh"

TRACEPARENT = sa.String(length=55)


def upgrade() -> None:
    """Towards this release."""
    op.add_column("changes", sa.Column("traceparent", TRACEPARENT, nullable=True))
    op.add_column("deliveries", sa.Column("traceparent", TRACEPARENT, nullable=True))


def downgrade() -> None:
    """Back to the release before."""
    op.drop_column("deliveries", "traceparent")
    op.drop_column("changes", "traceparent")
