"""The table of mail that came in: what is known of it, not the mail itself."""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, Text

from store.columns import at, id_column, metadata

# digest: of the bytes. identity: of its Message-ID and its sender, so that a mail that came two ways is one.
# message_id: its own. answers: the message of ours it is about. Whoever wrote it, record_id says in whose story it is.
inbound_mails = Table(
    "inbound_mails", metadata,
    id_column(),
    Column("digest", String(64), nullable=False, unique=True),
    Column("identity", String(64), unique=True),
    Column("kind", String(16), nullable=False),
    Column("message_id", String(400)),
    Column("sender", String(320)),
    Column("answers", String(36)),
    Column("record_id", String(36)),
    Column("event_id", String(36)),
    # The thread it was written in.
    Column("thread_id", String(36)),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("detail", Text),
    at("received_at"),
    Index("ix_inbound_mails_message_id", "message_id"),
    Index("ix_inbound_mails_record_id_received_at", "record_id", "received_at"),
)  # fmt: skip
