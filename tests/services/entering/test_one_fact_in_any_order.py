"""One fact lets a record in once, in whatever order relays judge what was written, and whatever commits late."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from domain.records import Change
from services.installation import Installation
from services.intake.events import Happened, Whose, send_event
from services.records.records import update_record
from services.relaying.judgement import judge_page
from store.changes import change_of
from store.intake import IS_OPEN, finish_changes
from store.tables import changes
from tests.services.desk import Desk
from tests.services.entering.test_one_fact import IN_OSLO, VALUABLE, filtered

ASKED = {"event": "form.submitted", "scope": "ever"}
TWICE = {"event": "form.submitted", "count": {"at_least": 2}, "scope": "ever"}
ASKED_IN_OSLO = {"all": [{"property": "city", "op": "is", "value": "Oslo"}, ASKED]}
ROUNDS = 12

Told = tuple[list[str], int]
"""Whom something was written about, and how often each is to be taken up."""


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def waiting(desk: Desk) -> list[Change]:
    async with desk.inst.db.read() as read:
        rows = await read.all(select(changes).where(IS_OPEN).order_by(changes.c.seq))
    return [change_of(row) for row in rows]


def shuffled(found: list[Change], rng: random.Random) -> list[Change]:
    """An order in which relays may judge them: any, but that of commits for each record."""
    names = [change.record_id for change in found]
    rng.shuffle(names)
    left = {name: [change for change in found if change.record_id == name] for name in names}
    return [left[name].pop(0) for name in names]


async def judge(desk: Desk, change: Change) -> None:
    now = desk.inst.clock.now()
    cursor = change.cursor
    while True:
        async with desk.inst.db.transaction() as tx:
            cursor = await judge_page(tx, change.model_copy(update={"cursor": cursor}), now=now)
            if cursor is None:
                await finish_changes(tx, [change.seq], now)
                return


async def taken_up(desk: Desk, record_id: str) -> int:
    rows = [row for row in await desk.decision_rows() if row["record_id"] == record_id]
    return sum(row["decision"] in ("enrolled", "absorbed_update") for row in rows)


async def send(desk: Desk, contact: str) -> None:
    async with desk.inst.db.transaction() as tx:
        whose = Whose(object="contact", id=contact)
        await send_event(tx, await desk.write(tx), whose, Happened(name="form.submitted"))


async def a_link_and_a_value(desk: Desk, n: str) -> Told:
    contact = await desk.create("contact", email=f"{n}@example.com")
    deal = await desk.create("opportunity", name="Deal")
    await desk.associate(contact, deal)
    await desk.patch(deal, close_value=5000)
    return [contact], 1


async def two_deals(desk: Desk, n: str) -> Told:
    contact = await desk.create("contact", email=f"{n}@example.com")
    for name in ("One", "Two"):
        deal = await desk.create("opportunity", name=name)
        await desk.associate(contact, deal)
        await desk.patch(deal, close_value=5000)
    return [contact], 2


async def a_company_and_a_link(desk: Desk, n: str) -> Told:
    contact = await desk.create("contact", email=f"{n}@example.com")
    company = await desk.create("company", name="Acme", domain=f"{n}.example", city="Oslo")
    await desk.associate(contact, company)
    return [contact], 1


async def two_links_and_a_move(desk: Desk, n: str) -> Told:
    contacts = [await desk.create("contact", email=f"{n}{who}@example.com") for who in "ab"]
    company = await desk.create("company", name="Acme", domain=f"{n}.example")
    for contact in contacts:
        await desk.associate(contact, company)
    await desk.patch(company, city="Oslo")
    return contacts, 1


CASES = {
    "link_value": (a_link_and_a_value, VALUABLE, "opportunity"),
    "two_deals": (two_deals, VALUABLE, "opportunity"),
    "company_link": (a_company_and_a_link, IN_OSLO, "contact"),
    "links_move": (two_links_and_a_move, IN_OSLO, "contact"),
}


@pytest.mark.parametrize("case", CASES)
async def test_whichever_is_judged_first_each_fact_counts_once(desk: Desk, case: str) -> None:
    write: Callable[[Desk, str], Awaitable[Told]]
    write, where, object = CASES[case]
    await desk.publish(filtered(where, object=object))
    for n in range(ROUNDS):
        whom, wanted = await write(desk, f"n{n}")
        order = shuffled(await waiting(desk), random.Random(n))
        for change in order:
            await judge(desk, change)
        told = [(change.kind, change.object) for change in order]
        assert [await taken_up(desk, each) for each in whom] == [wanted] * len(whom), told


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("steps", ["create send", "patch send", "send patch", "send send"])
async def test_an_event_and_what_its_record_is_come_true_together_once(desk: Desk, steps: str, at_once: bool) -> None:
    where: dict[str, Any] = ASKED_IN_OSLO if "patch" in steps else (TWICE if steps == "send send" else ASKED)
    await desk.publish(filtered(where))
    contact = await desk.create("contact", email="ana@example.com")
    if at_once and "create" not in steps:
        await desk.work_off()
    for step in steps.split():
        if step == "patch":
            await desk.patch(contact, city="Oslo")
        elif step == "send":
            await send(desk, contact)
        if not at_once:
            await desk.work_off()
    await desk.work_off()
    assert await taken_up(desk, contact) == 1


# SQLite has one writer: there the order of changes is that of commits.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_what_commits_behind_a_later_change_was_seen_by_nobody(desk: Desk) -> None:
    await desk.publish(filtered(IN_OSLO))
    contact = await desk.create("contact", email="ana@example.com")
    slow = await desk.create("company", name="Slow", domain="slow.example")
    quick = await desk.create("company", name="Quick", domain="quick.example", city="Oslo")
    await desk.associate(contact, slow)
    await desk.work_off()
    written, commit = asyncio.Event(), asyncio.Event()

    async def move_slowly() -> None:
        async with desk.inst.db.transaction() as tx:
            await update_record(tx, await desk.write(tx), slow, {"city": "Oslo"})
            written.set()
            await commit.wait()

    moving = asyncio.create_task(move_slowly())
    await written.wait()
    await desk.associate(contact, quick)
    await desk.work_off()
    await desk.dissociate(contact, quick)
    await desk.work_off()
    assert await taken_up(desk, contact) == 1
    commit.set()
    await moving
    await desk.work_off()
    assert await taken_up(desk, contact) == 2
