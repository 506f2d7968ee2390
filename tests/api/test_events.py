"""Events as their senders have them: what is taken, what is the same event, and whose it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.base import utc_text
from store.tables import changes, events
from tests.api.conftest import Caller

ANA = {"object": "contact", "by": {"email": "ana@example.com"}}


def form(**more: Any) -> dict[str, Any]:
    return {"event": "form.submitted", "record": ANA, "properties": {"form": "webinar"}, **more}


async def kept(api: Caller) -> list[Any]:
    """Every event with its change."""
    joined = events.outerjoin(changes, changes.c.event_id == events.c.id)
    async with api.inst.db.read() as read:
        return await read.all(
            select(events, changes.c.kind, changes.c.after, changes.c.seq.label("change_seq"))
            .select_from(joined)
            .order_by(events.c.id)
        )


async def test_an_event_is_kept_with_a_change_that_carries_the_record_as_it_was(api: Caller) -> None:
    contact = await api.create("contact", email="ana@example.com", city="Oslo")
    answer = await api.call("POST", "/events", form(record={"object": "contact", "id": contact["id"]}))
    made = answer.json()
    assert answer.status_code == 202
    assert made["status"] == "accepted"
    assert answer.headers["Location"] == f"/api/v1/events/{made['id']}"
    (row,) = await kept(api)
    assert (row["kind"], row["change_seq"]) == ("event", row["seq"])
    assert row["after"] == contact["properties"]
    shown = await api.ok("GET", f"/events/{made['id']}")
    assert shown == {key: value for key, value in made.items() if key != "status"}
    (item, _) = (await api.ok("GET", f"/records/contact/{contact['id']}/timeline"))["items"]
    assert item["words"] == "event form.submitted"


async def test_a_record_is_named_by_a_unique_property_and_made_only_if_asked(api: Caller) -> None:
    await api.problem("POST", "/events", form(), status=404)
    made = await api.ok("POST", "/events", form(record={**ANA, "create": True}), status=202)
    again = await api.ok("POST", "/events", form(record={**ANA, "create": True}), status=202)
    assert made["record"] == again["record"]
    found = await api.ok("GET", f"/records/contact/{made['record']['id']}")
    assert found["properties"]["email"] == "ana@example.com"


async def test_the_same_event_id_is_one_event_for_ever_whatever_else_it_says(api: Caller) -> None:
    await api.create("contact", email="ana@example.com")
    first = await api.ok("POST", "/events", form(event_id="f-1"), status=202)
    other = form(event="order.paid", event_id="f-1", record={"object": "contact", "by": {"email": "new@example.com"}})
    second = await api.ok("POST", "/events", other, status=202)
    assert second == {**first, "status": "duplicate"}
    assert len(await kept(api)) == 1


async def test_who_may_only_write_events_does_not_read_one_by_sending_its_id(api: Caller) -> None:
    contact = await api.create("contact", email="ana@example.com")
    first = await api.ok("POST", "/events", form(event_id="f-1", properties={"secret": "blue"}), status=202)
    tracker = await api.with_scopes("events:write")
    guess = {
        "event": "order.paid",
        "event_id": "f-1",
        "record": {"object": "contact", "by": {"email": "no@example.com"}},
    }
    answer = await tracker.call("POST", "/events", guess)
    told = {"id": first["id"], "event": "order.paid", "event_id": "f-1", "status": "duplicate"}
    assert (answer.status_code, answer.json()) == (202, told)
    assert contact["id"] not in answer.text
    assert answer.headers["Location"] == f"/api/v1/events/{first['id']}"
    own = await tracker.ok("POST", "/events", form(event_id="f-2"), status=202)
    assert (own["status"], own["properties"]) == ("accepted", {"form": "webinar"})
    reader = await api.with_scopes("events:write", "records:read")
    assert await reader.ok("POST", "/events", guess, status=202) == {**first, "status": "duplicate"}


async def test_the_same_event_id_at_the_same_time_is_one_event(api: Caller) -> None:
    sent = [
        form(event_id="f-1", record={"object": "contact", "by": {"email": f"{n % 3}@example.com"}, "create": True})
        for n in range(9)
    ]
    answers = await asyncio.gather(*(api.ok("POST", "/events", body, status=202) for body in sent))
    assert sorted(answer["status"] for answer in answers) == ["accepted"] + ["duplicate"] * 8
    assert len({answer["id"] for answer in answers}) == 1
    assert len(await kept(api)) == 1
    # Whoever came too late made nobody either.
    contacts = (await api.ok("GET", "/records/contact"))["items"]
    assert [contact["id"] for contact in contacts] == [answers[0]["record"]["id"]]


async def test_what_happened_long_ago_is_taken_and_what_has_not_is_refused(api: Caller) -> None:
    await api.create("contact", email="ana@example.com")
    now = api.inst.clock.now()
    late = await api.ok("POST", "/events", form(occurred_at=utc_text(now - timedelta(days=400))), status=202)
    assert late["occurred_at"] < late["received_at"]
    await api.ok("POST", "/events", form(occurred_at=utc_text(now + timedelta(minutes=4))), status=202)
    ahead = form(occurred_at=utc_text(now + timedelta(minutes=6)), event="form.sent")
    problem = await api.problem("POST", "/events", ahead, status=422)
    assert [error["path"] for error in problem["errors"]] == ["/event", "/occurred_at"]
    assert "form.submitted" in problem["errors"][0]["message"]
    assert "custom.<name>" in problem["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (form(event="custom.Seat"), "/event"),
        (form(event="custom."), "/event"),
        (form(properties={"text": "x" * 70_000}), "/properties"),
        (form(event_id="hook:1"), "/event_id"),
        (form(occurred_at="0001-01-01T00:00:00+14:00"), "/occurred_at"),
        (form(occurred_at="2027-01-01T00:00:00"), "/occurred_at"),
        (form(occurred_at=1_700_000_000_000), "/occurred_at"),
        (form(occurred_at="1700000000"), "/occurred_at"),
        (form(record={"object": "contact", "by": {"first_name": "Ana"}}), "/record/by/first_name"),
        (form(record={"object": "contact", "by": {"email": "nobody"}}), "/record/by/email"),
        (form(record={"object": "contact", "by": {"email": "nobody"}, "create": True}), "/record/by/email"),
    ],
)
async def test_what_cannot_be_an_event_is_refused_with_its_place(lite: Caller, body: Any, path: str) -> None:
    problem = await lite.problem("POST", "/events", body, status=422)
    assert [error["path"] for error in problem["errors"]] == [path]
    assert await kept(lite) == []


async def test_events_need_their_own_scope_and_are_listed_newest_first(lite: Caller) -> None:
    contact = await lite.create("contact", email="ana@example.com")
    other = await lite.create("contact", email="ben@example.com")
    tracker = await lite.with_scopes("events:write")
    await tracker.ok("POST", "/events", form(), status=202)
    await tracker.ok("POST", "/events", form(event="custom.seat_added"), status=202)
    await tracker.ok("POST", "/events", form(record={"object": "contact", "id": other["id"]}), status=202)
    await tracker.problem("GET", "/events", status=403)
    await (await lite.with_scopes("records:write")).problem("POST", "/events", form(), status=403)
    found = (await lite.ok("GET", f"/events?record={contact['id']}"))["items"]
    assert [event["event"] for event in found] == ["custom.seat_added", "form.submitted"]
    one = await lite.ok("GET", "/events?event=form.submitted&limit=1")
    rest = await lite.ok("GET", f"/events?event=form.submitted&cursor={one['next_cursor']}")
    assert [e["record"]["id"] for e in one["items"] + rest["items"]] == [other["id"], contact["id"]]
