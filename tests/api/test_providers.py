"""Mail services as they call: whose signature opens, what is refused, and how much comes at once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response

from api.limits import BODY_BYTES
from domain.provider_signing import OLDEST, PROVIDERS
from tests.api.conftest import Caller, problem_of
from tests.fixtures.providers import Owner, Services

EVENT = {"event": "delivered", "email": "ana@example.com", "smtp-id": "<nobody@knows>"}
TOLD = {"event": "delivered", "recipient": "ana@example.com", "message": {"headers": {"message-id": "nobody@knows"}}}


@pytest.fixture
def services(lite: Caller) -> Services:
    """Mail services that know no key of ours."""
    del lite.http.headers["Authorization"]
    return Services(lite.http, lite.inst.clock.now)


async def introduce(lite: Caller, services: Services, *names: str) -> None:
    """Keep their keys, as somebody with a key of ours does."""
    admin = await lite.with_scopes("admin")
    await Services(admin.http).introduce(*names)


def refused(answer: Response, status: int, words: str) -> None:
    found = problem_of(answer)
    assert (found["status"], words in found["detail"]) == (status, True), found


async def test_a_service_whose_key_is_not_kept_is_not_known(services: Services) -> None:
    refused(await services.sendgrid(EVENT), 404, "there is no secret sendgrid_events")
    refused(await services.mailgun(TOLD), 404, "there is no secret mailgun_events")
    refused(await services.standard("email.delivered", message_id="x"), 404, "there is no secret standard_events")
    for name in (*PROVIDERS, "postmark"):
        answer = await services.http.post(f"/api/v1/providers/{name}/events", content=b"")
        assert problem_of(answer)["status"] == 404


async def test_only_its_signature_opens_and_not_for_ever(lite: Caller, services: Services) -> None:
    await introduce(lite, services)
    nothing = {"new": 0, "known": 0, "unmatched": 1, "ignored": 0}
    assert (await services.sendgrid(EVENT)).json() == nothing
    assert (await services.mailgun(TOLD)).json() == nothing
    assert (await services.standard("email.delivered", message_id="x")).json() == nothing
    refused(await services.sendgrid(EVENT, owner=Owner(7)), 401, "sendgrid_events")
    refused(await services.mailgun(TOLD, key="key-x"), 401, "mailgun_events")
    late = {name: longest + timedelta(minutes=1) for name, longest in OLDEST.items()}
    refused(await services.sendgrid(EVENT, age=late["sendgrid"]), 401, "too long ago")
    refused(await services.mailgun(TOLD, age=late["mailgun"]), 401, "too long ago")
    refused(await services.standard("email.delivered", age=late["standard"], message_id="x"), 401, "too long ago")
    for name in PROVIDERS:
        refused(await services.http.post(f"/api/v1/providers/{name}/events", content=b"[]"), 401, f"{name}_events")


async def test_a_key_is_changed_without_losing_a_call(lite: Caller, services: Services) -> None:
    await introduce(lite, services)
    admin = await lite.with_scopes("admin")
    await admin.ok("PUT", "/secrets/sendgrid_events", {"value": Owner(7).public, "overlap_hours": 1})
    for owner in (Owner(), Owner(7)):
        assert (await services.sendgrid(EVENT, owner=owner)).status_code == 200
    await admin.ok("PUT", "/secrets/sendgrid_events", {"value": "a mistake"})
    refused(await services.sendgrid(EVENT), 401, "no public key of the curve P-256")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "not valid JSON"), (b"{", "not valid JSON"), (b"\xff", "not valid JSON"), (b"[NaN]", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"), (b"{}", "a list of events"), (b"[1]", "a list of events"),
    ],
)  # fmt: skip
async def test_a_signed_body_that_is_none_is_told(lite: Caller, services: Services, raw: bytes, words: str) -> None:
    await introduce(lite, services)
    refused(await services.sendgrid(raw=raw), 422, words)


async def test_thousands_of_events_come_in_one_call_and_no_more_than_fit(lite: Caller, services: Services) -> None:
    await introduce(lite, services)
    many: list[Any] = [{**EVENT, "smtp-id": f"<{n}@knows>"} for n in range(5000)]
    assert (await services.sendgrid(*many)).json()["unmatched"] == 5000
    odd = [{"event": "delivered", "smtp-id": "\0\ud800"}, {"event": [None], "email": {}}]
    assert (await services.sendgrid(*odd)).json() == {"new": 0, "known": 0, "unmatched": 1, "ignored": 1}
    refused(await services.sendgrid(raw=json.dumps(["x" * BODY_BYTES]).encode()), 413, "over")
