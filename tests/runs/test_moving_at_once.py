"""New versions and steps that fall due in the same instant, on PostgreSQL: no effect is repeated, none is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.testing import WorkflowEnvironment

from store.tables import enrollments, tasks
from tests.fixtures.running import Running, running
from tests.fixtures.worker_process import WorkerProcess
from tests.runs.definitions import by_hand, email, gap, task

LONG_S = 900.0
PUBLISHED = 4
"""Versions published with ``move`` while the steps fall due, one behind the other."""

EVERYBODY = ("before", "first", "call", "hello", "last")
"""The steps of every version; each has its effect on everybody exactly once."""


def version(n: int) -> dict[str, Any]:
    """The steps of every version with another one among them, and a delay of another length."""
    steps = [
        email("before", "Before"),
        gap(seconds=3 + n % 2),
        task("first", f"First {n}"),
        task("call", "Call"),
        email("hello", f"Hello {n}"),
        task("last", "Last"),
    ]
    steps.insert(2 + n % 4, task(f"new_{n}", "New"))
    return by_hand("racing", steps, settings={"spread_minutes": 0})


async def publish_at_once(ft: Running, random: Random) -> None:
    """Publish one version behind the other with ``move``, without waiting for the jobs."""
    for n in range(1, PUBLISHED + 1):
        await asyncio.sleep(random.uniform(0, 2.0))
        path = "/workflows/racing"
        answer = await ft.http.put(f"/api/v1{path}", json=version(n), headers={"If-Match": "*"})
        assert answer.is_success, answer.text
        await ft.call("POST", f"{path}/publish", {"in_flight": "move"})


async def race(env: WorkflowEnvironment, url: str, folder: Path, *, count: int) -> None:
    async with running(env, url, folder, work=False) as ft:
        await ft.publish(version(0))
        people = [await ft.create("contact", email=f"c{n}@example.com") for n in range(count)]
        with WorkerProcess(env, url, folder, "all"), WorkerProcess(env, url, folder, "relay"):
            await ft.call("POST", "/workflows/racing/enrollments/bulk", {"ids": people}, expect=202)

            async def some_wait() -> bool:
                return any(each["wakes_at"] for each in await ft.enrollments("racing"))

            await ft.until(some_wait, "the first are in the delay", within_s=LONG_S, every_s=0.05)
            await publish_at_once(ft, Random(7))

            async def all_are_over() -> bool:
                async with ft.inst.db.read() as read:
                    rows = await read.all(select(enrollments.c.status))
                return len(rows) == count and {row["status"] for row in rows} == {"ended"}

            await ft.until(all_are_over, "everybody is through", within_s=LONG_S, every_s=0.5)
            await judged(ft, people)


async def judged(ft: Running, people: list[str]) -> None:
    async with ft.inst.db.read() as read:
        rows = await read.all(select(enrollments.c.record_id, enrollments.c.end_reason, enrollments.c.version))
        done = await read.all(select(tasks.c.record_id, tasks.c.step))
    assert {row["end_reason"] for row in rows} == {"completed"}
    # Otherwise nobody was moved in the middle.
    assert len({row["version"] for row in rows} - {1}) > 0
    got = {person: Counter[str]() for person in people}
    for row in done:
        got[row["record_id"]][row["step"]] += 1
    by_address = {f"c{n}@example.com": person for n, person in enumerate(people)}
    for mail in ft.outbox():
        (person,) = (by_address[to] for to in by_address if to in str(mail["to"]))
        got[person]["before" if mail["subject"] == "Before" else "hello"] += 1
    for person, effects in got.items():
        assert {step: effects[step] for step in EVERYBODY} == dict.fromkeys(EVERYBODY, 1), (person, effects)
        assert max(effects.values()) == 1, (person, effects)


@pytest.mark.timeout(300)
async def test_versions_that_race_with_due_steps_repeat_nothing_and_lose_nothing(
    dev_server: WorkflowEnvironment, postgres_url: str, tmp_path: Path
) -> None:
    await race(dev_server, postgres_url, tmp_path, count=40)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_versions_that_race_with_due_steps_of_400_repeat_nothing_and_lose_nothing(
    dev_server: WorkflowEnvironment, postgres_url: str, tmp_path: Path
) -> None:
    await race(dev_server, postgres_url, tmp_path, count=400)
