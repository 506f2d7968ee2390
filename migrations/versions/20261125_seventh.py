"""Add conversations (channels, threads, messages), what mail does to tickets, roles of users, the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261125_seventh"
down_revision: str | None = "20261124_sixth"

INSTANT = sa.DateTime(timezone=True)
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_KEYS = sa.table("api_keys", sa.column("id", sa.String), sa.column("scopes", DOCUMENT))


def upgrade() -> None:
    """Towards this release."""
    _add_conversations()
    _add_stage_automations()
    _add_roles()
    _add_audit()
    _add_report_indexes()


def downgrade() -> None:
    """Back to the release before."""
    _drop_report_indexes()
    op.drop_table("audit_entries")
    _drop_roles()
    op.drop_table("stage_automations")
    _drop_conversations()


def _add_conversations() -> None:
    op.add_column("pipelines", sa.Column("status_from_email", DOCUMENT, server_default=sa.text("'{}'"), nullable=False))
    op.add_column("inbound_mails", sa.Column("thread_id", sa.String(length=36), nullable=True))
    op.create_table(
        "channels",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("slug", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=True),
        sa.Column("pipeline", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=200), nullable=True),
        sa.Column("opens_tickets", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("properties", DOCUMENT, nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint("kind", "address", name=op.f("uq_channels_kind_address")),
        sa.UniqueConstraint("slug", name=op.f("uq_channels_slug")),
    )
    op.create_table(
        "threads",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("channel_id", sa.String(length=36), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=True),
        sa.Column("ticket_id", sa.String(length=36), nullable=True),
        sa.Column("opened_ticket", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_threads_channel_id_channels")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threads")),
        sa.UniqueConstraint("channel_id", "external_id", name=op.f("uq_threads_channel_id_external_id")),
        sa.UniqueConstraint("token", name=op.f("uq_threads_token")),
    )
    op.create_index(op.f("ix_threads_contact_id"), "threads", ["contact_id"], unique=False)
    op.create_index(op.f("ix_threads_ticket_id"), "threads", ["ticket_id"], unique=False)
    _add_thread_messages()


def _add_thread_messages() -> None:
    under_way = sa.text("status in ('queued', 'handed_over')")
    op.create_table(
        "thread_messages",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("thread_id", sa.String(length=36), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("author", sa.String(length=24), nullable=False),
        sa.Column("contact_id", sa.String(length=36), nullable=True),
        sa.Column("user_id", sa.String(length=36), nullable=True),
        sa.Column("address", sa.String(length=320), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("message_id", sa.String(length=400), nullable=True),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("mail", sa.String(length=36), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("effect", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_thread_messages_thread_id_threads")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread_messages")),
        sa.UniqueConstraint("thread_id", "external_id", name=op.f("uq_thread_messages_thread_id_external_id")),
    )
    op.create_index("ix_thread_messages_message_id", "thread_messages", ["message_id"], unique=False)
    op.create_index(
        "ix_thread_messages_status",
        "thread_messages",
        ["status"],
        unique=False,
        sqlite_where=under_way,
        postgresql_where=under_way,
    )


def _drop_conversations() -> None:
    for table in ("thread_messages", "threads", "channels"):
        op.drop_table(table)
    op.drop_column("inbound_mails", "thread_id")
    op.drop_column("pipelines", "status_from_email")


def _add_roles() -> None:
    op.add_column("users", sa.Column("role", sa.String(length=10), nullable=True))
    op.add_column(
        "users", sa.Column("sees_personal_data", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    with op.batch_alter_table("api_keys") as batch:
        batch.add_column(sa.Column("user_id", sa.String(length=36), nullable=True))
        batch.create_foreign_key(op.f("fk_api_keys_user_id_users"), "users", ["user_id"], ["id"])
    # What a key could do before this release it can do after it.
    _grant("messages:send", to="workflows:write")
    _grant("export", to="enrollments:read")


def _drop_roles() -> None:
    _withdraw("messages:send", "export")
    with op.batch_alter_table("api_keys") as batch:
        batch.drop_constraint(op.f("fk_api_keys_user_id_users"), type_="foreignkey")
        batch.drop_column("user_id")
    op.drop_column("users", "sees_personal_data")
    op.drop_column("users", "role")


def _grant(scope: str, *, to: str) -> None:
    for id, scopes in _keys():
        if to in scopes:
            op.execute(sa.update(_KEYS).where(_KEYS.c.id == id).values(scopes=[*scopes, scope]))


def _withdraw(*gone: str) -> None:
    for id, scopes in _keys():
        kept = [scope for scope in scopes if scope not in gone]
        op.execute(sa.update(_KEYS).where(_KEYS.c.id == id).values(scopes=kept))


def _keys() -> list[tuple[str, list[str]]]:
    return [(row.id, row.scopes) for row in op.get_bind().execute(sa.select(_KEYS))]


def _add_audit() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=400), nullable=False),
        sa.Column("by", sa.String(length=16), nullable=False),
        sa.Column("key_id", sa.String(length=36), nullable=True),
        sa.Column("user_id", sa.String(length=36), nullable=True),
        sa.Column("before", DOCUMENT, nullable=True),
        sa.Column("after", DOCUMENT, nullable=True),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_kind_subject_id", "audit_entries", ["kind", "subject", "id"], unique=False)
    op.create_index("ix_audit_entries_user_id_id", "audit_entries", ["user_id", "id"], unique=False)
    op.create_index("ix_audit_entries_key_id_id", "audit_entries", ["key_id", "id"], unique=False)


def _add_stage_automations() -> None:
    op.create_table(
        "stage_automations",
        sa.Column("object", sa.String(length=40), nullable=False),
        sa.Column("pipeline", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=200), nullable=False),
        sa.Column("workflow_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name=op.f("fk_stage_automations_workflow_id_workflows")
        ),
        sa.PrimaryKeyConstraint("object", "pipeline", "stage", name=op.f("pk_stage_automations")),
    )


def _add_report_indexes() -> None:
    op.add_column("messages", sa.Column("machine_opened_at", INSTANT, nullable=True))
    op.drop_index("ix_messages_workflow_id_step", table_name="messages")
    reactions = ["opened_at", "machine_opened_at", "clicked_at", "replied_at", "unsubscribed_at"]
    op.create_index(
        "ix_messages_counted", "messages", ["workflow_id", "step", "status", "enrollment_id", "id", *reactions]
    )
    op.drop_index("ix_visits_workflow_id_step", table_name="visits")
    op.create_index(
        "ix_visits_counted", "visits", ["workflow_id", "step", "turn", "outcome", "reason", "enrollment_id", "n"]
    )
    op.create_index("ix_entry_decisions_workflow_id_decision_id", "entry_decisions", ["workflow_id", "decision", "id"])


def _drop_report_indexes() -> None:
    op.drop_index("ix_entry_decisions_workflow_id_decision_id", table_name="entry_decisions")
    op.drop_index("ix_visits_counted", table_name="visits")
    op.create_index("ix_visits_workflow_id_step", "visits", ["workflow_id", "step", "outcome"])
    op.drop_index("ix_messages_counted", table_name="messages")
    op.create_index("ix_messages_workflow_id_step", "messages", ["workflow_id", "step"])
    op.drop_column("messages", "machine_opened_at")
