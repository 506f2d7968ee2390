"""Enrollments nobody can judge wait without slowing others, and go on when what judges them is repaired."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from tests.fixtures.breaking import break_version, repair_version
from tests.fixtures.running import Running, running
from tests.fixtures.worker_process import WorkerProcess
from tests.runs.definitions import by_hand, task

WHICH = {
    "id": "which",
    "kind": "branch",
    "branches": [
        {
            "id": "north",
            "where": {"property": "country", "op": "is", "value": "NO"},
            "steps": [task("call", "Call")],
        }
    ],
    "otherwise": [],
}
HEALTHY = 5


async def enrolled(ft: Running, slug: str, count: int) -> list[str]:
    """So many contacts inside a workflow; the ids of their enrollments."""
    ids = []
    for n in range(count):
        contact = await ft.create("contact", external_id=f"{slug}-{n}", country="NO")
        ids.append((await ft.enroll(slug, "contact", contact))["enrollment_id"])
    return ids


async def statuses(ft: Running, slug: str) -> Counter[str]:
    return Counter(e["status"] for e in await ft.enrollments(slug))


async def broken(env: WorkflowEnvironment, url: str, folder: Path, count: int) -> None:
    async with running(env, url, folder, work=False) as ft:
        for slug in ("broken", "healthy"):
            await ft.publish(by_hand(slug, [WHICH]))
        ids = await enrolled(ft, "broken", count)
        kept = await break_version(ft.inst.db, "broken")
        with WorkerProcess(env, url, folder, "all"):

            async def all_failed_twice() -> bool:
                # A judgement that failed twice inside its worker is asked durably.
                tries = [await ft.events(e) for e in await ft.enrollments("broken")]
                return all("ACTIVITY_TASK_SCHEDULED" in events for events in tries)

            await ft.until(all_failed_twice, "every broken run met what judges it")
            for enrollment_id in await enrolled(ft, "healthy", HEALTHY):
                over = await ft.ended(enrollment_id)
                assert over["end_reason"] == "completed"
                # Branch and action, which ends it, were each judged within the worker, and none had to be asked again.
                events = await ft.events(over)
                assert (events.count("MARKER_RECORDED"), events.count("ACTIVITY_TASK_SCHEDULED")) == (2, 0)
            assert await statuses(ft, "broken") == {"starting": count}
            still = [await ft.run(e).describe() for e in await ft.enrollments("broken")]
            assert all(run.status == WorkflowExecutionStatus.RUNNING for run in still)

            await repair_version(ft.inst.db, kept)
            for over in await asyncio.gather(*(ft.ended(enrollment_id) for enrollment_id in ids)):
                assert over["end_reason"] == "completed"
        tasks = (await ft.call("GET", "/tasks?workflow=broken&limit=200"))["items"]
        assert len({t["record_id"] for t in tasks}) == len(tasks) == count


async def test_enrollments_nobody_can_judge_slow_no_other_and_go_on_after_the_repair(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path
) -> None:
    await broken(dev_server, app_url, tmp_path, 5)


@pytest.mark.long
async def test_50_enrollments_nobody_can_judge_slow_no_other_and_go_on_after_the_repair(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path
) -> None:
    await broken(dev_server, app_url, tmp_path, 50)
