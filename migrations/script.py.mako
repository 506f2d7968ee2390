"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "${up_revision}"
down_revision: str | None = ${'"%s"' % down_revision if down_revision else None}

INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Towards this release."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Back to the release before."""
    ${downgrades if downgrades else "pass"}
