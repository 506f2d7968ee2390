"""Requests and answers about events."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictStr, model_validator

from api.answers import Shown
from api.instants import WrittenInstant
from api.schemas.enrollments import RecordReference
from api.schemas.records import EXAMPLE_ID, Body, examples
from domain.base import Instant, Json
from services.intake.events import Recorded
from store.events import EventRow


class EventRecord(RecordReference):
    """The record it happened to; ``create`` makes one that cannot be found by its unique property."""

    create: StrictBool = False

    @model_validator(mode="after")
    def _by_value(self) -> EventRecord:
        if self.create and self.by is None:
            raise ValueError("a record is created by a unique property, not by an id of your choice")
        return self


class SendEvent(Body):
    """Something that happened to a record."""

    model_config = examples(
        {
            "event": "form.submitted",
            "record": {"object": "contact", "by": {"email": "ana@example.com"}, "create": True},
            "properties": {"form": "webinar"},
            "event_id": "form-4711",
        },
        {"event": "custom.seat_added", "record": {"object": "contact", "id": EXAMPLE_ID}, "properties": {"seats": 3}},
    )

    event: Annotated[
        StrictStr, Field(max_length=200, description="A built-in name, or custom.<name>.", examples=["form.submitted"])
    ]
    record: EventRecord
    properties: Annotated[dict[str, Json], Field(max_length=500)] = {}
    occurred_at: Annotated[
        WrittenInstant | None, Field(description="When it happened, late if need be; null: now.")
    ] = None
    event_id: Annotated[
        StrictStr | None,
        Field(min_length=1, max_length=200, description="Your own id: the same one again is the same event, for ever."),
    ] = None


class EventOf(Shown):
    """The record an event happened to."""

    object: str
    id: str


class EventView(Shown):
    """An event. ``event_id`` is the sender's own id; ``enrollment_id`` and ``step`` say what it answers, if any."""

    id: str
    event: str
    record: EventOf
    properties: dict[str, Json]
    occurred_at: Instant
    received_at: Instant
    event_id: str | None
    enrollment_id: str | None
    step: str | None


class EventAnswer(EventView):
    """The event as it is kept. ``duplicate``: its ``event_id`` was used before, and nothing was done."""

    status: Literal["accepted", "duplicate"]


class DuplicateAnswer(Shown):
    """To a key without records:read: its ``event_id`` was used before. ``event`` is the name just sent.

    What is kept under the id may be somebody else's, so nothing of it is told but where it stands.
    """

    id: str
    event: str
    event_id: str | None
    status: Literal["duplicate"]


def event_view(event: EventRow) -> EventView:
    """An event as it is answered."""
    return EventView(
        id=event.id,
        event=event.name,
        record=EventOf(object=event.object, id=event.record_id),
        properties=event.properties,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        event_id=event.external_id,
        enrollment_id=event.enrollment_id,
        step=event.step,
    )


def event_answer(recorded: Recorded) -> EventAnswer:
    """What came of sending an event."""
    shown = event_view(recorded.event)
    return EventAnswer(**dict(shown), status="accepted" if recorded.is_new else "duplicate")


def duplicate_answer(recorded: Recorded, sent: SendEvent) -> DuplicateAnswer:
    """What whoever may not read records is told of an event that was recorded before."""
    return DuplicateAnswer(id=recorded.event.id, event=sent.event, event_id=sent.event_id, status="duplicate")
