"""What failed and what does not go on: counted by step and class, opened to the enrollments, and done again in bulk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from temporalio.testing import WorkflowEnvironment

from gateways.mail import open_mail
from store import tables
from tests.fixtures.running import Running, running
from tests.fixtures.smtp_sink import AtData, SmtpSink, smtp_sink
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.walking import walked, way

__all__ = ["smtp_sink"]

REFUSED = "550 5.7.1 not from you"


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    """An installation that sends through a real mail server."""
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        found.inst = replace(found.inst, mail=open_mail(smtp_sink.url, tmp_path))
        await found.start_worker()
        yield found


async def counted(ft: Running, query: str = "") -> dict[tuple[str | None, str], int]:
    items = (await ft.call("GET", f"/trouble?workflow=welcome{query}"))["items"]
    return {(each["step"], each["class"]): each["count"] for each in items}


async def listed(ft: Running, query: str = "") -> list[Any]:
    """All that is listed, a page of two at a time."""
    found: list[Any] = []
    cursor = ""
    while True:
        page = await ft.call("GET", f"/trouble/enrollments?workflow=welcome&limit=2{query}{cursor}")
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def failed(ft: Running, sink: SmtpSink, count: int, *steps: dict[str, Any]) -> list[Any]:
    """Enrollments whose first step was refused for good; the server takes everything again."""
    await ft.publish(by_hand("welcome", [email("hello", "Hello"), *steps]))
    over = []
    for n in range(count):
        sink.refusals[f"c{n}@example.com"] = REFUSED
        over.append(await walked(ft, "welcome", "contact", await ft.create("contact", email=f"c{n}@example.com")))
    sink.refusals.clear()
    return over


async def test_what_failed_is_listed_by_step_and_class_until_it_is_retried(ft: Running, smtp_sink: SmtpSink) -> None:
    over = await failed(ft, smtp_sink, 3, task("call", "Call"))
    assert await counted(ft) == {("hello", "rejected"): 3}
    (group,) = (await ft.call("GET", "/trouble"))["items"]
    assert (group["workflow"], group["stuck"], group["words"]) == (
        "welcome",
        False,
        "refused for good by the other side",
    )
    items = await listed(ft, "&class=rejected&step=hello")
    assert [each["enrollment"]["id"] for each in items] == [each["id"] for each in reversed(over)]
    assert all("550" in each["detail"] for each in items)
    assert await listed(ft, "&class=gave_up") == []

    await ft.call("POST", f"/enrollments/{over[0]['id']}/retry", {})
    assert await counted(ft) == {("hello", "rejected"): 2}
    assert (await ft.call("GET", "/trouble?workflow=nobody", expect=404))["status"] == 404
    await ft.call("GET", "/trouble/enrollments?cursor=azpub25l", expect=422)


async def test_who_does_not_go_on_is_listed(ft: Running, smtp_sink: SmtpSink) -> None:
    await ft.publish(by_hand("welcome", [email("hello", "Hello"), gap(days=1)]))

    async def enters(address: str) -> str:
        return str((await ft.enroll("welcome", "contact", await ft.create("contact", email=address)))["enrollment_id"])

    sleeping = await enters("sleeping@example.com")
    await ft.sleeps_at(sleeping, "gap")
    smtp_sink.at_data = AtData.HANG_UP_AFTER
    asked = await enters("asked@example.com")

    async def is_asked() -> bool:
        return ("hello", "undecided") in await counted(ft)

    await ft.until(is_asked, "somebody is asked")
    smtp_sink.at_data = AtData.TAKE
    smtp_sink.refusals["later@example.com"] = "451 try later"
    stuck = await enters("later@example.com")

    async def is_stuck() -> bool:
        return bool((await ft.call("GET", "/effects?state=retry"))["items"])

    await ft.until(is_stuck, "it is tried again")
    assert await counted(ft) == {("hello", "undecided"): 1}
    async with ft.inst.db.transaction() as tx:
        earlier = ft.inst.clock.now() - timedelta(hours=2)
        await tx.run(update(tables.effects).values(created_at=earlier))
        mine = tables.enrollments.c.id == sleeping
        await tx.run(update(tables.enrollments).where(mine).values(wakes_at=earlier))
    assert await counted(ft) == {("gap", "overdue"): 1, ("hello", "retrying"): 1, ("hello", "undecided"): 1}
    assert await counted(ft, "&minutes=180") == {("hello", "undecided"): 1}
    ids = {each["class"]: each["enrollment"]["id"] for each in await listed(ft)}
    assert ids == {"overdue": sleeping, "retrying": stuck, "undecided": asked}
    # Attempts that end before they can write down what they came to.
    async with ft.inst.db.transaction() as tx:
        waits = tables.effects.c.state == "retry"
        await tx.run(update(tables.effects).where(waits).values(state="handed_over"))
    assert ("hello", "retrying") in await counted(ft)
    await ft.call("POST", "/workflows/welcome/pause", {})
    assert ("gap", "overdue") not in await counted(ft)


async def test_what_may_have_arrived_is_sent_again_only_where_somebody_says_so(
    ft: Running, smtp_sink: SmtpSink
) -> None:
    hello, bye = email("hello", "Hello"), email("bye", "Bye")
    hello["config"]["on_unknown"] = bye["config"]["on_unknown"] = "leave"
    await ft.publish(by_hand("welcome", [hello, gap(days=1), bye, email("last", "Last")]))

    async def lost_and_refused(address: str) -> Any:
        smtp_sink.at_data = AtData.HANG_UP_AFTER
        taken = (await ft.enroll("welcome", "contact", await ft.create("contact", email=address)))["enrollment_id"]
        await ft.sleeps_at(taken, "gap")
        smtp_sink.at_data = AtData.TAKE
        smtp_sink.refusals[address] = REFUSED
        await ft.call("POST", f"/enrollments/{taken}/skip-wait", {})
        over = await ft.ended(taken)
        smtp_sink.refusals.clear()
        assert [reason for _, _, reason in await way(ft, over)] == ["unknown", "by_hand", "rejected", "rejected"]
        return over

    over = await lost_and_refused("ana@example.com")
    assert (await ft.call("POST", "/workflows/welcome/retry", {"dry_run": True}))["steps"] == {"bye": 1}
    assert (await retried(ft))["counts"] == {"enrolled": 1}
    again = await ft.ended((await ft.call("GET", f"/enrollments/{over['id']}"))["retried_as"])
    assert await way(ft, again) == [("bye", "done", None), ("last", "done", None)]
    assert len(smtp_sink.received) == 3
    smtp_sink.received.clear()

    over = await lost_and_refused("bea@example.com")
    made = await ft.call("POST", f"/enrollments/{over['id']}/retry", {})
    assert [outcome for _, outcome, _ in await way(ft, await ft.ended(made["enrollment_id"]))] == [
        "done", "skipped", "done", "done",
    ]  # fmt: skip
    assert len(smtp_sink.received) == 4


async def retried(ft: Running, **body: Any) -> Any:
    job = await ft.call("POST", "/workflows/welcome/retry", body, expect=202)

    async def is_over() -> bool:
        return bool((await ft.call("GET", f"/jobs/{job['id']}"))["status"] == "done")

    await ft.until(is_over, "the job is done")
    return await ft.call("GET", f"/jobs/{job['id']}")


async def test_many_begin_again_by_one_order_and_nobody_twice(ft: Running, smtp_sink: SmtpSink) -> None:
    over = await failed(ft, smtp_sink, 5, task("call", "Call"))
    deleted, named, *others = over
    await ft.call("DELETE", f"/records/contact/{deleted['record']['id']}")
    preview = await ft.call("POST", "/workflows/welcome/retry", {"dry_run": True}, expect=200)
    assert preview == {"total": 5, "steps": {"hello": 5}}
    assert (await retried(ft, step="call"))["counts"] == {}
    assert (await retried(ft, **{"class": "unknown"}))["counts"] == {}
    first = await retried(ft, ids=[named["id"]])
    assert (first["counts"], first["total"], first["done"]) == ({"enrolled": 1}, 1, 1)
    done = await retried(ft, step="hello", **{"class": "rejected"})
    assert (done["counts"], done["total"]) == ({"enrolled": 3, "no_record": 1}, 4)
    for each in (named, *others):
        made = (await ft.call("GET", f"/enrollments/{each['id']}"))["retried_as"]
        again = await ft.ended(made)
        assert await way(ft, again) == [("hello", "done", None), ("call", "skipped", "already_done")]
    assert len(smtp_sink.received) == 4
    assert (await retried(ft))["counts"] == {"no_record": 1}
    decisions = (await ft.call("GET", f"{done['decisions'].removeprefix('/api/v1')}"))["items"]
    assert sorted(each["decision"] for each in decisions) == ["enrolled", "enrolled", "enrolled", "no_record"]
    assert len(await ft.enrollments("welcome")) == 9
