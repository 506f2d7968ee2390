"""Every table of the installation; the only description of the schema (migrations are checked against it).

Instants are ``UtcDateTime``: aware in Python, timestamptz on PostgreSQL, naive UTC text on SQLite. Documents are
``Document``: JSONB on PostgreSQL, JSON text on SQLite. Ids are uuid7 text, so they sort by creation.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant; refuses naive ones, so a zone is never guessed."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database: UTC, naive on SQLite, which has no zones."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: pass an aware one")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database: always aware."""
        if value is None:
            return None
        stored: datetime = value
        return stored.replace(tzinfo=UTC) if stored.tzinfo is None else stored.astimezone(UTC)


Document = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Sequence_ = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", String(36), primary_key=True)


def _at(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=nullable)


account = Table(
    "account", metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("default_region", String(2), nullable=False),
    Column("mail_from", String(320), nullable=False),
    Column("mail_from_name", String(200), nullable=False),
    Column("sms_from", String(32), nullable=False),
    Column("schema_revision", Integer, nullable=False),
    Column("sample_loaded_at", UtcDateTime),
)  # fmt: skip

object_types = Table(
    "object_types", metadata,
    Column("name", String(40), primary_key=True),
    Column("label", String(200), nullable=False),
    Column("builtin", Boolean, nullable=False),
    _at("created_at"),
)  # fmt: skip

property_definitions = Table(
    "property_definitions", metadata,
    Column("object", String(40), ForeignKey("object_types.name"), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("type", String(16), nullable=False),
    Column("label", String(200), nullable=False),
    Column("options", Document, nullable=False),
    Column("unique", Boolean, nullable=False),
    Column("read_only", Boolean, nullable=False),
    Column("builtin", Boolean, nullable=False),
    _at("created_at"),
)  # fmt: skip

records = Table(
    "records", metadata,
    _id(),
    Column("object", String(40), ForeignKey("object_types.name"), nullable=False),
    Column("properties", Document, nullable=False),
    Column("version", Integer, nullable=False),
    _at("created_at"),
    _at("updated_at"),
    _at("deleted_at", nullable=True),
    Index("ix_records_object_id", "object", "id"),
)  # fmt: skip

unique_values = Table(
    "unique_values", metadata,
    Column("object", String(40), primary_key=True),
    Column("property", String(40), primary_key=True),
    Column("value", String(500), primary_key=True),
    Column("record_id", String(36), ForeignKey("records.id"), nullable=False, index=True),
)  # fmt: skip

# Two rows for one association, one per direction, so that every question is asked in one way.
associations = Table(
    "associations", metadata,
    Column("record_id", String(36), ForeignKey("records.id"), primary_key=True),
    Column("other_id", String(36), ForeignKey("records.id"), primary_key=True),
    Column("object", String(40), nullable=False),
    Column("other_object", String(40), nullable=False),
    Column("label", String(60)),
    _at("created_at"),
    Index("ix_associations_record_id_other_object", "record_id", "other_object"),
)  # fmt: skip

changes = Table(
    "changes", metadata,
    Column("seq", Sequence_, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("object", String(40), nullable=False),
    Column("record_id", String(36), nullable=False),
    Column("record_version", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("before", Document),
    Column("after", Document),
    Column("detail", Document),
    Column("event_id", String(36)),
    Column("wake", Boolean, nullable=False),
    Column("cause_kind", String(20), nullable=False),
    Column("cause_id", String(100)),
    Column("depth", Integer, nullable=False),
    _at("occurred_at"),
    Column("leased_by", String(80)),
    _at("leased_until", nullable=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("cursor", Text),
    _at("done_at", nullable=True),
    _at("failed_at", nullable=True),
    Column("error", Text),
    Index("ix_changes_open", "record_id", "seq", sqlite_where=text("done_at IS NULL AND failed_at IS NULL"),
          postgresql_where=text("done_at IS NULL AND failed_at IS NULL")),
    Index("ix_changes_open_seq", "seq", sqlite_where=text("done_at IS NULL AND failed_at IS NULL"),
          postgresql_where=text("done_at IS NULL AND failed_at IS NULL")),
    Index("ix_changes_record_id_seq", "record_id", "seq"),
    Index("ix_changes_failed_at", "failed_at", sqlite_where=text("failed_at IS NOT NULL"),
          postgresql_where=text("failed_at IS NOT NULL")),
    Index("ix_changes_done_at", "done_at", sqlite_where=text("done_at IS NOT NULL"),
          postgresql_where=text("done_at IS NOT NULL")),
    sqlite_autoincrement=True,
)  # fmt: skip

deliveries = Table(
    "deliveries", metadata,
    Column("seq", Sequence_, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("enrollment_id", String(36), nullable=False),
    Column("kind", String(20), nullable=False),
    _at("due_at"),
    Column("payload", Document, nullable=False),
    Column("leased_by", String(80)),
    _at("leased_until", nullable=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    Index("ix_deliveries_enrollment_id_seq", "enrollment_id", "seq"),
    sqlite_autoincrement=True,
)  # fmt: skip

events = Table(
    "events", metadata,
    _id(),
    Column("name", String(120), nullable=False),
    Column("record_id", String(36), nullable=False),
    Column("object", String(40), nullable=False),
    Column("properties", Document, nullable=False),
    Column("enrollment_id", String(36)),
    Column("step", String(40)),
    _at("occurred_at"),
    _at("received_at"),
    Index("ix_events_record_id_name", "record_id", "name"),
)  # fmt: skip

workflows = Table(
    "workflows", metadata,
    _id(),
    Column("slug", String(63), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("folder", String(200), nullable=False),
    Column("object", String(40), nullable=False),
    Column("type", String(20), nullable=False),
    Column("draft", Document, nullable=False),
    Column("draft_revision", Integer, nullable=False),
    Column("is_on", Boolean, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("version", Integer),
    Column("live", Document),
    _at("created_at"),
    _at("updated_at"),
)  # fmt: skip

versions = Table(
    "versions", metadata,
    Column("workflow_id", String(36), ForeignKey("workflows.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", Document, nullable=False),
    Column("plan", Document, nullable=False),
    Column("engine_rev", Integer, nullable=False),
    _at("published_at"),
)  # fmt: skip

# The candidate index. Rows with a trigger are the triggers of the current version of a workflow that is on;
# rows without one are what an enrollment of that version reads in any role.
interests = Table(
    "interests", metadata,
    Column("id", Sequence_, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False),
    Column("workflow_id", String(36), ForeignKey("workflows.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("trigger", String(40)),
    Index("ix_interests_key", "key"),
    Index("ix_interests_workflow_id_version", "workflow_id", "version"),
)  # fmt: skip

entry_keys = Table(
    "entry_keys", metadata,
    Column("workflow_id", String(36), ForeignKey("workflows.id"), primary_key=True),
    Column("key", String(80), primary_key=True),
    Column("record_id", String(36), nullable=False),
    Column("entries", Integer, nullable=False),
    Column("again", Document),
    Index("ix_entry_keys_workflow_id_record_id", "workflow_id", "record_id"),
)  # fmt: skip

enrollments = Table(
    "enrollments", metadata,
    _id(),
    Column("workflow_id", String(36), ForeignKey("workflows.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("key", String(80), nullable=False),
    Column("n", Integer, nullable=False),
    Column("run_id", String(200), nullable=False, unique=True),
    Column("record_id", String(36), ForeignKey("records.id"), nullable=False),
    Column("object", String(40), nullable=False),
    Column("bound_id", String(36)),
    Column("bound_object", String(40)),
    Column("status", String(16), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("step", String(40)),
    _at("wakes_at", nullable=True),
    Column("parameters", Document, nullable=False),
    Column("trigger", String(40)),
    Column("cause_kind", String(20), nullable=False),
    Column("cause_id", String(100)),
    Column("depth", Integer, nullable=False),
    Column("entered_seq", BigInteger),
    _at("started_at"),
    _at("ended_at", nullable=True),
    Column("end_reason", String(30)),
    Column("end_detail", Text),
    Index("uq_enrollments_active", "workflow_id", "key", unique=True,
          sqlite_where=text("status <> 'ended'"), postgresql_where=text("status <> 'ended'")),
    Index("ix_enrollments_record_active", "record_id",
          sqlite_where=text("status <> 'ended'"), postgresql_where=text("status <> 'ended'")),
    Index("ix_enrollments_bound_active", "bound_id",
          sqlite_where=text("status <> 'ended'"), postgresql_where=text("status <> 'ended'")),
    Index("ix_enrollments_workflow_id_id", "workflow_id", "id"),
    Index("ix_enrollments_record_id_id", "record_id", "id"),
    Index("ix_enrollments_bound_id_id", "bound_id", "id"),
    Index("ix_enrollments_ended_at", "ended_at"),
)  # fmt: skip

entry_decisions = Table(
    "entry_decisions", metadata,
    _id(),
    Column("workflow_id", String(36), ForeignKey("workflows.id"), nullable=False),
    Column("record_id", String(36), nullable=False),
    Column("bound_id", String(36)),
    Column("decision", String(30), nullable=False),
    Column("detail", Text),
    Column("seen", Document, nullable=False),
    Column("trigger", String(40)),
    Column("cause_kind", String(20), nullable=False),
    Column("cause_id", String(100)),
    Column("change_seq", BigInteger),
    Column("enrollment_id", String(36)),
    _at("decided_at"),
    # One decision per cause. Plain columns would not do: two NULLs are never equal.
    Index("uq_entry_decisions_once", "change_seq", "workflow_id", "record_id",
          text("coalesce(bound_id, '')"), text("coalesce(trigger, '')"), unique=True,
          sqlite_where=text("change_seq IS NOT NULL"), postgresql_where=text("change_seq IS NOT NULL")),
    Index("ix_entry_decisions_workflow_id_id", "workflow_id", "id"),
    Index("ix_entry_decisions_record_id_id", "record_id", "id"),
)  # fmt: skip

# turn 0 is the visit itself; later turns are answers given while the run stood there (Done once).
visits = Table(
    "visits", metadata,
    Column("enrollment_id", String(36), ForeignKey("enrollments.id"), primary_key=True),
    Column("step", String(40), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("workflow_id", String(36), nullable=False),
    Column("version", Integer, nullable=False),
    Column("record_id", String(36), nullable=False),
    Column("kind", String(16), nullable=False),
    _at("entered_at"),
    _at("left_at", nullable=True),
    _at("wakes_at", nullable=True),
    Column("outcome", String(10)),
    Column("reason", String(60)),
    Column("detail", Text),
    Column("edge", String(60)),
    Column("seen", Document),
    Column("result", Document),
    Column("answer", Document),
    Index("ix_visits_workflow_id_step", "workflow_id", "step", "outcome"),
    Index("ix_visits_workflow_id_record_id", "workflow_id", "record_id", "step"),
)  # fmt: skip

effects = Table(
    "effects", metadata,
    Column("key", String(140), primary_key=True),
    Column("enrollment_id", String(36), ForeignKey("enrollments.id"), nullable=False, index=True),
    Column("workflow_id", String(36), nullable=False),
    Column("step", String(40), nullable=False),
    Column("n", Integer, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reference", String(400)),
    Column("failure", String(30)),
    Column("detail", Text),
    _at("created_at"),
    _at("updated_at"),
    Index("ix_effects_state", "state"),
)  # fmt: skip

messages = Table(
    "messages", metadata,
    _id(),
    Column("effect_key", String(140), nullable=False, unique=True),
    Column("enrollment_id", String(36), ForeignKey("enrollments.id"), nullable=False),
    Column("workflow_id", String(36), nullable=False),
    Column("step", String(40), nullable=False),
    Column("record_id", String(36), nullable=False, index=True),
    Column("channel", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("sender", String(320), nullable=False),
    Column("recipient", String(320), nullable=False),
    Column("subject", Text),
    Column("html", Text),
    Column("text", Text, nullable=False),
    Column("message_id", String(400)),
    Column("detail", Text),
    _at("created_at"),
    _at("sent_at", nullable=True),
    Index("ix_messages_workflow_id_step", "workflow_id", "step"),
    Index("ix_messages_enrollment_id", "enrollment_id"),
)  # fmt: skip

tasks = Table(
    "tasks", metadata,
    _id(),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("priority", String(16)),
    _at("due_at", nullable=True),
    Column("assignee", String(36)),
    Column("record_ids", Document, nullable=False),
    Column("record_id", String(36), nullable=False, index=True),
    Column("enrollment_id", String(36)),
    Column("workflow_id", String(36)),
    Column("step", String(40)),
    _at("created_at"),
    _at("completed_at", nullable=True),
    Index("ix_tasks_workflow_id_step", "workflow_id", "step"),
)  # fmt: skip

notifications = Table(
    "notifications", metadata,
    _id(),
    Column("user_id", String(36), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("record_id", String(36), nullable=False),
    Column("enrollment_id", String(36)),
    Column("workflow_id", String(36)),
    Column("step", String(40)),
    _at("created_at"),
    _at("read_at", nullable=True),
    Index("ix_notifications_workflow_id_step", "workflow_id", "step"),
)  # fmt: skip

users = Table(
    "users", metadata,
    _id(),
    Column("name", String(200), nullable=False),
    Column("email", String(320), nullable=False, unique=True),
    Column("manager_id", String(36)),
    Column("active", Boolean, nullable=False),
    _at("created_at"),
)  # fmt: skip

api_keys = Table(
    "api_keys", metadata,
    _id(),
    Column("name", String(200), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False),
    Column("scopes", Document, nullable=False),
    _at("created_at"),
    _at("revoked_at", nullable=True),
)  # fmt: skip

idempotency = Table(
    "idempotency", metadata,
    Column("api_key_id", String(36), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("status", Integer),
    Column("headers", Document),
    Column("body", Text),
    _at("created_at"),
    _at("locked_until", nullable=True),
)  # fmt: skip

jobs = Table(
    "jobs", metadata,
    _id(),
    Column("kind", String(20), nullable=False),
    Column("scope", String(40), nullable=False),
    Column("status", String(16), nullable=False),
    Column("input", Document, nullable=False),
    Column("counts", Document, nullable=False),
    Column("total", Integer, nullable=False),
    Column("cursor", Integer, nullable=False),
    Column("error", Text),
    _at("created_at"),
    _at("updated_at"),
    _at("finished_at", nullable=True),
)  # fmt: skip

job_rows = Table(
    "job_rows", metadata,
    Column("job_id", String(36), ForeignKey("jobs.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("key", String(500)),
    Column("cells", Document, nullable=False),
    Column("outcome", String(16)),
    Column("code", String(40)),
    Column("reason", Text),
    Column("record_id", String(36)),
    Index("ix_job_rows_job_id_outcome", "job_id", "outcome", "n"),
    Index("ix_job_rows_job_id_key", "job_id", "key", "n"),
)  # fmt: skip
