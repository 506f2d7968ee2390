"""Every table of the installation; with those it names, the only description of the schema.

Migrations are checked against it. The tables of records and people are in
``store.record_tables``, those of definitions in ``store.workflow_tables``, lists in ``store.list_tables``, jobs in
``store.job_tables``, reusable emails in ``store.email_tables``, subscriptions in ``store.subscription_tables``, secrets
in ``store.secret_tables``, messages in ``store.message_tables``, what people decided about
effects in ``store.decision_tables``, mail that came in in ``store.inbound_tables``, what mail services signed with in
``store.provider_tables``, conversations in ``store.conversation_tables``, who changed
the set-up in ``store.audit_tables``.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, text

from store.audit_tables import audit_entries
from store.columns import Document, Sequence_, at, id_column, metadata
from store.conversation_tables import channels, thread_messages, threads
from store.decision_tables import effect_decisions
from store.email_tables import email_versions, emails
from store.inbound_tables import inbound_mails
from store.job_tables import job_rows, jobs
from store.list_tables import list_interests, list_members, lists
from store.message_tables import messages
from store.pause_tables import pauses
from store.people_tables import team_members, teams
from store.pipeline_tables import pipelines, stage_automations, stage_stays
from store.provider_tables import provider_tokens
from store.record_tables import (
    account,
    api_keys,
    associations,
    idempotency,
    object_types,
    property_definitions,
    records,
    unique_values,
    users,
)
from store.rotation_tables import rotations
from store.secret_tables import secrets
from store.subscription_tables import subscription_history, subscription_types, subscriptions, suppressions
from store.task_tables import task_records, tasks
from store.text_tables import inbound_texts
from store.workflow_tables import (
    hooks,
    interests,
    live_history,
    occurrences,
    recurrences,
    sweep_failures,
    sweeps,
    versions,
    workflows,
)

__all__ = [
    "account",
    "api_keys",
    "associations",
    "audit_entries",
    "changes",
    "channels",
    "deliveries",
    "effect_decisions",
    "effects",
    "email_versions",
    "emails",
    "enrollments",
    "entry_decisions",
    "entry_keys",
    "event_uses",
    "events",
    "goals_reached",
    "hooks",
    "idempotency",
    "inbound_mails",
    "inbound_texts",
    "interests",
    "job_rows",
    "jobs",
    "late_goals",
    "list_interests",
    "list_members",
    "lists",
    "live_history",
    "messages",
    "metadata",
    "notifications",
    "object_types",
    "occurrences",
    "pauses",
    "pipelines",
    "property_definitions",
    "provider_tokens",
    "records",
    "recurrences",
    "rotations",
    "secrets",
    "stage_automations",
    "stage_stays",
    "subscription_history",
    "subscription_types",
    "subscriptions",
    "suppressions",
    "sweep_failures",
    "sweeps",
    "task_records",
    "tasks",
    "team_members",
    "teams",
    "thread_messages",
    "threads",
    "unique_values",
    "users",
    "versions",
    "visits",
    "workflows",
]

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
    at("occurred_at"),
    Column("leased_by", String(80)),
    at("leased_until", nullable=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("cursor", Text),
    at("done_at", nullable=True),
    at("failed_at", nullable=True),
    Column("error", Text),
    Column("traceparent", String(55)),
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
    at("due_at"),
    Column("payload", Document, nullable=False),
    Column("leased_by", String(80)),
    at("leased_until", nullable=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("traceparent", String(55)),
    Index("ix_deliveries_enrollment_id_seq", "enrollment_id", "seq"),
    sqlite_autoincrement=True,
)  # fmt: skip

events = Table(
    "events", metadata,
    id_column(),
    Column("name", String(120), nullable=False),
    Column("record_id", String(36), nullable=False),
    Column("object", String(40), nullable=False),
    Column("properties", Document, nullable=False),
    Column("enrollment_id", String(36)),
    Column("step", String(40)),
    at("occurred_at"),
    at("received_at"),
    # The sender's own id, which makes the same event twice one event; and the place of its change in the order.
    Column("external_id", String(200), unique=True),
    Column("seq", BigInteger, nullable=False),
    Index("ix_events_record_id_name", "record_id", "name", "seq"),
)  # fmt: skip

# An event that let a wait of an enrollment go on is used up for its other waits (rule R5).
event_uses = Table(
    "event_uses", metadata,
    Column("enrollment_id", String(36), ForeignKey("enrollments.id"), primary_key=True),
    Column("event_id", String(36), primary_key=True),
    Column("step", String(40), nullable=False),
)  # fmt: skip

goals_reached = Table(
    "goals_reached", metadata,
    Column("enrollment_id", String(36), ForeignKey("enrollments.id"), primary_key=True),
    Column("goal", String(40), primary_key=True),
    Column("workflow_id", String(36), nullable=False),
    Column("version", Integer, nullable=False),
    Column("record_id", String(36), nullable=False),
    Column("seen", Document),
    at("reached_at"),
    Index("ix_goals_reached_workflow_id_goal", "workflow_id", "goal"),
)  # fmt: skip

late_goals = Table(
    "late_goals", metadata,
    Column("enrollment_id", String(36), ForeignKey("enrollments.id"), primary_key=True),
    Column("goal", String(40), primary_key=True),
    Column("workflow_id", String(36), nullable=False),
    Column("record_id", String(36), nullable=False),
    Column("seen", Document),
    at("reached_at"),
    Index("ix_late_goals_workflow_id", "workflow_id"),
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
    id_column(),
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
    at("wakes_at", nullable=True),
    Column("parameters", Document, nullable=False),
    Column("trigger", String(40)),
    Column("cause_kind", String(20), nullable=False),
    Column("cause_id", String(100)),
    Column("depth", Integer, nullable=False),
    Column("entered_seq", BigInteger),
    Column("entry_event_id", String(36)),
    # Since when the run waits for somebody to resume it.
    at("held_at", nullable=True),
    # Since when it is on its way to its step, and what it passes over since it came to its version.
    at("moved_at", nullable=True),
    Column("pass_over", Document),
    # How often it came to the date of a yearly workflow, and the first day that may be that date.
    Column("round", Integer, nullable=False, server_default=text("0")),
    Column("round_since", String(10)),
    # What its anchored delays counted from when it was last looked at, and since when they do.
    Column("origin", String(120)),
    at("origin_since", nullable=True),
    # Which passage it takes up again, at which step and with what of it; and which one takes up this one.
    Column("retried_from", String(36)),
    Column("retried_as", String(36)),
    Column("retried_step", String(40)),
    Column("carried", Document),
    at("started_at"),
    at("ended_at", nullable=True),
    Column("end_reason", String(30)),
    Column("end_detail", Text),
    Column("end_seen", Document),
    Index("uq_enrollments_active", "workflow_id", "key", unique=True,
          sqlite_where=text("status <> 'ended'"), postgresql_where=text("status <> 'ended'")),
    Index("ix_enrollments_record_active", "record_id",
          sqlite_where=text("status <> 'ended'"), postgresql_where=text("status <> 'ended'")),
    Index("ix_enrollments_bound_active", "bound_id",
          sqlite_where=text("status <> 'ended'"), postgresql_where=text("status <> 'ended'")),
    Index("ix_enrollments_workflow_id_id", "workflow_id", "id"),
    Index("ix_enrollments_record_id_id", "record_id", "id"),
    Index("ix_enrollments_bound_id_id", "bound_id", "id"),
)  # fmt: skip

entry_decisions = Table(
    "entry_decisions", metadata,
    id_column(),
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
    # By record id, the newest unjudged change there was around the subject: what they did was seen as well.
    Column("saw", Document),
    Column("enrollment_id", String(36)),
    at("decided_at"),
    # One decision per cause. Plain columns would not do: two NULLs are never equal.
    Index("uq_entry_decisions_once", "change_seq", "workflow_id", "record_id",
          text("coalesce(bound_id, '')"), text("coalesce(trigger, '')"), unique=True,
          sqlite_where=text("change_seq IS NOT NULL"), postgresql_where=text("change_seq IS NOT NULL")),
    Index("ix_entry_decisions_workflow_id_id", "workflow_id", "id"),
    Index("ix_entry_decisions_workflow_id_decision_id", "workflow_id", "decision", "id"),
    Index("ix_entry_decisions_record_id_id", "record_id", "id"),
    Index("ix_entry_decisions_cause_id_id", "cause_id", "id"),
    Index("ix_entry_decisions_decided_at", "decided_at"),
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
    at("entered_at"),
    at("left_at", nullable=True),
    at("wakes_at", nullable=True),
    Column("outcome", String(10)),
    Column("reason", String(60)),
    Column("detail", Text),
    Column("edge", String(60)),
    Column("seen", Document),
    Column("result", Document),
    Column("answer", Document),
    # In which zone it was meant until when it lasts, and until when a message was held back, the last time.
    Column("zone", String(64)),
    at("held_until", nullable=True),
    # All that the report counts and pages by, so that it reads no row.
    Index("ix_visits_counted", "workflow_id", "step", "turn", "outcome", "reason", "enrollment_id", "n"),
    Index("ix_visits_workflow_id_record_id", "workflow_id", "record_id", "step"),
    Index("ix_visits_entered_at", "entered_at"),
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
    Column("outputs", Document),
    # Whether its run waits for a decision should nobody know what became of it.
    Column("asks", Boolean, nullable=False, server_default=text("false")),
    at("created_at"),
    at("updated_at"),
    Index("ix_effects_state", "state"),
    Index("ix_effects_created_at", "created_at"),
)  # fmt: skip

notifications = Table(
    "notifications", metadata,
    id_column(),
    Column("user_id", String(36), nullable=False),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("record_id", String(36), nullable=False),
    Column("enrollment_id", String(36)),
    Column("workflow_id", String(36)),
    Column("step", String(40)),
    at("created_at"),
    at("read_at", nullable=True),
    Index("ix_notifications_workflow_id_step", "workflow_id", "step"),
    Index("ix_notifications_user_id_read_at", "user_id", "read_at"),
)  # fmt: skip
