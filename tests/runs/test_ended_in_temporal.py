"""A run that somebody cancels or terminates in Temporal takes its enrollment with it; one that is gone does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.testing import WorkflowEnvironment
from typer.testing import CliRunner, Result

import services.versions
from cli import app
from gateways.mail import open_mail
from gateways.temporal import TemporalRuns
from services.running.lost_runs import end_lost, missing_runs
from tests.fixtures.breaking import break_version, repair_version
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink
from tests.fixtures.temporal import program
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.walking import way

__all__ = ["smtp_sink"]

AGAIN = {"entry": {"triggers": [], "re_entry": {"allowed": True, "triggers": []}}}
BY_HAND = ("unenrolled", "cancelled in Temporal")


async def enrolled(ft: Running, steps: list[dict[str, Any]], address: str = "ana@example.com") -> Any:
    """A contact inside a workflow that may be entered again."""
    await ft.publish(by_hand("journey", steps, **AGAIN))
    contact = await ft.create("contact", email=address, first_name="Ana")
    return await ft.enroll("journey", "contact", contact)


async def standing(ft: Running, taken: Any) -> Any:
    """The enrollment as it is now."""
    return await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")


async def over(ft: Running, taken: Any) -> Any:
    """The enrollment after it ended; its run may have failed."""

    async def is_over() -> bool:
        return bool((await standing(ft, taken))["status"] == "ended")

    await ft.until(is_over, "the enrollment ends")
    return await standing(ft, taken)


async def cancelled(ft: Running, taken: Any) -> Any:
    """The enrollment after its run ended as cancelled."""
    with pytest.raises(WorkflowFailureError):
        await ft.run(taken).result()
    assert (await ft.run(taken).describe()).status == WorkflowExecutionStatus.CANCELED
    return await over(ft, taken)


async def listed(ft: Running, address: str, namespace: str) -> Result:
    """What `followthrough missing-runs` says when it asks the Temporal server there."""
    where = {
        "DATABASE_URL": ft.inst.db.url,
        "DATA_DIR": str(ft.folder),
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": namespace,
    }
    env = {f"FOLLOWTHROUGH_{name}": value for name, value in where.items()}
    return await asyncio.to_thread(CliRunner().invoke, app, ["missing-runs"], env=env)


async def may_enter_again(ft: Running, ended: Any) -> bool:
    again = await ft.enroll("journey", "contact", ended["record"]["id"])
    return bool(again["decision"] == "enrolled")


async def test_who_is_cancelled_in_a_delay_is_unenrolled_and_may_enter_again(ft: Running) -> None:
    taken = await enrolled(ft, [gap(days=2), email("hello", "Hello")])
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.run(taken).cancel()
    ended = await cancelled(ft, taken)
    assert (ended["end_reason"], ended["end_detail"]) == BY_HAND
    assert await way(ft, ended) == [("gap", "left", "unenrolled")]
    assert await may_enter_again(ft, ended)


async def test_who_is_cancelled_before_anybody_worked_is_unenrolled_without_a_step(ft_idle: Running) -> None:
    ft = ft_idle
    taken = await enrolled(ft, [email("hello", "Hello"), gap(days=2)])
    await ft.run(taken).cancel()
    await ft.start_worker()
    ended = await cancelled(ft, taken)
    assert (ended["end_reason"], ended["end_detail"]) == BY_HAND
    assert ft.outbox() == []


async def test_a_judgement_nobody_can_make_does_not_keep_a_run_from_being_cancelled(ft_idle: Running) -> None:
    ft = ft_idle
    taken = await enrolled(ft, [task("call", "Call")])
    kept = await break_version(ft.inst.db, "journey")
    services.versions.forget_contents()
    await ft.start_worker()

    async def was_asked_durably() -> bool:
        return "ACTIVITY_TASK_SCHEDULED" in await ft.events(taken)

    await ft.until(was_asked_durably, "the broken judgement is asked durably")
    await ft.run(taken).cancel()

    async def asked_for_its_end() -> bool:
        return (await ft.events(taken)).count("ACTIVITY_TASK_SCHEDULED") == 2

    await ft.until(asked_for_its_end, "the end is asked for")
    await repair_version(ft.inst.db, kept)
    ended = await cancelled(ft, taken)
    assert (ended["end_reason"], ended["end_detail"]) == BY_HAND
    assert (await ft.call("GET", "/tasks?workflow=journey"))["items"] == []


@pytest.fixture
async def refusing(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """An installation whose mail server says later."""
    smtp_sink.refusals["ana@example.com"] = "451 4.3.0 try again later"
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        found.inst = replace(found.inst, mail=open_mail(smtp_sink.url, tmp_path))
        await found.start_worker()
        yield found


async def test_a_message_that_waits_to_be_sent_is_given_up_with_the_cancelled_run(
    refusing: Running, smtp_sink: SmtpSink
) -> None:
    taken = await enrolled(refusing, [email("hello", "Hello"), task("call", "Call")])

    async def was_tried() -> bool:
        return smtp_sink.connections > 0

    await refusing.until(was_tried, "the message was tried")
    await refusing.stands_at(taken["enrollment_id"], "hello")
    await refusing.run(taken).cancel()
    ended = await cancelled(refusing, taken)
    assert (ended["end_reason"], ended["end_detail"]) == BY_HAND
    assert await way(refusing, ended) == [("hello", "left", "unenrolled")]
    (message,) = (await refusing.call("GET", "/messages?workflow=journey"))["items"]
    assert (message["status"], smtp_sink.received) == ("failed", [])


async def test_the_next_signal_finds_that_a_run_was_terminated(ft: Running) -> None:
    taken = await enrolled(ft, [gap(days=2), email("hello", "Hi {{ contact.first_name }}")])
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.run(taken).terminate()
    await ft.patch("contact", (await standing(ft, taken))["record"]["id"], first_name="Bea")
    ended = await over(ft, taken)
    assert (ended["end_reason"], ended["end_detail"]) == ("failed", "its run was terminated in Temporal")
    assert await may_enter_again(ft, ended)


async def test_a_look_ends_whose_run_was_terminated_and_an_empty_temporal_ends_nobody(ft: Running) -> None:
    terminated = await enrolled(ft, [gap(days=2)])
    alive = await enrolled(ft, [gap(days=2)], "bea@example.com")
    for taken in (terminated, alive):
        await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.run(terminated).terminate()
    look = await end_lost(ft.inst, after="")
    assert (look.looked_at, look.ended, look.not_found) == (2, 1, 0)
    assert [one async for one in missing_runs(ft.inst)] == []
    ended = await standing(ft, terminated)
    assert (ended["end_reason"], ended["end_detail"]) == ("failed", "its run was terminated in Temporal")
    assert (await standing(ft, alive))["status"] == "active"
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=program("temporal")) as empty:
        lost = replace(ft.inst, runs=TemporalRuns(empty.client, "http://127.0.0.1:8233"))
        look = await end_lost(lost, after="")
        assert (look.looked_at, look.ended, look.not_found) == (1, 0, 1)
        address = empty.client.service_client.config.target_host
        said = await listed(ft, address, "default")
        assert (said.exit_code, alive["enrollment_id"] in said.output) == (0, True)
        unknown = await listed(ft, address, "no-such-namespace")
        assert unknown.exit_code == 4
        await ft.stop_worker()
        ft.inst = lost
        await ft.start_worker("relay")
        await ft.patch("contact", (await standing(ft, alive))["record"]["id"], first_name="Bea")
        await ft.settled()
        await ft.stop_worker()
    assert (await standing(ft, alive))["status"] == "active"
