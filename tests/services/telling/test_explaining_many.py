"""An explanation about many bound records asks its questions once, looks at so much and says what it left out."""

from __future__ import annotations

from typing import Any

import pytest

import services.telling.trigger_standing
from domain.records import Cause
from services.entering.enrolling import EnrollRequest, enroll
from services.installation import Installation
from services.intake.events import Happened, record_event
from services.records.associating import Link
from services.telling.explaining import Asked, explain
from services.telling.explanations import Explanation
from services.workflow_views import find
from store.associations import associated_ids
from tests.fixtures.statements import counting
from tests.runs.definitions import by_hand, engaging, gap, of_opportunity
from tests.services.desk import Desk


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def explained(desk: Desk, slug: str, record: str, *, limit: int, bound_id: str | None = None) -> Explanation:
    async with desk.inst.db.read() as read:
        asked = Asked(record_id=record, limit=limit, bound_id=bound_id)
        return await explain(read, await find(read, slug), asked, now=desk.inst.clock.now())


def of_deals(slug: str = "deals", **parts: Any) -> dict[str, Any]:
    """A workflow with several triggers about opportunities, and with conditions that read this and that."""
    won = of_opportunity("stage", "is", "Won")
    city = {"property": "city", "op": "is", "value": "Oslo"}
    entry = {
        "triggers": [
            engaging(),
            {"id": "t2", "on": "created", "object": "opportunity"},
            {"id": "t3", "on": "changed", "object": "opportunity", "property": "stage"},
            {"id": "t4", "on": "filter", "where": city},
            {"id": "t5", "on": "event", "event": "form.submitted", "where": city},
        ],
        "suppress": {"event": "order.paid", "scope": "ever"},
    }
    exit = {"goals": [{"id": "won", "where": won}]}
    parts = {"allow_multiple_opportunities": True, **parts}
    return by_hand(slug, [gap(days=9)], entry=entry, exit=exit, **parts)


async def dealing(desk: Desk, deals: int) -> str:
    contact = await desk.create("contact", city="Rome")
    for n in range(deals):
        await desk.create("opportunity", (Link(object="contact", id=contact),), name=f"Deal {n}", stage="Prospecting")
    return contact


async def submit(desk: Desk, record_id: str, times: int) -> None:
    async with desk.inst.db.transaction() as tx:
        for _ in range(times):
            await record_event(tx, await desk.write(tx), record_id, Happened(name="form.submitted"))


async def test_fifty_bound_records_take_hardly_more_statements_than_one(desk: Desk) -> None:
    await desk.publish(of_deals())
    contact = await dealing(desk, 50)
    await submit(desk, contact, 30)
    sent: dict[int, int] = {}
    for limit in (1, 50):
        await explained(desk, "deals", contact, limit=limit)
        with counting() as statements:
            found = await explained(desk, "deals", contact, limit=limit)
        assert len(found.about) == limit
        sent[limit] = len(statements)
    assert sent[1] <= 20
    assert sent[50] <= sent[1]


async def test_what_is_told_of_many_is_what_is_told_of_each(desk: Desk) -> None:
    for several in (True, False):
        workflow = await desk.publish(of_deals(allow_multiple_opportunities=several, slug=f"deals-{several}".lower()))
        contact = await dealing(desk, 6)
        async with desk.inst.db.read() as read:
            deals = await associated_ids(read, contact, "opportunity")
        await desk.patch(deals[1], stage="Won")
        for bound in (deals[2], deals[3]):
            request = EnrollRequest(workflow_id=workflow, record_id=contact, bound_id=bound, cause=Cause(kind="api"))
            async with desk.inst.db.transaction() as tx:
                await enroll(tx, request, now=desk.inst.clock.now())
            if bound == deals[2]:
                await desk.end_all()
        slug = f"deals-{several}".lower()
        about = (await explained(desk, slug, contact, limit=20)).about
        assert [each.bound and each.bound.id for each in about] == deals
        assert len({each.by_hand.decision for each in about}) == (4 if several else 1)
        for each, deal in zip(about, deals, strict=True):
            assert each == (await explained(desk, slug, contact, limit=20, bound_id=deal)).case


async def test_events_left_out_are_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.telling.trigger_standing, "WHOSE_LOOKED_AT", 2)
    where = {"event_property": "form", "op": "is", "value": "trial"}
    own = {"id": "t1", "on": "event", "event": "form.submitted", "where": where}
    theirs = {**own, "id": "t2", "of": {"object": "opportunity"}}
    await desk.publish(by_hand("forms", [gap(days=9)], entry={"triggers": [own, theirs]}))
    contact = await dealing(desk, 2)
    await submit(desk, contact, 20)
    told = [each.says for each in (await explained(desk, "forms", contact, limit=1)).case.triggers]
    assert told[0].endswith("but not as it asks for")
    assert told[1] == "form.submitted never happened"
    await submit(desk, contact, 1)
    await desk.create("opportunity", (Link(object="contact", id=contact),), name="One more")
    told = [each.says for each in (await explained(desk, "forms", contact, limit=1)).case.triggers]
    assert told[0].endswith("but not as it asks for; only the newest 20 were looked at")
    assert told[1] == "form.submitted never happened; only 2 of the associated opportunity records were asked"
