"""What tests of recipes do again and again: install one, let somebody in, and look at what they got."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.runs.mailing import take
from tests.runs.test_time import over, skip_to
from tests.runs.walking import entered, way

__all__ = [
    "about", "answers", "at", "clicks", "colleagues", "event", "installed", "length", "message", "no_step_taken",
    "notices", "only", "opens", "outbox", "over", "passes", "person", "says", "sent", "skip_to", "sleeps", "tasks",
    "to_weekday", "today", "way", "with_hours",
]  # fmt: skip

FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


async def installed(ft: Running, slug: str, **answers: Any) -> list[str]:
    """Install and publish a recipe; the slugs of its workflows. Nothing about it is even worth a warning."""
    made = await ft.call("POST", f"/recipes/{slug}/install", {"parameters": answers, "publish": True}, expect=201)
    assert [(each["problems"], each["warnings"]) for each in made["workflows"]] == [([], [])] * len(made["workflows"])
    return [each["slug"] for each in made["workflows"]]


async def person(ft: Running, name: str, *, subscribed: str | None = "newsletter", **properties: Any) -> str:
    """A marketing contact, subscribed to a type; the id."""
    values = {"first_name": name, "email": f"{name.lower()}@example.com", "marketing_status": "marketing", **properties}
    contact = await ft.create("contact", **values)
    if subscribed is not None:
        await says(ft, contact, "subscribed", subscribed)
    return contact


async def colleagues(ft: Running, *names: str, team: str = "team", manager: str = "Mo") -> dict[str, str]:
    """A team of these colleagues, led by somebody who is not in it; the ids of all by name."""
    ids: dict[str, str] = {}
    for name in (manager, *names):
        body = {"name": name, "email": f"{name.lower()}@house.example.com", "manager_id": ids.get(manager)}
        ids[name] = str((await ft.call("POST", "/users", body))["id"])
    await ft.call("POST", "/teams", {"slug": team, "members": [{"user": ids[name]} for name in names]})
    return ids


async def with_hours(ft: Running, zone: str = "Europe/Oslo") -> None:
    """An account in a zone whose messages leave in an hour of Monday night, unless a workflow says otherwise."""
    hours = {"days": ["mon"], "from": "03:00", "to": "04:00"}
    await ft.call("PATCH", "/account", {"timezone": zone, "window": hours})


@asynccontextmanager
async def no_step_taken(ft: Running) -> AsyncIterator[None]:
    """Meanwhile changes are judged and people enter, but nobody takes a step."""
    await ft.stop_worker()
    await ft.start_worker("relay")
    yield
    await ft.stop_worker()
    await ft.start_worker()


async def says(ft: Running, contact: str, state: str, subscription: str = "newsletter") -> None:
    """Somebody subscribes to a type, or unsubscribes from it."""
    await ft.call("PUT", f"/records/contact/{contact}/subscriptions", {"subscriptions": {subscription: state}})


async def event(ft: Running, contact: str, name: str, **properties: Any) -> None:
    """Something that happens to a contact."""
    body: Any = {"event": name, "record": {"object": "contact", "id": contact}, "properties": properties}
    await ft.call("POST", "/events", body)


async def only(ft: Running, slug: str) -> Any:
    """The one enrollment of a workflow."""
    (found,) = await entered(ft, slug)
    return found


async def about(ft: Running, slug: str, record: str) -> str:
    """The newest enrollment of a record in a workflow, once there is one; its id."""

    async def found() -> list[str]:
        return [each["id"] for each in await ft.enrollments(slug) if each["record"]["id"] == record]

    async def is_there() -> bool:
        return bool(await found())

    await ft.until(is_there, f"{record} is in {slug}")
    return (await found())[-1]


def at(day: date, clock: str = "09:00", zone: str = "Europe/Oslo") -> datetime:
    """The instant of a clock time."""
    return datetime.combine(day, time.fromisoformat(clock), ZoneInfo(zone)).astimezone(UTC)


def today(clock: SkippingTime, zone: str = "Europe/Oslo") -> date:
    """The day it is in a zone."""
    return clock.now().astimezone(ZoneInfo(zone)).date()


async def to_weekday(clock: SkippingTime, weekday: int, at_time: str, zone: str = "Europe/Oslo") -> datetime:
    """Let time pass until the next such day (0: Monday), but today, at a time of the clock; the instant."""
    day = today(clock, zone) + timedelta(days=1)
    instant = at(day + timedelta(days=(weekday - day.weekday()) % 7), at_time, zone)
    await skip_to(clock, instant)
    return instant


async def sleeps(ft: Running, enrollment_id: str, step: str, until: datetime) -> None:
    """Wait until somebody sleeps in a step until an instant."""

    async def as_planned() -> bool:
        found = await ft.call("GET", f"/enrollments/{enrollment_id}")
        return bool(found["step"] == step and found["wakes_at"] and datetime.fromisoformat(found["wakes_at"]) == until)

    await ft.until(as_planned, f"{enrollment_id} sleeps in {step} until {until}")


async def passes(ft: Running, clock: SkippingTime, enrollment_id: str, step: str) -> datetime:
    """Let time pass until a step that somebody sleeps in is over; until when they slept."""
    await ft.sleeps_at(enrollment_id, step)
    until = datetime.fromisoformat((await ft.call("GET", f"/enrollments/{enrollment_id}"))["wakes_at"])
    await skip_to(clock, until)
    return until


def outbox(ft: Running, channel: str = "email") -> list[str]:
    """The subjects (of text messages the texts) of what left, in order."""
    return [each.get("subject") or each["text"] for each in ft.outbox(channel)]


async def sent(ft: Running, contact: str) -> list[tuple[str, datetime]]:
    """What a contact got, by email and text message, and when; oldest first."""
    found = (await ft.call("GET", f"/messages?record={contact}&limit=200"))["items"]
    left = [each for each in reversed(found) if each["status"] == "sent" and each["contact_id"] == contact]
    return [(each["subject"] or each["text"], datetime.fromisoformat(each["sent_at"])) for each in left]


async def message(ft: Running, contact: str, subject: str) -> Any:
    """The last message of a subject that a contact got."""
    found = (await ft.call("GET", f"/messages?record={contact}&limit=200"))["items"]
    return next(each for each in found if each["subject"] == subject)


async def opens(ft: Running, contact: str, subject: str, *, program: bool = False) -> None:
    """Somebody, or a mail program that fetches ahead, opens an email."""
    html = (await message(ft, contact, subject))["html"]
    (path,) = re.findall(r'src="http://127\.0\.0\.1:8080(/t/o/[^"]+)"', html)
    await ft.http.get(path, headers={"User-Agent": "Mozilla/5.0"} if program else FIREFOX)


async def clicks(ft: Running, contact: str, subject: str, text: str) -> str:
    """Somebody follows the link of an email that has this text; where it leads."""
    html = (await message(ft, contact, subject))["html"]
    (path,) = re.findall(rf'href="http://127\.0\.0\.1:8080(/t/c/[^"]+)"[^>]*>{re.escape(text)}<', html)
    return str((await ft.http.get(unescape(path), headers=FIREFOX)).headers["location"])


async def answers(
    ft: Running, contact: str, subject: str, *headers: tuple[str, str], sender: str | None = None, text: str = "Yes."
) -> Any:
    """Somebody answers an email, the contact unless ``sender`` says who; what became of the answer."""
    ours = await message(ft, contact, subject)
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = sender or ours["recipient"], ours["sender"]
    mail["Subject"], mail["In-Reply-To"] = f"Re: {subject}", f"<{ours['message_id']}>"
    mail["Message-ID"] = f"<{ours['id']}.{len(headers)}@reader.example>"
    for name, value in headers:
        mail[name] = value
    mail.set_content(text)
    return await take(ft, mail.as_bytes())


async def tasks(ft: Running, slug: str) -> list[Any]:
    """The tasks that a workflow made, oldest first."""
    found = (await ft.call("GET", f"/tasks?workflow={slug}&limit=200"))["items"]
    return sorted(found, key=lambda each: str(each["id"]))


async def notices(ft: Running, users: Sequence[str]) -> list[list[str]]:
    """The titles in the inboxes of users, oldest first."""
    found = [(await ft.call("GET", f"/notifications?user={user}&limit=200"))["items"] for user in users]
    return [[each["title"] for each in reversed(items)] for items in found]


def length(found: list[tuple[str, datetime]]) -> list[tuple[str, timedelta]]:
    """The same with the time since the first of them, in whole hours."""
    return [(told, timedelta(hours=round((at - found[0][1]) / timedelta(hours=1)))) for told, at in found]
