"""Who is told to ask anew as live values change: exactly those who wait by them, on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from domain.concerns import Part
from domain.records import Cause
from services.authoring.live import change_live, tell_account_changed
from services.installation import Installation
from services.relaying.judgement import PAGE
from services.versions import forget_contents
from store.database import Database
from store.locks import lock_enrollments
from store.tables import deliveries, enrollments, versions
from tests.fixtures.clock import FixedClock
from tests.fixtures.databases import until_it_waits
from tests.fixtures.installations import assemble
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import anchored, by_hand, email, gap, task
from tests.services.desk import Desk

API = Cause(kind="api")
OFFICE = {"days": ["mon"], "from": "09:00", "to": "17:00"}
CHRISTMAS = {"month": 12, "day": 25}
STEPS = [
    gap("days", days=5), gap("hours", hours=5),
    {"id": "work", "kind": "delay", "for": {"days": 2}, "business_days": True},
    {"id": "date", "kind": "delay", "until": {"date": "2099-01-31", "time": "09:00"}},
    {"id": "event", "kind": "wait", "for_event": {"event": "form.submitted"}, "timeout": {"hours": 3}},
    {"id": "long", "kind": "wait", "for_event": {"event": "form.submitted"}, "timeout": {"days": 3}},
    {"id": "true", "kind": "wait", "until_true": {"property": "country", "op": "is", "value": "NO"}, "forever": True},
    email("mail", "Hi"), task("task", "Task"),
]  # fmt: skip
CLOCKS = {"days", "work", "date", "long", "true", "mail"}


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def stand(desk: Desk, slug: str, *, steps: list[dict[str, Any]] = STEPS, **parts: Any) -> None:
    """Publish a workflow and let somebody stand at each of its steps, who has heard of everything."""
    workflow = await desk.publish(by_hand(slug, steps, **parts))
    for step in steps:
        await desk.enroll(workflow, await desk.create("contact", external_id=f"{slug}-{step['id']}"))
    await desk.work_off()
    async with desk.inst.db.transaction() as tx:
        found = select(enrollments.c.id).where(enrollments.c.workflow_id == workflow).order_by(enrollments.c.id)
        for row, step in zip(await tx.all(found), steps, strict=True):
            await tx.run(update(enrollments).where(enrollments.c.id == row["id"]).values(step=step["id"]))
        await tx.run(delete(deliveries))


async def change(desk: Desk, slug: str, **changed: Any) -> None:
    async with desk.inst.db.transaction() as tx:
        await change_live(tx, desk.inst, slug, changed, cause=API, now=desk.inst.clock.now())


async def told(desk: Desk) -> set[str]:
    """The steps at which somebody is told; they have heard it then."""
    while await desk.relay.drain_once():
        pass
    async with desk.inst.db.read() as read:
        mine = select(enrollments.c.step).join(deliveries, deliveries.c.enrollment_id == enrollments.c.id)
        found = {row["step"] for row in await read.all(mine)}
    async with desk.inst.db.transaction() as tx:
        await tx.run(delete(deliveries))
    return found


@pytest.fixture(autouse=True)
def _nothing_is_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be told stays where it can be seen."""

    async def nothing(*_: Any, **__: Any) -> int:
        return 0

    monkeypatch.setattr("services.relaying.relay.deliver_batch", nothing)


@pytest.mark.parametrize(
    ("changed", "who"),
    [
        ({"turn_off_at": "2099-01-01T00:00:00Z"}, set()),
        ({"spread_minutes": 3}, set()),
        ({"timezone": "Europe/Oslo"}, CLOCKS),
        ({"holidays": {"country": "NO"}}, {"work"}),
        ({"window": OFFICE}, {"mail"}),
        ({"pause_dates": [CHRISTMAS]}, {"mail"}),
        ({"pause_dates": [], "spread_minutes": 3}, {"mail"}),
    ],
)
async def test_who_waits_by_what_changed_is_told_and_nobody_else(
    desk: Desk, changed: dict[str, Any], who: set[str]
) -> None:
    await stand(desk, "all")
    await change(desk, "all", **changed)
    assert await told(desk) == who


async def test_a_date_that_moves_concerns_those_who_count_from_it(desk: Desk) -> None:
    wait = {"id": "other", "kind": "wait", "for_event": {"event": "form.submitted"}, "timeout": {"days": 3}}
    until = {**wait, "id": "until", "timeout": {"until": {"anchor": {"days": -1}, "time": "09:00"}}}
    dated = {"type": "specific_date", "anchor": {"date": "2099-03-01", "time": "18:00"}}
    await stand(desk, "dated", steps=[anchored("delay", hours=-1), wait, until, email("mail", "Hi")], **dated)
    await change(desk, "dated", anchor={"date": "2099-03-02"})
    assert await told(desk) == {"delay", "until"}


@pytest.mark.parametrize(
    ("part", "ours", "who"),
    [
        ("timezone", {}, CLOCKS),
        ("timezone", {"timezone": "Asia/Tokyo"}, set()),
        ("holidays", {"timezone": "Asia/Tokyo"}, {"work"}),
        ("holidays", {"holidays": {"country": "NO"}}, set()),
        ("window", {"timezone": "Asia/Tokyo"}, {"mail"}),
        ("window", {"window": OFFICE}, set()),
        ("window", {"window": []}, set()),
        ("pause_dates", {"timezone": "Asia/Tokyo"}, {"mail"}),
        ("pause_dates", {"pause_dates": [CHRISTMAS]}, set()),
        ("pause_dates", {"pause_dates": []}, set()),
    ],
)
async def test_a_default_of_the_account_concerns_who_has_none_of_its_own(
    desk: Desk, part: Part, ours: dict[str, Any], who: set[str]
) -> None:
    await stand(desk, "ours", settings=ours)
    async with desk.inst.db.transaction() as tx:
        await tell_account_changed(tx, {part}, cause=API, now=desk.inst.clock.now())
    assert await told(desk) == who


async def test_more_than_a_page_inside_are_all_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.relaying.judgement.PAGE", 3)
    assert PAGE > 3
    steps = [gap(f"d{n}", days=1) for n in range(8)]
    await stand(desk, "many", steps=steps)
    await change(desk, "many", timezone="Europe/Oslo")
    assert await told(desk) == {step["id"] for step in steps}


async def test_a_version_that_cannot_be_read_keeps_nobody_else_from_being_told(desk: Desk) -> None:
    await stand(desk, "bad", steps=[gap("b", days=1)])
    await stand(desk, "good", steps=[gap("g", days=1)])
    async with desk.inst.db.transaction() as tx:
        row = (await tx.all(select(versions).order_by(versions.c.published_at)))[0]
        broken = {**row["definition"], "steps": [{"id": "b", "kind": "delay", "gone": 1}]}
        mine = update(versions).where(versions.c.workflow_id == row["workflow_id"])
        await tx.run(mine.values(definition=broken))
        await tell_account_changed(tx, {"timezone"}, cause=API, now=desk.inst.clock.now())
    forget_contents()
    assert await told(desk) == {"b", "g"}


async def test_who_comes_to_a_step_by_the_older_values_at_that_moment_is_found_there(
    postgres_url: str, clock: FixedClock, runs: RecordingRuns, tmp_path: Path
) -> None:
    db = Database.open(postgres_url)
    desk = Desk(assemble(db, clock, runs, tmp_path))
    await stand(desk, "passing", steps=[gap("hours", hours=1), gap("days", days=1)])
    await change(desk, "passing", timezone="Europe/Oslo")
    async with db.transaction() as tx:
        await tx.run(update(enrollments).values(step="hours"))
    async with db.transaction() as tx:
        # As a run does that plans its next delay and was behind the gate before the values changed.
        id = (await tx.all(select(enrollments.c.id).order_by(enrollments.c.id)))[0]["id"]
        await lock_enrollments(tx, [id])
        telling = asyncio.ensure_future(told(desk))
        await until_it_waits(db, telling)
        await tx.run(update(enrollments).where(enrollments.c.id == id).values(step="days"))
    assert await telling == {"days"}
    await db.close()
