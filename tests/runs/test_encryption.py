"""With keys, Temporal keeps of a run nothing that it could read, and a change of keys stops nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from gateways.ciphers import NamedKey
from gateways.payload_codec import converter
from gateways.temporal import TemporalRuns
from gateways.temporal_histories import TemporalHistories
from tests.fixtures.running import Running, running
from tests.runs.definitions import by_hand, email

OLD, NEW = ("2025", b"o" * 32), ("2026", b"n" * 32)
WORD = "quux"
"""Stands in everything of the workflow that a run is given, told and asked for."""


def with_keys(env: WorkflowEnvironment, keys: Sequence[NamedKey]) -> Client:
    """A client of a process that has these keys."""
    return Client(env.client.service_client, namespace=env.client.namespace, data_converter=converter(keys))


def journey(slug: str) -> dict[str, object]:
    wait = {"id": f"{WORD}_wait", "kind": "wait", "for_event": {"event": f"custom.{WORD}"}, "timeout": {"days": 9}}
    gap = {"id": f"{WORD}_gap", "kind": "delay", "for": {"seconds": 1}}
    return by_hand(slug, [email(f"{WORD}_hi", "Hi"), gap, wait, email(f"{WORD}_bye", "Bye")], name=f"The {WORD}")


@pytest.fixture
def env(dev_server: WorkflowEnvironment) -> WorkflowEnvironment:
    return dev_server


@asynccontextmanager
async def encrypting(
    env: WorkflowEnvironment, url: str, folder: Path, *keys: NamedKey, work: bool = True
) -> AsyncIterator[Running]:
    """An installation whose API and worker have these keys."""
    client = with_keys(env, keys)
    async with running(WorkflowEnvironment.from_client(client), url, folder, work=work) as ft:
        yield ft


async def rotate(ft: Running, env: WorkflowEnvironment, *keys: NamedKey) -> None:
    """Start the worker anew with other keys."""
    await ft.stop_worker()
    ft.temporal = with_keys(env, keys)
    ft.inst = replace(ft.inst, runs=TemporalRuns(ft.temporal, "http://127.0.0.1:8233"))
    await ft.start_worker()


async def happens(ft: Running, contact: str) -> None:
    body = {"event": f"custom.{WORD}", "record": {"object": "contact", "id": contact}}
    await ft.call("POST", "/events", body)


async def kept(env: WorkflowEnvironment, run_id: str) -> tuple[bytes, list[dict[str, str]]]:
    """What the server has of a run, read without any key: all of it, and the metadata of each payload."""
    history = await env.client.get_workflow_handle(run_id).fetch_history()
    found: list[dict[str, str]] = []

    def look(value: object) -> None:
        if isinstance(value, dict):
            if "metadata" in value and isinstance(value["metadata"], dict) and "encoding" in value["metadata"]:
                found.append(value["metadata"])
            for key, inner in value.items():
                # By these, runs are found: ids, and the slug of the workflow. And what the SDK notes for itself of a
                # local activity: its number, type and time.
                if key not in ("searchAttributes", "header", "data"):
                    look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    events = [MessageToDict(event) for event in history.events]
    look(events)
    return b"".join(event.SerializeToString() for event in history.events), found


async def test_nothing_that_temporal_keeps_of_a_run_can_be_read_without_the_key(
    env: WorkflowEnvironment, app_url: str, tmp_path: Path
) -> None:
    async with encrypting(env, app_url, tmp_path, NEW) as ft:
        await ft.publish(journey("plain-slug"))
        ana = await ft.create("contact", email="ana@example.com")
        taken = await ft.enroll("plain-slug", "contact", ana)
        await ft.sleeps_at(taken["enrollment_id"], f"{WORD}_wait")
        await happens(ft, ana)
        done = await ft.ended(taken["enrollment_id"])
        raw, payloads = await kept(env, ft.run(done).id)
        assert WORD.encode() not in raw
        assert len(payloads) > 8
        assert {each["encoding"] for each in payloads} == {_text(b"binary/encrypted")}
        assert [message["subject"] for message in ft.outbox()] == ["Hi", "Bye"]
        asked = await TemporalHistories(ft.temporal).read(ft.run(done).id)
        assert asked is not None
        assert [each.step for each in asked.asked] == [f"{WORD}_hi", f"{WORD}_bye"]


async def test_encryption_begins_and_its_key_changes_while_a_run_waits(
    env: WorkflowEnvironment, app_url: str, tmp_path: Path
) -> None:
    async with encrypting(env, app_url, tmp_path) as ft:
        await ft.publish(journey("changing"))
        people = [await ft.create("contact", email=f"{n}@example.com") for n in range(3)]
        taken = []
        for contact, keys in zip(people, ((), (OLD,), (NEW, OLD)), strict=True):
            await rotate(ft, env, *keys)
            taken.append((await ft.enroll("changing", "contact", contact))["enrollment_id"])
            await ft.sleeps_at(taken[-1], f"{WORD}_wait")
        for contact, one in zip(people, taken, strict=True):
            await happens(ft, contact)
            done = await ft.ended(one)
            assert done["end_reason"] == "completed"
            _, payloads = await kept(env, ft.run(done).id)
            assert payloads[-1].get("encryption-key-id") == _text(b"2026")
        assert len(ft.outbox()) == 6


async def test_a_run_whose_key_is_missing_waits_until_a_worker_has_it(
    env: WorkflowEnvironment, app_url: str, tmp_path: Path
) -> None:
    async with encrypting(env, app_url, tmp_path, OLD) as ft:
        await ft.publish(journey("missing"))
        ana = await ft.create("contact", email="ana@example.com")
        taken = (await ft.enroll("missing", "contact", ana))["enrollment_id"]
        await ft.sleeps_at(taken, f"{WORD}_wait")
        await rotate(ft, env, NEW)
        await happens(ft, ana)
        [shown] = await ft.enrollments("missing")

        async def a_task_failed() -> bool:
            return "WORKFLOW_TASK_FAILED" in await ft.events(shown)

        await ft.until(a_task_failed, "a workflow task fails for want of the key")
        assert len(ft.outbox()) == 1
        await rotate(ft, env, NEW, OLD)
        assert (await ft.ended(taken))["end_reason"] == "completed"
        assert len(ft.outbox()) == 2


async def test_a_signal_that_was_encrypted_before_the_worker_had_any_key_is_not_lost(
    env: WorkflowEnvironment, app_url: str, tmp_path: Path
) -> None:
    async with encrypting(env, app_url, tmp_path) as ft:
        await ft.publish(journey("early"))
        ana = await ft.create("contact", email="ana@example.com")
        taken = (await ft.enroll("early", "contact", ana))["enrollment_id"]
        await ft.sleeps_at(taken, f"{WORD}_wait")
        [shown] = await ft.enrollments("early")
        # Who delivers has been started anew with keys, who runs the workflow has not.
        await ft.stop_worker()
        ft.inst = replace(ft.inst, runs=TemporalRuns(with_keys(env, [NEW]), "http://127.0.0.1:8233"))
        await ft.start_worker()
        await happens(ft, ana)

        async def a_task_failed() -> bool:
            return "WORKFLOW_TASK_FAILED" in await ft.events(shown)

        await ft.until(a_task_failed, "a workflow task fails for want of the key")
        await rotate(ft, env, NEW)
        assert (await ft.ended(taken))["end_reason"] == "completed"
        assert len(ft.outbox()) == 2


def _text(value: bytes) -> str:
    import base64

    return base64.b64encode(value).decode()
