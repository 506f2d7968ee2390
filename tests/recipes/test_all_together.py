"""Every recipe in one installation, on the sample: nothing is wrong with one, and none gets in the way of another."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, BinaryIO

import pytest

from examples.loader import load
from gateways.recipe_files import RecipeFiles
from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import colleagues, event, installed, says, to_weekday, today

PAGES = "https://example.com"
MONDAY = 0
DAYS = 30

THINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "welcome-message": ("form.submitted", {"form": "newsletter"}),
    "welcome-series": ("form.submitted", {"form": "sign-up"}),
    "contact-request": ("form.submitted", {"form": "contact"}),
    "speed-to-lead": ("form.submitted", {"form": "callback"}),
    "event-reminder": ("form.submitted", {"form": "event-registration"}),
    "webinar": ("custom.webinar_registered", {"webinar": "the webinar"}),
    "lead-nurturing": ("form.submitted", {"form": "guide"}),
    "no-show-recovery": ("meeting.no_show", {}),
    "review-request": ("order.paid", {"amount": 100}),
    "sales-follow-up": ("email.clicked", {"url": f"{PAGES}/sales-follow-up-page", "machine": False}),
}
"""What happens to one contact each, and the workflow that is about it."""

LATER = (
    "event-follow-up", "opportunity-nurture", "stale-opportunity", "one-off-occasion", "recurring-occasion",
    "lifecycle-from-score", "score-reached", "feedback-survey", "webinar-follow-up",
)  # fmt: skip
"""Workflows that the same, the sample or a property let somebody in."""


class FromOutside:
    """The API as the loader of the sample calls it, from a thread of its own."""

    def __init__(self, ft: Running) -> None:
        self._ft, self._loop = ft, asyncio.get_running_loop()

    def _done(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def get(self, path: str, **query: str | int | None) -> Any:
        asked = "&".join(f"{name}={value}" for name, value in query.items() if value is not None)
        return self._done(self._ft.call("GET", f"{path}?{asked}" if asked else path))

    def post(self, path: str, body: Any = None) -> Any:
        return self._done(self._ft.call("POST", path, body))

    def patch(self, path: str, body: Any) -> Any:
        return self._done(self._ft.call("PATCH", path, body))

    def upload(self, path: str, fields: Mapping[str, str], file: tuple[str, BinaryIO]) -> Any:
        name, content = file
        sent = self._ft.http.post(f"/api/v1{path}", data=dict(fields), files={"file": (name, content.read())})
        answer = self._done(sent)
        assert answer.is_success, answer.text
        return answer.json()

    def items(self, path: str, *, at_most: int, **query: str | int | None) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            page = self.get(path, limit=200, cursor=cursor, **query)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return


async def everything(ft: Running, path: str, **query: str) -> list[Any]:
    """All items of a list, however many."""
    api = FromOutside(ft)
    return await asyncio.to_thread(lambda: list(api.items(path, at_most=100_000, **query)))


def answers_to(slug: str, day: str) -> dict[str, Any]:
    """Answers to what a recipe asks for and has no answer to itself."""
    made: dict[str, Any] = {"link": f"{PAGES}/{slug}", "team": "team", "date": day, "number": 10}
    asked = [each for each in RecipeFiles().all()[slug].parameters if each.default is None]
    found = {each.name: made.get(each.type, f"the {each.name}") for each in asked}
    return {name: f"{value}-{name}" if value == made["link"] else value for name, value in found.items()}


async def readers(ft: Running, count: int) -> list[str]:
    """Contacts of the sample without an open opportunity, who agreed to everything; their ids."""
    nobody = {
        "related": {"object": "opportunity", "match": "none"},
        "where": {"property": "is_closed", "op": "is", "value": False},
    }
    # The leads of the sample take its quick tour, which welcomes them as well; customers are no leads to nurture.
    others = {"property": "lifecycle_stage", "op": "not_in", "value": ["lead", "customer"]}
    asked = {"where": {"all": [nobody, others]}, "limit": count}
    found = [each["id"] for each in (await ft.call("POST", "/records/contact/search", asked))["items"]]
    for contact in found:
        await ft.patch("contact", contact, marketing_status="marketing")
        for kind in ("newsletter", "events"):
            await says(ft, contact, "subscribed", kind)
    return found


@pytest.mark.timeout(600)
async def test_every_recipe_runs_beside_the_others_on_the_sample(ft: Running, skipping_time: SkippingTime) -> None:
    await colleagues(ft, "Ann", "Bea")
    day = today(skipping_time) + timedelta(days=20)
    slugs: list[str] = []
    for recipe in RecipeFiles().all():
        # Nothing about any is even worth a warning.
        slugs += await installed(ft, recipe, **answers_to(recipe, day.isoformat()))
    await asyncio.to_thread(load, FromOutside(ft), lambda _: None, now=skipping_time.now())
    await to_weekday(skipping_time, MONDAY, "12:00")

    people = await readers(ft, len(THINGS) + 2)
    assert len(people) == len(THINGS) + 2
    begun = skipping_time.now()
    for contact, (name, properties) in zip(people, THINGS.values(), strict=False):
        await event(ft, contact, name, **properties)
    *_, listed, busy = people
    await ft.call("PUT", f"/lists/good-wishes/members/{listed}")
    await ft.patch("contact", listed, birthday=f"1990-{day:%m-%d}")
    for name, properties in THINGS.values():
        await event(ft, busy, name, **properties)
    await ft.patch("contact", busy, score=60, lifecycle_stage="subscriber")
    ticket = await ft.create("ticket", subject="It flickers", stage="New")
    await ft.associate("ticket", ticket, "contact", busy)
    await ft.patch("ticket", ticket, stage="Closed")
    await pass_by(ft, skipping_time)

    messages = [each for each in await everything(ft, "/messages") if each["contact_id"] and each["sent_at"]]
    got = Counter((each["contact_id"], each["channel"], each["subject"] or each["text"]) for each in messages)
    assert [key for key, times in got.items() if times > 1] == []
    assert await failures(ft, slugs) == []
    for contact, slug in zip(people, THINGS, strict=False):
        at_once = [
            each["subject"] for each in messages
            if each["contact_id"] == contact and each["channel"] == "email"
            and datetime.fromisoformat(each["sent_at"]) - begun < timedelta(hours=1)
        ]  # fmt: skip
        assert len(at_once) <= 1, (slug, at_once)
        inside = {each["workflow"] for each in await passages(ft, contact)}
        assert slug in inside, (slug, inside)
    for slug in LATER:
        assert await ft.enrollments(slug), slug


async def pass_by(ft: Running, clock: SkippingTime) -> None:
    """Let days pass, and wait at both ends until nobody has anything left to do by then."""

    async def all_sleep() -> bool:
        for each in await everything(ft, "/enrollments", status="active"):
            wakes = each["wakes_at"]
            if each["step"] is None or (wakes is not None and datetime.fromisoformat(wakes) <= clock.now()):
                return False
        return True

    for days in (0, *[1] * DAYS, 0):
        await clock.skip(timedelta(days=days))
        await ft.settled()
        if not days:
            await ft.until(all_sleep, "everybody did what was due", within_s=120)


async def failures(ft: Running, slugs: list[str]) -> list[Any]:
    """Steps that failed, of all workflows."""
    reports = [await ft.call("GET", f"/workflows/{slug}/report") for slug in slugs]
    return [(each["workflow"], step["step"]) for each in reports for step in each["steps"] if step["failed"]]


async def passages(ft: Running, contact: str) -> list[Any]:
    """The enrollments of a contact."""
    return list((await ft.call("GET", f"/enrollments?record={contact}&limit=200"))["items"])
