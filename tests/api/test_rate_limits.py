"""Who proves nothing is held up after a while; who proves itself never is, whatever others do at the same address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response

from api.__main__ import listening
from api.rate_limits import Buckets, RateLimits, Rates
from settings import Settings
from tests.api.conftest import BASE, Caller, problem_of
from tests.api.test_hooks import ANA, sender
from tests.api.test_links import sent, states
from tests.fixtures.apps import app_on
from tests.fixtures.clock import START, FixedClock
from tests.fixtures.providers import Services

RATES = Rates(refused_per_minute=5, link_opens_per_minute=8)
HOME = "203.0.113.9"


class Street:
    """An app with limits, and clients of several addresses."""

    def __init__(self, app: FastAPI, rates: Rates = RATES) -> None:
        limits = RateLimits(app, rates)

        async def limited(scope: Any, receive: Any, send: Any) -> None:
            await limits({**scope, "app": app}, receive, send)

        self._app = limited

    def client(self, address: str = HOME, **headers: str) -> AsyncClient:
        transport = ASGITransport(app=self._app, client=(address, 50000))
        return AsyncClient(transport=transport, base_url=BASE, headers=headers)


@pytest.fixture
def street(api: Caller) -> Any:
    with app_on(api.inst) as app:
        yield Street(app)


def held_up(answer: Response) -> int:
    """How many seconds an answer tells to wait."""
    assert problem_of(answer)["status"] == 429
    assert answer.json()["type"] == "urn:followthrough:problem:too_many"
    return int(answer.headers["Retry-After"])


WITHOUT_PROOF = [
    ("GET", "/api/v1/lists", 401),
    ("GET", "/metrics", 401),
    ("POST", "/api/v1/hooks/nobody", 404),
    ("POST", "/api/v1/callbacks/nobody", 404),
    ("POST", "/api/v1/inbound/sms", 401),
    ("POST", "/api/v1/providers/sendgrid/events", 404),
    ("POST", "/api/v1/providers/mailgun/events", 404),
    ("POST", "/api/v1/providers/standard/events", 404),
    ("POST", "/api/v1/providers/twilio/events?key=a", 401),
    ("GET", "/u/nobody", 404),
    ("POST", "/u/nobody", 404),
    ("GET", "/t/c/nobody", 404),
    ("GET", "/t/o/nobody", 200),
]


@pytest.mark.parametrize(("method", "path", "status"), WITHOUT_PROOF, ids=lambda value: str(value))
async def test_who_proves_nothing_is_held_up_by_address_until_time_has_passed(
    street: Street, clock: FixedClock, method: str, path: str, status: int
) -> None:
    key = {"Authorization": "Bearer ft_unknown"}
    stranger = street.client(**key)
    for _ in range(RATES.refused_per_minute):
        assert (await stranger.request(method, path)).status_code == status
    assert held_up(await stranger.request(method, path)) == 12
    assert (await street.client("203.0.113.10", **key).request(method, path)).status_code == status
    clock.advance(timedelta(seconds=12))
    assert (await stranger.request(method, path)).status_code == status
    held_up(await stranger.request(method, path))


async def _exhaust(client: AsyncClient, method: str, path: str) -> None:
    for _ in range(RATES.refused_per_minute):
        await client.request(method, path)
    held_up(await client.request(method, path))


async def test_a_signed_call_comes_through_however_many_unsigned_ones_came_from_its_address(
    api: Caller, street: Street
) -> None:
    system = await sender(api)
    await _exhaust(street.client(), "POST", system.path)
    system.api = Caller(street.client(), api.inst)
    for number in range(3 * RATES.refused_per_minute):
        await system.ok(ANA, f"delivery-{number}")
    held_up(await system.post(ANA, signature="t=1,v1=00"))


async def test_what_a_mail_service_tells_is_taken_however_many_forgeries_came_from_its_address(
    api: Caller, street: Street
) -> None:
    services = Services(api.http, api.inst.clock.now)
    await services.introduce("standard")
    services.http = street.client()
    await _exhaust(services.http, "POST", "/api/v1/providers/standard/events")
    for number in range(3 * RATES.refused_per_minute):
        answer = await services.standard("email.delivered", f"msg_{number}", message_id="none@example.com")
        assert answer.status_code == 200, answer.text


async def test_an_unsubscription_is_never_refused(api: Caller, street: Street) -> None:
    contact, path = await sent(api)
    reader = street.client()
    await _exhaust(reader, "POST", "/u/nobody")
    await _exhaust(reader, "GET", "/t/c/nobody")
    for _ in range(RATES.link_opens_per_minute):
        assert (await reader.get(path)).status_code == 200
    held_up(await reader.get(path))
    answer = await reader.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert (await states(api, contact))["newsletter"] == "unsubscribed"


async def test_a_key_works_though_others_at_its_address_try_wrong_ones(api: Caller, street: Street) -> None:
    rightful = street.client(Authorization=api.http.headers["Authorization"])
    await _exhaust(street.client(), "GET", "/api/v1/lists")
    for _ in range(3 * RATES.refused_per_minute):
        assert (await rightful.get("/api/v1/lists")).status_code == 200


async def test_however_long_the_addresses_are_that_a_stranger_makes_up_little_is_remembered(api: Caller) -> None:
    with app_on(api.inst) as app:
        limits = RateLimits(app, RATES)

        async def limited(scope: Any, receive: Any, send: Any) -> None:
            await limits({**scope, "app": app}, receive, send)

        async with AsyncClient(transport=ASGITransport(app=limited), base_url=BASE) as stranger:
            for number in range(20):
                await stranger.get(f"/t/o/{number}{'a' * 60_000}")
    assert sum(len(part) for key in limits._opens._kept for part in key) < 20 * 100


async def test_one_link_is_opened_so_often_and_other_links_of_the_same_address_as_ever(
    api: Caller, street: Street
) -> None:
    _, path = await sent(api)
    # A scanner of mail opens the links of everybody in the house.
    scanner = street.client()
    for _ in range(RATES.link_opens_per_minute):
        assert (await scanner.get(path)).status_code == 200
    assert held_up(await scanner.get(path)) == 8
    assert (await scanner.get(path.replace("/u/", "/t/o/"))).status_code == 200
    assert (await street.client("203.0.113.10").get(path)).status_code == 200


async def test_nothing_is_limited_where_the_settings_say_so(api: Caller) -> None:
    with app_on(api.inst) as app:
        stranger = Street(app, Rates()).client()
        answers = [await stranger.get("/api/v1/lists") for _ in range(200)]
    assert {answer.status_code for answer in answers} == {401}


async def test_whoever_asks_whether_it_lives_is_never_held_up(street: Street) -> None:
    probe = street.client()
    await _exhaust(probe, "GET", "/api/v1/lists")
    assert {(await probe.get("/healthz")).status_code for _ in range(20)} == {200}


async def test_neighbours_in_one_ipv6_network_count_as_one(street: Street) -> None:
    for host in range(1, RATES.refused_per_minute + 1):
        await street.client(f"2001:db8:0:7::{host:x}").get("/api/v1/lists")
    held_up(await street.client("2001:db8:0:7:ffff::1").get("/api/v1/lists"))
    assert (await street.client("2001:db8:0:8::1").get("/api/v1/lists")).status_code == 401


def test_what_is_remembered_has_an_end_and_a_clock_put_back_gives_nothing() -> None:
    buckets = Buckets(1, most=10)
    for number in range(100):
        assert buckets.take((str(number),), START) == 0
    assert len(buckets) == 10
    assert buckets.take(("99",), START) == 60
    assert buckets.take(("99",), START - timedelta(hours=1)) == 60
    assert buckets.take(("0",), START) == 0, "it was forgotten"


Served = Callable[..., Any]


@pytest.fixture
def served(lite: Caller, monkeypatch: pytest.MonkeyPatch) -> Served:
    """The app as the process serves it, under its settings."""

    def serve(**settings: str) -> Any:
        monkeypatch.setenv("FOLLOWTHROUGH_REFUSED_PER_MINUTE", "5")
        for name, value in settings.items():
            monkeypatch.setenv(f"FOLLOWTHROUGH_{name}", value)
        config = listening(lite.inst, Settings.read())
        config.load()
        return config.loaded_app

    return serve


async def _ask(app: Any, peer: str, forwarded: str) -> int:
    async with AsyncClient(transport=ASGITransport(app=app, client=(peer, 50000)), base_url=BASE) as http:
        return (await http.get("/api/v1/lists", headers={"X-Forwarded-For": forwarded})).status_code


async def test_what_a_caller_says_of_its_address_is_believed_of_trusted_proxies_only(served: Served) -> None:
    app = served()
    for peer in ("127.0.0.1", HOME):
        found = [await _ask(app, peer, f"198.51.100.{number}") for number in range(6)]
        assert found == [401] * 5 + [429], "an address for each call is no way around the limit"


async def test_behind_a_trusted_proxy_each_client_counts_for_itself(served: Served) -> None:
    app = served(TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.1")
    for peer in ("10.1.2.3", "192.0.2.1"):
        assert [await _ask(app, peer, f"{peer[:2]}.51.100.{number}") for number in range(8)] == [401] * 8
    # Of what the client put there itself only what the proxy added counts.
    found = [await _ask(app, "10.1.2.3", f"198.51.100.{number}, {HOME}, 192.0.2.1") for number in range(6)]
    assert found == [401] * 5 + [429]


async def test_the_reference_tells_of_the_limit(lite: Caller) -> None:
    document = (await lite.http.get("/openapi.json")).json()
    for path in ("/metrics", *(path for path in document["paths"] if path.startswith("/api/v1/"))):
        for operation in document["paths"][path].values():
            assert "Retry-After" in operation["responses"]["429"]["headers"], path
