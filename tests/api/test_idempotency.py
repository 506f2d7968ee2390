"""A POST that is sent again under its key does its work once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from api import deps
from api.answers import Answer, answer
from api.errors import StillRunning
from api.idempotency import LOCKED, Once
from domain.base import Json
from domain.importing import ImportOptions
from services.jobs.imports import stage
from store import idempotency, tables
from store.database import Tx
from store.jobs import Job, insert_job
from tests.api.conftest import Caller, problem_of
from tests.api.definitions import follow_up
from tests.fixtures.clock import FixedClock

BODY = {"properties": {"external_id": "a", "city": "Oslo"}}


async def test_the_same_call_again_gets_the_same_answer(api: Caller) -> None:
    first = await api.call("POST", "/records/contact", BODY, Idempotency_Key="k1")
    again = await api.call("POST", "/records/contact", BODY, Idempotency_Key="k1")
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert len((await api.ok("GET", "/records/contact"))["items"]) == 1


async def test_the_order_of_fields_does_not_make_another_body(lite: Caller) -> None:
    await lite.ok("POST", "/records/contact", BODY, status=201, Idempotency_Key="k1")
    turned = {"properties": {"city": "Oslo", "external_id": "a"}}
    await lite.ok("POST", "/records/contact", turned, status=201, Idempotency_Key="k1")


async def test_another_body_or_address_under_the_same_key_is_refused(api: Caller) -> None:
    await api.ok("POST", "/records/contact", BODY, status=201, Idempotency_Key="k1")
    other = {"properties": {"external_id": "b"}}
    found = await api.problem("POST", "/records/contact", other, status=422, Idempotency_Key="k1")
    assert found["type"].endswith(":idempotency_key_reused")
    await api.problem("POST", "/records/company", BODY, status=422, Idempotency_Key="k1")


async def test_a_key_belongs_to_the_api_key_that_used_it(lite: Caller) -> None:
    await lite.ok("POST", "/records/contact", BODY, status=201, Idempotency_Key="k1")
    other = await lite.with_scopes("records:write")
    await other.ok("POST", "/records/contact", {"properties": {"city": "Oslo"}}, status=201, Idempotency_Key="k1")


async def test_calls_at_the_same_time_do_their_work_once(api: Caller) -> None:
    body = {"properties": {"city": "Oslo"}}
    answers = await asyncio.gather(
        *(api.call("POST", "/records/contact", body, Idempotency_Key="k1") for _ in range(8))
    )
    for told in answers:
        if told.status_code != 201:
            assert told.status_code == 409
            assert int(told.headers["Retry-After"]) > 0
            assert problem_of(told)["type"].endswith(":still_running")
    made = {told.json()["id"] for told in answers if told.status_code == 201}
    assert len(made) == 1
    assert len((await api.ok("GET", "/records/contact"))["items"]) == 1
    assert (await api.call("POST", "/records/contact", body, Idempotency_Key="k1")).json()["id"] in made


async def test_a_call_that_never_ended_holds_its_key_for_a_minute(lite: Caller, clock: FixedClock) -> None:
    first = await lite.call("POST", "/records/contact", BODY, Idempotency_Key="seen")
    assert first.status_code == 201
    key_id = (await lite.ok("GET", "/api-keys"))["items"][0]["id"]
    async with lite.inst.db.transaction() as tx:
        mine = idempotency.Claim(api_key_id=key_id, key="k1", locked_until=clock.now() + timedelta(minutes=1))
        kept_since = clock.now() - timedelta(days=7)
        await idempotency.claim(tx, mine, request_hash="unknown", now=clock.now(), kept_since=kept_since)
    body = {"properties": {"city": "Oslo"}}
    await lite.problem("POST", "/records/contact", body, status=422, Idempotency_Key="k1")
    clock.advance(timedelta(minutes=2))
    await lite.ok("POST", "/records/contact", body, status=201, Idempotency_Key="k1")


async def test_a_call_whose_key_was_taken_by_another_one_undoes_what_it_did(lite: Caller, clock: FixedClock) -> None:
    async def slow(tx: Tx) -> Answer:
        await insert_job(tx, kind="import", scope="records:write", input={}, now=clock.now())
        clock.advance(LOCKED)
        return answer(None)

    async def overtaken(tx: Tx) -> Answer:
        made = await slow(tx)
        # As if the second call had come in between; one transaction cannot be interrupted on SQLite.
        await tx.run(update(tables.idempotency).values(locked_until=clock.now() + LOCKED))
        return made

    assert (await _once(lite, "k1").run(slow)).status_code == 204
    with pytest.raises(StillRunning):
        await _once(lite, "k2").run(overtaken)
    assert len((await lite.ok("GET", "/jobs"))["items"]) == 1


async def test_an_upload_holds_its_key_while_it_goes_on(lite: Caller, clock: FixedClock) -> None:
    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(6):
            clock.advance(LOCKED / 2)
            yield b"piece"
            with pytest.raises(StillRunning):
                await _once(lite, "k1").run_staged(_nothing)

    mine = _once(lite, "k1")

    async def work() -> Answer:
        assert [piece async for piece in mine.holding(slowly())] == [b"piece"] * 6
        async with lite.inst.db.transaction() as tx:
            await mine.settle(tx, answer(None))
        return answer(None)

    assert (await mine.run_staged(work)).status_code == 204


async def test_an_upload_that_stalled_and_lost_its_key_leaves_nothing(lite: Caller, clock: FixedClock) -> None:
    columns: Json = {"columns": {"Mail": {"property": "email"}}}
    options = ImportOptions.model_validate({"object": "contact", "key": "email", "mapping": columns})
    first, second = _once(lite, "k1"), _once(lite, "k1")

    async def pieces(stalls: timedelta) -> AsyncIterator[bytes]:
        yield b"Mail\n"
        clock.advance(stalls)
        if stalls:
            await second.run_staged(lambda: staged(second, timedelta()))
        yield b"ana@example.com\n"

    async def staged(once: Once, stalls: timedelta) -> Answer:
        async def accept(tx: Tx, _: Job) -> None:
            await once.settle(tx, answer(None))

        await stage(lite.inst, once.holding(pieces(stalls)), options, accept)
        return answer(None)

    with pytest.raises(StillRunning):
        await first.run_staged(lambda: staged(first, LOCKED))
    (job,) = (await lite.ok("GET", "/jobs"))["items"]
    assert (job["status"], job["total"]) == ("queued", 1)


async def test_a_key_is_forgotten_after_seven_days(lite: Caller, clock: FixedClock) -> None:
    body = {"properties": {"city": "Oslo"}}
    first = await lite.ok("POST", "/records/contact", body, status=201, Idempotency_Key="k1")
    clock.advance(timedelta(days=6))
    assert await lite.ok("POST", "/records/contact", body, status=201, Idempotency_Key="k1") == first
    clock.advance(timedelta(days=2))
    assert (await lite.ok("POST", "/records/contact", body, status=201, Idempotency_Key="k1"))["id"] != first["id"]


async def test_a_refused_call_did_nothing_and_frees_its_key(lite: Caller) -> None:
    wrong = {"properties": {"score": "12"}}
    await lite.problem("POST", "/records/contact", wrong, status=422, Idempotency_Key="k1")
    await lite.ok("POST", "/records/contact", BODY, status=201, Idempotency_Key="k1")


async def test_enrolling_twice_under_a_key_is_one_decision(api: Caller) -> None:
    await api.publish(follow_up())
    contact = await api.create("contact", external_id="a")
    body = {"record": {"object": "contact", "id": contact["id"]}}
    path = "/workflows/follow-up/enrollments"
    first = await api.ok("POST", path, body, status=202, Idempotency_Key="k1")
    assert await api.ok("POST", path, body, status=202, Idempotency_Key="k1") == first
    assert len((await api.ok("GET", "/entry-decisions"))["items"]) == 1


async def test_the_secret_of_a_new_api_key_is_stored_nowhere(lite: Caller) -> None:
    body = {"name": "CI", "scopes": ["records:read"]}
    first = await lite.ok("POST", "/api-keys", body, status=201, Idempotency_Key="k1")
    again = await lite.ok("POST", "/api-keys", body, status=201, Idempotency_Key="k1")
    assert first["key"].startswith("ft_")
    assert again == {**first, "key": None}


def _once(api: Caller, key: str) -> Once:
    caller = deps.Caller(key_id="me", scopes=frozenset())
    return Once(api.inst, caller, key=key, digest="the same")


async def _nothing() -> Answer:
    raise AssertionError("the key is held by another call")


async def test_a_body_that_is_no_json_is_answered_as_without_a_key(lite: Caller) -> None:
    await lite.ok("POST", "/workflows", follow_up(), status=201)
    await lite.ok("POST", "/workflows/follow-up/publish", {})
    headers = {"Content-Type": "application/json"}
    for path, status in (("/workflows/follow-up/turn-off", 200), ("/records/contact", 422)):
        plain = await lite.http.post(f"/api/v1{path}", content="{", headers=headers)
        keyed = await lite.http.post(f"/api/v1{path}", content="{", headers={**headers, "Idempotency-Key": "k1"})
        assert (plain.status_code, keyed.status_code) == (status, status)
    other = await lite.http.post(
        "/api/v1/workflows/follow-up/turn-off", content="[", headers={**headers, "Idempotency-Key": "k1"}
    )
    assert problem_of(other)["type"].endswith(":idempotency_key_reused")
