"""Whom an event lets in, judged without a Temporal server: as of its instant, once, and those around its record."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from domain.records import Cause
from services.installation import Installation
from services.intake.events import Happened, Whose, send_event
from services.records.associating import Link
from store.tables import enrollments, entry_decisions
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk


class Sender(Desk):
    """A desk that events are sent from."""

    async def send(self, record_id: str, name: str = "form.submitted", object: str = "contact", **carried: Any) -> str:
        async with self.inst.db.transaction() as tx:
            happened = Happened(name=name, properties=carried)
            made = await send_event(tx, await self.write(tx), Whose(object=object, id=record_id), happened)
        return made.event.id

    async def entered(self) -> list[tuple[str, str | None, str, str | None]]:
        """Record, event and cause of every enrollment, oldest first."""
        async with self.inst.db.read() as read:
            rows = await read.all(select(enrollments).order_by(enrollments.c.id))
        return [(row["record_id"], row["entry_event_id"], row["cause_kind"], row["trigger"]) for row in rows]


@pytest.fixture
def desk(installation: Installation) -> Sender:
    return Sender(installation)


def on_event(slug: str, event: str = "form.submitted", **more: Any) -> dict[str, Any]:
    trigger = {"id": "t1", "on": "event", "event": event, **more}
    return by_hand(slug, [gap(days=1)], entry={"triggers": [trigger]})


async def test_an_event_lets_its_record_in_and_only_who_waited_for_that_name(desk: Sender) -> None:
    await desk.publish(on_event("forms"))
    await desk.publish(on_event("orders", "order.paid"))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.patch(contact, city="Oslo")
    event = await desk.send(contact, form="webinar")
    await desk.work_off()
    assert await desk.entered() == [(contact, event, "event", "t1")]
    assert await desk.decisions() == {"enrolled": 1}


async def test_an_event_is_judged_on_the_record_as_it_was_when_it_happened(desk: Sender) -> None:
    norwegian = {"property": "country", "op": "is", "value": "NO"}
    await desk.publish(on_event("forms", where=norwegian))
    was = await desk.create("contact", email="ana@example.com", country="NO")
    became = await desk.create("contact", email="ben@example.com", country="DE")
    event = await desk.send(was)
    await desk.send(became)
    await desk.patch(was, country="DE")
    await desk.patch(became, country="NO")
    await desk.work_off()
    assert [(record, of) for record, of, _, _ in await desk.entered()] == [(was, event)]


async def test_an_event_is_refined_by_what_it_carries_together_with_its_record(desk: Sender) -> None:
    webinar = {"event_property": "form", "op": "is", "value": "webinar"}
    norwegian = {"property": "country", "op": "is", "value": "NO"}
    await desk.publish(on_event("forms", where={"all": [webinar, norwegian]}))
    ana = await desk.create("contact", email="ana@example.com", country="NO")
    ben = await desk.create("contact", email="ben@example.com", country="DE")
    await desk.send(ana, form="demo")
    await desk.send(ana)
    await desk.send(ben, form="webinar")
    event = await desk.send(ana, form="webinar")
    await desk.work_off()
    assert [(record, of) for record, of, _, _ in await desk.entered()] == [(ana, event)]
    async with desk.inst.db.read() as read:
        (decision,) = await read.all(select(entry_decisions.c.seen))
    assert [each["value"] for each in decision["seen"]] == ["webinar", "NO"]


async def test_an_event_of_an_associated_record_lets_those_around_it_in(desk: Sender) -> None:
    await desk.publish(on_event("paid", "order.paid", of={"object": "opportunity", "label": "buyer"}))
    buyers = [await desk.create("contact", external_id=f"c{n}") for n in range(3)]
    links = tuple(Link(object="contact", id=b, label="buyer" if b != buyers[1] else None) for b in buyers)
    deal = await desk.create("opportunity", links, name="Deal", stage="Engaging")
    await desk.send(buyers[0], "order.paid")
    event = await desk.send(deal, "order.paid", "opportunity")
    await desk.work_off()
    found = [(record, of) for record, of, _, _ in await desk.entered()]
    assert sorted(found) == sorted([(buyers[0], event), (buyers[2], event)])


async def test_one_event_lets_a_record_in_once_however_many_triggers_it_fires(desk: Sender) -> None:
    triggers = [{"id": f"t{n}", "on": "event", "event": "form.submitted"} for n in (1, 2)]
    again = {"allowed": True, "triggers": ["t1", "t2"]}
    await desk.publish(by_hand("forms", [gap(days=1)], entry={"triggers": triggers, "re_entry": again}))
    contact = await desk.create("contact", email="ana@example.com")
    await desk.send(contact)
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1, "duplicate_event": 1}
    await desk.send(contact)
    await desk.work_off()
    assert await desk.decisions() == {"enrolled": 1, "duplicate_event": 1, "absorbed_update": 2}


async def test_a_workflow_that_sends_events_to_itself_is_named_as_the_cause(desk: Sender) -> None:
    await desk.publish(on_event("forms"))
    contact = await desk.create("contact", email="ana@example.com")
    async with desk.inst.db.transaction() as tx:
        write = await desk.write(tx)
        chained = write.__class__(**{**vars(write), "cause": Cause(kind="enrollment", id="e1", depth=21)})
        await send_event(tx, chained, Whose(object="contact", id=contact), Happened(name="form.submitted"))
    await desk.work_off()
    assert await desk.decisions() == {"loop_stopped": 1}
    async with desk.inst.db.read() as read:
        causes = Counter([row["cause_kind"] for row in await read.all(select(entry_decisions.c.cause_kind))])
    assert causes == {"enrollment": 1}
