"""Lays the tables of an installation side by side and tells what has no twin, page by page.

Nothing is locked and nothing changed, and work goes on meanwhile: whatever looks wrong is looked at a second time a
little later, and only what still does is told. What is past its days is left out, as housekeeping may be at it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeAlias, get_args

from domain.names import recipient_of
from domain.plan import Plan
from domain.verification import Finding
from services.installation import Installation
from store.database import Read
from store.effects import MESSAGE_STATUS
from store.outputs import Fate
from store.verification import (
    ledger_page,
    ledger_rows,
    lonely_page,
    lonely_rows,
    message_rows,
    messages_page,
)
from store.workflows import get_version

Row: TypeAlias = Mapping[Any, Any]

WRITTEN = frozenset({"email", "sms"})
"""Channels of which every effect carries a message."""

LEFT = frozenset({"sent", *get_args(Fate)})
"""Statuses of messages that left."""

SLACK = timedelta(minutes=5)
"""How much longer than an attempt can live the next one may take to find out."""

VERSIONS_KEPT = 256

MARGIN = timedelta(days=1)
"""How long before its day housekeeping may be about to delete something."""


@dataclass(frozen=True, kw_only=True)
class Verifying:
    """How to go about it. ``tell``: what was looked at, and how many more of it; called once a page.

    ``history_days``: after how many days housekeeping deletes what enrollments did; ``again_s``: seconds between the
    two looks. ``to_end``: how long after the end of its enrollment a run may take to hear of it and end.
    """

    inst: Installation
    history_days: int
    tell: Callable[[str, int], None]
    to_end: timedelta = timedelta(minutes=1)
    again_s: float = 2.0
    page: int = 1000
    _outside: dict[tuple[str, int], frozenset[str]] = field(default_factory=dict, init=False)

    def is_past(self, ended_at: datetime | None) -> bool:
        """Whether what an enrollment did that ended then may be deleted already."""
        return ended_at is not None and ended_at < self.inst.clock.now() - timedelta(days=self.history_days) + MARGIN

    @property
    def oldest_attempt(self) -> datetime:
        """Whoever handed something over before this instant is not going to say what became of it."""
        longest = max((spec.policy.start_to_close_s for spec in self.inst.actions.values() if spec.policy), default=0)
        return self.inst.clock.now() - timedelta(seconds=longest) - SLACK

    async def outside_steps(self, read: Read, workflow_id: str, version: int) -> frozenset[str]:
        """The steps of a version that act outside, by its plan: a definition that cannot be read keeps nobody."""
        key = (workflow_id, version)
        if key not in self._outside:
            if len(self._outside) >= VERSIONS_KEPT:
                self._outside.clear()
            found = await get_version(read, workflow_id, version)
            steps = Plan.model_validate(found["plan"]).steps.values() if found is not None else ()
            self._outside[key] = frozenset(step.id for step in steps if step.kind == "action" and not step.inside)
        return self._outside[key]

    async def twice(
        self, suspects: Sequence[Finding], again: Callable[[], Awaitable[Sequence[Finding]]]
    ) -> Sequence[Finding]:
        """Those of ``suspects`` that a second look finds as well."""
        if not suspects:
            return ()
        await asyncio.sleep(self.again_s)
        found = {(each.odd, each.what): each for each in await again()}
        return [found[key] for key in ((each.odd, each.what) for each in suspects) if key in found]


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    """A table and what is judged of its rows; ``place`` is the key the next page begins after."""

    name: str
    page: Callable[[Read, Any, int], Awaitable[Sequence[Row]]]
    again: Callable[[Read, Collection[Any]], Awaitable[Sequence[Row]]]
    start: Any
    place: Callable[[Row], Any]
    judge: Callable[[Verifying, Read, Row], Awaitable[list[Finding]]]


async def verify_tables(verifying: Verifying) -> AsyncIterator[Finding]:
    """What has no twin among effects, messages and visits."""
    for sheet in (_EFFECTS, _MESSAGES, _VISITS):
        async for finding in _verify(verifying, sheet):
            yield finding


async def _verify(verifying: Verifying, sheet: _Sheet) -> AsyncIterator[Finding]:
    after = sheet.start
    while True:
        async with verifying.inst.db.read() as read:
            rows = await sheet.page(read, after, verifying.page)
            suspects = [(sheet.place(row), each) for row in rows for each in await sheet.judge(verifying, read, row)]
        again = partial(_again, verifying, sheet, {place for place, _ in suspects})
        for finding in await verifying.twice([each for _, each in suspects], again):
            yield finding
        verifying.tell(sheet.name, len(rows))
        if len(rows) < verifying.page:
            return
        after = sheet.place(rows[-1])


async def _again(verifying: Verifying, sheet: _Sheet, places: Collection[Any]) -> list[Finding]:
    async with verifying.inst.db.read() as read:
        rows = await sheet.again(read, places)
        return [each for row in rows for each in await sheet.judge(verifying, read, row)]


async def _judge_effect(verifying: Verifying, read: Read, row: Row) -> list[Finding]:
    return list(_odd_effect(verifying, row))


def _odd_effect(verifying: Verifying, row: Row) -> Iterator[Finding]:
    what = {"what": row["key"], "enrollment": row["enrollment_id"], "step": row["step"]}
    if row["state"] == "accepted" and row["channel"] in WRITTEN and row["message_id"] is None:
        yield Finding(odd="effect_without_message", **what, detail=row["channel"])
    if row["visited_at"] is None and not verifying.is_past(row["ended_at"]):
        yield Finding(odd="effect_without_visit", **what, detail=row["state"])
    if row["state"] == "handed_over" and row["updated_at"] < verifying.oldest_attempt:
        yield Finding(odd="effect_never_answered", **what, detail=f"since {row['updated_at'].isoformat()}")
    if _says_otherwise(row):
        yield Finding(odd="visit_says_otherwise", **what, detail=f"effect {row['state']}, step {row['outcome']}")
    said = row["message_status"]
    # What a provider reported later, delivered or bounced, is no word of the ledger's.
    if said in MESSAGE_STATUS.values() and said != MESSAGE_STATUS[row["state"]]:
        yield Finding(odd="message_says_otherwise", **what, detail=f"effect {row['state']}, message {said}")


def _says_otherwise(row: Row) -> bool:
    """Whether the visit of an effect came to an end that this effect cannot have led to."""
    if row["state"] in ("retry", "handed_over"):
        # Who left is not waited for: what was under way then is settled by its own attempt.
        return row["outcome"] in ("done", "skipped", "failed")
    # Of several attempts or messages, or by a report, a yes may come after the no; one attempt is answered once.
    is_alone = recipient_of(row["key"]) is None
    answered_once = is_alone and row["attempt"] == 1 and row["message_status"] in (None, "sent")
    refused = (row["outcome"], row["reason"]) == ("failed", "rejected")
    return bool(row["state"] == "accepted" and refused and answered_once)


async def _judge_message(verifying: Verifying, read: Read, row: Row) -> list[Finding]:
    if row["key"] is not None or row["status"] not in LEFT or verifying.is_past(row["ended_at"]):
        return []
    about = {"enrollment": row["enrollment_id"], "step": row["step"], "detail": row["effect_key"]}
    return [Finding(odd="message_without_effect", what=row["id"], **about)]


async def _judge_visit(verifying: Verifying, read: Read, row: Row) -> list[Finding]:
    outside = await verifying.outside_steps(read, row["workflow_id"], row["version"])
    if row["step"] not in outside or verifying.is_past(row["ended_at"]):
        return []
    what = f"{row['enrollment_id']}:{row['step']}:{row['n']}"
    about = {"what": what, "enrollment": row["enrollment_id"], "step": row["step"]}
    if row["has_effect"]:
        return [Finding(odd="visit_says_otherwise", **about, detail="nothing of it was accepted")]
    return [Finding(odd="visit_without_effect", **about)]


def _place_of(row: Row) -> tuple[str, str, int]:
    return row["enrollment_id"], row["step"], row["n"]


_EFFECTS = _Sheet(
    name="effects",
    page=lambda read, after, limit: ledger_page(read, after=after, limit=limit),
    again=ledger_rows,
    start="",
    place=lambda row: row["key"],
    judge=_judge_effect,
)
_MESSAGES = _Sheet(
    name="messages",
    page=lambda read, after, limit: messages_page(read, after=after, limit=limit),
    again=message_rows,
    start="",
    place=lambda row: row["id"],
    judge=_judge_message,
)
_VISITS = _Sheet(
    name="visits of actions of which nothing was accepted",
    page=lambda read, after, limit: lonely_page(read, after=after, limit=limit),
    again=lonely_rows,
    start=("", "", 0),
    place=_place_of,
    judge=_judge_visit,
)
