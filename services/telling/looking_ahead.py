"""What decisions about one record and several that may be bound ask, read at once for all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.enrollments import Enrollment
from domain.entry import key_of, runs_alone
from domain.facts import Facts
from domain.records import StoredRecord
from services.entering.deciding import EnrollRequest, entrance_facts
from services.versions import Content
from store.associations import associated_among
from store.database import Read
from store.enrollments import active_enrollments, entered_before, entered_by_event, entries_under
from store.passages import passages_about, passages_by_itself, passages_in_one_row
from store.schema import Account


@dataclass(frozen=True)
class Ahead:
    """The past of a record in a workflow, with each of ``bounds`` and with none; answers as ``deciding.Past``.

    ``alone``: what the record is judged on with nothing bound; None when it is deleted.
    """

    read: Read
    record: StoredRecord
    bounds: Mapping[str, StoredRecord]
    associated: frozenset[str]
    counts: Mapping[str, int]
    inside: Sequence[Enrollment]
    passages: Mapping[str | None, list[Enrollment]]
    has_entered: Mapping[str | None, bool]
    alone: Facts | None
    now: datetime

    async def is_associated(self, request: EnrollRequest, bound_id: str) -> bool:
        """See ``Past``."""
        return bound_id in self.associated

    async def is_repeated(self, request: EnrollRequest) -> bool:
        """See ``Past``."""
        pair = (request.workflow_id, request.record_id)
        return await entered_by_event(self.read, *pair, request.bound_id, request.event_id)

    async def entries(self, key: str) -> int:
        """See ``Past``."""
        return self.counts.get(key, 0)

    async def active(self, request: EnrollRequest) -> list[Enrollment]:
        """See ``Past``."""
        return list(self.inside)

    async def entered(self, request: EnrollRequest, *, any_bound: bool) -> bool:
        """See ``Past``."""
        return self.has_entered[request.bound_id]

    async def facts(self, request: EnrollRequest, content: Content, account: Account) -> Facts | None:
        """See ``Past``."""
        bound = self.bounds.get(request.bound_id) if request.bound_id is not None else None
        if bound is None or bound.deleted_at is not None or self.alone is None:
            return self.alone
        if bound.id not in self.associated:
            both = {self.record.id: self.record, bound.id: bound}
            return await entrance_facts(self.read, request, content, account, both, now=self.now)
        # What conditions read of an associated record is loaded with the record it is associated with.
        return self.alone.model_copy(update={"bound": bound.facts()})


@dataclass(frozen=True)
class _Passed:
    """The passages that count for each case, by what is bound, and whether there ever was one."""

    passages: dict[str | None, list[Enrollment]]
    has_entered: dict[str | None, bool]


async def look_ahead(
    read: Read,
    content: Content,
    account: Account,
    request: EnrollRequest,
    record: StoredRecord,
    bounds: Collection[StoredRecord],
    *,
    passages: int,
    now: datetime,
) -> Ahead:
    """Read everything; up to ``passages`` of each case, newest first. ``request``: of the record with nothing bound."""
    by_id = {bound.id: bound for bound in bounds}
    cases = [(None, None), *((bound.id, bound.object) for bound in bounds)]
    keys = {key_of(content.definition, record.id, *case) for case in cases}
    passed = await _passed(read, content, request, bounds, limit=passages)
    standing = {record.id: record} if record.deleted_at is None else {}
    return Ahead(
        read=read,
        record=record,
        bounds=by_id,
        associated=await associated_among(read, record.id, by_id) if by_id else frozenset(),
        counts=await entries_under(read, request.workflow_id, keys),
        inside=await active_enrollments(read, request.workflow_id, record.id),
        passages=passed.passages,
        has_entered=passed.has_entered,
        alone=await entrance_facts(read, request, content, account, standing, now=now) if standing else None,
        now=now,
    )


async def _passed(
    read: Read, content: Content, request: EnrollRequest, bounds: Collection[StoredRecord], *, limit: int
) -> _Passed:
    pair = (request.workflow_id, request.record_id)
    passages: dict[str | None, list[Enrollment]] = {}
    has_entered: dict[str | None, bool] = {}
    any_bound = not runs_alone(content.definition, None)
    own = passages_in_one_row if any_bound else passages_by_itself
    passages[None] = await own(read, *pair, limit=limit)
    has_entered[None] = await entered_before(read, *pair, bound_id=None, any_bound=any_bound)
    apart = [bound.id for bound in bounds if runs_alone(content.definition, bound.object)]
    about = await passages_about(read, *pair, apart, limit=limit) if apart else {}
    for bound in bounds:
        passages[bound.id] = about.get(bound.id, passages[None])
        has_entered[bound.id] = bool(about[bound.id]) if bound.id in about else has_entered[None]
    return _Passed(passages, has_entered)
