"""What a change means for those outside: which triggers it fires, for which record, bound to which.

Whoever a trigger looks at, and whoever enters because of it, is taken in pages, each a transaction of its own, so that
a company with a hundred thousand contacts holds nobody up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.errors import Conflict
from domain.records import Cause, Change
from domain.touches import keys_touched
from services.entering.enrolling import EnrollRequest, enroll
from services.entering.firing import Firing, Subject
from services.leaving.again import remembered_in
from services.versions import load_live
from store.candidates import TriggerRef, triggers_reading
from store.database import Read, Tx
from store.foreseen import open_around, taken_with
from store.locks import lock_records
from store.merging import merged_into
from store.schema import load_account, load_schema
from store.sweeps import swept_in


@dataclass(frozen=True)
class _Place:
    """How far a change is examined: behind this subject of this trigger.

    ``entered``: the subject is not done yet, whoever comes after this id is still to enter with it.
    """

    trigger: tuple[str, str]
    subject: str
    entered: str = ""

    @classmethod
    def read(cls, text: str) -> _Place:
        """From the cursor of a change; empty is the beginning."""
        workflow_id, trigger, subject, entered = text.split(":") if text else ("", "", "", "")
        return cls((workflow_id, trigger), subject, entered)

    def __str__(self) -> str:
        return f"{self.trigger[0]}:{self.trigger[1]}:{self.subject}:{self.entered}"


async def judge_arrivals(tx: Tx, change: Change, *, after: str, limit: int, now: datetime) -> str | None:
    """Examine or let in up to ``limit`` records, from a place on; answers the place to go on from, or None.

    Everybody who enters in this page is locked at once, then decided about one after the other. Where a record was
    merged since, the one it was merged into enters.

    Raises:
        Conflict: one of them is being merged; the change is to be judged once more.
    """
    if not change.wake:
        return None
    page, place = await _examine(tx, change, _Place.read(after), limit=limit, now=now)
    # Asked behind what was read: better one too many than one too few.
    saw = await open_around(tx, {subject.subject_id for _, subject in page if subject.by_edge}) if page else {}
    requests = [] if after else await _remembered(tx, change)
    requests += [
        EnrollRequest(
            workflow_id=ref.workflow_id,
            record_id=record_id,
            bound_id=subject.bound_id,
            trigger=ref.trigger,
            cause=_cause(change),
            change_seq=change.seq,
            saw=saw.get(subject.subject_id),
            event_id=change.event_id,
            seen=subject.seen,
            created=change.kind == "created" or "created_id" in (change.detail or {}),
        )
        for ref, subject in page
        for record_id in subject.record_ids
    ]
    locked = await lock_records(tx, {id for request in requests for id in request.record_ids}, write=True)
    for record in locked.values():
        if record.deleted_at is not None and await merged_into(tx, record.id) != record.id:
            raise Conflict(f"the {record.object} {record.id} was merged into another one meanwhile")
    known = await _swept(tx, change, page) | await _taken_up(tx, change, page)
    for request in requests:
        if (request.workflow_id, request.trigger, request.record_id, request.bound_id) not in known:
            await enroll(tx, request, now=now)
    return str(place) if place is not None else None


async def _swept(
    tx: Tx, change: Change, page: list[tuple[TriggerRef, Subject]]
) -> set[tuple[str, str | None, str, str | None]]:
    """Whom the passing of time let in by the same trigger with this change done already, before it was judged."""
    found: set[tuple[str, str | None, str, str | None]] = set()
    for ref, subject in page:
        if subject.by_time:
            ids = await swept_in(tx, ref.workflow_id, ref.trigger, subject.record_ids, seq=change.seq)
            found |= {(ref.workflow_id, ref.trigger, id, bound) for id, bound in ids if bound == subject.bound_id}
    return found


async def _taken_up(
    tx: Tx, change: Change, page: list[tuple[TriggerRef, Subject]]
) -> set[tuple[str, str | None, str, str | None]]:
    """Whom another change let in by the same trigger that saw what this one did: one fact fires once."""
    found: set[tuple[str, str | None, str, str | None]] = set()
    for ref, subject in page:
        if subject.by_edge:
            ids = await taken_with(tx, change, ref.workflow_id, ref.trigger, subject.record_ids)
            found |= {(ref.workflow_id, ref.trigger, id, bound) for id, bound in ids if bound == subject.bound_id}
    return found


def _cause(change: Change) -> Cause:
    """Who let somebody in: the event itself, unless a workflow sent it, whose chain must not be lost."""
    if change.event_id is None or change.cause.kind == "enrollment":
        return change.cause
    return Cause(kind="event", id=change.event_id, depth=change.cause.depth)


async def _remembered(read: Read, change: Change) -> list[EnrollRequest]:
    """What was remembered until this change, the end of an enrollment, to be judged anew; usually nothing."""
    again = remembered_in(change)
    if again is None:
        return []
    # What an earlier release wrote may hold more.
    known = {name: value for name, value in again.items() if name in EnrollRequest.model_fields}
    for name in ("record_id", "bound_id"):
        if isinstance(id := known.get(name), str):
            known[name] = await merged_into(read, id)
    return [EnrollRequest.model_validate({**known, "change_seq": change.seq})]


async def _followed(read: Read, change: Change) -> Change:
    """The change as one of the record that its own was merged into since, so that nobody misses what it lets in."""
    if change.kind in ("deleted", "merged"):
        return change
    detail = dict(change.detail or {})
    for name in ("other_id", "created_id") if change.kind == "associated" else ():
        if name in detail:
            detail[name] = await merged_into(read, str(detail[name]))
    moved = {"record_id": await merged_into(read, change.record_id), "detail": detail or change.detail}
    return change.model_copy(update=moved)


async def _examine(
    tx: Tx, change: Change, after: _Place, *, limit: int, now: datetime
) -> tuple[list[tuple[TriggerRef, Subject]], _Place | None]:
    """Those whose trigger fires, and where to go on when there may be more."""
    fired: list[tuple[TriggerRef, Subject]] = []
    left = limit
    refs = await triggers_reading(tx, keys_touched(change))
    if not refs:
        return [], None
    change, account = await _followed(tx, change), await load_account(tx)
    for ref in refs:
        name = (ref.workflow_id, ref.trigger)
        if name < after.trigger:
            continue
        definition = (await load_live(tx, ref.workflow_id, ref.version)).definition
        trigger = next(t for t in definition.entry.triggers if t.id == ref.trigger)
        schema = await load_schema(tx, account)
        firing = Firing(tx, change, definition, trigger, account=account, schema=schema, now=now)
        start = after if name == after.trigger else _Place(name, "")
        subjects, left, stopped = await _fire(firing, start, limit=left)
        fired += [(ref, subject) for subject in subjects]
        if stopped is not None:
            return fired, stopped
    return fired, None


async def _fire(firing: Firing, after: _Place, *, limit: int) -> tuple[list[Subject], int, _Place | None]:
    """Those one trigger fires for, how many more the page may hold, and where to go on when it is full.

    Subjects and those who enter with one count alike: both cost, and both are locked.
    """
    fired: list[Subject] = []
    left = limit
    unfinished = [after.subject] if after.entered else []
    for subject_id in unfinished + await firing.candidates(after=after.subject, limit=limit):
        behind = after.entered if subject_id == after.subject else ""
        subject = await firing.judge(subject_id, after=behind, limit=left)
        entering = subject.record_ids if subject is not None else ()
        if subject is not None and entering:
            fired.append(subject)
        left -= max(1, len(entering))
        if left <= 0:
            return fired, 0, _Place(after.trigger, subject_id, entering[-1] if entering and firing.binds else "")
    return fired, left, None
