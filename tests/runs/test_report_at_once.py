"""Figures that are read while everybody is on the way: no answer contradicts itself, and in the end all are exact."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.testing import WorkflowEnvironment

from services.telling.report import FIGURES
from store.database import Row
from store.report import ARRIVED, REACTIONS, SENT
from store.tables import enrollments, entry_decisions, messages, visits
from tests.fixtures.running import Running, running
from tests.fixtures.worker_process import WorkerProcess
from tests.runs.definitions import by_hand, email, gap

LONG_S = 1500.0
PATH = "/workflows/busy"
MAILS = ("rich", "poor", "bye")
BEHIND = (0, 12, 24, 36)
"""How many entered after those who are changed; that many steps they are further on, more or less."""


def busy() -> dict[str, Any]:
    """Branch, email, delay, email; a goal and an exit for whoever is changed meanwhile."""
    rich = {"id": "big", "where": {"property": "score", "op": "gte", "value": 50}, "steps": [email("rich", "Rich")]}
    return by_hand(
        "busy",
        [
            {"id": "which", "kind": "branch", "branches": [rich], "otherwise": [email("poor", "Poor")]},
            gap(seconds=2),
            email("bye", "Bye"),
        ],
        exit={
            "goals": [{"id": "won", "where": {"property": "city", "op": "is", "value": "Oslo"}}],
            "when": {"property": "city", "op": "is", "value": "Bergen"},
        },
        settings={"spread_minutes": 0},
    )


async def people(ft: Running, count: int) -> list[str]:
    """Half of them rich, one in ten without an address."""
    found = []
    for n in range(count):
        properties: dict[str, Any] = {"last_name": f"c{n}", "score": 100 * (n % 2)}
        if n % 10 != 3:
            properties["email"] = f"c{n}@example.com"
        found.append(await ft.create("contact", **properties))
    return found


def contradictions(report: Any) -> list[str]:
    """What does not fit within one answer."""
    totals, steps = report["totals"], {step["step"]: step for step in report["steps"]}
    claims = {
        "entered are active or ended": totals["enrolled"] == totals["active"] + totals["ended"],
        "ended have a reason": totals["ended"] == sum(totals["by_reason"].values()),
        "each was let in by a decision": totals["enrolled"] == report["decisions"].get("enrolled", 0),
        "who reached the goal ended by it": totals["goal"] == totals["by_reason"].get("goal", 0),
        "each record entered once": totals["records"] == totals["enrolled"],
        "no more stand somewhere than are inside": sum(s["waiting"] for s in steps.values()) <= totals["active"],
        "no more chose than entered": steps["which"]["entered"] <= totals["enrolled"],
        "no more came to a mail than chose one":
            steps["rich"]["entered"] + steps["poor"]["entered"] <= steps["which"]["done"],
        "no more said bye than waited": steps["bye"]["entered"] <= steps["gap"]["done"],
    }  # fmt: skip
    for name, step in steps.items():
        skipped, failed, left = (sum(step[figure].values()) for figure in ("skipped", "failed", "left"))
        parts = step["waiting"] + step["done"] + skipped + failed + left
        claims[f"{name}: entered is the sum of what became of it"] = step["entered"] == parts
        if name in MAILS:
            inside = step["waiting"] + left + failed
            claims[f"{name}: who is done was sent it"] = step["done"] <= step["sent"] <= step["done"] + inside
    return [claim for claim, holds in claims.items() if not holds]


async def read_all_the_time(ft: Running, over: asyncio.Event, seen: Counter[str]) -> None:
    """Ask for the figures until it is over; whatever was counted once is never counted less afterwards."""
    before = Counter[str]()
    while not over.is_set():
        report = await ft.call("GET", f"{PATH}/report")
        assert contradictions(report) == [], report
        by_day = (await ft.call("GET", f"{PATH}/report/over-time"))["periods"]
        later = {name: sum(period[name] for period in by_day) for name in ("enrolled", "ended", "goal")}
        # What was asked for later has at least as many.
        assert all(report["totals"][name] <= later[name] for name in later), (report["totals"], later)
        now = Counter({f"{step['step']} entered": step["entered"] for step in report["steps"]}) + Counter(later)
        assert all(now[name] >= before[name] for name in before), (before, now)
        before = now
        seen["answers"] += 1
        seen["in the middle"] += report["totals"]["active"] > 0 and report["totals"]["ended"] > 0


async def enter(ft: Running, ids: list[str]) -> None:
    """Let everybody in; some reach the goal or the exit, at once or further on."""
    for n, id in enumerate(ids):
        await ft.enroll("busy", "contact", id)
        if n % 5 == 0:
            who = max(0, n - BEHIND[n // 5 % len(BEHIND)])
            await ft.patch("contact", ids[who], city="Oslo" if n % 2 else "Bergen")


async def race(env: WorkflowEnvironment, url: str, folder: Path, *, count: int) -> None:
    async with running(env, url, folder, work=False) as ft:
        await ft.publish(busy())
        ids = await people(ft, count)
        over, seen = asyncio.Event(), Counter[str]()
        with WorkerProcess(env, url, folder, "all"):
            readers = [asyncio.create_task(read_all_the_time(ft, over, seen))]
            await enter(ft, ids)

            async def are_over() -> bool:
                for reader in readers:
                    if reader.done():
                        reader.result()
                totals = (await ft.call("GET", f"{PATH}/report"))["totals"]
                return bool(totals["enrolled"] == count and totals["active"] == 0)

            await ft.until(are_over, "everybody is through", within_s=LONG_S, every_s=0.3)
            over.set()
            await asyncio.gather(*readers)
        assert seen["answers"] > 5, "figures were read meanwhile"
        assert seen["in the middle"] > 0, "some were through and some were not"
        await every_figure_is_what_a_hand_counts(ft)


async def every_figure_is_what_a_hand_counts(ft: Running) -> None:
    report = await ft.call("GET", f"{PATH}/report")
    async with ft.inst.db.read() as read:
        went = [row for row in await read.all(select(visits)) if row["turn"] == 0]
        wrote = await read.all(select(messages))
        came = await read.all(select(enrollments))
        decided = await read.all(select(entry_decisions))
    for step in report["steps"]:
        mine = [row for row in went if row["step"] == step["step"]]
        sent = [row for row in wrote if row["step"] == step["step"]]
        for figure in FIGURES:
            told, counted = step[figure], by_hand_count(figure, mine, sent)
            assert told == counted, (step["step"], figure)
            await opens(ft, f"{step['step']}/{figure}", sum(told.values()) if isinstance(told, dict) else told)
            for reason, number in told.items() if isinstance(told, dict) else ():
                await opens(ft, f"{step['step']}/{figure}?reason={reason}", number)
    assert any(row["outcome"] == "left" for row in went), "some left in the middle of a step"
    assert any(row["outcome"] == "skipped" for row in went), "some could not be written to"
    reasons = Counter(row["end_reason"] for row in came)
    assert report["totals"]["by_reason"] == reasons
    assert set(reasons) == {"completed", "goal", "exit_condition"}, "each way was taken"
    assert report["decisions"] == Counter(row["decision"] for row in decided)
    for reason, number in reasons.items():
        await opens(ft, f"enrollments?figure=ended&reason={reason}", number)
    for figure in ("enrolled", "records", "active", "ended", "goal", "converted"):
        await opens(ft, f"enrollments?figure={figure}", report["totals"][figure])
    days = (await ft.call("GET", f"{PATH}/report/over-time"))["periods"]
    assert sum(day["ended"] for day in days) == len(came) == sum(day["enrolled"] for day in days)
    assert sum(day["goal"] for day in days) == reasons["goal"]


def by_hand_count(figure: str, mine: list[Row], sent: list[Row]) -> int | Counter[str]:
    """A figure of a step, counted one row after the other."""
    if figure == "entered":
        return len(mine)
    if figure == "waiting":
        return sum(row["outcome"] is None for row in mine)
    if figure == "timed_out":
        return sum(row["outcome"] == "done" and row["reason"] == "timed_out" for row in mine)
    if figure in ("skipped", "failed", "left"):
        return Counter(row["reason"] for row in mine if row["outcome"] == figure)
    if figure == "done":
        return sum(row["outcome"] == "done" for row in mine)
    if figure in REACTIONS:
        return sum(row[REACTIONS[figure]] is not None for row in sent)
    statuses = {"sent": SENT, "delivered": ARRIVED}.get(figure, (figure,))
    return sum(row["status"] in statuses for row in sent)


async def opens(ft: Running, path: str, number: int) -> None:
    """As many rows as the number says, and each once."""
    found, cursor, joint = [], "", "&" if "?" in path else "?"
    while cursor is not None:
        page = await ft.call("GET", f"{PATH}/report/{path}{joint}limit=200{cursor}")
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    keys = {(row["enrollment"]["id"], row["step"], row["n"]) if "enrollment" in row else row["id"] for row in found}
    assert len(found) == len(keys) == number, path


@pytest.mark.timeout(300)
async def test_figures_of_200_on_their_way_are_right_at_any_moment(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path
) -> None:
    await race(dev_server, database_url, tmp_path, count=200)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_figures_of_2000_on_their_way_are_right_at_any_moment(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path
) -> None:
    await race(dev_server, database_url, tmp_path, count=2000)
