"""When scheduled workflows happen, as a customer sees it; that they do is tests/services and tests/runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from domain.occurrences import OccurrenceCall
from services.recurring.occurrences import open_occurrence
from store.jobs import update_job
from tests.api.conftest import Caller
from tests.fixtures.clock import FixedClock
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, gap

SCHEDULE = {"every": "day", "at": "09:00", "timezone": "Europe/Oslo"}
TRIGGER = {"id": "t1", "on": "filter", "where": {"property": "country", "op": "is", "value": "NO"}}
PATH = "/workflows/daily"


def daily(**parts: Any) -> dict[str, Any]:
    entry = {"triggers": [TRIGGER]}
    return by_hand("daily", [gap(days=1)], **{"type": "scheduled", "schedule": SCHEDULE, "entry": entry, **parts})


async def happens(api: Caller, clock: FixedClock, *, late: timedelta = timedelta()) -> str:
    """Let the next one come, as its run does; what the clock shows."""
    found = await api.ok("GET", PATH)
    ahead = found["next_occurrence"]
    call = OccurrenceCall(workflow_id=found["id"], local=ahead["local"], at=datetime.fromisoformat(ahead["at"]))
    clock.set(call.at + late)
    await open_occurrence(api.inst, call)
    return str(call.local)


async def test_they_are_listed_newest_first_with_their_jobs(api: Caller, clock: FixedClock) -> None:
    await api.create("contact", email="ana@example.com", country="NO")
    await api.publish(daily())
    shown = (await api.ok("GET", PATH))["next_occurrence"]
    assert shown == {
        "local": "2027-03-02T09:00", "at": "2027-03-02T08:00:00Z", "schedule": "Every day 09:00 · Europe/Oslo"
    }  # fmt: skip
    opened = await happens(api, clock)
    missed = await happens(api, clock, late=timedelta(hours=2))
    first = await api.ok("GET", f"{PATH}/occurrences?limit=1")
    (newest,) = first["items"]
    assert (newest["local"], newest["state"], newest["reason"], newest["job"]) == (missed, "missed", "late", None)
    (older,) = (await api.ok("GET", f"{PATH}/occurrences?limit=1&cursor={first['next_cursor']}"))["items"]
    assert (older["local"], older["state"], older["job"]["total"]) == (opened, "opened", 1)
    assert older["job"]["input"]["occurrence"] == opened
    for state, local in (("opened", opened), ("missed", missed)):
        (found,) = (await api.ok("GET", f"{PATH}/occurrences?state={state}"))["items"]
        assert found["local"] == local


async def test_a_missed_one_is_run_once(api: Caller, clock: FixedClock, runs: RecordingRuns) -> None:
    await api.publish(daily())
    local = await happens(api, clock, late=timedelta(hours=2))
    answers = [await api.ok("POST", f"{PATH}/occurrences/{local}/run", status=202) for _ in range(2)]
    assert answers[0]["job"]["id"] == answers[1]["job"]["id"] == runs.jobs[0]
    assert answers[0]["words"] == "opened: it could not be opened for more than an hour"
    missing = await api.problem("POST", f"{PATH}/occurrences/2027-03-09T09:00/run", status=404)
    assert "no occurrence 2027-03-09T09:00" in missing["detail"]
    await happens(api, clock, late=timedelta(hours=2))
    await api.ok("POST", f"{PATH}/pause")
    refused = await api.problem("POST", f"{PATH}/occurrences/2027-03-03T09:00/run", status=409)
    assert "paused" in refused["detail"]


async def test_one_whose_job_failed_says_so_and_is_run_again(
    lite: Caller, clock: FixedClock, runs: RecordingRuns
) -> None:
    await lite.publish(daily())
    local = await happens(lite, clock)
    (found,) = (await lite.ok("GET", f"{PATH}/occurrences"))["items"]
    await _end(lite, clock, found["job"]["id"], "failed")
    (found,) = (await lite.ok("GET", f"{PATH}/occurrences"))["items"]
    assert found["words"] == "opened, but its job failed, so that not everybody entered; it may be run again"
    again = await lite.ok("POST", f"{PATH}/occurrences/{local}/run", status=202)
    assert (again["words"], again["job"]["status"]) == ("opened", "queued")
    assert runs.jobs[-1] == again["job"]["id"] != found["job"]["id"]
    await _end(lite, clock, again["job"]["id"], "done")
    answered = await lite.ok("POST", f"{PATH}/occurrences/{local}/run", status=200)
    assert answered["job"]["id"] == again["job"]["id"], "nothing is left to do"


async def _end(api: Caller, clock: FixedClock, job_id: str, status: str) -> None:
    async with api.inst.db.transaction() as tx:
        await update_job(tx, job_id, now=clock.now(), status=status)


async def test_a_workflow_that_is_off_or_of_another_type_has_none_ahead(lite: Caller) -> None:
    await lite.ok("POST", "/workflows", daily(), status=201)
    assert (await lite.ok("GET", PATH))["next_occurrence"] is None
    await lite.publish(by_hand("other", [gap(days=1)]))
    assert (await lite.ok("GET", "/workflows/other"))["next_occurrence"] is None
    assert (await lite.ok("GET", "/workflows/other/occurrences"))["items"] == []


async def test_what_would_come_after_the_time_to_turn_off_is_not_ahead(lite: Caller) -> None:
    for off_at, is_ahead in (("2027-03-02T09:00:01+01:00", True), ("2027-03-02T09:00:00+01:00", False)):
        slug = f"off-{is_ahead}".lower()
        await lite.publish({**daily(settings={"turn_off_at": off_at}), "slug": slug})
        assert ((await lite.ok("GET", f"/workflows/{slug}"))["next_occurrence"] is not None) is is_ahead


async def test_another_zone_of_the_account_moves_those_without_their_own(lite: Caller) -> None:
    await lite.publish(daily(schedule={"every": "day", "at": "23:00"}))
    before = (await lite.ok("GET", PATH))["next_occurrence"]["at"]
    await lite.ok("PATCH", "/account", {"timezone": "America/New_York"})
    after = (await lite.ok("GET", PATH))["next_occurrence"]
    moved = datetime.fromisoformat(after["at"]) - datetime.fromisoformat(before)
    assert (moved, after["schedule"]) == (timedelta(hours=5), "Every day 23:00 · America/New_York")


async def test_a_mistake_in_a_schedule_is_told_with_its_path(lite: Caller) -> None:
    wrong = daily(
        schedule={"every": "week", "at": "25:00", "timezone": "Mars"}, entry={"triggers": [{"on": "created"}]}
    )
    problems = (await lite.ok("POST", "/workflows", wrong, status=201))["problems"]
    assert [(p["path"], p["code"]) for p in problems] == [
        ("/schedule/at", "wrong_value"),
        ("/schedule/timezone", "wrong_zone"),
        ("/schedule/weekdays", "missing_field"),
        ("/entry/triggers/0/on", "wrong_value"),
    ]
    await lite.problem("POST", f"{PATH}/publish", {}, status=422)


async def test_a_time_that_is_none_is_told_how_times_are_written_and_where_they_are(lite: Caller) -> None:
    await lite.publish(daily())
    await lite.publish(by_hand("plain", [gap(days=1)]))
    refused = await lite.problem("POST", f"{PATH}/occurrences/garbage/run", status=404)
    assert "read like 2027-03-04T09:00, and GET /workflows/daily/occurrences lists them" in refused["detail"]
    refused = await lite.problem("POST", "/workflows/plain/occurrences/2027-03-04T09:00/run", status=404)
    assert refused["detail"] == "workflow plain has no occurrences: it is not a scheduled one"
