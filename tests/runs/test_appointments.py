"""A type of object somebody made binds like an opportunity: appointments of one contact, each in a run of its own."""

from __future__ import annotations

from typing import Any

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, gap, task
from tests.runs.walking import entered

BOOKED = {
    "id": "t1",
    "on": "filter",
    "object": "appointment",
    "where": {"property": "place", "op": "known"},
}


async def test_each_appointment_of_a_contact_runs_alone_and_shows_its_own_latest_values(ft_both: Running) -> None:
    ft = ft_both
    properties = [
        {"name": "number", "type": "string", "label": "Number", "unique": True},
        {"name": "place", "type": "string", "label": "Place"},
    ]
    await ft.call("POST", "/objects", {"name": "appointment", "properties": properties}, expect=201)
    steps = [gap(days=9), task("meet", "Meet in {{ appointment.place }}")]
    await ft.publish(by_hand("booked", steps, allow_multiple_opportunities=False, entry={"triggers": [BOOKED]}))
    contact = await ft.create("contact", external_id="a")
    made = []
    for n in range(2):
        values = {"number": str(n), "place": "Oslo"}
        body: dict[str, Any] = {"properties": values, "associations": [{"object": "contact", "id": contact}]}
        made.append((await ft.call("POST", "/records/appointment", body))["id"])
    ids = {e["bound"]["id"]: e["id"] for e in await entered(ft, "booked", 2)}
    await ft.patch("appointment", made[0], place="Bergen")
    for enrollment_id in ids.values():
        await ft.call("POST", f"/enrollments/{enrollment_id}/skip-wait")
        await ft.ended(enrollment_id)
    shown = (await ft.call("GET", "/tasks?workflow=booked"))["items"]
    titles = {task["enrollment_id"]: task["title"] for task in shown}
    assert titles == {ids[made[0]]: "Meet in Bergen", ids[made[1]]: "Meet in Oslo"}
