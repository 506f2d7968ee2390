"""What moving to another version reads and writes: who is inside an older one, what they went through, where they go.

Answers for many at once, as they are moved and previewed in pages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import RowMapping, Select, bindparam, func, select, update

from domain.enrollments import Enrollment
from domain.landing import Landing, Mark
from domain.messages import StepCall
from domain.names import recipient_of
from store.database import Read, Tx, portions
from store.effects import EffectState
from store.enrollments import IS_ACTIVE, IS_MINE, enrollment_of
from store.tables import effects, enrollments, visits

Ledger: TypeAlias = dict[tuple[str, int], dict[str | None, EffectState]]
"""By visit, and of those with many effects by recipient."""

_OF_OLDER = (
    enrollments.c.workflow_id == bindparam("workflow_id"),
    enrollments.c.version < bindparam("than"),
    IS_ACTIVE,
)
OLDER = (
    select(enrollments)
    .where(*_OF_OLDER, enrollments.c.id > bindparam("behind"))
    .order_by(enrollments.c.id)
    .limit(bindparam("at_most"))
)
COUNT_OLDER = select(func.count()).select_from(enrollments).where(*_OF_OLDER)
GO_OVER = update(enrollments).where(IS_MINE).values(
    version=bindparam("to_version"), epoch=bindparam("to_epoch"), step=bindparam("at"), moved_at=bindparam("since"),
    wakes_at=bindparam("until"), pass_over=bindparam("over"),
)  # fmt: skip
FORGET = update(enrollments).where(IS_MINE).values(pass_over=None)
_VISIT = (
    visits.c.enrollment_id == bindparam("enrollment_id"),
    visits.c.step == bindparam("of_step"),
    visits.c.n == bindparam("nth"),
)
TURNS = select(func.max(visits.c.turn)).where(*_VISIT)
VISIT = select(visits.c.version, visits.c.detail, visits.c.wakes_at).where(*_VISIT, visits.c.turn == 0)


async def inside_older(read: Read, workflow_id: str, version: int, *, after: str = "", limit: int) -> list[Enrollment]:
    """Up to ``limit`` active enrollments of versions before ``version``, in the order of entry, from an id on."""
    rows = await read.all(OLDER, workflow_id=workflow_id, than=version, behind=after, at_most=limit)
    return [enrollment_of(row) for row in rows]


async def count_older(read: Read, workflow_id: str, version: int) -> int:
    """How many are inside versions before ``version``."""
    return int(await read.scalar(COUNT_OLDER, workflow_id=workflow_id, than=version) or 0)


async def marks_of(read: Read, enrollment_ids: Collection[str]) -> dict[str, list[Mark]]:
    """The visits of enrollments, each once."""
    columns = (visits.c.enrollment_id, *(visits.c[name] for name in Mark.model_fields))
    found: defaultdict[str, list[Mark]] = defaultdict(list)
    for portion in portions(sorted(enrollment_ids)):
        mine = select(*columns).where(visits.c.enrollment_id.in_(portion), visits.c.turn == 0)
        for row in await read.all(mine):
            values = {name: row[name] for name in Mark.model_fields}
            found[row["enrollment_id"]].append(Mark.model_construct(**values))
    return found


async def effects_of(read: Read, enrollment_ids: Collection[str]) -> dict[str, Ledger]:
    """What the ledger says of the visits of enrollments: ``{enrollment: {(step, n): {recipient: state}}}``."""
    found: defaultdict[str, Ledger] = defaultdict(dict)
    columns = (effects.c.enrollment_id, effects.c.step, effects.c.n, effects.c.key, effects.c.state)
    for portion in portions(sorted(enrollment_ids)):
        mine: Select[tuple[str, str, int, str, str]] = select(*columns).where(effects.c.enrollment_id.in_(portion))
        for row in await read.all(mine):
            of_visit = found[row["enrollment_id"]].setdefault((row["step"], row["n"]), {})
            of_visit[recipient_of(row["key"])] = row["state"]
    return found


async def put_landing(tx: Tx, moved: Enrollment, landing: Landing, *, now: datetime) -> None:
    """Write the version, the epoch and the place somebody goes on at; who keeps a visit keeps until when it sleeps."""
    await tx.run(
        GO_OVER,
        enrollment_id=moved.id,
        to_version=moved.version,
        to_epoch=moved.epoch,
        at=landing.step,
        since=None if landing.keeps else now,
        until=moved.wakes_at if landing.keeps else None,
        over=landing.pass_over or None,
    )


async def forget_done(tx: Tx, enrollment_id: str) -> None:
    """Nothing is passed over any more."""
    await tx.run(FORGET, enrollment_id=enrollment_id)


async def next_turn(read: Read, enrollment_id: str, step: str, n: int) -> int:
    """The number of the next question within a visit."""
    last = await read.scalar(TURNS, enrollment_id=enrollment_id, of_step=step, nth=n)
    return 0 if last is None else int(last) + 1


async def visit_of(read: Read, call: StepCall) -> RowMapping | None:
    """The visit of a call, if it has a row: ``version`` it was written under last, ``detail`` and ``wakes_at``."""
    return await read.one(VISIT, enrollment_id=call.enrollment_id, of_step=call.step, nth=call.n)
