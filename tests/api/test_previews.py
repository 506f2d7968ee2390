"""Asking through the API when each step would happen for a record; nobody enters."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Caller
from tests.runs.definitions import by_hand, email, task

OFFICE = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "17:00"}
FRIDAY = "2026-11-20T15:00:00+01:00"


def anchored(step: str, time: str | None = "09:00", **offset: int) -> dict[str, Any]:
    until = {"anchor": offset, **({"time": time} if time else {})}
    return {"id": step, "kind": "delay", "until": until}


async def way(api: Caller, slug: str, contact: str, at: str | None = FRIDAY, status: int = 200) -> Any:
    body = {"record": {"object": "contact", "id": contact}, **({"at": at} if at else {})}
    return await api.ok("POST", f"/workflows/{slug}/preview", body, status=status)


def told(found: Any) -> list[tuple[str, str, str | None]]:
    return [(step["step"], step["outcome"], (step["leaves"] or "")[:16] or None) for step in found["steps"]]


async def test_delays_hours_and_branches_are_followed_as_things_stand_now(api: Caller) -> None:
    lead = {"property": "lifecycle_stage", "op": "is", "value": "lead"}
    steps = [
        {"id": "two", "kind": "delay", "for": {"days": 1}},
        email("hello", "Hi"),
        task("call", "Call"),
        {"id": "work", "kind": "delay", "for": {"days": 2}, "business_days": True},
        {"id": "which", "kind": "branch", "otherwise": [task("no", "No")],
         "branches": [{"id": "yes", "where": lead, "steps": [task("lead", "Lead")]}]},
        {"id": "off", "kind": "action", "action": "create_task", "config": {"title": "Off"}, "enabled": False},
        {"id": "opened", "kind": "wait", "for_event": {"event": "email.opened", "step": "hello"},
         "timeout": {"days": 3}},
        {"id": "stop", "kind": "end", "reason": "over"},
    ]  # fmt: skip
    settings = {"timezone": "Europe/Oslo", "window": OFFICE}
    await api.publish(by_hand("way", steps, settings=settings))
    contact = (await api.create("contact", email="a@example.com", lifecycle_stage="lead"))["id"]
    found = await way(api, "way", contact)
    assert (found["version"], found["zone"], found["is_cut"]) == (1, "Europe/Oslo", False)
    assert told(found) == [
        ("two", "done", "2026-11-21 15:00"),
        ("hello", "done", "2026-11-23 09:00"),
        ("call", "done", "2026-11-23 09:00"),
        ("work", "done", "2026-11-25 09:00"),
        ("which", "done", "2026-11-25 09:00"),
        ("lead", "done", "2026-11-25 09:00"),
        ("off", "skipped", "2026-11-25 09:00"),
        ("opened", "done", "2026-11-28 09:00"),
        ("stop", "done", "2026-11-28 09:00"),
    ]
    hello, which = found["steps"][1], found["steps"][4]
    assert (
        hello["words"]
        == "sent from 2026-11-23 09:00 (Europe/Oslo) on, held back by its hours, and what follows with it"
    )
    assert (which["edge"], which["seen"][0]["value"]) == ("yes", "lead")
    assert (await api.ok("GET", "/enrollments?workflow=way"))["items"] == []


async def test_a_condition_that_time_makes_true_lets_a_wait_go_on_then(api: Caller) -> None:
    past = {"property": "last_touched_at", "op": "before", "value": {"now": {}}}
    wait = {"id": "w", "kind": "wait", "until_true": past, "timeout": {"days": 30},
            "matched": [task("m", "M")], "timed_out": [task("t", "T")]}  # fmt: skip
    forever = {"id": "ever", "kind": "wait", "until_true": past, "forever": True, "matched": [task("e", "E")]}
    await api.publish(by_hand("turn", [wait]))
    await api.publish(by_hand("ever", [forever]))
    soon = (await api.create("contact", external_id="a", last_touched_at="2026-11-22T10:00:00Z"))["id"]
    found = await way(api, "turn", soon)
    assert told(found) == [("w", "done", "2026-11-22 10:00"), ("m", "done", "2026-11-22 10:00")]
    assert found["steps"][0]["words"] == "until 2026-11-22 10:00 (UTC), when the condition comes true"
    assert told(await way(api, "ever", soon))[1] == ("e", "done", "2026-11-22 10:00")
    late = (await api.create("contact", external_id="b", last_touched_at="2027-11-22T10:00:00Z"))["id"]
    assert [step["step"] for step in (await way(api, "turn", late))["steps"]] == ["w", "t"]


async def test_messages_are_skipped_until_the_next_delay_that_is_on(api: Caller) -> None:
    past = {"until": {"date": "2020-01-01", "time": "09:00"}, "if_past": "skip_sends"}
    steps = [
        {"id": "d", "kind": "delay", **past}, {"id": "off", "kind": "delay", "for": {"days": 1}, "enabled": False},
        task("call", "Call"), email("not", "No"),
        {"id": "on", "kind": "delay", "for": {"days": 1}}, email("yes", "Yes"),
    ]  # fmt: skip
    await api.publish(by_hand("sends", steps))
    contact = (await api.create("contact", email="a@example.com"))["id"]
    found = {step["step"]: (step["outcome"], step["reason"]) for step in (await way(api, "sends", contact))["steps"]}
    assert (found["not"], found["yes"]) == (("skipped", "skip_sends"), ("done", None))


async def test_a_time_of_the_event_that_lets_in_is_not_known_before(api: Caller) -> None:
    steps = [{"id": "d", "kind": "delay", "until": {"entry_event": "starts_at"}, "if_missing": "exit"}, task("c", "C")]
    entry = {"triggers": [{"id": "t1", "on": "event", "event": "form.submitted"}]}
    await api.publish(by_hand("event", steps, entry=entry))
    contact = (await api.create("contact", email="a@example.com"))["id"]
    (only,) = (await way(api, "event", contact))["steps"]
    assert (only["outcome"], only["reason"]) == ("open", "entry_event")
    assert only["words"] == "waits until a time that the event which lets in says; none is known yet"


async def test_a_workflow_may_leave_hours_and_pause_dates_of_the_account_out(api: Caller) -> None:
    await api.ok("PATCH", "/account", {"window": OFFICE, "pause_dates": [{"month": 11, "day": 21}]})
    contact = (await api.create("contact", email="a@example.com"))["id"]
    saturday = "2026-11-21T15:00:00Z"
    held = {
        "theirs": ({}, "2026-11-23 09:00"),
        "no-window": ({"window": []}, "2026-11-22 15:00"),
        "no-pauses": ({"pause_dates": []}, "2026-11-23 09:00"),
        "neither": ({"window": [], "pause_dates": []}, "2026-11-21 15:00"),
    }
    for slug, (settings, leaves) in held.items():
        await api.publish(by_hand(slug, [email("hello", "Hi")], settings=settings))
        assert told(await way(api, slug, contact, saturday)) == [("hello", "done", leaves)], slug
    await api.ok("PATCH", "/workflows/neither/settings", {"window": None, "pause_dates": None})
    assert told(await way(api, "neither", contact, saturday)) == [("hello", "done", "2026-11-23 09:00")]
    shown = (await api.ok("GET", "/workflows/no-window/settings"))["settings"]
    assert (shown["window"], shown["pause_dates"]) == ([], None)


async def test_who_comes_two_days_before_a_webinar_sees_what_is_past(api: Caller) -> None:
    steps = [
        anchored("t_7", days=-7), email("invite", "Invite"), anchored("t_1", days=-1), email("soon", "Soon"),
        anchored("t_1h", None, hours=-1), email("now", "Now"), anchored("after", days=1), email("thanks", "Thanks"),
    ]  # fmt: skip
    webinar = by_hand("webinar", steps, settings={"timezone": "Europe/Oslo"})
    await api.publish({**webinar, "type": "specific_date", "anchor": {"date": "2027-03-01", "time": "18:00"}})
    contact = (await api.create("contact", email="a@example.com"))["id"]
    found = await way(api, "webinar", contact, at="2027-02-27T12:00:00+01:00")
    assert told(found) == [
        ("t_7", "skipped", "2027-02-27 12:00"),
        ("invite", "skipped", "2027-02-27 12:00"),
        ("t_1", "done", "2027-02-28 09:00"),
        ("soon", "done", "2027-02-28 09:00"),
        ("t_1h", "done", "2027-03-01 17:00"),
        ("now", "done", "2027-03-01 17:00"),
        ("after", "done", "2027-03-02 09:00"),
        ("thanks", "done", "2027-03-02 09:00"),
    ]
    assert {step["reason"] for step in found["steps"][:2]} == {"skipped_past"}
    await api.ok("PATCH", "/workflows/webinar/settings", {"anchor": {"date": "2027-03-08"}})
    moved = await way(api, "webinar", contact, at="2027-02-27T12:00:00+01:00")
    assert told(moved)[0] == ("t_7", "done", "2027-03-01 09:00")


async def test_a_yearly_way_comes_round_and_one_without_a_date_stays_open(api: Caller) -> None:
    steps = [anchored("day"), email("wish", "Happy birthday")]
    yearly = by_hand("birthday", steps, settings={"timezone": "record"})
    anchor = {"property": "birthday", "yearly": True}
    await api.publish({**yearly, "type": "date_property", "anchor": anchor})
    born = {"birthday": "1988-02-29", "timezone": "America/Los_Angeles"}
    contact = (await api.create("contact", email="a@example.com", **born))["id"]
    found = await way(api, "birthday", contact)
    assert found["comes_round"]
    assert told(found) == [("day", "done", "2027-02-28 09:00"), ("wish", "done", "2027-02-28 09:00")]
    assert found["zone"] == "America/Los_Angeles"
    nobody = (await api.create("contact", email="b@example.com"))["id"]
    found = await way(api, "birthday", nobody)
    assert (told(found), found["comes_round"]) == ([("day", "open", None)], False)


async def test_a_draft_can_be_looked_at_before_it_is_published_and_a_loop_is_cut(api: Caller) -> None:
    loop = [{"id": "gap", "kind": "delay", "for": {"days": 1}}, {"id": "again", "kind": "goto", "to": "gap"}]
    await api.ok("POST", "/workflows", by_hand("loop", loop), status=201)
    contact = (await api.create("contact", email="a@example.com"))["id"]
    found = await way(api, "loop", contact)
    assert (found["version"], found["is_cut"], len(found["steps"])) == (None, True, 200)
    company = (await api.create("company", name="Acme", domain="acme.example"))["id"]
    body = {"record": {"object": "company", "id": company}}
    refused = await api.problem("POST", "/workflows/loop/preview", body, status=422)
    assert refused["errors"][0]["path"] == "/record/object"
