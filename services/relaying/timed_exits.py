"""Whom a goal, suppression, the exit condition or a lost match concerns because time passed (rules E3 and L1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.conditions import Not
from domain.definition import Definition
from domain.enrollments import Enrollment
from domain.leaving import leaving_conditions, staying_triggers
from domain.names import leaving_sweep
from domain.timing import reads_time
from domain.zones import zone_of
from services.facts import read_facts
from services.leaving.moving import depart
from services.leaving.reasons import find_reason
from services.versions import load_live
from store.audiences import Audience, any_of
from store.database import Read, Tx
from store.enrollments import get_enrollment
from store.locks import lock_inside
from store.schema import load_account, load_schema
from store.sweeps import Sweep, page_leaving
from store.tables import enrollments
from store.turns import Span, came_true_of_bound, entered_by


@dataclass
class LeavingTurns:
    """Those inside one version for whom a reason to leave comes true; ``page`` is what was found last."""

    workflow_id: str
    version: int
    page: tuple[Enrollment, ...] = field(default=())

    @property
    def name(self) -> str:
        """The name of the sweep."""
        return leaving_sweep(self.workflow_id, self.version)

    @property
    def items(self) -> tuple[str, ...]:
        """The ids of the enrollments that were found."""
        return tuple(each.id for each in self.page)

    async def find(self, read: Read, sweep: Sweep, *, until: datetime, limit: int) -> str | None:
        """Ask for the next page; answers the place behind it, None when it is the last."""
        definition = (await load_live(read, self.workflow_id, self.version)).definition
        account = await load_account(read)
        span = Span(
            schema=await load_schema(read, account),
            object=definition.object,
            zone=zone_of(definition, account.timezone),
            then=sweep.swept_at,
            now=until,
            inside=enrollments,
        )
        where = any_of(list(_reasons(definition, span)))
        found = await page_leaving(read, self.workflow_id, self.version, where, after=sweep.place or "", limit=limit)
        self.page = tuple(found)
        return found[-1].id if len(found) == limit else None

    async def name_one(self, read: Read, item: str) -> None:
        """Let the page be one who was found before; it is empty when that enrollment is no more."""
        found = await get_enrollment(read, item)
        self.page = (found,) if found is not None else ()

    async def decide(
        self,
        tx: Tx,
        sweep: Sweep,
        *,
        until: datetime,
        now: datetime,
        part: Callable[[str], AbstractAsyncContextManager[None]],
    ) -> None:
        """Let whom of the page a reason concerns leave, or go on where a goal leads; asked anew under the locks."""
        content, account = await load_live(tx, self.workflow_id, self.version), await load_account(tx)
        # Whoever goes on under another record meanwhile, as its own was merged into that, is judged by that change.
        for enrollment in (await lock_inside(tx, self.page)).values():
            if enrollment.status == "ended" or enrollment.version != self.version:
                continue
            async with part(enrollment.id):
                facts = await read_facts(
                    tx,
                    account,
                    content.definition,
                    enrollment.record_id,
                    needs=content.leaving_needs,
                    enrollment=enrollment,
                    now=until,
                )
                reason = await find_reason(tx, account, content, enrollment, facts) if facts is not None else None
                if reason is not None:
                    await depart(tx, enrollment, reason, now=now)


def _reasons(definition: Definition, span: Span) -> Iterator[Audience]:
    """What may end an enrollment, or lead it elsewhere, because time passes, each as a clause over enrollments."""
    suppress = definition.entry.suppress
    for condition in leaving_conditions(definition):
        if reads_time(condition):
            counts = replace(span, counts="ever" if condition is suppress else "enrollment")
            yield counts.came_true(condition)
    for trigger in staying_triggers(definition):
        if not reads_time(trigger.where):
            continue
        lost = Not(**{"not": trigger.where})
        if trigger.object in (None, definition.object):
            yield entered_by(trigger.id, replace(span, counts="ever").came_true(lost))
        else:
            bound = replace(span, object=trigger.object, inside=None)
            yield entered_by(trigger.id, came_true_of_bound(bound, lost))
