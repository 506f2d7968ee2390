"""Scheduled workflows from the API over the relay to their runs, over a year that is skipped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from domain.names import recurrence_run_id
from tests.fixtures.running import Running, running
from tests.fixtures.temporal import SkippingTime
from tests.runs.definitions import by_hand, task

OSLO = ZoneInfo("Europe/Oslo")
NORWAY = {"property": "country", "op": "is", "value": "NO"}
A_MOMENT = timedelta(minutes=1)


@pytest.fixture
async def ft(skipping_time: SkippingTime, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation whose time the test lets pass."""
    async with running(skipping_time.env, app_url, tmp_path, clock=skipping_time) as found:
        yield found


class Late:
    """The clock of API and workers, ahead of the server's."""

    def __init__(self, clock: SkippingTime) -> None:
        self._clock = clock
        self.by = timedelta()

    def now(self) -> datetime:
        """The present, and what it is ahead by."""
        return self._clock.now() + self.by


def scheduled(slug: str, schedule: dict[str, Any]) -> dict[str, Any]:
    """A workflow that Norwegians enter whenever it happens."""
    entry = {
        "triggers": [{"id": "t1", "on": "filter", "where": NORWAY}],
        "re_entry": {"allowed": True, "triggers": ["t1"]},
    }
    timed = {"timezone": "Europe/Oslo", **schedule}
    return by_hand(slug, [task("call", "Call")], type="scheduled", schedule=timed, entry=entry)


DAILY = {"every": "day", "at": "09:00"}


def local(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=OSLO).astimezone(UTC)


def year_of(first: date) -> list[date]:
    return [first + timedelta(days=n) for n in range(365)]


async def occurrences(ft: Running, slug: str) -> list[Any]:
    """What became of each, oldest first."""
    return list((await ft.call("GET", f"/workflows/{slug}/occurrences?limit=100"))["items"])[::-1]


async def dealt_with(ft: Running, slug: str, count: int) -> list[Any]:
    """Wait until so many are, with everybody let in by them and through to the end."""

    async def is_done() -> bool:
        found = await occurrences(ft, slug)
        jobs = [each["job"] for each in found if each["job"] is not None]
        if len(found) < count or any(job["status"] != "done" for job in jobs):
            return False
        return bool((await ft.call("GET", f"/workflows/{slug}/report"))["totals"]["active"] == 0)

    await ft.until(is_done, f"{count} occurrences of {slug}")
    found = await occurrences(ft, slug)
    assert len(found) == count
    return found


async def recurrence(ft: Running, slug: str) -> WorkflowHandle[Any, Any]:
    workflow = await ft.call("GET", f"/workflows/{slug}")
    return ft.temporal.get_workflow_handle(recurrence_run_id(workflow["id"]))


async def details(ft: Running, slug: str) -> str:
    found = await (await recurrence(ft, slug)).query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(found.current_details)


async def sleeps_until(ft: Running, slug: str) -> datetime:
    """Wait until the run sleeps towards what the API says comes next; that instant."""
    ahead = (await ft.call("GET", f"/workflows/{slug}"))["next_occurrence"]

    async def is_told() -> bool:
        try:
            return ahead["local"] in await details(ft, slug)
        except Exception:
            return False

    await ft.until(is_told, f"the run of {slug} sleeps until {ahead['local']}")
    return datetime.fromisoformat(ahead["at"])


async def skip_to(clock: SkippingTime, instant: datetime) -> None:
    await clock.skip(instant - clock.now())


@pytest.mark.timeout(600)
async def test_a_year_of_thursdays_and_last_days_of_the_month(ft: Running, skipping_time: SkippingTime) -> None:
    await ft.publish(scheduled("thursdays", {"every": "week", "weekdays": ["thu"], "at": "09:00"}))
    await ft.publish(scheduled("last-days", {"every": "month", "days": ["last"], "at": "18:00"}))
    contacts = [await ft.create("contact", email=f"c{n}@example.com", country="NO") for n in range(3)]
    tomorrow = skipping_time.now().astimezone(OSLO).date() + timedelta(days=1)
    comes = [(local(day, 9), "thursdays") for day in year_of(tomorrow) if day.weekday() == 3]
    comes += [(local(day, 18), "last-days") for day in year_of(tomorrow) if (day + timedelta(days=1)).day == 1]
    comes.sort()
    expected: dict[str, list[tuple[datetime, int]]] = {"thursdays": [], "last-days": []}
    for n, (at, slug) in enumerate(comes):
        if n == len(comes) // 2:
            await ft.patch("contact", contacts[0], country="SE")
        assert await sleeps_until(ft, slug) == at
        await skip_to(skipping_time, at + A_MOMENT)
        expected[slug].append((at, 3 if n < len(comes) // 2 else 2))
        await dealt_with(ft, slug, len(expected[slug]))
    for slug, wanted in expected.items():
        found = await dealt_with(ft, slug, len(wanted))
        assert [datetime.fromisoformat(each["at"]) for each in found] == [at for at, _ in wanted]
        assert [each["job"]["counts"] for each in found] == [{"enrolled": count} for _, count in wanted]
        assert {each["state"] for each in found} == {"opened"}
    assert (len(expected["thursdays"]), len(expected["last-days"])) in {(52, 12), (53, 12)}


async def test_what_is_turned_off_sleeps_no_more_and_turned_on_goes_on(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await ft.publish(scheduled("daily", DAILY))
    await ft.create("contact", email="ana@example.com", country="NO")
    await skip_to(skipping_time, await sleeps_until(ft, "daily") + A_MOMENT)
    await dealt_with(ft, "daily", 1)
    await sleeps_until(ft, "daily")
    await ft.call("POST", "/workflows/daily/turn-off")
    handle = await recurrence(ft, "daily")

    async def is_over() -> bool:
        return (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED

    await ft.until(is_over, "the run ends")
    assert (await ft.call("GET", "/workflows/daily"))["next_occurrence"] is None
    await skipping_time.skip(timedelta(days=3))
    await ft.call("POST", "/workflows/daily/turn-on")
    await skip_to(skipping_time, await sleeps_until(ft, "daily") + A_MOMENT)
    found = await dealt_with(ft, "daily", 2)
    assert [each["job"]["counts"] for each in found] == [{"enrolled": 1}] * 2


async def test_what_comes_while_it_is_paused_is_missed_and_run_by_hand(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await ft.publish(scheduled("daily", DAILY))
    await ft.create("contact", email="ana@example.com", country="NO")
    first = await sleeps_until(ft, "daily")
    await ft.call("POST", "/workflows/daily/pause")

    async def is_told() -> bool:
        return "Paused" in await details(ft, "daily")

    await ft.until(is_told, "the run shows that it is paused")
    await skip_to(skipping_time, first + A_MOMENT)
    (missed,) = await dealt_with(ft, "daily", 1)
    assert (missed["state"], missed["words"], missed["job"]) == ("missed", "missed: the workflow was paused", None)
    path = f"/workflows/daily/occurrences/{missed['local']}/run"
    assert (await ft.http.post(f"/api/v1{path}")).status_code == 409
    await ft.call("POST", "/workflows/daily/resume")
    ran = [(await ft.call("POST", path, expect=202))["job"]["id"] for _ in range(2)]
    assert ran[0] == ran[1]
    (opened,) = await dealt_with(ft, "daily", 1)
    assert (opened["state"], opened["job"]["counts"]) == ("opened", {"enrolled": 1})
    await skip_to(skipping_time, await sleeps_until(ft, "daily") + A_MOMENT)
    assert (await dealt_with(ft, "daily", 2))[1]["job"]["counts"] == {"enrolled": 1}


async def test_another_schedule_in_the_middle_wakes_the_run(ft: Running, skipping_time: SkippingTime) -> None:
    await ft.publish(scheduled("plan", {"every": "year", "month": 7, "day": 31, "at": "09:00"}))
    await ft.create("contact", email="ana@example.com", country="NO")
    far = await sleeps_until(ft, "plan")
    await ft.publish(scheduled("plan", DAILY))
    near = await sleeps_until(ft, "plan")
    assert near < far
    await skip_to(skipping_time, near + A_MOMENT)
    (found,) = await dealt_with(ft, "plan", 1)
    assert (datetime.fromisoformat(found["at"]), found["job"]["counts"]) == (near, {"enrolled": 1})
    history = [event async for event in (await recurrence(ft, "plan")).fetch_history_events()]
    assert history[0].workflow_execution_started_event_attributes.continued_execution_run_id, "it went on as new"


async def test_what_nobody_could_open_for_more_than_an_hour_is_missed(
    skipping_time: SkippingTime, app_url: str, tmp_path: Path
) -> None:
    clock = Late(skipping_time)
    async with running(skipping_time.env, app_url, tmp_path, clock=clock) as ft:
        await ft.publish(scheduled("daily", DAILY))
        await ft.create("contact", email="ana@example.com", country="NO")
        first = await sleeps_until(ft, "daily")
        # Time passes before the worker looks, as while it was away; the server would not let it pass without one.
        clock.by = first + timedelta(hours=2) - clock.now()
        await skip_to(skipping_time, first + A_MOMENT)
        (missed,) = await dealt_with(ft, "daily", 1)
        assert (missed["state"], missed["reason"], missed["job"]) == ("missed", "late", None)
        assert await ft.enrollments("daily") == []
        clock.by = timedelta()
        assert await sleeps_until(ft, "daily") == first + timedelta(days=1)


async def test_a_run_that_was_ended_in_temporal_is_there_again(ft: Running, skipping_time: SkippingTime) -> None:
    await ft.publish(scheduled("daily", DAILY))
    await ft.create("contact", email="ana@example.com", country="NO")
    first = await sleeps_until(ft, "daily")
    await (await recurrence(ft, "daily")).terminate()
    await skipping_time.skip(timedelta(minutes=11))
    assert await sleeps_until(ft, "daily") == first
    await skip_to(skipping_time, first + A_MOMENT)
    assert (await dealt_with(ft, "daily", 1))[0]["job"]["counts"] == {"enrolled": 1}


async def test_temporal_ui_shows_the_schedule(ft: Running, skipping_time: SkippingTime) -> None:
    await ft.publish(scheduled("daily", DAILY))
    await skip_to(skipping_time, await sleeps_until(ft, "daily") + A_MOMENT)
    (found,) = await dealt_with(ft, "daily", 1)
    await sleeps_until(ft, "daily")
    shown = await details(ft, "daily")
    assert "| Schedule | Every day 09:00 · Europe/Oslo |" in shown
    assert f"| Before | {found['local']} opened, job {found['job']['id']} |" in shown
