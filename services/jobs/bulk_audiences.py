"""The audience of a job on many records, page by page: by a condition, a list, by ids, or by a version's triggers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.base import Frozen, Instant, Json
from domain.definition import Definition, FilterTrigger
from domain.errors import Invalid, NotFound
from domain.jobs import JobKind
from domain.operators import ConditionNotAvailable
from domain.problems import FieldError
from domain.zones import zone_of
from services.catalogue import load_catalogue
from services.conditions import as_clause, read_condition
from services.installation import Installation
from services.versions import load_live
from store.associations import associated_ids
from store.audiences import Audience, all_of, any_by_object, count_audience, inside_of, members_of, page_audience
from store.comparisons import NotCompilable
from store.database import Read
from store.jobs import Job, next_job_rows
from store.lists import find_list
from store.schema import load_account, load_schema
from store.segments import compile as as_sql


class Order(Frozen):
    """What a job was asked to do: to let records in, as ``unenrollment`` to take out who is inside, as ``move`` to take
    them to ``version``, or as ``retry`` to have those begin again whose passage failed: at ``step``, by the class
    ``failure``, and among those ``enrollments`` names, as far as they are given.

    Of ``where``, ``list``, ``ids`` and ``version`` exactly one is set. ``ids`` is how many were sent, each a row of the
    job; ``version``: whoever matches a filter trigger of it now. ``by`` says who ordered it, ``occurrence`` for which
    time of its schedule, ``earlier`` the jobs for the same time that came to nothing or not to their end, and ``due``
    when that time was: who begins more than an hour after it lets in nobody.
    """

    kind: JobKind = "enrollment"
    workflow: str
    workflow_id: str
    object: str
    where: Json = None
    list: str | None = None
    ids: int | None = None
    version: int | None = None
    parameters: dict[str, Json] = {}
    rate_per_minute: int | None = None
    by: str | None = None
    occurrence: str | None = None
    due: Instant | None = None
    earlier: Sequence[str] | None = None
    step: str | None = None
    failure: str | None = None
    enrollments: Sequence[str] | None = None

    def document(self) -> dict[str, Json]:
        """As it is stored with its job, which knows the kind, and shown."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"kind"})

    @classmethod
    def of(cls, job: Job) -> Order:
        """What a job was asked to do."""
        return cls.model_validate({**job.input, "kind": job.kind})


@dataclass(frozen=True)
class Candidate:
    """Who may enter. ``subject_id`` is the record the triggers are about; it is bound when it is another one."""

    record_id: str
    subject_id: str
    triggers: tuple[FilterTrigger, ...] = ()
    row: int | None = None

    @property
    def bound_id(self) -> str | None:
        """The record that is bound to whoever enters."""
        return self.subject_id if self.subject_id != self.record_id else None


@dataclass(frozen=True)
class AudiencePage:
    """Candidates, how many records of the audience were gone through with them, and where the next page begins."""

    candidates: Sequence[Candidate]
    done: int
    place: str | None
    is_last: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate, and why; ``entered``: the enrollment it entered with, whose run is to be started."""

    candidate: Candidate
    outcome: str
    reason: str | None = None
    entered: str | None = None


@dataclass(frozen=True)
class Sought:
    """An audience that is found by asking the records table."""

    audience: Audience
    object: str
    triggers: tuple[FilterTrigger, ...]

    async def page(self, read: Read, job: Job, *, limit: int) -> AudiencePage:
        """Up to ``limit`` candidates, from the place of the job on."""
        return await self.page_behind(read, job.place, until=job.created_at, limit=limit)

    async def page_behind(self, read: Read, place: str | None, *, until: datetime, limit: int) -> AudiencePage:
        """Up to ``limit`` candidates. A record with more than a page of associated ones is continued in the next."""
        behind, _, within = (place or "").partition(":")
        found = await page_audience(read, self.audience, until=until, after=behind, again=bool(within), limit=limit)
        candidates: list[Candidate] = []
        left, done = limit, 0
        for subject_id, object in found:
            if left <= 0:
                return AudiencePage(candidates, done, place, is_last=False)
            after = within if subject_id == behind else ""
            entering = await self._entering(read, subject_id, object, after=after, limit=left)
            candidates += entering
            if object != self.object and len(entering) == left:
                return AudiencePage(candidates, done, f"{subject_id}:{entering[-1].record_id}", is_last=False)
            left -= max(1, len(entering))
            done += 1
            place = subject_id
        return AudiencePage(candidates, done, place, is_last=len(found) < limit)

    async def _entering(self, read: Read, subject_id: str, object: str, *, after: str, limit: int) -> list[Candidate]:
        triggers = tuple(t for t in self.triggers if (t.object or self.object) == object)
        if object == self.object:
            return [Candidate(subject_id, subject_id, triggers)]
        ids = await associated_ids(read, subject_id, self.object, after=after, limit=limit)
        return [Candidate(record_id, subject_id, triggers) for record_id in ids]


@dataclass(frozen=True)
class Named:
    """An audience whose ids were sent: the rows of the job."""

    async def page(self, read: Read, job: Job, *, limit: int) -> AudiencePage:
        """The next rows."""
        rows = await next_job_rows(read, job.id, after=job.cursor, limit=limit)
        candidates = [Candidate(row.key or "", row.key or "", row=row.n) for row in rows]
        return AudiencePage(candidates, len(rows), None, is_last=job.cursor + len(rows) >= job.total)


async def open_audience(read: Read, inst: Installation, order: Order, *, now: datetime) -> Sought | Named:
    """The audience, with what time means in its conditions fixed at ``now``.

    Raises:
        Invalid: the condition has mistakes, the list is of another object, or no database can answer a trigger.
        NotFound: there is no such list.
    """
    if order.ids is not None:
        return Named()
    sought = await _sought(read, inst, order, now=now)
    if order.kind == "unenrollment":
        return replace(sought, audience=sought.audience & inside_of(order.workflow_id, now))
    return sought


async def _sought(read: Read, inst: Installation, order: Order, *, now: datetime) -> Sought:
    if order.version is not None:
        return await _matching(read, order, order.version, now=now)
    if order.list is not None:
        return await _listed(read, order, order.list)
    condition = read_condition(order.where, order.object, await load_catalogue(read, inst))
    zone = (await load_account(read)).timezone
    where = as_clause(condition, object=order.object, schema=await load_schema(read), zone=zone, now=now)
    return Sought(all_of(order.object, where), order.object, ())


async def count(read: Read, audience: Sought, *, until: datetime) -> int:
    """How many records it has."""
    return await count_audience(read, audience.audience, until=until)


async def _listed(read: Read, order: Order, slug: str) -> Sought:
    """The members of a list."""
    found = await find_list(read, slug)
    if found is None:
        raise NotFound(f"there is no list {slug}")
    if found.object != order.object:
        message = f"{slug} is a list of {found.object} records, {order.workflow} is about {order.object}"
        raise Invalid(message, errors=[FieldError(path="/list", code="wrong_value", message=message)])
    return Sought(all_of(order.object, members_of(found.id)), order.object, ())


async def _matching(read: Read, order: Order, version: int, *, now: datetime) -> Sought:
    """Whoever matches a filter trigger of a version."""
    definition = (await load_live(read, order.workflow_id, version)).definition
    triggers = tuple(t for t in definition.entry.triggers if isinstance(t, FilterTrigger))
    if not triggers:
        message = f"{order.workflow} has no filter trigger, so that no record matches by what it is"
        raise Invalid(message, errors=[FieldError(path="/existing_records", code="wrong_value", message=message)])
    wheres: dict[str, list[Audience]] = {}
    for trigger in triggers:
        where = await _of_trigger(read, definition, trigger, "/existing_records", now=now)
        wheres.setdefault(trigger.object or order.object, []).append(where)
    return Sought(any_by_object(wheres), order.object, triggers)


async def check_triggers(read: Read, definition: Definition, *, now: datetime) -> None:
    """Make sure that whoever matches can be asked for, before anything relies on it.

    Raises:
        Invalid: no database can answer a trigger.
    """
    for i, trigger in enumerate(definition.entry.triggers):
        if isinstance(trigger, FilterTrigger):
            await _of_trigger(read, definition, trigger, f"/entry/triggers/{i}/where", now=now)


async def _of_trigger(
    read: Read, definition: Definition, trigger: FilterTrigger, path: str, *, now: datetime
) -> Audience:
    object = trigger.object or definition.object
    account = await load_account(read)
    zone = zone_of(definition, account.timezone)
    try:
        return as_sql(trigger.where, schema=await load_schema(read), object=object, now=now, zone=zone)
    except (NotCompilable, ConditionNotAvailable) as error:
        message = f"trigger {trigger.id} cannot be asked of existing records: {error}"
        wrong = FieldError(path=path, code="not_available", message=message)
        raise Invalid(message, errors=[wrong]) from None
