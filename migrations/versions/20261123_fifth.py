"""Add what messages, consent and actions need: each part in a function of its own."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261123_fifth"
down_revision: str | None = "20261122_fourth"

RETRIES = ("retried_from", "retried_as", "retried_step", "carried")
INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Towards this release."""
    _add_consent()
    _add_links()
    _add_emails()
    _add_origins()
    _add_pauses()
    _add_webhooks()
    _add_reactions()
    _add_conversations()
    _add_rotations()
    _add_decisions()
    _add_inbound()
    _add_retries()


def downgrade() -> None:
    """Back to the release before."""
    for name in RETRIES:
        op.drop_column("enrollments", name)
    _drop_decisions()
    op.drop_table("inbound_mails")
    op.drop_table("rotations")
    _drop_webhooks()
    _drop_conversations()
    _drop_reactions()
    _drop_links()
    _drop_emails()
    op.drop_table("pauses")
    _drop_origins()
    _drop_consent()


def _add(table: str, name: str, kind: sa.types.TypeEngine[Any], default: str) -> None:
    """A column that has an answer for the rows there are."""
    op.add_column(table, sa.Column(name, kind, server_default=sa.text(default), nullable=False))


def _add_consent() -> None:
    op.add_column("account", sa.Column("frequency_caps", DOCUMENT, nullable=True))
    _add("account", "send_to_not_specified", sa.Boolean(), "false")
    _add("subscription_types", "kind", sa.String(length=16), "'marketing'")
    op.create_table(
        "suppressions",
        sa.Column("subject", sa.String(length=320), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=True),
        sa.Column("cause_kind", sa.String(length=20), nullable=False),
        sa.Column("cause_id", sa.String(length=100), nullable=True),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("subject", "reason", name=op.f("pk_suppressions")),
    )
    op.add_column("messages", sa.Column("contact_id", sa.String(length=36), nullable=True))
    _add("messages", "marketing", sa.Boolean(), "false")
    op.add_column("messages", sa.Column("claimed_at", INSTANT, nullable=True))
    op.create_index("ix_messages_contact_id_claimed_at", "messages", ["contact_id", "claimed_at"], unique=False)


def _drop_consent() -> None:
    op.drop_index("ix_messages_contact_id_claimed_at", table_name="messages")
    for name in ("claimed_at", "marketing", "contact_id"):
        op.drop_column("messages", name)
    op.drop_table("suppressions")
    op.drop_column("subscription_types", "kind")
    for name in ("send_to_not_specified", "frequency_caps"):
        op.drop_column("account", name)


def _add_links() -> None:
    op.add_column("account", sa.Column("link_key", sa.String(length=64), nullable=True))
    op.add_column("messages", sa.Column("subscription", sa.String(length=63), nullable=True))


def _drop_links() -> None:
    op.drop_column("messages", "subscription")
    op.drop_column("account", "link_key")


def _add_emails() -> None:
    op.create_table(
        "emails",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emails")),
        sa.UniqueConstraint("slug", name=op.f("uq_emails_slug")),
    )
    op.create_table(
        "email_versions",
        sa.Column("email_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", DOCUMENT, nullable=False),
        sa.Column("reads", DOCUMENT, nullable=False),
        sa.Column("cause_kind", sa.String(length=20), nullable=False),
        sa.Column("cause_id", sa.String(length=100), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["email_id"], ["emails.id"], name=op.f("fk_email_versions_email_id_emails")),
        sa.PrimaryKeyConstraint("email_id", "version", name=op.f("pk_email_versions")),
    )
    op.add_column("messages", sa.Column("email", sa.String(length=63), nullable=True))
    op.add_column("messages", sa.Column("email_version", sa.Integer(), nullable=True))


def _drop_emails() -> None:
    for name in ("email_version", "email"):
        op.execute(f"ALTER TABLE messages DROP COLUMN {name}")
    op.drop_table("email_versions")
    op.drop_table("emails")


def _add_origins() -> None:
    op.add_column("enrollments", sa.Column("origin", sa.String(length=120), nullable=True))
    op.add_column("enrollments", sa.Column("origin_since", INSTANT, nullable=True))


def _drop_origins() -> None:
    for name in ("origin_since", "origin"):
        op.drop_column("enrollments", name)


def _add_webhooks() -> None:
    op.add_column("effects", sa.Column("outputs", DOCUMENT, nullable=True))
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=True),
        sa.Column("previous_until", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secrets")),
    )


def _drop_webhooks() -> None:
    op.drop_table("secrets")
    op.drop_column("effects", "outputs")


def _add_reactions() -> None:
    for name in ("track_opens", "track_clicks"):
        _add("account", name, sa.Boolean(), "true")
    op.add_column("messages", sa.Column("links", DOCUMENT, nullable=True))
    for name in ("opened_at", "clicked_at", "unsubscribed_at"):
        op.add_column("messages", sa.Column(name, INSTANT, nullable=True))


def _drop_reactions() -> None:
    for name in ("unsubscribed_at", "clicked_at", "opened_at", "links"):
        op.drop_column("messages", name)
    for name in ("track_clicks", "track_opens"):
        op.drop_column("account", name)


def _add_pauses() -> None:
    made = op.create_table(
        "pauses",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("subject_id", sa.String(length=36), nullable=False),
        sa.Column("paused_at", INSTANT, nullable=False),
        sa.Column("resumed_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pauses")),
    )
    op.create_index("ix_pauses_subject_id_paused_at", "pauses", ["subject_id", "paused_at"], unique=False)
    columns = ["id", "subject_id", "paused_at"]
    # Who is paused already is so since it was last written about, as far as anybody knows.
    workflows = sa.table("workflows", sa.column("id"), sa.column("updated_at"), sa.column("is_paused"))
    held = sa.select(workflows.c.id, workflows.c.id, workflows.c.updated_at).where(workflows.c.is_paused)
    op.execute(made.insert().from_select(columns, held))
    inside = sa.table("enrollments", *(sa.column(name) for name in ("id", "status", "held_at", "started_at")))
    since = sa.func.coalesce(inside.c.held_at, inside.c.started_at)
    held = sa.select(inside.c.id, inside.c.id, since).where(inside.c.status == "paused")
    op.execute(made.insert().from_select(columns, held))


def _add_conversations() -> None:
    op.add_column("messages", sa.Column("reply_token", sa.String(length=32), nullable=True))
    op.add_column("messages", sa.Column("thread", DOCUMENT, nullable=True))
    for name in ("reply_token", "message_id"):
        op.create_index(f"ix_messages_{name}", "messages", [name], unique=False)


def _drop_conversations() -> None:
    for name in ("message_id", "reply_token"):
        op.drop_index(f"ix_messages_{name}", table_name="messages")
    for name in ("thread", "reply_token"):
        op.drop_column("messages", name)


def _add_rotations() -> None:
    op.create_table(
        "rotations",
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("given", DOCUMENT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "step", name=op.f("pk_rotations")),
    )


def _add_decisions() -> None:
    _add("effects", "asks", sa.Boolean(), "false")
    op.create_table(
        "effect_decisions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("effect_key", sa.String(length=140), nullable=False),
        sa.Column("enrollment_id", sa.String(length=36), nullable=False),
        sa.Column("settled_as", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("cause_kind", sa.String(length=20), nullable=False),
        sa.Column("cause_id", sa.String(length=100), nullable=True),
        sa.Column("decided_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effect_decisions")),
    )
    for name in ("enrollment_id", "effect_key", "decided_at"):
        op.create_index(f"ix_effect_decisions_{name}", "effect_decisions", [name], unique=False)


def _drop_decisions() -> None:
    op.drop_table("effect_decisions")
    op.drop_column("effects", "asks")


def _add_inbound() -> None:
    op.create_table(
        "inbound_mails",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("identity", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("message_id", sa.String(length=400), nullable=True),
        sa.Column("sender", sa.String(length=320), nullable=True),
        sa.Column("answers", sa.String(length=36), nullable=True),
        sa.Column("record_id", sa.String(length=36), nullable=True),
        sa.Column("event_id", sa.String(length=36), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_mails")),
        sa.UniqueConstraint("digest", name=op.f("uq_inbound_mails_digest")),
        sa.UniqueConstraint("identity", name=op.f("uq_inbound_mails_identity")),
    )
    for name, columns in (("message_id", ["message_id"]), ("record_id_received_at", ["record_id", "received_at"])):
        op.create_index(f"ix_inbound_mails_{name}", "inbound_mails", columns, unique=False)


def _add_retries() -> None:
    for name in ("retried_from", "retried_as"):
        op.add_column("enrollments", sa.Column(name, sa.String(length=36), nullable=True))
    op.add_column("enrollments", sa.Column("retried_step", sa.String(length=40), nullable=True))
    op.add_column("enrollments", sa.Column("carried", DOCUMENT, nullable=True))
