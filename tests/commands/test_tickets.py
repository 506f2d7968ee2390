"""Channels, conversations, stages, usages and folders from the command line."""

from __future__ import annotations

from domain.records import Cause
from services.intake.mail import Envelope, take_mail
from tests.test_cli import Line, line

__all__ = ["line"]

HEADERS = b"From: Ana <ana@example.com>\r\nTo: support@example.com\r\nSubject: My order\r\nMessage-ID: <1@x>"
MAIL = HEADERS + b"\r\n\r\nWhere is it?"


async def test_a_channel_is_connected_and_its_conversations_are_read(line: Line) -> None:
    made = await line.run("channel", "add", "support", "--address", "support@example.com")
    assert made.out.strip() == "support: opens tickets in default"
    taken = await take_mail(line.inst, MAIL, Envelope(), Cause(kind="event"))
    assert taken.mail.thread_id is not None
    assert "My order" in (await line.run("thread", "list")).out
    shown = (await line.run("thread", "show", taken.mail.thread_id)).out
    assert all(words in shown for words in ("contact ana@example.com (opened a ticket)", "    Where is it?"))
    assert "opens no tickets" in (await line.run("channel", "switch", "support", "--no-tickets")).out
    assert "switched off" in (await line.run("channel", "switch", "support", "--off")).out
    assert "support@example.com" in (await line.run("channel", "list")).out
    await line.run("channel", "switch", "support", code=1)
    await line.run("channel", "add", "support", "--kind", "chat", code=1)
    await line.run("thread", "show", "nothing", code=3)


async def test_steps_are_attached_to_a_stage_and_found_by_what_they_use(line: Line) -> None:
    received = {
        "id": "received",
        "kind": "action",
        "action": "send_email",
        "config": {"email": "ticket-received", "transactional": True},
    }
    stages = (await line.run("pipeline", "list", "ticket")).out
    assert "New → Waiting on contact → Waiting on us → Closed (closed)" in stages
    file = line.file("received.yaml", {"steps": [received]})
    attached = (await line.run("pipeline", "attach", "ticket", "default", "New", file)).out
    assert attached.strip() == "ticket-default-new runs in version 1 for New"
    used = (await line.run("usages", "email", "ticket-received")).out
    assert all(word in used for word in ("ticket-default-new", "received", "/steps/0/config/email"))
    assert "nothing uses it" in (await line.run("usages", "property", "contact.city")).out
    assert "nothing runs for New" in (await line.run("pipeline", "remove", "ticket", "default", "New")).out
    await line.run("pipeline", "attach", "ticket", "default", "Nowhere", file, code=3)
    await line.run("usages", "list", "nothing", code=3)

    assert "lies in Tickets" in (await line.run("workflow", "file", "ticket-default-new", "Tickets/First")).out
    assert "ticket-default-new" in (await line.run("workflow", "list", "--folder", "Tickets")).out
    assert "ticket-default-new" not in (await line.run("workflow", "list", "--search", "closed")).out
    assert "Tickets/First" in (await line.run("workflow", "folders")).out
