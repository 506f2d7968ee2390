"""What the queues of the channels promise: a limit for all workers together, and what somebody waits for goes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

import worker
from domain.names import QUEUE_EMAIL
from gateways.mail import open_mail
from gateways.temporal import connect
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink
from tests.fixtures.temporal import own_server
from tests.runs.definitions import by_hand, email

__all__ = ["smtp_sink"]

PER_SECOND = 5.0
MANY = 30
ASKED = {"ana@example.com", "bo@example.com", "cy@example.com"}
BURST = 2 * PER_SECOND
"""What the server may give out at once beyond the limit: a second's worth, and what rounding up adds."""

ONE_PARTITION = [
    argument
    for kind in ("Read", "Write")
    for argument in ("--dynamic-config-value", f"matching.numTaskqueue{kind}Partitions=1")
]
"""The server keeps several queues behind one name and asks them in no order; with one of them the order is exact."""


@pytest.fixture
async def ft(
    request: pytest.FixtureRequest, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """An installation on a Temporal server of this test alone, as a limit stays with the server; nobody works yet."""
    arguments: list[str] = getattr(request, "param", [])
    async with (
        own_server(*arguments) as env,
        running(env, app_url, tmp_path, work=False) as found,
    ):
        found.inst = replace(found.inst, mail=open_mail(smtp_sink.url, tmp_path))
        yield found


@asynccontextmanager
async def working(ft: Running, *roles: worker.Role, per_second: float | None = None) -> AsyncIterator[None]:
    """Workers of these roles side by side, each with a connection of its own as processes have."""
    stop = asyncio.Event()
    address = ft.temporal.service_client.config.target_host
    clients = [await connect(address, ft.temporal.namespace, ft.temporal.data_converter) for _ in roles]
    limits = {} if per_second is None else {QUEUE_EMAIL: per_second}
    work = [
        asyncio.create_task(worker.serve(ft.inst, client, role, stop, history_days=730, per_second=limits))
        for client, role in zip(clients, roles, strict=True)
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*work)


async def enrolled(ft: Running, slug: str, address: str) -> Any:
    contact = await ft.create("contact", email=address, first_name="Ana", marketing_status="marketing")
    states = {"newsletter": "subscribed"}
    await ft.call("PUT", f"/records/contact/{contact}/subscriptions", {"subscriptions": states})
    return await ft.enroll(slug, "contact", contact)


async def handed_out(ft: Running, taken: Any) -> None:
    """Wait until the email of an enrollment is in its queue."""
    found = await ft.call("GET", f"/enrollments/{taken['enrollment_id']}")

    async def is_scheduled() -> bool:
        return "ACTIVITY_TASK_SCHEDULED" in await ft.events(found)

    await ft.until(is_scheduled, "the email waits in its queue")


async def begun_at(ft: Running, taken: Any) -> float:
    """When the server gave the email of an enrollment out, by its own clock."""
    over = await ft.ended(taken["enrollment_id"])
    history = await ft.run(over).fetch_history()
    started = [e for e in history.events if e.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED]
    assert len(started) == 1
    return float(started[0].event_time.ToMicroseconds() / 1e6)


async def test_two_workers_together_keep_the_limit_of_their_queue(ft: Running, smtp_sink: SmtpSink) -> None:
    await ft.publish(by_hand("asked", [email("hello", "Hello")]))
    contacts = [await ft.create("contact", email=f"c{n}@example.com", first_name="Ana") for n in range(MANY)]
    async with working(ft, "runs", "relay", "email", "email", per_second=PER_SECOND):
        taken = [await ft.enroll("asked", "contact", contact) for contact in contacts]
        left = sorted([await begun_at(ft, each) for each in taken])
    assert len(smtp_sink.received) == MANY
    # Every stretch of the way keeps it, not only the whole: no two workers may have a limit each.
    for first in range(MANY):
        for last in range(first + 1, MANY):
            took = left[last] - left[first]
            assert last - first <= BURST + took * PER_SECOND, f"{last - first + 1} within {took:.2f} s"
    assert left[-1] - left[0] >= (MANY - 1 - BURST) / PER_SECOND


@pytest.mark.parametrize("ft", [ONE_PARTITION], indirect=True)
async def test_what_somebody_waits_for_overtakes_the_marketing_that_was_there_before(
    ft: Running, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ft.call("POST", "/subscription-types", {"slug": "newsletter", "name": "Newsletter"})
    news = email("hello", "News")
    news["config"] |= {"transactional": False, "subscription": "newsletter"}
    await ft.publish(by_hand("news", [news]))
    await ft.publish(by_hand("asked", [email("hello", "Your code")]))
    async with working(ft, "runs", "relay"):
        taken = [await enrolled(ft, "news", f"c{n}@example.com") for n in range(MANY)]
        for each in taken:
            await handed_out(ft, each)
        asked = [await enrolled(ft, "asked", address) for address in sorted(ASKED)]
        for each in asked:
            await handed_out(ft, each)
        monkeypatch.setattr(worker, "AT_ONCE", 1)
        async with working(ft, "email"):
            for each in (*taken, *asked):
                await ft.ended(each["enrollment_id"])
    order = [mail.recipients[0] for mail in smtp_sink.received]
    assert len(order) == MANY + len(ASKED)
    # One may have been under way to the worker before.
    assert set(order[: len(ASKED) + 1]) >= ASKED, order
