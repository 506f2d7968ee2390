"""Bulk enrollments as runs on a real server: page after page, paused, limited, in a new history."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from domain.names import job_run_id
from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, gap

NORWAY = {"property": "country", "op": "is", "value": "NO"}


async def journey(ft: Running, people: int) -> None:
    await ft.publish(by_hand("journey", [gap(days=2)]))
    for n in range(people):
        await ft.create("contact", email=f"c{n}@example.com", country="NO")


async def enroll_all(ft: Running, **more: Any) -> str:
    job = await ft.call("POST", "/workflows/journey/enrollments/bulk", {"where": NORWAY, **more}, expect=202)
    return str(job["id"])


async def job_is(ft: Running, job_id: str, status: str) -> Any:
    async def is_it() -> bool:
        return bool((await ft.call("GET", f"/jobs/{job_id}"))["status"] == status)

    await ft.until(is_it, f"the job is {status}")
    return await ft.call("GET", f"/jobs/{job_id}")


async def timers(ft: Running, job_id: str) -> list[float]:
    """The lengths of the timers its run set, in seconds."""
    history = await ft.temporal.get_workflow_handle(job_run_id("enrollment", job_id)).fetch_history()
    started = [event.timer_started_event_attributes for event in history.events]
    return [t.start_to_fire_timeout.ToTimedelta().total_seconds() for t in started if t.timer_id]


async def test_everybody_is_let_in_and_runs(ft_both: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    ft = ft_both
    monkeypatch.setattr("domain.jobs.PAGE", 4)
    await journey(ft, 10)
    job_id = await enroll_all(ft)
    result = await ft.temporal.get_workflow_handle(job_run_id("enrollment", job_id)).result()

    job = await job_is(ft, job_id, "done")
    assert (job["total"], job["done"], job["counts"]) == (10, 10, {"enrolled": 10})
    assert result["counts"] == {"enrolled": 10}
    enrolled = await ft.enrollments("journey")
    assert {each["cause"]["id"] for each in enrolled} == {job_id}
    for each in enrolled:
        await ft.stands_at(each["id"], "gap")
        assert (await ft.run(each).describe()).status is WorkflowExecutionStatus.RUNNING


async def test_a_long_one_goes_on_in_a_new_history(ft_idle: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    ft = ft_idle
    monkeypatch.setattr("domain.jobs.PAGE", 2)
    monkeypatch.setattr("workflows.paging.PAGES_PER_RUN", 2)
    await journey(ft, 9)
    job_id = await enroll_all(ft)
    first = (await ft.temporal.get_workflow_handle(job_run_id("enrollment", job_id)).describe()).run_id
    await ft.start_worker()

    assert (await job_is(ft, job_id, "done"))["counts"] == {"enrolled": 9}
    old = await ft.temporal.get_workflow_handle(job_run_id("enrollment", job_id), run_id=first).describe()
    assert old.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
    assert len(await ft.enrollments("journey")) == 9


async def test_between_two_pages_a_durable_timer_runs(ft: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.jobs.PAGE", 2)
    await journey(ft, 5)
    job_id = await enroll_all(ft, rate_per_minute=120)
    assert (await job_is(ft, job_id, "done"))["counts"] == {"enrolled": 5}
    assert await timers(ft, job_id) == [1.0, 1.0]


async def test_a_paused_one_stands_still_goes_on_and_is_cancelled(ft: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("domain.jobs.PAGE", 1)
    await journey(ft, 20)
    job_id = await enroll_all(ft, rate_per_minute=120)

    async def has_begun() -> bool:
        return int((await ft.call("GET", f"/jobs/{job_id}"))["done"]) > 0

    await ft.until(has_begun, "the first entered")
    await ft.call("POST", f"/jobs/{job_id}/pause")

    async def waits() -> bool:
        return 60.0 in await timers(ft, job_id)

    await ft.until(waits, "the run waits to be resumed")
    stood = await ft.call("GET", f"/jobs/{job_id}")
    assert (stood["status"], len(await ft.enrollments("journey"))) == ("paused", stood["done"])
    await ft.call("POST", f"/jobs/{job_id}/resume")

    async def goes_on() -> bool:
        return bool((await ft.call("GET", f"/jobs/{job_id}"))["done"] > stood["done"])

    await ft.until(goes_on, "it goes on")
    await ft.call("POST", f"/jobs/{job_id}/cancel")
    result = await ft.temporal.get_workflow_handle(job_run_id("enrollment", job_id)).result()
    job = await job_is(ft, job_id, "cancelled")
    assert result["status"] == "cancelled"
    assert 0 < job["done"] < 20
    assert len(await ft.enrollments("journey")) == job["done"]


async def test_one_whose_run_was_terminated_goes_on_when_it_is_resumed(ft_idle: Running) -> None:
    ft = ft_idle
    await journey(ft, 3)
    job_id = await enroll_all(ft)
    handle = ft.temporal.get_workflow_handle(job_run_id("enrollment", job_id))
    await handle.terminate()
    await ft.start_worker()
    await ft.call("POST", f"/jobs/{job_id}/resume")
    assert (await job_is(ft, job_id, "done"))["counts"] == {"enrolled": 3}


async def test_many_are_taken_out_and_their_runs_end(ft_both: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    ft = ft_both
    monkeypatch.setattr("domain.jobs.PAGE", 2)
    await journey(ft, 5)
    await job_is(ft, await enroll_all(ft), "done")
    enrolled = await ft.enrollments("journey")
    for each in enrolled:
        await ft.stands_at(each["id"], "gap")
    job = await ft.call("POST", "/workflows/journey/unenroll", {"where": NORWAY}, expect=202)
    assert (await job_is(ft, job["id"], "done"))["counts"] == {"unenrolled": 5}
    for each in enrolled:
        ended = await ft.ended(each["id"])
        assert ended["end_reason"] == "unenrolled"
        told = await ft.call("GET", f"/enrollments/{each['id']}/timeline")
        assert told["end"].startswith("was taken out by hand (by API key ")
        assert told["end"].endswith(f", job {job['id']})")
