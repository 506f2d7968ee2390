"""A change of stage as an event: it lets in, lets waits go on, and is counted."""

from __future__ import annotations

from typing import Any

from tests.fixtures.running import Running
from tests.runs.definitions import gap, task
from tests.runs.walking import entered


def about_tickets(slug: str, steps: list[dict[str, Any]], **parts: Any) -> dict[str, Any]:
    return {"slug": slug, "name": slug, "object": "ticket", "type": "standard", "steps": steps, **parts}


def moved_to(stage: str, **more: Any) -> dict[str, Any]:
    where = {"event_property": "to", "op": "is", "value": stage}
    return {"event": "stage.changed", "where": where, **more}


async def test_a_change_of_stage_lets_in_once_and_says_where_from(ft_both: Running) -> None:
    ft = ft_both
    steps = [task("call", "Was {{ event.from }}, is {{ event.to }} of {{ event.pipeline }}: {{ ticket.stage }}")]
    trigger = {"id": "t1", "on": "event", **moved_to("Waiting on us")}
    await ft.publish(about_tickets("answering", [*steps, gap(days=9)], entry={"triggers": [trigger]}))
    ticket = await ft.create("ticket", subject="It does not print", stage="Waiting on us")
    await ft.patch("ticket", ticket, subject="It does not print at all")
    await ft.patch("ticket", ticket, stage="Waiting on contact")
    await ft.settled()
    assert await ft.decisions("answering") == []
    await ft.patch("ticket", ticket, stage="Waiting on us")
    (enrollment,) = await entered(ft, "answering")
    await ft.stands_at(enrollment["id"], "gap")
    assert [each["title"] for each in (await ft.call("GET", "/tasks?workflow=answering"))["items"]] == [
        "Was Waiting on contact, is Waiting on us of default: Waiting on us"
    ]
    await ft.settled()
    assert await ft.decisions("answering") == ["enrolled"]


async def test_a_contact_enters_and_waits_by_the_stages_of_a_ticket(ft: Running) -> None:
    of = {"object": "ticket"}
    closed = {"id": "closed", "kind": "wait", "for_event": moved_to("Closed", of=of), "timeout": {"days": 30}}
    steps = [{**closed, "matched": [task("ask", "Ask how it was")], "timed_out": []}]
    definition = about_tickets(
        "asking", steps, entry={"triggers": [{"id": "t1", "on": "event", **moved_to("New", of=of)}]}
    )
    await ft.publish({**definition, "object": "contact"})
    contact = await ft.create("contact", email="ana@example.com")
    ticket = await ft.create("ticket", subject="It does not print", stage="Waiting on us")
    await ft.associate("ticket", ticket, "contact", contact)
    await ft.patch("ticket", ticket, stage="New")
    (enrollment,) = await entered(ft, "asking")
    assert enrollment["record"]["id"] == contact
    await ft.stands_at(enrollment["id"], "closed")
    await ft.patch("ticket", ticket, stage="Waiting on us")
    await ft.patch("ticket", ticket, stage="Closed")
    await ft.ended(enrollment["id"])
    assert [each["title"] for each in (await ft.call("GET", "/tasks?workflow=asking"))["items"]] == ["Ask how it was"]


async def test_what_a_workflow_moves_is_told_as_well_and_counted(ft: Running) -> None:
    def move(id: str, stage: str) -> dict[str, Any]:
        return {"id": id, "kind": "action", "action": "set_property", "config": {"property": "stage", "value": stage}}

    often = {"event": "stage.changed", "count": {"at_least": 2}, "scope": "ever"}
    check = {
        "id": "check",
        "kind": "branch",
        "branches": [{"id": "often", "where": often, "steps": [task("look", "Look why it comes back")]}],
    }
    await ft.publish(about_tickets("moving", [move("a", "Closed"), move("b", "New"), check]))
    ticket = await ft.create("ticket", subject="It does not print", stage="New")
    enrollment = await ft.enroll("moving", "ticket", ticket)
    await ft.ended(enrollment["enrollment_id"])
    titles = [each["title"] for each in (await ft.call("GET", "/tasks?workflow=moving"))["items"]]
    assert titles == ["Look why it comes back"]
    told = (await ft.call("GET", f"/events?record={ticket}"))["items"]
    assert [(each["properties"]["from"], each["properties"]["to"]) for each in reversed(told)] == [
        ("New", "Closed"), ("Closed", "New"),
    ]  # fmt: skip
