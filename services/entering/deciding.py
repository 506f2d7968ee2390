"""The decision whether a record enters (rule E2), read from the database and written nowhere.

An entry asks it with everything locked, an explanation without a lock: both get the same answer on the same state.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from domain.base import Frozen, Json
from domain.enrollments import Enrollment
from domain.entry import (
    Attempt,
    Decision,
    Verdict,
    before_reading,
    is_remembered,
    key_of,
    on_facts,
    on_re_entry,
    runs_alone,
    while_active,
)
from domain.facts import Facts, Seen
from domain.parameters import with_defaults
from domain.records import Cause, StoredRecord
from services.entering.doors import lets_in
from services.entering.loops import stop_loop
from services.facts import read_facts
from services.versions import Content, load_live
from store.associations import are_associated
from store.database import Read
from store.enrollments import active_enrollments, entered_before, entered_by_event
from store.schema import Account, load_account

Entries: TypeAlias = Callable[[str], Awaitable[int]]
"""How many entries a key counts; whoever is about to write locks the count with it."""


class Resumption(Frozen):
    """Which passage is taken up again, at which step; ``pass_over``: what of it is not done again.

    The rest is what the passage had: its trigger, its event and place of entry, its round, and what is carried.
    """

    enrollment_id: str
    step: str
    pass_over: dict[str, str | None]
    trigger: str | None
    entered_seq: int | None
    entry_event_id: str | None
    round: int
    round_since: str | None
    carried: dict[str, Json]


class EnrollRequest(Frozen):
    """Somebody shall enter: ``trigger`` is None by hand and through the API; ``change_seq`` is the change that fired.

    ``saw``: by record id, the newest change around the subject that waited when it was judged, and was seen with it.
    ``event_id``: the event that fired; it lets each record in once. ``seen``: the values the trigger saw.
    ``created``: the change made the record, or the bound one. ``starter``: the process that starts the run itself as
    soon as this is committed (``deliveries.deliver_now``); until its lease ends no relay does. ``resumes``: a person
    has it take up a passage that is over, for which re-entry is not asked.
    """

    workflow_id: str
    record_id: str
    bound_id: str | None = None
    trigger: str | None = None
    cause: Cause
    change_seq: int | None = None
    saw: dict[str, int] | None = None
    event_id: str | None = None
    parameters: dict[str, Json] = {}
    seen: tuple[Seen, ...] = ()
    starter: str | None = None
    created: bool = False
    resumes: Resumption | None = None

    @property
    def record_ids(self) -> tuple[str, ...]:
        """The record that shall enter and, if there is one, what is bound."""
        return (self.record_id, self.bound_id) if self.bound_id is not None else (self.record_id,)


class Past(Protocol):
    """What a decision asks about what was before. An entry reads it as it comes to it, an explanation for many at once.

    ``entered`` with ``any_bound``: with any opportunity, or without (rule E7, Off). ``facts`` is None for a record that
    is missing or deleted.
    """

    async def is_associated(self, request: EnrollRequest, bound_id: str) -> bool:
        """Whether what would be bound is associated with the record."""

    async def is_repeated(self, request: EnrollRequest) -> bool:
        """Whether the event let the record in before."""

    async def entries(self, key: str) -> int:
        """How many entries a key counts."""

    async def active(self, request: EnrollRequest) -> list[Enrollment]:
        """Whatever of the record is inside."""

    async def entered(self, request: EnrollRequest, *, any_bound: bool) -> bool:
        """Whether the record entered before."""

    async def facts(self, request: EnrollRequest, content: Content, account: Account) -> Facts | None:
        """What the record is judged on."""


@dataclass(frozen=True)
class AskedOneByOne:
    """The past as an entry asks for it, with ``records`` locked; ``count`` locks the key it counts."""

    read: Read
    records: Mapping[str, StoredRecord]
    count: Entries
    now: datetime

    async def is_associated(self, request: EnrollRequest, bound_id: str) -> bool:
        """See ``Past``."""
        return await are_associated(self.read, request.record_id, bound_id)

    async def is_repeated(self, request: EnrollRequest) -> bool:
        """See ``Past``."""
        pair = (request.workflow_id, request.record_id)
        return await entered_by_event(self.read, *pair, request.bound_id, request.event_id)

    async def entries(self, key: str) -> int:
        """See ``Past``."""
        return await self.count(key)

    async def active(self, request: EnrollRequest) -> list[Enrollment]:
        """See ``Past``."""
        return await active_enrollments(self.read, request.workflow_id, request.record_id)

    async def entered(self, request: EnrollRequest, *, any_bound: bool) -> bool:
        """See ``Past``."""
        pair = (request.workflow_id, request.record_id)
        return await entered_before(self.read, *pair, bound_id=request.bound_id, any_bound=any_bound)

    async def facts(self, request: EnrollRequest, content: Content, account: Account) -> Facts | None:
        """See ``Past``."""
        return await entrance_facts(self.read, request, content, account, self.records, now=self.now)


@dataclass(frozen=True)
class Entrance:
    """What a record enters with: read while it was decided that it does. ``n`` counts the entries under ``key``."""

    content: Content
    record: StoredRecord
    bound: StoredRecord | None
    facts: Facts
    account: Account
    key: str
    n: int


@dataclass(frozen=True)
class Answer:
    """The verdict. ``inside``: the active enrollment that the cause concerns, ``is_remembered``: to be judged anew when
    it ends, under ``key``. ``entrance`` is set for ``enrolled`` and for nothing else.
    """

    verdict: Verdict
    key: str = ""
    inside: Enrollment | None = None
    is_remembered: bool = False
    entrance: Entrance | None = None

    @property
    def decision(self) -> Decision:
        """The one word of it."""
        return self.verdict.decision


async def decide(
    read: Read,
    request: EnrollRequest,
    workflow: Mapping[str, Any],
    records: Mapping[str, StoredRecord],
    past: Past,
    *,
    now: datetime,
) -> Answer:
    """Decide by rule E2; ``records``: the enrolled and the bound one, deleted ones left out."""
    record = records.get(request.record_id)
    bound = records.get(request.bound_id) if request.bound_id else None
    if record is None or record.object != workflow["object"]:
        return _no("no_record", "missing, deleted or of another object")
    if request.bound_id and (bound is None or not await past.is_associated(request, request.bound_id)):
        return _no("no_record", "the bound record is gone or not associated")
    repeated = await past.is_repeated(request)
    attempt = Attempt(trigger=request.trigger, bound_id=request.bound_id, is_repeated=repeated)
    loop = await stop_loop(read, request.cause, workflow["id"], workflow["slug"], created=request.created)
    if loop is not None:
        return Answer(loop)
    if (no := before_reading(attempt, is_on=lets_in(workflow, now), is_paused=bool(workflow["is_paused"]))) is not None:
        return Answer(no)
    content = await load_live(read, request.workflow_id, workflow["version"])
    bound_object = bound.object if bound else None
    alone = runs_alone(content.definition, bound_object)
    key = key_of(content.definition, record.id, request.bound_id, bound_object)
    count = await past.entries(key)
    active = await past.active(request)
    if (no := while_active(attempt, active, key=key, alone=alone)) is not None:
        return _inside(request, content, attempt, no, active, key=key)
    before = request.resumes is None and await past.entered(request, any_bound=not alone)
    if request.resumes is None and (before or count) and (no := on_re_entry(content.definition, attempt)) is not None:
        return Answer(no, key=key)
    account = await load_account(read)
    facts = await past.facts(request, content, account)
    if facts is None:
        return _no("no_record")
    verdict = on_facts(content.definition, facts)
    if verdict.decision != "enrolled":
        return Answer(verdict, key=key)
    entrance = Entrance(content, record, bound, facts, account, key=key, n=count + 1)
    return Answer(verdict, key=key, entrance=entrance)


def _no(decision: Decision, detail: str | None = None) -> Answer:
    return Answer(Verdict(decision=decision, detail=detail))


def _inside(
    request: EnrollRequest, content: Content, attempt: Attempt, no: Verdict, active: list[Enrollment], *, key: str
) -> Answer:
    """The answer to a cause that meets somebody inside."""
    inside = next(e for e in active if e.id == no.detail)
    # Triggers are alternatives: what let somebody in is no reason to enter again because a second one fired too.
    is_same = no.decision == "absorbed_update" and request.change_seq == inside.entered_seq
    again = is_remembered(content.definition, attempt) and not is_same
    return Answer(no, key=key, inside=inside, is_remembered=again)


async def entrance_facts(
    read: Read,
    request: EnrollRequest,
    content: Content,
    account: Account,
    records: Mapping[str, StoredRecord],
    *,
    now: datetime,
) -> Facts | None:
    """What the record is judged on before it enters; None when it is missing or deleted."""
    return await read_facts(
        read,
        account,
        content.definition,
        request.record_id,
        needs=content.leaving_needs,
        bound_id=request.bound_id,
        parameters=with_defaults(content.definition, request.parameters),
        entry_event_id=request.resumes.entry_event_id if request.resumes is not None else request.event_id,
        now=now,
        known=records,
    )
