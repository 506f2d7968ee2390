"""`followthrough verify --repair`: who lost a run goes on where the database says they stand, nothing happens twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError
from typer.testing import CliRunner, Result

from cli import app
from domain.verification import MEANINGS, Finding
from gateways.mail import open_mail
from gateways.temporal import TemporalRuns
from gateways.temporal_histories import TemporalHistories
from services.leaving.moving import skip_wait
from services.relaying.repairing import REPAIRED, repair
from services.running.lost_runs import missing_runs
from services.running.restarting import CAME_BY
from store.enrollments import started_enrollments
from store.tables import audit_entries, deliveries, effects, enrollments, messages, visits
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import running_sink
from tests.fixtures.temporal import own_server
from tests.runs.definitions import by_hand, email, gap, task

HELD = timedelta(days=1)


@pytest.fixture
async def ft(database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation that has a Temporal server of its own: every run there is one of this test's."""
    async with own_server() as env, running(env, database_url, tmp_path) as found:
        yield found


async def said(ft: Running, *options: str) -> Result:
    """What the command says."""
    where = {
        "DATABASE_URL": ft.inst.db.url,
        "DATA_DIR": str(ft.folder),
        "TEMPORAL_ADDRESS": ft.temporal.service_client.config.target_host,
        "TEMPORAL_NAMESPACE": ft.temporal.namespace,
    }
    env = {f"FOLLOWTHROUGH_{name}": value for name, value in where.items()}
    return await asyncio.to_thread(CliRunner().invoke, app, ["verify", *options], env=env)


async def repaired(ft: Running, *options: str, code: int = 0) -> dict[str, Any]:
    """The document of a repair: what it found, by kind, and what it did."""
    told = await said(ft, "--repair", "--json", *options)
    assert told.exit_code == code, told.output
    found: dict[str, Any] = json.loads(told.stdout)
    return found


async def lose_run(ft: Running, enrollment_id: str) -> None:
    """Have Temporal forget the run of an enrollment, as one restored from an earlier backup never knew it."""
    run = ft.run(await ft.call("GET", f"/enrollments/{enrollment_id}"))
    asked = DeleteWorkflowExecutionRequest(
        namespace=ft.temporal.namespace, workflow_execution=WorkflowExecution(workflow_id=run.id)
    )
    await ft.temporal.workflow_service.delete_workflow_execution(asked)

    async def is_gone() -> bool:
        return await ft.inst.runs.end_of(run.id) == "not found"

    await ft.until(is_gone, "Temporal forgot the run")


async def entered(ft: Running, slug: str, count: int, **more: Any) -> list[str]:
    """Enroll so many contacts; the enrollments."""
    taken = []
    for n in range(count):
        contact = await ft.create("contact", email=f"{slug}{n}@example.com", first_name="Ana")
        taken.append(str((await ft.enroll(slug, "contact", contact, **more))["enrollment_id"]))
    return taken


async def visited(ft: Running, enrollment_id: str) -> list[tuple[str, int, str | None]]:
    """Step, number and outcome of each visit, in order."""
    async with ft.inst.db.read() as read:
        mine = (visits.c.enrollment_id == enrollment_id, visits.c.turn == 0)
        rows = await read.all(select(visits).where(*mine).order_by(visits.c.entered_at))
    return [(row["step"], row["n"], row["outcome"]) for row in rows]


def test_each_repair_is_promised_and_each_promise_kept() -> None:
    assert {odd for odd, meaning in MEANINGS.items() if meaning.mends is not None} == REPAIRED


@pytest.mark.timeout(120)
async def test_a_run_that_is_lost_goes_on_where_it_stood_and_does_nothing_twice(ft: Running) -> None:
    """Behind an email, in a delay, in a wait, in the second round of a loop, paused, and fresh from a first delay."""
    again = {"id": "again", "kind": "goto", "to": "hello", "max_visits": 1}
    wait = {"id": "pause", "kind": "wait", "for_event": {"event": "custom.go"}, "timeout": {"days": 2}}
    await ft.publish(by_hand("journey", [email("hello", "Hello"), wait, task("call", "Call"), again]))
    await ft.publish(by_hand("late", [gap(days=1), email("bye", "Bye")]))
    waiting, second, paused, healthy = await entered(ft, "journey", 4)
    (late,) = await entered(ft, "late", 1)
    for each in (waiting, second, paused, healthy):
        await ft.stands_at(each, "pause")
    await happens(ft, second)

    await comes_round(ft, second)
    await ft.call("POST", f"/enrollments/{paused}/pause", {})
    lost = [waiting, second, paused, late]
    for each in lost:
        await lose_run(ft, each)
    told = await said(ft)
    assert told.exit_code == 6
    assert "verify --repair starts the run again" in told.output

    document = await repaired(ft)
    assert {each["what"]: each["kind"] for each in document["findings"]} == dict.fromkeys(
        lost, "enrollment_without_run"
    )
    assert all("started again" in each["repaired"] for each in document["findings"])
    async with ft.inst.db.read() as read:
        rows = await read.all(select(audit_entries).where(audit_entries.c.what == "installation.repaired"))
    assert {row["subject"] for row in rows} == {*lost}
    assert CAME_BY in await ft.details(await ft.call("GET", f"/enrollments/{waiting}"))

    await ft.call("POST", f"/enrollments/{paused}/resume", {})
    await ft.call("POST", f"/enrollments/{late}/skip-wait", {})
    for each in (waiting, paused, healthy):
        await happens(ft, each)
    for each in (waiting, paused, healthy):
        await comes_round(ft, each)
    for each in (waiting, second, paused, healthy):
        await happens(ft, each)
    for each in (*lost, healthy):
        await ft.ended(each)
    rounds = [(step, n, "done") for n in (1, 2) for step in ("hello", "pause", "call", "again")]
    for each in (waiting, second, paused, healthy):
        assert [visit for visit in await visited(ft, each) if visit[2] == "done"] == rounds
    assert await visited(ft, late) == [("gap", 1, "done"), ("bye", 1, "done")]
    sent = Counter((mail["to"], mail["subject"]) for mail in ft.outbox())
    assert sent == {**{(f"journey{n}@example.com", "Hello"): 2 for n in range(4)}, ("late0@example.com", "Bye"): 1}
    assert (await said(ft)).exit_code == 0


async def comes_round(ft: Running, enrollment_id: str) -> None:
    """Wait until it stands in its wait for the second time."""

    async def is_there() -> bool:
        return ("pause", 2, None) in await visited(ft, enrollment_id)

    await ft.until(is_there, "the second round waits")


async def happens(ft: Running, enrollment_id: str) -> None:
    """What its wait waits for."""
    record = (await ft.call("GET", f"/enrollments/{enrollment_id}"))["record"]["id"]
    await ft.call("POST", "/events", {"event": "custom.go", "record": {"object": "contact", "id": record}})


@pytest.mark.timeout(120)
async def test_what_contradicts_the_ledger_is_corrected_and_what_could_be_either_is_left(ft: Running) -> None:
    await ft.publish(by_hand("journey", [email("hello", "Hello"), gap(days=1)]))
    names = ("ended", "run ended", "status", "lost", "taken", "refused", "no effect", "under way")
    whose = dict(zip(names, await entered(ft, "journey", len(names)), strict=True))
    for each in whose.values():
        await ft.sleeps_at(each, "gap")
    key = {name: f"{each}:hello:1" for name, each in whose.items()}

    async def are_listed() -> bool:
        pages = [page async for page in TemporalHistories(ft.temporal).open_runs()]
        return sum(len(page) for page in pages) == len(names)

    await ft.until(are_listed, "Temporal lists every run")
    await ft.stop_worker()
    await ft.run(await ft.call("GET", f"/enrollments/{whose['run ended']}")).terminate()
    long_ago = ft.inst.clock.now() - HELD
    hello = visits.c.step == "hello"
    async with ft.inst.db.transaction() as tx:
        mine = enrollments.c.id == whose["ended"]
        await tx.run(update(enrollments).where(mine).values(status="ended", ended_at=long_ago, end_reason="replied"))
        mine = messages.c.effect_key == key["status"]
        await tx.run(update(messages).where(mine).values(status="failed"))
        for name in ("lost", "under way"):
            mine = effects.c.key == key[name]
            await tx.run(update(effects).where(mine).values(state="handed_over", updated_at=long_ago))
            mine = messages.c.effect_key == key[name]
            await tx.run(update(messages).where(mine).values(status="queued"))
        failed = {"outcome": "failed", "reason": "rejected", "result": None}
        await tx.run(update(visits).where(visits.c.enrollment_id == whose["taken"], hello).values(**failed))
        open_ = {"outcome": None, "left_at": None}
        await tx.run(update(visits).where(visits.c.enrollment_id == whose["under way"], hello).values(**open_))
        mine = effects.c.key == key["refused"]
        await tx.run(update(effects).where(mine).values(state="refused", failure="rejected", detail="550 no"))
        mine = messages.c.effect_key == key["refused"]
        await tx.run(update(messages).where(mine).values(status="failed"))
        await tx.run(delete(effects).where(effects.c.key == key["no effect"]))

    document = await repaired(ft, code=6)
    done = {(each["kind"], each["what"]): each["repaired"] for each in document["findings"]}
    assert done[("run_of_ended_enrollment", f"{await run_of(ft, whose['ended'])}")]
    assert done[("enrollment_of_ended_run", whose["run ended"])] == "it was ended as failed"
    assert done[("message_says_otherwise", key["status"])] == "the message is sent now"
    assert done[("effect_never_answered", key["lost"])]
    assert done[("visit_says_otherwise", key["taken"])]
    assert done[("visit_says_otherwise", key["refused"])]
    left = {found for found, words in done.items() if words is None}
    # Nobody can tell whether it left; and of one whose step lasts the next attempt finds out.
    assert {("visit_without_effect", key["no effect"]), ("effect_never_answered", key["under way"])} <= left
    assert {kind for kind, _ in left} <= {
        "visit_without_effect", "message_without_effect", "effect_never_answered", "activity_without_visit",
        "visit_says_otherwise",
    }  # fmt: skip

    async with ft.inst.db.read() as read:
        states = {row["key"]: row["state"] for row in await read.all(select(effects))}
        said_of = {row["enrollment_id"]: row for row in await read.all(select(visits).where(hello, visits.c.turn == 0))}
        noted = {row["subject"] for row in await read.all(select(audit_entries)) if row["by"] == "installation"}
    assert states[key["lost"]] == "unknown"
    assert states[key["under way"]] == "handed_over"
    assert said_of[whose["taken"]]["outcome"] == "done"
    assert said_of[whose["taken"]]["result"]["message"]
    refused = said_of[whose["refused"]]
    assert (refused["outcome"], refused["reason"], refused["detail"]) == ("failed", "rejected", "550 no")
    assert noted == {what for (_, what), words in done.items() if words is not None}
    found = await ft.call("GET", f"/enrollments/{whose['run ended']}")
    assert (found["status"], found["end_reason"]) == ("ended", "failed")
    # What was repaired is not found again, but for what the worker has to do first.
    again = await repaired(ft, code=6)
    assert {(each["kind"], each["what"]) for each in again["findings"] if each["repaired"]} <= {
        ("run_of_ended_enrollment", await run_of(ft, whose["ended"])),
        ("visit_says_otherwise", key["lost"]),
    }
    await ft.start_worker()
    await asyncio.wait_for(ft.run(await ft.call("GET", f"/enrollments/{whose['ended']}")).result(), 30)


async def run_of(ft: Running, enrollment_id: str) -> str:
    return str((await ft.call("GET", f"/enrollments/{enrollment_id}"))["temporal"]["workflow_id"])


@pytest.mark.timeout(120)
async def test_a_temporal_that_knows_nobody_is_refused_unless_it_is_meant_and_then_everybody_goes_on(
    ft: Running,
) -> None:
    """Without any backup of Temporal's: an empty server is filled from what the database knows."""
    await ft.publish(by_hand("journey", [email("hello", "Hello"), gap(days=1), email("bye", "Bye")]))
    taken = await entered(ft, "journey", 3)
    for each in taken:
        await ft.sleeps_at(each, "gap")
    await ft.stop_worker()
    async with own_server() as empty:
        ft.temporal = empty.client
        ft.inst = replace(ft.inst, runs=TemporalRuns(empty.client, "http://127.0.0.1:8233"))
        refused = await said(ft, "--repair")
        assert refused.exit_code == 1
        assert "--all-missing" in refused.output
        assert [await ft.inst.runs.end_of(await run_of(ft, each)) for each in taken] == ["not found"] * 3
        document = await repaired(ft, "--all-missing")
        assert {each["what"] for each in document["findings"]} == {*taken}
        await ft.start_worker()
        for each in taken:
            async with ft.inst.db.transaction() as tx:
                await skip_wait(tx, each, now=ft.inst.clock.now())
        for each in taken:
            await ft.ended(each)
        assert Counter(mail["subject"] for mail in ft.outbox()) == {"Hello": 3, "Bye": 3}
        assert (await said(ft)).exit_code == 0
        await ft.stop_worker()


@pytest.mark.timeout(180)
async def test_runs_that_are_older_than_the_database_hear_what_they_missed(
    ft: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restore: Temporal's backup is the earlier one, and what runs were told since is nowhere any more."""
    again = {"id": "again", "kind": "goto", "to": "pause", "max_visits": 1}
    wait = {"id": "pause", "kind": "wait", "for_event": {"event": "custom.go"}, "timeout": {"days": 2}}
    await ft.publish(by_hand("journey", [email("hello", "Hello"), gap(days=1), email("bye", "Bye")]))
    await ft.publish(by_hand("loop", [wait, task("call", "Call"), again, email("end", "End")]))
    await ft.publish(by_hand("short", [gap(seconds=3), email("hello", "Hello")]))
    skipped, moved, resumed = await entered(ft, "journey", 3)
    heard, left = await entered(ft, "loop", 2)
    (held,) = await entered(ft, "short", 1)
    for each in (skipped, moved, resumed):
        await ft.sleeps_at(each, "gap")
    for each in (heard, left):
        await ft.sleeps_at(each, "pause")
    # Its run comes to the next step and is held there: only who resumes wakes it.
    await ft.call("POST", f"/enrollments/{resumed}/pause", {})
    await ft.call("POST", f"/enrollments/{resumed}/skip-wait", {})
    await ft.call("POST", f"/enrollments/{held}/pause", {})

    async def are_held() -> bool:
        mine = enrollments.c.id.in_((resumed, held)), enrollments.c.held_at.is_not(None)
        async with ft.inst.db.read() as read:
            return len(await read.all(select(enrollments.c.id).where(*mine))) == 2

    await ft.until(are_held, "their runs are held")
    told = []

    async def into_nowhere(run_id: str, name: str, payload: Any) -> bool:
        told.append((run_id, name))
        return True

    with monkeypatch.context() as deaf:
        deaf.setattr(ft.inst.runs, "signal", into_nowhere)
        await ft.call("POST", f"/enrollments/{skipped}/skip-wait", {})
        await ft.call("POST", f"/enrollments/{moved}/move-to", {"step": "hello"})
        for each in (resumed, held):
            await ft.call("POST", f"/enrollments/{each}/resume", {})
        await happens(ft, heard)
        await ft.call("POST", f"/enrollments/{left}/unenroll", {})
        await ft.settled()
    assert {run for run, _ in told} == {await run_of(ft, each) for each in (skipped, moved, resumed, heard, left, held)}
    await ft.stop_worker()

    document = await repaired(ft, "--restored")
    async with ft.inst.db.read() as read:
        starts = await read.all(select(deliveries.c.id).where(deliveries.c.kind == "start"))
    assert starts == [], "no worker may go on with a run that is to be replaced"
    assert "2 runs will be asked to look again, 3 begin anew" in document["caught_up"]
    await ft.start_worker()
    for each in (skipped, resumed, held):
        await ft.ended(each)
    # It was sent to the email again, so that is sent again, and it waits behind it as it did.
    await ft.sleeps_at(moved, "gap")
    await comes_round(ft, heard)
    await ft.ended(left)
    await happens(ft, heard)
    await ft.ended(heard)
    assert Counter(mail["subject"] for mail in ft.outbox()) == {"Hello": 5, "Bye": 2, "End": 1}
    await ft.call("POST", f"/enrollments/{moved}/skip-wait", {})
    await ft.ended(moved)
    assert [visit for visit in await visited(ft, moved) if visit[2] == "done"] == [
        ("hello", 1, "done"), ("hello", 2, "done"), ("gap", 2, "done"), ("bye", 1, "done"),
    ]  # fmt: skip
    assert (await said(ft)).exit_code == 0


def winding() -> dict[str, Any]:
    """Every kind of step a run may be lost in, walked twice."""
    broken = {"id": "broken", "kind": "action", "action": "set_property", "on_error": "continue",
              "config": {"property": "last_touched_at", "value": {"now": {}}}}  # fmt: skip
    steps = [
        email("hello", "Hello"),
        broken,
        {"id": "which", "kind": "branch",
         "branches": [{"id": "lead", "name": "Lead", "where": {"property": "first_name", "op": "is", "value": "Ana"},
                       "steps": [task("call", "Call"), gap(seconds=1)]}],
         "otherwise": [task("never", "Never")]},
        {"id": "asks", "kind": "wait", "for_event": {"event": "custom.never"}, "timeout": {"seconds": 1}},
        {"id": "off", "kind": "action", "action": "create_task", "enabled": False, "config": {"title": "Off"}},
        {"id": "again", "kind": "goto", "to": "hello", "max_visits": 1},
        email("bye", "Bye"),
    ]  # fmt: skip
    return by_hand("winding", steps)


async def lose_and_repair(ft: Running, losing: Callable[[], bool], rng: Random) -> int:
    """Have Temporal forget runs at random moments while they work, and repair, until all are through; how many."""
    lost = 0
    while True:
        async with ft.inst.db.read() as read:
            active = await started_enrollments(read, after="", limit=1000)
        if not active:
            return lost
        if losing():
            asked = DeleteWorkflowExecutionRequest(
                namespace=ft.temporal.namespace,
                workflow_execution=WorkflowExecution(workflow_id=rng.choice(active).run_id),
            )
            with suppress(RPCError):
                await ft.temporal.workflow_service.delete_workflow_execution(asked)
                lost += 1
        missing = [each async for each in missing_runs(ft.inst)]
        found = [
            Finding(odd="enrollment_without_run", what=each.id, enrollment=each.id, step=each.step) for each in missing
        ]
        await repair(ft.inst, found)
        await asyncio.sleep(0.05)


@pytest.mark.timeout(240)
async def test_runs_that_are_lost_at_any_moment_go_the_way_they_would_have_gone(ft: Running) -> None:
    await ft.publish(winding())
    (untouched,) = await entered(ft, "winding", 1)
    await ft.ended(untouched)
    expected = [visit[:2] for visit in await visited(ft, untouched)]
    rng = Random(7)
    taken = []
    for n in range(12):
        contact = await ft.create("contact", email=f"w{n}@example.com", first_name="Ana")
        taken.append((await ft.enroll("winding", "contact", contact))["enrollment_id"])
    times = iter(range(60))
    lost = await lose_and_repair(ft, lambda: next(times, None) is not None, rng)
    assert lost, "some were lost while they worked"
    for each in taken:
        assert sorted(visit[:2] for visit in await visited(ft, each)) == sorted(expected)
        found = await ft.call("GET", f"/enrollments/{each}")
        assert (found["end_reason"], found["end_detail"]) == ("completed", None)
    sent = Counter((mail["to"], mail["subject"]) for mail in ft.outbox())
    assert {count for (_, subject), count in sent.items() if subject == "Hello"} == {2}
    assert {count for (_, subject), count in sent.items() if subject == "Bye"} == {1}
    assert len(sent) == 2 * (len(taken) + 1)
    assert len((await ft.call("GET", "/tasks?workflow=winding&limit=200"))["items"]) == 2 * (len(taken) + 1)


async def step_back(ft: Running, enrollment_id: str, step: str) -> None:
    """As if the run had been lost right behind a step: what it did since is not there, and the enrollment goes on."""
    found = await ft.call("GET", f"/enrollments/{enrollment_id}")
    await ft.stop_worker()
    async with ft.inst.db.transaction() as tx:
        at = await tx.scalar(
            select(visits.c.entered_at).where(visits.c.enrollment_id == enrollment_id, visits.c.step == step)
        )
        await tx.run(delete(visits).where(visits.c.enrollment_id == enrollment_id, visits.c.entered_at > at))
        again = {"status": "active", "step": step, "ended_at": None, "end_reason": None, "end_detail": None}
        await tx.run(update(enrollments).where(enrollments.c.id == enrollment_id).values(**again))
    if found["status"] == "ended":
        # Temporal takes its time to forget a run that is over.
        async with ft.inst.db.transaction() as tx:
            mine = update(enrollments).where(enrollments.c.id == enrollment_id)
            await tx.run(mine.values(run_id=f"{found['temporal']['workflow_id']}7"))
    else:
        await lose_run(ft, enrollment_id)
    assert [each["what"] for each in (await repaired(ft, "--all-missing"))["findings"]] == [enrollment_id]
    await ft.start_worker()


async def test_who_was_about_to_leave_by_a_failed_step_does_so(ft: Running) -> None:
    async with running_sink() as sink:
        await ft.stop_worker()
        ft.inst = replace(ft.inst, mail=open_mail(sink.url, ft.folder))
        await ft.start_worker()
        sink.refusals["journey0@example.com"] = "550 no"
        hello = {**email("hello", "Hello"), "on_error": "exit"}
        await ft.publish(by_hand("journey", [task("call", "Call"), hello, task("never", "Never")]))
        (taken,) = await entered(ft, "journey", 1)
        before = await ft.ended(taken)
        assert before["end_reason"] == "failed"
        sink.refusals.clear()
        await step_back(ft, taken, "hello")
        after = await ft.ended(taken)
        assert (after["end_reason"], after["end_detail"]) == (before["end_reason"], before["end_detail"])
        assert await visited(ft, taken) == [("call", 1, "done"), ("hello", 1, "failed")]
        assert sink.received == []
        await ft.stop_worker()


async def test_messages_are_passed_by_up_to_the_next_delay_as_they_were_to_be(ft: Running) -> None:
    past = {"id": "day", "kind": "delay", "until": {"date": "2020-01-01", "time": "09:00"}, "if_past": "skip_sends"}
    await ft.publish(by_hand("journey", [past, task("call", "Call"), email("hello", "Hello"), gap(days=1)]))
    (taken,) = await entered(ft, "journey", 1)
    await ft.sleeps_at(taken, "gap")
    for step in ("day", "call"):
        await step_back(ft, taken, step)
        await ft.sleeps_at(taken, "gap")
        story = [("day", 1, "done"), ("call", 1, "done"), ("hello", 1, "skipped"), ("gap", 1, None)]
        assert await visited(ft, taken) == story
    assert ft.outbox() == []
