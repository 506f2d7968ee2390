"""Totals by day and week: each number is as many rows as it says, and all together are the totals."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.api.population import PATH, Population, behind
from tests.fixtures.clock import FixedClock
from tests.runs.definitions import by_hand, gap

GOAL = {"id": "won", "name": "Won", "where": {"property": "city", "op": "is", "value": "Oslo"}}
WEDNESDAY = datetime(2026, 3, 25, 22, 30, tzinfo=UTC)


async def ten_days(api: Caller, clock: FixedClock) -> None:
    """Somebody enters every evening before midnight in UTC, which is after it in Oslo; some leave two days later."""
    clock.set(WEDNESDAY)
    await api.publish(by_hand("journey", [gap(days=90)], exit={"goals": [GOAL]}, settings={"timezone": "Europe/Oslo"}))
    people = Population(api, clock)
    inside: list[str] = []
    for n in range(10):
        clock.set(WEDNESDAY + timedelta(days=n))
        inside.append(await people.enter(await people.contact(f"c{n}")))
        if n in (3, 4, 5):
            await people.reach(inside[n - 2], "won")
        if n == 9:
            await people.unenroll(inside[8])


async def asked(api: Caller, query: str) -> Any:
    return await api.ok("GET", f"{PATH}/over-time?{query}")


async def test_days_are_those_of_the_workflow(api: Caller, clock: FixedClock) -> None:
    await ten_days(api, clock)
    found = await asked(api, "from=2026-03-25&to=2026-04-04")
    assert (found["by"], found["zone"]) == ("day", "Europe/Oslo")
    told = {each["first"]: (each["enrolled"], each["ended"], each["goal"]) for each in found["periods"]}
    # From the 29th on clocks are two hours ahead, and 22:30 is half past midnight there.
    assert told["2026-03-25"] == (1, 0, 0)
    assert told["2026-03-28"] == (1, 1, 1)
    assert told["2026-03-29"] == (0, 0, 0)
    assert told["2026-03-30"] == (1, 1, 1)
    assert found["periods"][-1]["by_reason"] == {"unenrolled": 1}
    assert [sum(each[name] for each in found["periods"]) for name in ("enrolled", "ended", "goal")] == [10, 4, 3]


async def test_behind_each_number_are_as_many_rows_as_it_says(api: Caller, clock: FixedClock) -> None:
    await ten_days(api, clock)
    for by in ("day", "week"):
        found = await asked(api, f"by={by}&from=2026-03-25&to=2026-04-04")
        seen = Counter[str]()
        for each in found["periods"]:
            days = f"from={each['first']}&to={each['last']}"
            for figure in ("enrolled", "ended", "goal"):
                rows = await behind(api, f"{PATH}/enrollments?figure={figure}&{days}")
                assert len(rows) == each[figure], (by, figure, each["first"])
                seen[figure] += len(rows)
            for reason, count in each["by_reason"].items():
                rows = await behind(api, f"{PATH}/enrollments?figure=ended&reason={reason}&{days}")
                assert len(rows) == count
        assert seen == {"enrolled": 10, "ended": 4, "goal": 3}


async def test_weeks_begin_on_monday_and_the_last_twelve_are_shown(api: Caller, clock: FixedClock) -> None:
    await ten_days(api, clock)
    found = await asked(api, "by=week")
    assert len(found["periods"]) == 12
    last = found["periods"][-1]
    assert (last["first"], last["last"], last["enrolled"]) == ("2026-03-30", "2026-04-05", 6)
    assert len((await asked(api, ""))["periods"]) == 30


async def test_what_cannot_be_counted_is_refused_with_words(lite: Caller) -> None:
    await lite.publish(by_hand("journey", [gap(days=2)]))
    for wrong in ("from=2026-03-02&to=2026-03-01", "from=2020-01-01&to=2026-01-01", "from=0001-01-01&to=0001-01-02",
                  "from=9999-12-30&to=9999-12-31", "from=yesterday", "by=hour", "format=xml"):  # fmt: skip
        await lite.problem("GET", f"{PATH}/over-time?{wrong}", status=422)
    for wrong in ("figure=active&from=2026-03-01&to=2026-03-01", "figure=enrolled&from=2026-03-01",
                  "figure=goal&goal=won&from=2026-03-01&to=2026-03-01"):  # fmt: skip
        await lite.problem("GET", f"{PATH}/enrollments?{wrong}", status=422)
    await lite.problem("GET", "/workflows/none/report/over-time", status=404)


@pytest.mark.parametrize("path", ["report", "report/over-time"])
async def test_a_file_says_the_same_as_the_answer(lite: Caller, clock: FixedClock, path: str) -> None:
    await ten_days(lite, clock)
    joint = "?" if path == "report" else "?by=week&"
    answer = await lite.call("GET", f"/workflows/journey/{path}{joint}format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "journey-" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    found = await lite.ok("GET", f"/workflows/journey/{path}{joint}")
    if path == "report":
        assert [(row["step"], row["entered"]) for row in rows] == [("gap", str(found["steps"][0]["entered"]))]
    else:
        assert [row["enrolled"] for row in rows] == [str(each["enrolled"]) for each in found["periods"]]
        assert sum(int(row["unenrolled"]) for row in rows) == 1


async def test_a_name_is_no_formula(lite: Caller, clock: FixedClock) -> None:
    await lite.publish(by_hand("journey", [{**gap(days=2), "name": "=1+1"}]))
    answer = await lite.call("GET", f"{PATH}?format=csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["name"] == "'=1+1"


@pytest.mark.parametrize("day", ["0", "1767225600", "2027-1-5", "2027-02-30"])
async def test_a_day_is_written_as_one(lite: Caller, clock: FixedClock, day: str) -> None:
    await lite.publish(by_hand("journey", [gap(days=2)]))
    problem = await lite.problem("GET", f"{PATH}?to={day}", status=422)
    assert problem["errors"][0]["path"] == "query:to"
