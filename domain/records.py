"""Records as the store returns them, and the cause that travels with every change."""

from __future__ import annotations

from typing import Literal, TypeAlias

from domain.base import Frozen, Instant, Json, Properties, utc_text
from domain.facts import RecordFacts

ChangeKind: TypeAlias = Literal[
    "created", "updated", "deleted", "merged", "associated", "dissociated", "event",
    "list_joined", "list_left", "list_changed", "subscription", "enrollment", "settings",
]  # fmt: skip
CauseKind: TypeAlias = Literal[
    "api", "import", "bulk", "publish", "user", "enrollment", "event", "schedule", "system",
]  # fmt: skip

MAX_DEPTH = 20
"""How far a chain of changes caused by enrollments may reach before ``loop_stopped`` (rule E9)."""


PERSON = ("first_name", "last_name")
NAMING = ("name", "subject", "title", "email", "domain", "external_id")
"""What a record without a person's names is called by: the first of these it has."""


class Cause(Frozen):
    """Who made a change: ``id`` of an api key, job, user or enrollment; ``depth`` counts enrollments in the chain.

    ``bulk`` and ``publish`` are jobs that enroll many: somebody ordered one, or a version took in who matched already.
    """

    kind: CauseKind
    id: str | None = None
    depth: int = 0


class StoredRecord(Frozen):
    """One record. ``properties`` holds what is set; nulls are absent."""

    id: str
    object: str
    properties: Properties
    version: int
    created_at: Instant
    updated_at: Instant
    deleted_at: Instant | None = None

    @property
    def display_name(self) -> str | None:
        """What people call it: a person's names, its name or subject, else an address; None when it says nothing."""
        person = " ".join(str(self.properties[name]) for name in PERSON if name in self.properties)
        found = (str(self.properties[name]) for name in NAMING if name in self.properties)
        return person or next(found, None)

    def facts(self, properties: Properties | None = None) -> RecordFacts:
        """The record as conditions read it, with its read-only instants; ``properties`` replaces the document."""
        document: Properties = {
            **(self.properties if properties is None else properties),
            "created_at": utc_text(self.created_at),
            "updated_at": utc_text(self.updated_at),
        }
        return RecordFacts(id=self.id, object=self.object, properties=document)


class Change(Frozen):
    """A committed fact that may wake somebody. ``before``/``after`` are complete property documents.

    For ``associated`` and ``dissociated``, ``detail`` is ``{"other_id", "other_object", "label"}`` and the change
    belongs to ``record_id``; the other side has a change of its own. ``list_joined`` and ``list_left`` name the list,
    ``{"list"}``; ``subscription`` names the types, ``{"subscriptions", "before", "after"}`` with the states by slug;
    ``list_changed`` is about the list itself: ``record_id`` is its id, ``record_version`` its revision. ``settings`` is
    about live values: ``record_id`` is the id of their workflow or ``account``, ``record_version`` their revision, and
    ``{"parts"}`` names those that changed.
    """

    seq: int
    id: str
    object: str
    record_id: str
    record_version: int
    kind: ChangeKind
    before: Properties | None = None
    after: Properties | None = None
    detail: dict[str, Json] | None = None
    event_id: str | None = None
    wake: bool = True
    cause: Cause
    occurred_at: Instant
    cursor: str | None = None
    attempts: int = 0
    traceparent: str | None = None
