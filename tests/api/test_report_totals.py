"""Totals, goals and conversion, and as many rows behind each of their numbers as it says."""

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


async def test_goals_that_jump_count_and_an_enrollment_counts_once_in_the_whole(api: Caller, clock: FixedClock) -> None:
    await mixed(api, clock)
    report = await api.ok("GET", PATH)
    totals = report["totals"]
    assert (totals["enrolled"], totals["records"], totals["active"], totals["ended"]) == (8, 8, 2, 6)
    assert totals["by_reason"] == {"goal": 5, "unenrolled": 1}
    assert totals["by_goal"] == {"won": 5, "warm": 2, "never": 0}
    assert (totals["goal"], totals["conversion"]) == (6, 0.75)
    assert [(goal["goal"], goal["name"], goal["reached"], goal["conversion"]) for goal in report["goals"]] == [
        ("won", "Won", 5, 0.625), ("warm", "warm", 2, 0.25), ("never", "never", 0, 0.0),
    ]  # fmt: skip


async def test_only_whoever_was_emailed_before_the_goal_is_converted(api: Caller, clock: FixedClock) -> None:
    """Neither a text message, nor an email that failed, nor one after the goal, nor leaving by hand."""
    await mixed(api, clock)
    report = await api.ok("GET", PATH)
    assert (report["totals"]["converted"], report["totals"]["email_conversion"]) == (2, 0.25)
    assert {goal["goal"]: goal["converted"] for goal in report["goals"]} == {"won": 2, "warm": 1, "never": 0}


async def test_a_record_that_enters_again_is_one_record_and_converted_once(api: Caller, clock: FixedClock) -> None:
    triggers = [{"id": "t1", "on": "filter", "where": {"property": "city", "op": "is", "value": "Bergen"}}]
    entry = {"triggers": triggers, "re_entry": {"allowed": True, "triggers": ["t1"]}}
    await api.publish(by_hand("journey", [gap(days=2)], entry=entry, exit={"goals": [GOALS[0]]}))
    people = Population(api, clock)
    ana = await people.contact("ana")
    first = await people.enter(ana)
    await people.message(first, "email", "sent", clock.now())
    await people.unenroll(first)
    for _ in range(2):
        again = await people.enter(ana)
        assert again != first
        await people.reach(again, "won")
    totals = (await api.ok("GET", PATH))["totals"]
    assert (totals["enrolled"], totals["records"], totals["goal"], totals["converted"]) == (3, 1, 2, 1)
    assert (totals["conversion"], totals["email_conversion"]) == (0.6667, 1.0)
    for figure in ("enrolled", "records", "goal", "converted"):
        assert len(await behind(api, f"{PATH}/enrollments?figure={figure}")) == totals[figure], figure


async def test_behind_every_total_are_as_many_rows_as_it_says(api: Caller, clock: FixedClock) -> None:
    await mixed(api, clock)
    report = await api.ok("GET", PATH)
    asked = {f"enrollments?figure={f}": report["totals"][f]
             for f in ("enrolled", "records", "active", "ended", "goal", "converted")}  # fmt: skip
    asked |= {f"enrollments?figure=ended&reason={r}": n for r, n in report["totals"]["by_reason"].items()}
    for goal in report["goals"]:
        asked[f"enrollments?figure=goal&goal={goal['goal']}"] = goal["reached"]
        asked[f"enrollments?figure=converted&goal={goal['goal']}"] = goal["converted"]
    asked |= {f"decisions?decision={d}": n for d, n in report["decisions"].items()}
    asked["decisions"] = sum(report["decisions"].values())
    assert report["decisions"] == {"enrolled": 8, "suppressed": 1}
    for path, number in asked.items():
        rows = await behind(api, f"{PATH}/{path}")
        assert len({row["id"] for row in rows}) == len(rows) == number, path
    ended = await behind(api, f"{PATH}/enrollments?figure=ended&reason=unenrolled")
    assert [row["end_reason"] for row in ended] == ["unenrolled"]


async def test_a_number_that_there_is_not_is_refused(lite: Caller) -> None:
    await lite.publish(by_hand("journey", [gap(days=2)], exit={"goals": [GOALS[0]]}))
    assert await behind(lite, f"{PATH}/enrollments?figure=goal&goal=won") == []
    await lite.problem("GET", f"{PATH}/enrollments?figure=goal&goal=none", status=404)
    for wrong in ("figure=happy", "figure=active&goal=won", "figure=goal&reason=goal", "figure=ended&reason=bored", ""):
        await lite.problem("GET", f"{PATH}/enrollments?{wrong}", status=422)
    await lite.problem("GET", f"{PATH}/decisions?decision=maybe", status=422)
    await lite.problem("GET", "/workflows/none/report/enrollments?figure=active", status=404)
    await lite.problem("GET", "/workflows/none/report/decisions", status=404)


async def test_the_numbers_need_their_scope_and_hide_values_of_records(lite: Caller, clock: FixedClock) -> None:
    await mixed(lite, clock)
    other = await lite.with_scopes("records:read", "workflows:read")
    for path in ("enrollments?figure=active", "decisions"):
        await other.problem("GET", f"{PATH}/{path}", status=403)
    blind = await lite.with_scopes("enrollments:read")
    assert all(row["record"]["name"] is None for row in await behind(blind, f"{PATH}/enrollments?figure=active"))
    assert all(row["seen"] == [] for row in await behind(blind, f"{PATH}/decisions"))


def test_the_reference_says_how_conversion_is_counted(lite: Caller) -> None:
    from api.app import create_app

    told = create_app(lite.inst).openapi()["components"]["schemas"]["Totals"]["description"]
    for words in ("``goal`` of ``enrolled``", "``converted`` of ``records``", "after this workflow sent it an"):
        assert words in told
