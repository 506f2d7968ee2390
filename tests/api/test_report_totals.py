"""Totals, goals and conversion, and as many rows behind each of their numbers as it says."""

from __future__ import annotations

import csv

from tests.api.conftest import Caller
from tests.api.population import GOALS, PATH, Population, behind, mixed
from tests.fixtures.clock import FixedClock
from tests.runs.definitions import by_hand, gap


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


async def test_who_is_behind_a_number_is_had_as_a_file(api: Caller, clock: FixedClock) -> None:
    await mixed(api, clock)
    totals = (await api.ok("GET", PATH))["totals"]
    for query, count in (("figure=enrolled", 8), ("figure=goal", totals["goal"]), ("figure=ended&reason=goal", 5)):
        answer = await api.call("GET", f"{PATH}/enrollments?{query}&format=csv&limit=1")
        assert answer.headers["content-type"].startswith("text/csv")
        head, *lines = csv.reader(answer.text.splitlines())
        listed = (await api.ok("GET", f"{PATH}/enrollments?{query}&limit=200"))["items"]
        assert len(lines) == len(listed) == count
        assert [dict(zip(head, line, strict=True))["enrollment"] for line in lines] == [each["id"] for each in listed]
    one = listed[0]["id"]
    head, entry, *_ = csv.reader((await api.call("GET", f"/enrollments/{one}/timeline?format=csv")).text.splitlines())
    told = await api.ok("GET", f"/enrollments/{one}/timeline")
    assert dict(zip(head, entry, strict=True))["words"] == told["entry"]["words"]
    answer = await api.call("GET", f"{PATH}/gap/waiting?format=csv")
    waiting = (await api.ok("GET", f"{PATH}/gap/waiting"))["items"]
    assert len(list(csv.reader(answer.text.splitlines()))) == len(waiting) + 1
    less = await api.with_scopes("enrollments:read", "records:read")
    await less.problem("GET", f"{PATH}/enrollments?figure=goal&format=csv", status=403)
