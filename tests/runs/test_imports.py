"""Imports as runs: a page at a time, paused and resumed, and the sample that uses them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any, BinaryIO

import pytest
from temporalio.client import WorkflowExecutionStatus

from domain.base import Json
from domain.importing import ImportOptions
from domain.names import job_run_id
from examples.loader import FOLLOW_UP, QUICK_TOUR, load
from examples.selection import LEADS
from services.jobs.imports import stage
from services.jobs.jobs import GRACE, begin, steer
from store.jobs import Job
from tests.fixtures.running import Running

COLUMNS: dict[str, Json] = {"id": {"property": "external_id"}, "mail": {"property": "email"}}


async def staged(ft: Running, rows: int) -> Job:
    async def upload() -> Any:
        yield b"id,mail\n" + b"".join(b"%d,p%d@example.com\n" % (n, n) for n in range(rows))

    options = ImportOptions(object="contact", key="external_id", mapping={"columns": COLUMNS})
    return await stage(ft.inst, upload(), options)


async def job_is(ft: Running, job_id: str, status: str) -> Any:
    async def is_it() -> bool:
        return bool((await ft.call("GET", f"/jobs/{job_id}"))["status"] == status)

    await ft.until(is_it, f"the job is {status}")
    return await ft.call("GET", f"/jobs/{job_id}")


async def test_an_import_is_carried_through_by_one_run(ft: Running) -> None:
    job = await staged(ft, 250)
    await begin(ft.inst, job)
    await begin(ft.inst, job)

    result = await ft.temporal.get_workflow_handle(job_run_id("import", job.id)).result()

    found = await job_is(ft, job.id, "done")
    assert (found["total"], found["done"], found["counts"]) == (250, 250, {"created": 250})
    assert result["counts"] == {"created": 250}


async def test_a_long_import_goes_on_in_a_new_history(ft_idle: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    ft = ft_idle
    monkeypatch.setattr("workflows.paging.PAGES_PER_RUN", 2)
    job = await staged(ft, 450)
    await begin(ft.inst, job)
    first = (await ft.temporal.get_workflow_handle(job_run_id("import", job.id)).describe()).run_id
    await ft.start_worker()

    assert (await job_is(ft, job.id, "done"))["counts"] == {"created": 450}
    old = await ft.temporal.get_workflow_handle(job_run_id("import", job.id), run_id=first).describe()
    assert old.status is WorkflowExecutionStatus.CONTINUED_AS_NEW


async def test_a_paused_import_stands_still_and_goes_on_when_resumed(ft_idle: Running) -> None:
    ft = ft_idle
    job = await staged(ft, 250)
    await begin(ft.inst, job)
    await steer(ft.inst, job.id, "pause")
    await ft.start_worker()
    handle = ft.temporal.get_workflow_handle(job_run_id("import", job.id))

    async def has_asked() -> bool:
        history = await handle.fetch_history()
        return any(event.HasField("timer_started_event_attributes") for event in history.events)

    await ft.until(has_asked, "the run waits")
    assert (await ft.call("GET", f"/jobs/{job.id}"))["done"] == 0
    await steer(ft.inst, job.id, "resume")

    assert (await job_is(ft, job.id, "done"))["counts"] == {"created": 250}


async def test_an_import_that_nobody_started_is_started_by_the_relay(ft_idle: Running) -> None:
    ft = ft_idle
    job = await staged(ft, 5)
    clock = ft.inst.clock
    later = clock.now() + GRACE * 2

    class Later:
        def now(self) -> Any:
            return max(later, clock.now())

    object.__setattr__(ft.inst, "clock", Later())
    await ft.start_worker()

    assert (await job_is(ft, job.id, "done"))["counts"] == {"created": 5}


class FromThread:
    """The API for the loader, which waits for each answer: calls go to the event loop of the test."""

    def __init__(self, ft: Running, loop: asyncio.AbstractEventLoop) -> None:
        self._ft = ft
        self._loop = loop

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def get(self, path: str, **query: str | int | None) -> Any:
        async def call() -> Any:
            answer = await self._ft.http.get(f"/api/v1{path}", params={k: v for k, v in query.items() if v is not None})
            assert answer.is_success, answer.text
            return answer.json()

        return self._wait(call())

    def post(self, path: str, body: Any = None) -> Any:
        return self._wait(self._ft.call("POST", path, body))

    def patch(self, path: str, body: Any) -> Any:
        return self._wait(self._ft.call("PATCH", path, body))

    def upload(self, path: str, fields: Mapping[str, str], file: tuple[str, BinaryIO]) -> Any:
        async def call() -> Any:
            answer = await self._ft.http.post(f"/api/v1{path}", data=dict(fields), files={"file": file})
            assert answer.is_success, answer.text
            return answer.json()

        return self._wait(call())

    def items(self, path: str, *, at_most: int, **query: str | int | None) -> Iterator[Any]:
        yield from self.get(path, limit=min(at_most, 200), **query)["items"]


def reasons(enrollments: list[Any]) -> Counter[str]:
    return Counter(each["end_reason"] for each in enrollments if each["end_reason"])


async def sample_loaded(ft: Running, *, if_fresh: bool = False) -> bool:
    api = FromThread(ft, asyncio.get_running_loop())
    return await asyncio.to_thread(load, api, lambda _: None, now=ft.inst.clock.now(), if_fresh=if_fresh)


async def test_the_sample_carries_its_records_in_and_a_second_start_doubles_nothing(ft: Running) -> None:
    assert await sample_loaded(ft, if_fresh=True)

    async def all_written_to() -> bool:
        return len(ft.outbox()) == LEADS + 10

    await ft.until(all_written_to, "everybody who entered gets an email")
    assert not any("{{" in json.dumps(mail) for mail in ft.outbox())
    await ft.settled()
    assert reasons(await ft.enrollments(FOLLOW_UP)) == {"goal": 1}

    assert not await sample_loaded(ft, if_fresh=True)
    assert await sample_loaded(ft)
    await ft.settled()
    assert len(await ft.enrollments(FOLLOW_UP)) == 10
    assert len(await ft.enrollments(QUICK_TOUR)) == LEADS
    assert len(ft.outbox()) == LEADS + 10


@pytest.mark.long
async def test_the_quick_tour_of_the_sample_is_completed_by_all(ft: Running) -> None:
    await sample_loaded(ft)

    async def all_left() -> bool:
        return reasons(await ft.enrollments(QUICK_TOUR)).total() == LEADS

    await ft.until(all_left, "everybody has left the quick tour")
    assert reasons(await ft.enrollments(QUICK_TOUR)) == {"completed": LEADS}
