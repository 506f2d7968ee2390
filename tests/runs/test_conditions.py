"""Conditions on events, lists and other workflows, where they let somebody in, lead the way and end a run."""

from __future__ import annotations

from typing import Any

from domain.base import Json
from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, gap, task
from tests.runs.walking import entered, steps, walked

LONG = [gap(days=9)]


def filter_on(where: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"triggers": [{"id": "t1", "on": "filter", "where": where, **more}]}


def branch(where: dict[str, Any]) -> dict[str, Any]:
    ways: dict[str, Any] = {"branches": [{"id": "yes", "where": where, "steps": [task("held", "Held")]}]}
    return {"id": "check", "kind": "branch", **ways, "otherwise": [task("not_held", "Not held")]}


async def happens(ft: Running, record_id: str, event: str, object: str = "contact", **properties: Json) -> None:
    body: Json = {"event": event, "record": {"object": object, "id": record_id}, "properties": properties}
    await ft.call("POST", "/events", body, expect=202)


async def test_a_filter_on_events_fires_with_the_event_that_completes_the_count(ft: Running) -> None:
    paid: dict[str, Any] = {"event": "order.paid", "count": {"at_least": 2}, "within": {"days": 3},
                            "where": {"event_property": "amount", "op": "gte", "value": 100}}  # fmt: skip
    await ft.publish(by_hand("buyers", LONG, entry=filter_on(paid)))
    contact, other = [await ft.create("contact", external_id=name) for name in "ab"]
    await happens(ft, contact, "order.paid", amount=100)
    await happens(ft, contact, "order.paid", amount=99)
    await happens(ft, other, "order.paid", amount=500)
    await ft.settled()
    assert await ft.enrollments("buyers") == []
    await happens(ft, contact, "order.paid", amount=200)
    (enrollment,) = await entered(ft, "buyers")
    assert enrollment["record"]["id"] == contact
    await happens(ft, contact, "order.paid", amount=300)
    await ft.settled()
    assert await ft.decisions("buyers") == ["enrolled"]  # It held already: no new edge.


async def test_an_event_of_an_associated_record_lets_in_and_ends(ft: Running) -> None:
    booked = {"event": "meeting.booked", "of": {"object": "opportunity"}}
    missed = {"event": "meeting.no_show", "of": {"object": "opportunity"}}
    await ft.publish(by_hand("booked", LONG, entry=filter_on(booked), exit={"when": missed}))
    contact, deal = await ft.create("contact", external_id="a"), await ft.create("opportunity", external_id="d")
    await ft.associate("contact", contact, "opportunity", deal)
    await ft.settled()  # Else the association lets in once the event is there, and all events came after it.
    await happens(ft, deal, "meeting.no_show", "opportunity")
    await happens(ft, deal, "meeting.booked", "opportunity")
    (enrollment,) = await entered(ft, "booked")
    await ft.settled()
    assert [e["status"] for e in await ft.enrollments("booked")] == ["active"]  # What came before the entry is over.
    await happens(ft, deal, "meeting.no_show", "opportunity")
    assert (await ft.ended(enrollment["id"]))["end_reason"] == "exit_condition"


async def test_a_branch_counts_what_came_since_the_entry_or_ever(ft: Running) -> None:
    contact = await ft.create("contact", external_id="a")
    await happens(ft, contact, "form.submitted", form="demo")
    form = {"event": "form.submitted", "where": {"event_property": "form", "op": "is", "value": "demo"}}
    await ft.publish(by_hand("since", [branch(form)]))
    await ft.publish(by_hand("ever", [branch({**form, "scope": "ever"})]))
    assert "not_held" in await steps(ft, await walked(ft, "since", "contact", contact))
    assert "held" in await steps(ft, await walked(ft, "ever", "contact", contact))


async def test_joining_a_list_lets_in_and_a_member_is_suppressed(ft: Running) -> None:
    for slug in ("vip", "blocked"):
        await ft.call("POST", "/lists", {"slug": slug, "name": slug, "object": "contact"}, expect=201)
    guest, barred = [await ft.create("contact", external_id=name) for name in "ab"]
    entry = {**filter_on({"list": "vip", "op": "member"}), "suppress": {"list": "blocked", "op": "member"}}
    await ft.publish(by_hand("guests", LONG, entry=entry))
    await ft.call("PUT", f"/lists/blocked/members/{barred}")
    for record_id in (barred, guest):
        await ft.call("PUT", f"/lists/vip/members/{record_id}")
    (enrollment,) = await entered(ft, "guests")
    await ft.settled()
    assert enrollment["record"]["id"] == guest
    assert sorted(await ft.decisions("guests")) == ["enrolled", "suppressed"]
    await ft.call("PUT", f"/lists/blocked/members/{guest}")
    assert (await ft.ended(enrollment["id"]))["end_reason"] == "suppressed"


async def test_going_through_one_workflow_lets_into_the_next(ft: Running) -> None:
    await ft.publish(by_hand("first", [task("call", "Call")]))
    await ft.publish(by_hand("second", LONG, entry=filter_on({"workflow": "first", "status": "completed"})))
    await ft.publish(by_hand("beside", LONG, entry=filter_on({"workflow": "first", "status": "active"})))
    contact = await ft.create("contact", external_id="a")
    await walked(ft, "first", "contact", contact)
    for slug in ("second", "beside"):
        assert [e["record"]["id"] for e in await entered(ft, slug)] == [contact]


async def test_a_value_of_the_event_that_let_in_leads_the_way(ft: Running) -> None:
    trigger = {"triggers": [{"id": "t1", "on": "event", "event": "form.submitted",
                             "where": {"event_property": "form", "op": "is", "value": "demo"}}]}  # fmt: skip
    city = {"property": "city", "op": "is", "value": {"entry_event": "city"}}
    await ft.publish(by_hand("cities", [branch(city)], entry=trigger))
    contact = await ft.create("contact", external_id="a", city="Oslo")
    await happens(ft, contact, "form.submitted", form="other", city="Bergen")
    await happens(ft, contact, "form.submitted", form="demo", city="Oslo")
    (enrollment,) = await entered(ft, "cities")
    await ft.ended(enrollment["id"])
    assert "held" in await steps(ft, enrollment)
