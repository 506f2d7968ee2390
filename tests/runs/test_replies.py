"""A reply through the API: it ends the run that sent the message, and the timelines say what was answered."""

from __future__ import annotations

from typing import Any

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, email, gap, task
from tests.runs.walking import way

STOPS = {"stop_on_reply": True}


async def replies(ft: Running, contact: str, **carried: Any) -> Any:
    """A contact replies; the event."""
    record = {"object": "contact", "id": contact}
    return await ft.call("POST", "/events", {"event": "message.replied", "record": record, "properties": carried})


async def test_a_reply_ends_the_run_that_sent_the_message(ft_both: Running) -> None:
    ft = ft_both
    contact = await ft.create("contact", email="ana@example.com", first_name="Ana")
    taken = {}
    steps = [gap(days=9), task("call", "Call")]
    for slug in ("first", "second"):
        await ft.publish(by_hand(slug, [email("hello", f"Hello {slug}"), *steps], exit=STOPS))
        taken[slug] = (await ft.enroll(slug, "contact", contact))["enrollment_id"]
        await ft.stands_at(taken[slug], "gap")
    (message,) = (await ft.call("GET", "/messages?workflow=first"))["items"]
    await replies(ft, contact)
    await replies(ft, contact, message=message["id"], machine=True)
    await ft.settled()
    assert (await ft.call("GET", f"/enrollments/{taken['first']}"))["status"] == "active"

    event = await replies(ft, contact, message=message["id"])
    assert (event["enrollment_id"], event["step"]) == (taken["first"], "hello")
    at_once = await ft.call("GET", f"/enrollments/{taken['first']}")
    assert (at_once["status"], at_once["end_reason"], at_once["end_detail"]) == ("ended", "replied", message["id"])
    over = await ft.ended(taken["first"])
    assert over["end_words"] == f"left: it replied (to message {message['id']})"
    assert await way(ft, over) == [("hello", "done", None), ("gap", "left", "replied")]
    figures = [(await ft.call("GET", f"/workflows/{slug}/report"))["steps"][0] for slug in ("first", "second")]
    assert [(step["sent"], step["replied"]) for step in figures] == [(1, 1), (1, 0)]
    behind = (await ft.call("GET", "/workflows/first/report/hello/replied"))["items"]
    assert [each["enrollment"]["id"] for each in behind] == [taken["first"]]
    assert (await ft.timeline(over["id"]))["end"] == "left: it replied to the email of step hello"
    items = (await ft.call("GET", f"/records/contact/{contact}/timeline"))["items"]
    changes = [item for item in items if item["kind"] == "change"]
    told = [item["words"] for item in changes]
    assert "event message.replied: an answer to the email of step hello in first" in told
    # What the message said is for keys that may read messages.
    assert "Hello first" not in str(changes)
    await ft.settled()
    assert (await ft.call("GET", f"/enrollments/{taken['second']}"))["status"] == "active"
