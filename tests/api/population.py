"""People in a workflow with goals, and what became of them, for the numbers of its report."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from domain.leaving import Departure
from services.leaving.moving import depart
from store.ids import new_id
from store.locks import lock_enrollments
from store.tables import enrollments, messages
from tests.api.conftest import Caller
from tests.fixtures.clock import FixedClock
from tests.runs.definitions import by_hand, gap

PATH = "/workflows/journey/report"
GOALS = [
    {"id": "won", "name": "Won", "where": {"property": "city", "op": "is", "value": "Oslo"}},
    {"id": "warm", "where": {"property": "score", "op": "gte", "value": 50}, "go_to": "late"},
    {"id": "never", "where": {"property": "score", "op": "gte", "value": 500}},
]


class Population:
    """People in a workflow with goals, and what happened to them."""

    def __init__(self, api: Caller, clock: FixedClock) -> None:
        self.api = api
        self.clock = clock

    async def enter(self, record: str) -> str:
        self.clock.advance(timedelta(seconds=1))
        body = {"record": {"object": "contact", "id": record}}
        answer = await self.api.call("POST", "/workflows/journey/enrollments", body)
        return str(answer.json()["enrollment_id"])

    async def contact(self, name: str, **properties: Any) -> str:
        return str((await self.api.create("contact", email=f"{name}@example.com", **properties))["id"])

    async def reach(self, enrollment: str, goal: str, go_to: str | None = None) -> None:
        """As the gate and the relay do when a goal is met."""
        async with self.api.inst.db.transaction() as tx:
            locked = (await lock_enrollments(tx, [enrollment]))[enrollment]
            await depart(tx, locked, Departure(reason="goal", detail=goal, go_to=go_to), now=self.clock.now())

    async def message(self, enrollment: str, channel: str, status: str, at: datetime) -> None:
        async with self.api.inst.db.transaction() as tx:
            row = await tx.one(select(enrollments).where(enrollments.c.id == enrollment))
            assert row is not None
            await tx.run(
                insert(messages), id=new_id(at), effect_key=new_id(at), enrollment_id=enrollment,
                workflow_id=row["workflow_id"], step="gap", record_id=row["record_id"], channel=channel, status=status,
                sender="us", recipient="them", text="Hi", created_at=at, sent_at=at if status == "sent" else None,
            )  # fmt: skip

    async def unenroll(self, enrollment: str) -> None:
        await self.api.ok("POST", f"/enrollments/{enrollment}/unenroll")


async def mixed(api: Caller, clock: FixedClock) -> Population:
    """Eight contacts inside, one kept out: ended for several reasons, goals with and without an email before."""
    suppress = {"property": "country", "op": "is", "value": "SE"}
    parts: dict[str, Any] = {"exit": {"goals": GOALS}, "entry": {"suppress": suppress}}
    await api.publish(by_hand("journey", [gap(days=2), gap("late", days=1)], **parts))
    people = Population(api, clock)
    ids = [await people.contact(f"c{n}") for n in range(8)]
    inside = [await people.enter(id) for id in ids]
    await people.enter(await people.contact("barred", country="SE"))
    soon, late = clock.now(), clock.now() + timedelta(hours=2)
    clock.advance(timedelta(hours=1))
    for each in (0, 1, 4):
        await people.message(inside[each], "email", "sent", soon)
    await people.message(inside[2], "sms", "sent", soon)
    await people.message(inside[3], "email", "failed", soon)
    await people.message(inside[5], "email", "sent", late)
    await people.reach(inside[0], "won")
    await people.reach(inside[1], "warm", go_to="late")
    await people.reach(inside[1], "won")
    for each in (2, 3, 5):
        await people.reach(inside[each], "won")
    await people.unenroll(inside[4])
    await people.reach(inside[6], "warm", go_to="late")
    return people


async def behind(api: Caller, path: str) -> list[Any]:
    """Every row of a list, two a page."""
    found, cursor = [], ""
    while True:
        page = await api.ok("GET", f"{path}{'&' if '?' in path else '?'}limit=2{cursor}")
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"
