"""Requests and answers about enrollments, entry decisions and what is known about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import ConfigDict, Field, StrictBool, StrictStr, model_validator
from sqlalchemy import RowMapping

from api.answers import Shown
from api.schemas.records import EXAMPLE_ID, Body, Id, examples
from domain.base import Instant, Json
from domain.entry_words import cause_words
from domain.facts import Seen
from domain.messages import FailureClass
from domain.telling import tell_decision, tell_end
from domain.value_words import SeenValue

WHERE: dict[str, Json] = {"property": "country", "op": "is", "value": "NO"}


class RecordReference(Body):
    """A record by ``id``, or by one unique property: ``{"object": "contact", "by": {"email": "ana@example.com"}}``."""

    object: Annotated[StrictStr, Field(examples=["contact"])]
    id: Id | None = None
    by: Annotated[
        dict[str, str | int | float] | None,
        Field(min_length=1, max_length=1, examples=[{"email": "ana@example.com"}]),
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> RecordReference:
        if (self.id is None) == (self.by is None):
            raise ValueError("name the record by exactly one of id and by")
        return self


class BoundReference(Body):
    """The associated record the enrollment is about."""

    object: Annotated[StrictStr, Field(examples=["opportunity"])]
    id: Id


class EnrollBody(Body):
    """Who shall enter, about which opportunity or other bound record, with which parameters."""

    model_config = examples(
        {"record": {"object": "contact", "by": {"email": "ana@example.com"}}},
        {"record": {"object": "contact", "id": EXAMPLE_ID}, "opportunity_id": EXAMPLE_ID},
    )

    record: RecordReference
    opportunity_id: Id | None = None
    bound: BoundReference | None = None
    parameters: dict[str, Json] = {}

    @model_validator(mode="after")
    def _one_bound(self) -> EnrollBody:
        if self.opportunity_id is not None and self.bound is not None:
            raise ValueError("opportunity_id and bound say the same; send one")
        return self

    @property
    def bound_reference(self) -> BoundReference | None:
        """What is bound, however it was written."""
        if self.opportunity_id is not None:
            return BoundReference(object="opportunity", id=self.opportunity_id)
        return self.bound


class AudienceBody(Body):
    """Many records: by a condition, by a list, or one by one; exactly one of the three."""

    model_config = ConfigDict(
        **examples(
            {"where": {**WHERE}},
            {"ids": [EXAMPLE_ID]},
        ),
        populate_by_name=True,
    )

    where: Annotated[
        dict[str, Json] | None,
        Field(description="A condition of the definition language.", examples=[{"all": [WHERE]}]),
    ] = None
    list_: Annotated[StrictStr | None, Field(alias="list", max_length=63, description="The slug of a list.")] = None
    ids: Annotated[list[Id] | None, Field(min_length=1, max_length=20_000)] = None

    @model_validator(mode="after")
    def _one_audience(self) -> AudienceBody:
        if sum(each is not None for each in (self.where, self.list_, self.ids)) != 1:
            raise ValueError("name who is meant by exactly one of where, list and ids")
        return self


class BulkBody(AudienceBody):
    """Who shall enter, with which parameters, how many a minute at most."""

    model_config = examples(
        {"where": {**WHERE}, "rate_per_minute": 600},
        {"ids": [EXAMPLE_ID]},
    )

    parameters: dict[str, Json] = {}
    rate_per_minute: Annotated[
        int | None, Field(strict=True, ge=1, le=1_000_000, description="How many may enter a minute; absent: no limit.")
    ] = None


class TemporalView(Shown):
    """Where the run can be looked at."""

    workflow_id: str
    ui_url: str


class DecisionAnswer(Shown):
    """What came of asking to enter. ``temporal`` is null when nobody is inside."""

    decision: Annotated[str, Field(examples=["enrolled"])]
    detail: str | None
    words: str
    enrollment_id: str | None
    temporal: TemporalView | None


class RecordPointer(Shown):
    """A record, by object and id; ``name`` is what people call it.

    ``name`` is null for a deleted record, for one that holds nothing to call it by, and without ``records:read``.
    """

    object: str
    id: str
    name: Annotated[str | None, Field(examples=["Ana Berg"])]


class CausePointer(Shown):
    """What made it happen: ``id`` is an API key, job, event or enrollment id."""

    kind: Annotated[str, Field(examples=["bulk"])]
    id: str | None
    words: Annotated[str, Field(examples=[f"by bulk job {EXAMPLE_ID}"])]


class RetryPointer(Shown):
    """The enrollment that this one takes up again, and the step at which it began."""

    enrollment_id: str
    step: str


class EnrollmentView(Shown):
    """One passage of a record through a workflow. ``step`` is where it stands, ``wakes_at`` until when.

    ``end_seen`` are the values that the goal, the suppression or the exit condition saw which ended it.
    ``status`` is ``paused`` when it was paused alone; ``held_at``: since when it waits that it, or its workflow, is
    resumed. ``retried_from``: what it takes up again; ``retried_as``: the enrollment that takes up this one.
    ``round``: how often it came to the date of a yearly workflow, from 1 on; null in others.
    """

    id: str
    workflow: str
    version: int
    record: RecordPointer
    bound: RecordPointer | None
    status: Annotated[str, Field(examples=["active"])]
    step: str | None
    wakes_at: Instant | None
    held_at: Instant | None
    round: int | None
    trigger: str | None
    cause: CausePointer
    parameters: dict[str, Json]
    retried_from: RetryPointer | None
    retried_as: str | None
    started_at: Instant
    ended_at: Instant | None
    end_reason: str | None
    end_detail: str | None
    end_words: str | None
    end_seen: list[Seen]
    temporal: TemporalView


class MoveBody(Body):
    """Where an enrollment shall go on: the id of a step of its version."""

    model_config = examples({"step": "hello"})

    step: Annotated[StrictStr, Field(max_length=40)]


class RetryBody(Body):
    """At which step to begin again; absent: at the first that failed."""

    model_config = examples({"step": "hello"}, {})

    step: Annotated[StrictStr | None, Field(max_length=40)] = None


class BulkRetryBody(Body):
    """Whose failed passages begin again: at which step, of which class, or which enrollments; all narrow it.

    Without ``class`` what is ``unknown`` is left out, as it may have arrived.
    """

    model_config = ConfigDict(**examples({"step": "hello", "class": "rejected"}, {}), populate_by_name=True)

    step: Annotated[StrictStr | None, Field(max_length=40, description="Where they failed, and begin again.")] = None
    class_: Annotated[FailureClass | None, Field(alias="class")] = None
    ids: Annotated[list[Id] | None, Field(min_length=1, max_length=1000, description="Enrollments.")] = None
    rate_per_minute: Annotated[
        int | None, Field(strict=True, ge=1, le=1_000_000, description="How many may begin a minute; absent: no limit.")
    ] = None
    dry_run: Annotated[StrictBool, Field(description="Only count who would.")] = False


class RetryPreview(Shown):
    """How many would begin again, by the step they would begin at."""

    total: int
    steps: dict[str, int]


class EntryDecisionView(Shown):
    """Why a record did or did not enter; ``seen`` are the values that were looked at, ``shown`` as people read them."""

    id: str
    workflow: str
    record_id: str
    bound_id: str | None
    decision: str
    detail: str | None
    words: str
    trigger: str | None
    cause: CausePointer
    enrollment_id: str | None
    seen: list[SeenValue]
    decided_at: Instant


class VisitBehind(Shown):
    """One visit that a figure of the report counts, with its enrollment."""

    step: str
    n: int
    entered_at: Instant
    left_at: Instant | None
    outcome: str | None
    reason: str | None
    enrollment: EnrollmentView


def cause_pointer(kind: str, id: str | None) -> CausePointer:
    """A cause as it is shown."""
    return CausePointer(kind=kind, id=id, words=cause_words(kind, id))


def enrollment_view(row: RowMapping, ui_url: str, names: Mapping[str, str]) -> EnrollmentView:
    """A row of an enrollment, with its workflow's ``slug``, as answered; ``names`` of records by id."""
    bound = row["bound_id"]
    same = (
        "id", "version", "status", "step", "wakes_at", "held_at", "trigger", "parameters", "started_at", "ended_at",
        "end_reason", "end_detail", "retried_as",
    )  # fmt: skip
    again = row["retried_from"]
    return EnrollmentView(
        **{name: row[name] for name in same},
        round=row["round"] or None,
        retried_from=None if again is None else RetryPointer(enrollment_id=again, step=row["retried_step"]),
        workflow=row["slug"],
        record=RecordPointer(object=row["object"], id=row["record_id"], name=names.get(row["record_id"])),
        bound=None if bound is None else RecordPointer(object=row["bound_object"], id=bound, name=names.get(bound)),
        cause=cause_pointer(row["cause_kind"], row["cause_id"]),
        end_words=tell_end(row["end_reason"], row["end_detail"]),
        end_seen=[Seen.model_validate(each) for each in row["end_seen"] or ()],
        temporal=TemporalView(workflow_id=row["run_id"], ui_url=ui_url),
    )


def decision_view(row: RowMapping, seen: list[SeenValue]) -> EntryDecisionView:
    """A row of an entry decision, with its workflow's ``slug``, as answered; ``seen`` for people."""
    same = ("id", "record_id", "bound_id", "decision", "detail", "trigger", "enrollment_id", "decided_at")
    return EntryDecisionView(
        **{name: row[name] for name in same},
        workflow=row["slug"],
        words=tell_decision(row["decision"], row["detail"]),
        cause=cause_pointer(row["cause_kind"], row["cause_id"]),
        seen=seen,
    )
