"""A POST that is sent again under its key does its work once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from store import idempotency
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
    for answer in answers:
        if answer.status_code != 201:
            assert answer.status_code == 409
            assert int(answer.headers["Retry-After"]) > 0
            assert problem_of(answer)["type"].endswith(":still_running")
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert len((await api.ok("GET", "/records/contact"))["items"]) == 1
    assert (await api.call("POST", "/records/contact", body, Idempotency_Key="k1")).json()["id"] in made


async def test_a_call_that_never_ended_holds_its_key_for_a_minute(lite: Caller, clock: FixedClock) -> None:
    first = await lite.call("POST", "/records/contact", BODY, Idempotency_Key="seen")
    assert first.status_code == 201
    key_id = (await lite.ok("GET", "/api-keys"))["items"][0]["id"]
    async with lite.inst.db.transaction() as tx:
        await idempotency.claim(
            tx, key_id, "k1", request_hash="unknown", now=clock.now(),
            locked_until=clock.now() + timedelta(minutes=1), kept_since=clock.now() - timedelta(days=7),
        )  # fmt: skip
    body = {"properties": {"city": "Oslo"}}
    await lite.problem("POST", "/records/contact", body, status=422, Idempotency_Key="k1")
    clock.advance(timedelta(minutes=2))
    await lite.ok("POST", "/records/contact", body, status=201, Idempotency_Key="k1")


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
