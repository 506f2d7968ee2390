"""The tables of long work: jobs, and what became of each row or record they were given."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from store.columns import Document, at, id_column, metadata

jobs = Table(
    "jobs", metadata,
    id_column(),
    Column("kind", String(20), nullable=False),
    Column("scope", String(40), nullable=False),
    Column("status", String(16), nullable=False),
    Column("input", Document, nullable=False),
    Column("counts", Document, nullable=False),
    Column("total", Integer, nullable=False),
    Column("cursor", Integer, nullable=False),
    # Behind which record bulk work goes on.
    Column("place", String(80)),
    Column("error", Text),
    at("created_at"),
    at("updated_at"),
    at("finished_at", nullable=True),
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
