"""`followthrough verify` on a real installation: nothing while everything is right, each break by its name."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update
from temporalio.client import Client
from typer.testing import CliRunner, Result

from cli import app
from domain.verification import MEANINGS, Finding
from gateways.mail import open_mail
from gateways.outbox import OutboxFiles
from gateways.payload_codec import converter
from gateways.temporal import TemporalRuns
from gateways.temporal_histories import TemporalHistories
from services.telling.verifying import Verifying, verify_tables
from services.telling.verifying_files import verify_files
from services.telling.verifying_runs import verify_histories, verify_runs
from services.versions import forget_contents
from store.tables import effects, enrollments, messages, visits
from tests.fixtures.breaking import break_version
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import AtData, running_sink
from tests.fixtures.temporal import own_server
from tests.runs.definitions import by_hand, email, gap


@pytest.fixture
async def ft(database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation that has a Temporal server of its own: every run there is one of this test's."""
    async with own_server() as env, running(env, database_url, tmp_path) as found:
        yield found


async def verified(ft: Running, *, page: int = 1000) -> list[Finding]:
    """Everything the command compares."""
    verifying = Verifying(inst=ft.inst, history_days=730, tell=lambda what, count: None, again_s=0, page=page)
    histories = TemporalHistories(ft.temporal)
    found = [each async for each in verify_tables(verifying)]
    found += [each async for each in verify_runs(verifying, histories)]
    read = verify_histories(verifying, histories, newest=1000, workflow=None, since=None)
    found += [each async for each in read]
    files = OutboxFiles(ft.folder / "outbox")
    return [*found, *[each async for each in verify_files(verifying, files, ["email", "sms"])]]


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


async def inside(ft: Running, count: int) -> list[str]:
    """Enrollments that got an email and wait; their ids."""
    await ft.publish(by_hand("journey", [email("hello", "Hello"), gap(days=1)]))
    taken = []
    for n in range(count):
        contact = await ft.create("contact", email=f"c{n}@example.com", first_name="Ana")
        taken.append(str((await ft.enroll("journey", "contact", contact))["enrollment_id"]))
    for each in taken:
        await ft.sleeps_at(each, "gap")

    async def are_listed() -> bool:
        pages = [page async for page in TemporalHistories(ft.temporal).open_runs()]
        return sum(len(page) for page in pages) == count

    await ft.until(are_listed, "Temporal lists every run")
    return taken


async def broken(ft: Running, whose: Mapping[str, str]) -> None:
    """Break what each name says of the enrollment it belongs to, behind everybody's back."""
    long_ago = ft.inst.clock.now() - timedelta(days=1)
    of = {name: {"key": f"{each}:hello:1", "id": each} for name, each in whose.items()}
    async with ft.inst.db.transaction() as tx:
        await tx.run(delete(messages).where(messages.c.effect_key == of["no message"]["key"]))
        await tx.run(delete(visits).where(visits.c.enrollment_id == of["no visit"]["id"], visits.c.step == "hello"))
        await tx.run(delete(effects).where(effects.c.key == of["no effect"]["key"]))
        mine = messages.c.effect_key == of["another status"]["key"]
        await tx.run(update(messages).where(mine).values(status="queued"))
        mine = effects.c.key == of["no answer"]["key"]
        await tx.run(update(effects).where(mine).values(state="handed_over", updated_at=long_ago))
        mine = messages.c.effect_key == of["no answer"]["key"]
        await tx.run(update(messages).where(mine).values(status="queued"))
        mine = enrollments.c.id == of["another run"]["id"]
        await tx.run(update(enrollments).where(mine).values(run_id="enrollment:nobody:1"))
        mine = enrollments.c.id == of["ended"]["id"]
        await tx.run(update(enrollments).where(mine).values(status="ended", ended_at=long_ago, end_reason="completed"))
        mine = effects.c.key == of["refused"]["key"]
        await tx.run(update(effects).where(mine).values(state="refused", failure="rejected"))
        mine = messages.c.effect_key == of["refused"]["key"]
        await tx.run(update(messages).where(mine).values(status="failed"))
        await tx.run(
            update(visits)
            .where(visits.c.enrollment_id == of["taken"]["id"], visits.c.step == "hello")
            .values(outcome="failed", reason="rejected")
        )
        await tx.run(update(effects).where(effects.c.key == of["again"]["key"]).values(state="retry"))
        mine = messages.c.effect_key == of["again"]["key"]
        await tx.run(update(messages).where(mine).values(status="queued"))
        await tx.run(delete(effects).where(effects.c.key == of["arrived"]["key"]))
        mine = messages.c.effect_key == of["arrived"]["key"]
        await tx.run(update(messages).where(mine).values(status="delivered"))
        # A call that no run asked for.
        row = await tx.one(select(effects).where(effects.c.key == of["not asked"]["key"]))
        visit = await tx.one(
            select(visits).where(visits.c.enrollment_id == of["not asked"]["id"], visits.c.step == "hello")
        )
        assert row is not None
        assert visit is not None
        again = {"key": f"{of['not asked']['id']}:hello:7", "n": 7, "channel": "webhook"}
        await tx.run(insert(effects), **{**row, **again})
        await tx.run(insert(visits), **{**visit, "n": 7})


@pytest.mark.timeout(120)
async def test_whatever_has_no_twin_is_told_by_its_name_and_nothing_else(ft: Running) -> None:
    names = ("no message", "no visit", "no effect", "another status", "no answer", "another run", "ended", "not asked",
             "run ended", "no file", "refused", "taken", "again", "arrived", "fine")  # fmt: skip
    whose = dict(zip(names, await inside(ft, len(names)), strict=True))
    healthy = await said(ft, "--outbox")
    assert (healthy.exit_code, "everything has its twin" in healthy.output) == (0, True), healthy.output
    run_of = {name: (await ft.call("GET", f"/enrollments/{each}"))["temporal"] for name, each in whose.items()}
    await ft.stop_worker()
    await broken(ft, whose)
    # What is verified does not depend on the definition being readable.
    await break_version(ft.inst.db, "journey")
    forget_contents()
    await ft.temporal.get_workflow_handle(run_of["run ended"]["workflow_id"]).terminate()
    outbox = ft.folder / "outbox" / "email"
    [gone] = [each for each in outbox.iterdir() if json.loads(each.read_bytes())["key"].startswith(whose["no file"])]
    gone.rename(outbox / "other.json")
    (outbox / "other.json").write_text('{"key": "nobody:hello:1"}')

    key = {name: f"{each}:hello:1" for name, each in whose.items()}
    expected = {
        ("effect_without_message", key["no message"]),
        ("effect_without_visit", key["no visit"]),
        ("activity_without_visit", key["no visit"]),
        ("visit_without_effect", key["no effect"]),
        ("message_says_otherwise", key["another status"]),
        ("visit_without_effect", key["arrived"]),
        ("effect_never_answered", key["no answer"]),
        ("visit_says_otherwise", key["no answer"]),
        ("visit_says_otherwise", key["refused"]),
        ("visit_says_otherwise", key["taken"]),
        ("visit_says_otherwise", key["again"]),
        ("enrollment_without_run", whose["another run"]),
        ("run_without_enrollment", run_of["another run"]["workflow_id"]),
        ("run_of_ended_enrollment", run_of["ended"]["workflow_id"]),
        ("effect_without_activity", f"{whose['not asked']}:hello:7"),
        ("enrollment_of_ended_run", whose["run ended"]),
        ("effect_without_file", key["no file"]),
        ("file_without_effect", "nobody:hello:1"),
        # These have a file, and the ledger does not say that it left.
        *(("file_without_effect", key[name]) for name in ("no answer", "refused")),
    }
    async with ft.inst.db.read() as read:
        mine = messages.c.effect_key.in_([key["no effect"], key["arrived"]])
        lonely = [row["id"] for row in await read.all(select(messages.c.id).where(mine))]
    expected |= {("message_without_effect", each) for each in lonely}
    assert {each for each, _ in expected} == set(MEANINGS)

    for page in (1000, 2):
        found = [(each.odd, each.what) for each in await verified(ft, page=page)]
        assert len(found) == len(set(found))
        assert set(found) == expected
    told = await said(ft, "--outbox", "--json")
    assert told.exit_code == 6, told.output
    document = json.loads(told.stdout)
    assert {(each["kind"], each["what"]) for each in document["findings"]} == expected


async def test_a_message_of_many_that_the_ledger_forgot_and_a_last_step_without_its_visit_are_told(ft: Running) -> None:
    hello = email("hello", "Hello")
    hello["config"]["to"] = {"addresses": ["one@example.com", "two@example.com"]}
    await ft.publish(by_hand("many", [hello, email("last", "Bye")]))
    contact = await ft.create("contact", email="c@example.com", first_name="Ana")
    id = (await ft.enroll("many", "contact", contact))["enrollment_id"]
    await ft.ended(id)
    assert await verified(ft) == []
    async with ft.inst.db.transaction() as tx:
        mine = (messages.c.enrollment_id == id) & (messages.c.step == "hello")
        lonely = (await tx.all(select(messages.c.id, messages.c.effect_key).where(mine)))[0]
        await tx.run(delete(effects).where(effects.c.key == lonely["effect_key"]))
        await tx.run(update(messages).where(messages.c.id == lonely["id"]).values(status="complained"))
        await tx.run(delete(visits).where(visits.c.enrollment_id == id, visits.c.step == "last"))
    found = {(each.odd, each.what) for each in await verified(ft)}
    assert found >= {
        ("message_without_effect", lonely["id"]),
        ("effect_without_visit", f"{id}:last:1"),
        ("activity_without_visit", f"{id}:last:1"),
    }
    assert len(found) == 3
    # What is past its days housekeeping may be deleting, in whichever order.
    await ft.stop_worker()
    async with ft.inst.db.transaction() as tx:
        long_ago = ft.inst.clock.now() - timedelta(days=730)
        await tx.run(update(enrollments).where(enrollments.c.id == id).values(ended_at=long_ago))
    assert await verified(ft) == []


@pytest.mark.timeout(120)
async def test_installations_at_work_have_nothing_that_looks_wrong(ft: Running) -> None:
    await ft.publish(by_hand("journey", [email("hello", "Hello"), gap(seconds=1), email("bye", "Bye")]))
    contacts = [await ft.create("contact", email=f"c{n}@example.com", first_name="Ana") for n in range(40)]

    async def enrolling() -> list[str]:
        return [str((await ft.enroll("journey", "contact", each))["enrollment_id"]) for each in contacts]

    work = asyncio.create_task(enrolling())
    looks = 0
    while not work.done() or looks < 3:
        assert await verified(ft, page=7) == []
        looks += 1
    for each in await work:
        await ft.ended(each)
    assert await verified(ft, page=7) == []


async def test_a_temporal_that_is_away_is_told_and_is_no_finding(ft: Running) -> None:
    env = {"FOLLOWTHROUGH_DATABASE_URL": ft.inst.db.url, "FOLLOWTHROUGH_TEMPORAL_ADDRESS": "127.0.0.1:1"}
    told = await asyncio.to_thread(CliRunner().invoke, app, ["verify"], env=env)
    assert told.exit_code == 4
    assert "127.0.0.1:1" in told.output


async def test_what_somebody_decided_and_what_began_again_has_its_twins(ft: Running) -> None:
    async with running_sink() as sink:
        await ft.stop_worker()
        ft.inst = replace(ft.inst, mail=open_mail(sink.url, ft.folder))
        await ft.start_worker()
        sink.at_data = AtData.HANG_UP_AFTER
        left = email("left", "Left")
        left["config"]["on_unknown"] = "leave"
        await ft.publish(by_hand("journey", [left, email("asked", "Asked")]))
        taken = []
        for n in range(3):
            contact = await ft.create("contact", email=f"c{n}@example.com")
            taken.append((await ft.enroll("journey", "contact", contact))["enrollment_id"])

        async def are_asked() -> bool:
            return len((await ft.call("GET", "/effects?waiting=true"))["items"]) == len(taken)

        await ft.until(are_asked, "everybody waits for a decision")
        assert await verified(ft) == []
        sink.at_data = AtData.TAKE
        for id, settlement in zip(taken, ("accepted", "resend", "failed"), strict=True):
            await ft.call("POST", f"/effects/{id}:asked:1/settle", {"as": settlement})
            await ft.ended(id)
        await ft.call("POST", f"/effects/{taken[0]}:left:1/settle", {"as": "accepted"})
        for id in taken[1:]:
            made = await ft.call("POST", f"/enrollments/{id}/retry", {})
            await ft.ended(made["enrollment_id"])
        # It left by a mail server, so no file of the outbox is its twin.
        assert {each.odd for each in await verified(ft)} == {"effect_without_file"}
        await ft.stop_worker()


async def test_histories_whose_key_is_not_there_are_told_by_its_name(
    ft: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ft.stop_worker()
    ft.temporal = Client(
        ft.temporal.service_client, namespace=ft.temporal.namespace, data_converter=converter([("2026", b"k" * 32)])
    )
    ft.inst = replace(ft.inst, runs=TemporalRuns(ft.temporal, "http://127.0.0.1:8233"))
    await ft.start_worker()
    await inside(ft, 1)
    without = await said(ft)
    assert without.exit_code == 1
    assert "FOLLOWTHROUGH_ENCRYPTION_KEYS has no key '2026'" in without.output
    monkeypatch.setenv("FOLLOWTHROUGH_ENCRYPTION_KEYS", f"2026:{base64.b64encode(b'k' * 32).decode()}")
    assert "everything has its twin" in (await said(ft)).output
