"""Follow-up on a request: confirmed at once, given to one colleague, and called out when nobody answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import (
    about,
    answers,
    at,
    colleagues,
    event,
    installed,
    message,
    notices,
    over,
    passes,
    person,
    sent,
    tasks,
    to_weekday,
    way,
    with_hours,
)

SLUG = "contact-request"
CONFIRMED = "We have your message"
ASKED, OVERDUE = "Ana has asked us something", "Nobody has answered Ana for two working days"
BEGUN = [(step, "done", None) for step in ("owner", "confirm", "answer", "told", "answered")]
FRIDAY, SATURDAY = 4, 5


async def open_for_requests(ft: Running, clock: SkippingTime, weekday: int = FRIDAY) -> tuple[dict[str, str], datetime]:
    """The recipe, with a team of two, on an afternoon in Oslo; the colleagues and the instant."""
    await with_hours(ft)
    ids = await colleagues(ft, "Ann", "Bea")
    await installed(ft, SLUG, team="team")
    return ids, await to_weekday(clock, weekday, "15:00")


async def asks(ft: Running, contact: str, words: str = "Is it < 5 kg?\nAna") -> str:
    """Somebody sends the form; the enrollment, which waits for an answer."""
    await event(ft, contact, "form.submitted", form="contact", message=words)
    await ft.settled()
    taken = await about(ft, SLUG, contact)
    await ft.sleeps_at(taken, "answered")
    return taken


def to(ft: Running, name: str) -> list[str]:
    """The subjects of what a colleague got by email."""
    return [mail["subject"] for mail in ft.outbox() if mail["to"] == f"{name.lower()}@house.example.com"]


async def owner(ft: Running, contact: str) -> Any:
    return (await ft.call("GET", f"/records/contact/{contact}"))["properties"].get("owner")


async def test_a_request_is_confirmed_given_to_a_colleague_and_answered_by_email(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ids, friday = await open_for_requests(ft, skipping_time)
    ana = await person(ft, "Ana", subscribed=None)
    await ft.call("PUT", f"/records/contact/{ana}/subscriptions", {"unsubscribed_from_all": True})
    taken = await asks(ft, ana)
    assert await owner(ft, ana) == ids["Ann"]
    confirmed = await message(ft, ana, CONFIRMED)
    assert "Ann is looking into it" in confirmed["text"]
    assert "Is it &lt; 5 kg?<br />\nAna" in confirmed["html"]
    (task,) = await tasks(ft, SLUG)
    assert (task["title"], task["body"], task["type"], task["priority"], task["assignee"]) == (
        "Answer Ana", "Is it < 5 kg?\nAna", "email", "high", ids["Ann"],
    )  # fmt: skip
    monday = at((friday + timedelta(days=3)).date(), "15:00")
    assert timedelta() <= datetime.fromisoformat(task["due_at"]) - monday < timedelta(minutes=2)
    assert (to(ft, "Ann"), to(ft, "Bea"), to(ft, "Mo")) == ([ASKED], [], [])

    await answers(ft, ana, CONFIRMED, ("Auto-Submitted", "auto-replied"))
    await answers(ft, ana, CONFIRMED)
    await ft.settled()
    await ft.sleeps_at(taken, "answered")
    await answers(ft, ana, CONFIRMED, ("X-Kim", "1"), ("X-Kim", "2"), sender="Bea <bea@house.example.com>")
    done = await over(ft, taken)
    assert (done["end_reason"], await way(ft, done)) == ("completed", BEGUN)
    assert (len(ft.outbox()), [told for told, _ in await sent(ft, ana)]) == (2, [CONFIRMED])


async def test_who_completes_the_task_has_answered(ft: Running, skipping_time: SkippingTime) -> None:
    await open_for_requests(ft, skipping_time)
    ana = await person(ft, "Ana", subscribed=None, email_status="bounced")
    taken = await asks(ft, ana)
    (task,) = await tasks(ft, SLUG)
    await ft.call("PATCH", f"/tasks/{task['id']}", {"status": "done"})
    unconfirmed = [BEGUN[0], ("confirm", "skipped", "bounced"), *BEGUN[2:]]
    assert await way(ft, await over(ft, taken)) == unconfirmed
    assert to(ft, "Ann") == [ASKED]


async def test_after_two_working_days_without_an_answer_everybody_is_called(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ids, friday = await open_for_requests(ft, skipping_time)
    ana = await person(ft, "Ana", subscribed=None)
    taken = await asks(ft, ana)
    until = await passes(ft, skipping_time, taken, "answered")
    tuesday = at((friday + timedelta(days=4)).date(), "15:00")
    assert timedelta() <= until - tuesday < timedelta(minutes=2)
    assert await way(ft, await over(ft, taken)) == [
        *BEGUN[:-1], ("answered", "done", "timed_out"), ("escalate", "done", None), ("overdue", "done", None),
    ]  # fmt: skip
    assert [to(ft, name) for name in ("Ann", "Bea", "Mo")] == [[ASKED, OVERDUE], [OVERDUE], [OVERDUE]]
    assert await notices(ft, [ids[name] for name in ("Ann", "Bea", "Mo")]) == [
        ["Overdue: answer Ana"], [], ["Overdue: answer Ana"],
    ]  # fmt: skip
    assert [told for told, _ in await sent(ft, ana)] == [CONFIRMED]


async def test_who_has_an_owner_keeps_them_and_the_team_takes_turns_with_others(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ids, _ = await open_for_requests(ft, skipping_time, SATURDAY)
    known = await person(ft, "Cy", subscribed=None, owner=ids["Mo"])
    people = [known, *[await person(ft, name, subscribed=None) for name in ("Ana", "Bo", "Di")]]
    for contact in people:
        await asks(ft, contact)
    assert [await owner(ft, contact) for contact in people] == [ids[name] for name in ("Mo", "Ann", "Bea", "Ann")]
    assert "Mo is looking into it" in (await message(ft, known, CONFIRMED))["text"]


async def test_who_asks_again_meanwhile_is_taken_up_when_the_first_is_answered(
    ft: Running, skipping_time: SkippingTime
) -> None:
    ids, _ = await open_for_requests(ft, skipping_time)
    ana = await person(ft, "Ana", subscribed=None)
    await event(ft, ana, "form.submitted", form="newsletter")
    first = await asks(ft, ana)
    assert await asks(ft, ana, "And in green?") == first
    (task,) = await tasks(ft, SLUG)
    await ft.call("PATCH", f"/tasks/{task['id']}", {"status": "done"})
    await over(ft, first)

    async def goes_on() -> bool:
        return len(await ft.enrollments(SLUG)) == 2

    await ft.until(goes_on, "the second request is taken up")
    second = await about(ft, SLUG, ana)
    await ft.sleeps_at(second, "answered")
    assert [(each["body"], each["assignee"]) for each in await tasks(ft, SLUG)] == [
        ("Is it < 5 kg?\nAna", ids["Ann"]), ("And in green?", ids["Ann"]),
    ]  # fmt: skip
    assert len(await sent(ft, ana)) == 2
