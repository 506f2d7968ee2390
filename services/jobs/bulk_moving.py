"""Moving everybody inside to a version that was just published: the job, and one page of it (rule R12).

Who is moved is of the new version and drops out of the question, so whatever is left of the older versions is what is
left to do: behind the last page the job looks from the beginning again, until it finds nobody.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from domain.conditions import Offset
from domain.delays import needs_of_until
from domain.enrollments import Enrollment
from domain.errors import Conflict
from domain.jobs import PAGE
from domain.leaving import Departure, leaving_conditions, staying_triggers
from domain.reading import NOTHING, Needs
from domain.steps import UntilAnchor
from services.facts import read_facts
from services.jobs.bulk_audiences import Order
from services.leaving.moving import depart
from services.leaving.reasons import find_reason
from services.running.inside import Inside
from services.running.landing import Planned, come_to_an_end, go_over, plan_moves
from services.versions import Content, load_live
from store.database import Read, Row, Tx
from store.jobs import Job, claim_page, insert_job, update_job
from store.locks import lock_inside, wait_for_entries
from store.moving import count_older, inside_older
from store.records import get_records
from store.schema import load_account

SCOPE = "workflows:publish"

MOVED = "moved"
COMPLETED = "completed"
LEFT = "left"
"""What a job counts: goes on in the new version; had nothing left to do there; has a reason to leave in it."""


async def request_move(tx: Tx, workflow: Row, version: int, *, now: datetime) -> Job:
    """Write the job that takes everybody inside an older version to ``version``."""
    order = Order(
        kind="move",
        workflow=workflow["slug"],
        workflow_id=workflow["id"],
        object=workflow["object"],
        version=version,
    )
    total = await count_older(tx, workflow["id"], version)
    return await insert_job(tx, kind="move", scope=SCOPE, input=order.document(), total=total, now=now)


async def move_page(tx: Tx, job: Job, order: Order, *, now: datetime) -> None:
    """Move the next of those inside, records before enrollments; when nobody is left the job is done.

    Raises:
        Conflict: all of them were merged into other records this very moment; the page is asked again.
    """
    assert order.version is not None, "a move leads to a version"
    seen = await inside_older(tx, order.workflow_id, order.version, after=job.place or "", limit=PAGE)
    place = seen[-1].id if seen else None
    if not await claim_page(tx, job, through=job.cursor + len(seen), place=place, now=now):
        return
    if not seen:
        # Whoever read the older version and is about to enter is waited for, and found.
        await wait_for_entries(tx, order.workflow_id)
        if not await count_older(tx, order.workflow_id, order.version):
            await update_job(tx, job.id, now=now, status="done", total=job.cursor, finished_at=now)
        return
    locked = await lock_inside(tx, seen)
    if not locked:
        raise Conflict("who is inside was just merged into other records: try again")
    inside = [each for each in locked.values() if each.status != "ended" and each.version < order.version]
    content = await load_live(tx, order.workflow_id, order.version)
    counts = Counter(job.counts)
    for planned in await plan_moves(tx, inside, content):
        counts[await move_one(tx, planned, content, now=now)] += 1
    done = job.cursor + len(seen)
    await update_job(tx, job.id, now=now, counts=dict(counts), total=max(job.total, done))


async def move_one(tx: Tx, planned: Planned, content: Content, *, now: datetime) -> str:
    """Move somebody who is locked, and let the reasons to leave of the new version act at once."""
    seen = await see_in(tx, planned.enrollment, content, now=now)
    reason = await judge_in(tx, seen)
    moved = await go_over(tx, planned, content.plan, now=now)
    if reason is not None:
        await depart(tx, moved, reason, now=now)
        return MOVED if reason.go_to is not None else LEFT
    return COMPLETED if await come_to_an_end(tx, planned, moved, now=now) else MOVED


async def see_in(
    read: Read, enrollment: Enrollment, content: Content, *, needs: Needs = NOTHING, now: datetime
) -> Inside | None:
    """What the gate would show of somebody who came to a version; None when one of the records is gone."""
    records = {record.id: record for record in await get_records(read, set(enrollment.record_ids))}
    if len(records) < len(enrollment.record_ids):
        return None
    account, definition = await load_account(read), content.definition
    needs |= content.leaving_needs | needs_of_until(UntilAnchor(anchor=Offset()), definition.anchor)
    who = enrollment.record_id
    facts = await read_facts(read, account, definition, who, needs=needs, enrollment=enrollment, now=now, known=records)
    if facts is None:
        return None
    bound = records[enrollment.bound_id] if enrollment.bound_id is not None else None
    return Inside(
        enrollment=enrollment, content=content, facts=facts, record=records[who], bound=bound, account=account
    )


async def judge_in(read: Read, seen: Inside | None) -> Departure | None:
    """The reason to leave that holds in a version somebody comes to, or None."""
    if seen is None or not (leaving_conditions(seen.definition) or staying_triggers(seen.definition)):
        return None
    return await find_reason(read, seen.account, seen.content, seen.enrollment, seen.facts)
