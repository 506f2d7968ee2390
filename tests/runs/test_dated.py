"""Workflows about a date: everything counts from it, wherever it moves, and nothing that is past is made up for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.anchors import anniversary
from tests.fixtures.running import Running, running
from tests.fixtures.temporal import SkippingTime
from tests.runs.definitions import anchored, email, task
from tests.runs.test_time import over, shown, skip_to
from tests.runs.walking import entered, way

OSLO = ZoneInfo("Europe/Oslo")
PAST = ("skipped", "skipped_past")


@pytest.fixture
async def ft(skipping_time: SkippingTime, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation whose time the test lets pass."""
    async with running(skipping_time.env, app_url, tmp_path, clock=skipping_time) as found:
        yield found


def dated(slug: str, anchor: dict[str, Any], *steps: Any, **parts: Any) -> dict[str, Any]:
    """A workflow about a date, in Oslo."""
    return {
        "slug": slug, "name": slug, "object": "contact", "anchor": anchor, "steps": list(steps),
        "type": "specific_date" if "date" in anchor else "date_property",
        "settings": {"timezone": "Europe/Oslo"}, **parts,
    }  # fmt: skip


def at(day: date, clock: str, zone: ZoneInfo = OSLO) -> datetime:
    """The instant of a clock time."""
    return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(UTC)


def today(clock: SkippingTime, zone: ZoneInfo = OSLO) -> date:
    return clock.now().astimezone(zone).date()


async def sleeps(ft: Running, enrollment_id: str, step: str, until: datetime | None) -> None:
    """Wait until a run sleeps at a step until an instant, or without end."""

    async def as_planned() -> bool:
        found = await shown(ft, enrollment_id)
        wakes_at = datetime.fromisoformat(found["wakes_at"]) if found["wakes_at"] else None
        return bool((found["status"], found["step"], wakes_at) == ("active", step, until))

    await ft.until(as_planned, f"sleeps at {step} until {until}, not {await shown(ft, enrollment_id)}")


async def tasks(ft: Running, slug: str) -> list[str]:
    """The titles of the tasks that came, oldest first."""
    found = (await ft.call("GET", f"/tasks?workflow={slug}&limit=200"))["items"]
    return [each["title"] for each in sorted(found, key=lambda each: each["id"])]


async def test_a_webinar_that_moves_takes_everybody_along_and_repeats_nothing(
    ft: Running, skipping_time: SkippingTime
) -> None:
    day = today(skipping_time) + timedelta(days=2)
    await ft.publish(
        dated(
            "webinar", {"date": day.isoformat(), "time": "18:00"},
            anchored("t_7", "09:00", days=-7), task("week", "In a week"),
            {"id": "if", "kind": "branch", "branches": [], "otherwise": []} | {
                "branches": [{"id": "b", "where": {"property": "email", "op": "unknown"}, "steps": [task("x", "Call")]}]
            },
            anchored("t_1", "09:00", days=-1), task("tomorrow", "Tomorrow"),
            anchored("t_1h", hours=-1), email("soon", "In an hour"),
            anchored("t1", "10:00", days=1), task("thanks", "Thanks"),
        )
    )  # fmt: skip
    contact = await ft.create("contact", email="ana@example.com")
    taken = (await ft.enroll("webinar", "contact", contact))["enrollment_id"]
    await sleeps(ft, taken, "t_1", at(day - timedelta(days=1), "09:00"))
    begun = [("t_7", *PAST), ("week", *PAST), ("if", *PAST)]
    assert await way(ft, {"id": taken}) == [*begun, ("t_1", None, None)]

    await ft.call("PATCH", "/workflows/webinar/settings", {"anchor": {"date": (day + timedelta(days=1)).isoformat()}})
    await sleeps(ft, taken, "t_1", at(day, "09:00"))
    await skip_to(skipping_time, at(day, "09:00"))
    await sleeps(ft, taken, "t_1h", at(day + timedelta(days=1), "17:00"))
    assert await tasks(ft, "webinar") == ["Tomorrow"]

    moved = day + timedelta(days=8)
    await ft.call("PATCH", "/workflows/webinar/settings", {"anchor": {"date": moved.isoformat()}})
    await sleeps(ft, taken, "t_1h", at(moved, "17:00"))
    await skip_to(skipping_time, at(moved, "17:00"))
    await sleeps(ft, taken, "t1", at(moved + timedelta(days=1), "10:00"))
    assert [mail["subject"] for mail in ft.outbox()] == ["In an hour"]
    await skip_to(skipping_time, at(moved + timedelta(days=1), "10:00"))
    done = await over(ft, taken)
    assert done["end_reason"] == "completed"
    assert await tasks(ft, "webinar") == ["Tomorrow", "Thanks"]
    went_on = ["t_1", "tomorrow", "t_1h", "soon", "t1", "thanks"]
    assert await way(ft, done) == [*begun, *((step, "done", None) for step in went_on)]


async def test_who_comes_too_late_for_everything_completes_without_anything(
    ft: Running, skipping_time: SkippingTime
) -> None:
    day = today(skipping_time) - timedelta(days=3)
    await ft.publish(
        dated(
            "over", {"date": day.isoformat()},
            anchored("t0", "09:00"), task("a", "A"), anchored("t1", "09:00", days=1), task("b", "B"),
            {"id": "stop", "kind": "end", "reason": "no more"},
        )
    )  # fmt: skip
    contact = await ft.create("contact", external_id="a")
    taken = (await ft.enroll("over", "contact", contact))["enrollment_id"]
    done = await over(ft, taken)
    assert (done["end_reason"], done["end_detail"]) == ("completed", "no more")
    assert await way(ft, done) == [*((s, *PAST) for s in ("t0", "a", "t1", "b")), ("stop", "done", None)]
    assert await tasks(ft, "over") == []


async def test_a_date_that_moves_into_the_past_under_a_sleeper_is_past(
    ft: Running, skipping_time: SkippingTime
) -> None:
    day = today(skipping_time) + timedelta(days=30)
    await ft.publish(
        dated(
            "renewal", {"property": "close_date"},
            anchored("t_7", "09:00", days=-7), task("call", "Call"),
            anchored("t1", "09:00", days=1), task("thanks", "Thanks"),
            object="opportunity",
        )
    )  # fmt: skip
    deal = await ft.create("opportunity", name="Deal", stage="Engaging", close_date=day.isoformat())
    taken = (await ft.enroll("renewal", "opportunity", deal))["enrollment_id"]
    await sleeps(ft, taken, "t_7", at(day - timedelta(days=7), "09:00"))
    soon = today(skipping_time) + timedelta(days=3)
    await ft.patch("opportunity", deal, close_date=soon.isoformat())
    await sleeps(ft, taken, "t1", at(soon + timedelta(days=1), "09:00"))
    assert await way(ft, {"id": taken}) == [("t_7", *PAST), ("call", *PAST), ("t1", None, None)]
    await skip_to(skipping_time, at(soon + timedelta(days=1), "09:00"))
    await over(ft, taken)
    assert await tasks(ft, "renewal") == ["Thanks"]


async def test_without_a_date_everybody_waits_for_one(ft: Running, skipping_time: SkippingTime) -> None:
    properties = [
        {"name": "number", "label": "Number", "type": "string", "unique": True},
        {"name": "ends_at", "label": "Ends", "type": "datetime"},
    ]
    await ft.call("POST", "/objects", {"name": "contract", "label": "Contract", "properties": properties})
    await ft.publish(
        dated(
            "contracts", {"property": "ends_at"}, anchored("t_2h", hours=-2) | {"if_missing": "exit"},
            task("call", "Call"), object="contract",
        )
    )  # fmt: skip
    contract = await ft.create("contract", number="1")
    taken = (await ft.enroll("contracts", "contract", contract))["enrollment_id"]
    await sleeps(ft, taken, "t_2h", None)
    (visit,) = (await ft.timeline(taken))["visits"]
    assert visit["words"] == "waiting (for a date: there is none)"
    ends = skipping_time.now().replace(microsecond=0) + timedelta(days=10)
    await ft.patch("contract", contract, ends_at=ends.isoformat())
    await sleeps(ft, taken, "t_2h", ends - timedelta(hours=2))
    await ft.patch("contract", contract, ends_at=None)
    await sleeps(ft, taken, "t_2h", None)
    await skipping_time.skip(timedelta(days=20))
    assert (await shown(ft, taken))["status"] == "active"
    later = ends + timedelta(days=30)
    await ft.patch("contract", contract, ends_at=later.isoformat())
    await sleeps(ft, taken, "t_2h", later - timedelta(hours=2))
    await skip_to(skipping_time, later - timedelta(hours=2))
    assert (await over(ft, taken))["end_reason"] == "completed"
    assert await tasks(ft, "contracts") == ["Call"]


LOS_ANGELES = ZoneInfo("America/Los_Angeles")


def birthdays(month: int, day: int, first: date, count: int) -> list[date]:
    """So many birthdays on or after a day; who was born on 29 February has them on the 28th in common years."""
    found = (anniversary(date(2000, month, day), year) for year in range(first.year, first.year + count + 1))
    return [each for each in found if each >= first][:count]


async def test_a_birthday_comes_every_year_wherever_the_contact_lives(ft: Running, skipping_time: SkippingTime) -> None:
    await ft.publish(
        dated(
            "birthday", {"property": "birthday", "yearly": True, "time": "09:00"},
            anchored("t_3", days=-3), task("gift", "Buy a gift"), anchored("t0"), email("wish", "Happy birthday"),
            settings={"timezone": "record"},
        )
    )  # fmt: skip
    if today(skipping_time).month == 2:
        await skipping_time.skip(timedelta(days=40))  # Nobody enters between the gift and the birthday.
    contact = await ft.create("contact", email="ana@example.com", birthday="1996-02-29", timezone="Europe/Oslo")
    taken = (await ft.enroll("birthday", "contact", contact))["enrollment_id"]
    first_run = (await shown(ft, taken))["temporal"]
    first, second, third = birthdays(2, 29, today(skipping_time), 3)
    for day in (first, second):
        await sleeps(ft, taken, "t_3", at(day - timedelta(days=3), "09:00"))
        await skip_to(skipping_time, at(day - timedelta(days=3), "09:00"))
        await sleeps(ft, taken, "t0", at(day, "09:00"))
        await skip_to(skipping_time, at(day, "09:00"))
    await sleeps(ft, taken, "t_3", at(third - timedelta(days=3), "09:00"))
    assert await tasks(ft, "birthday") == ["Buy a gift"] * 2

    # Moves between two rounds, and while the third is under way the date turns out to be another one.
    await ft.patch("contact", contact, timezone="America/Los_Angeles")
    await sleeps(ft, taken, "t_3", at(third - timedelta(days=3), "09:00", LOS_ANGELES))
    await skip_to(skipping_time, at(third - timedelta(days=3), "09:00", LOS_ANGELES))
    await sleeps(ft, taken, "t0", at(third, "09:00", LOS_ANGELES))
    await ft.patch("contact", contact, birthday="1996-06-10")
    corrected = third.replace(month=6, day=10)
    await sleeps(ft, taken, "t0", at(corrected, "09:00", LOS_ANGELES))
    await skip_to(skipping_time, at(corrected, "09:00", LOS_ANGELES))
    assert (await shown(ft, taken))["status"] == "active"

    for day in birthdays(6, 10, corrected + timedelta(days=1), 2):
        await sleeps(ft, taken, "t_3", at(day - timedelta(days=3), "09:00", LOS_ANGELES))
        await skip_to(skipping_time, at(day - timedelta(days=3), "09:00", LOS_ANGELES))
        await sleeps(ft, taken, "t0", at(day, "09:00", LOS_ANGELES))
        await skip_to(skipping_time, at(day, "09:00", LOS_ANGELES))
    (sixth,) = birthdays(6, 10, day + timedelta(days=1), 1)
    await sleeps(ft, taken, "t_3", at(sixth - timedelta(days=3), "09:00", LOS_ANGELES))
    assert await tasks(ft, "birthday") == ["Buy a gift"] * 5
    assert [mail["subject"] for mail in ft.outbox()] == ["Happy birthday"] * 5
    found = await shown(ft, taken)
    assert (found["round"], found["temporal"]) == (6, first_run)
    assert "| Moved there | for round 6 |" in await ft.details(found)
    assert await way(ft, found) == [
        *[(s, "done", None) for s in ("t_3", "gift", "t0", "wish")] * 5,
        ("t_3", None, None),
    ]


async def test_a_fair_takes_all_companies_along(ft: Running, skipping_time: SkippingTime) -> None:
    day = today(skipping_time) + timedelta(days=5)
    await ft.publish(
        dated(
            "fair", {"date": day.isoformat()},
            anchored("t_1", "09:00", days=-1), task("pack", "Pack"),
            anchored("t2", "09:00", days=2), task("call", "Call"),
            object="company",
        )
    )  # fmt: skip
    companies = [await ft.create("company", name=name) for name in ("Acme", "Borealis")]
    taken = [(await ft.enroll("fair", "company", company))["enrollment_id"] for company in companies]
    for enrollment_id in taken:
        await sleeps(ft, enrollment_id, "t_1", at(day - timedelta(days=1), "09:00"))
    await skip_to(skipping_time, at(day - timedelta(days=1), "09:00"))
    for enrollment_id in taken:
        await sleeps(ft, enrollment_id, "t2", at(day + timedelta(days=2), "09:00"))
    await skip_to(skipping_time, at(day + timedelta(days=2), "09:00"))
    for enrollment_id in taken:
        assert (await over(ft, enrollment_id))["end_reason"] == "completed"
    assert sorted(await tasks(ft, "fair")) == ["Call", "Call", "Pack", "Pack"]


async def test_a_ticket_is_asked_about_an_hour_and_two_days_after_it_was_made(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await ft.publish(
        dated(
            "tickets", {"property": "created_at"},
            anchored("t1h", hours=1), task("look", "Look"), anchored("t2", "09:00", days=2), task("ask", "Ask"),
            object="ticket", entry={"triggers": [{"id": "t1", "on": "created"}]},
        )
    )  # fmt: skip
    ticket = await ft.create("ticket", subject="Help")
    (taken,) = await entered(ft, "tickets")
    made = (await ft.call("GET", f"/records/ticket/{ticket}"))["created_at"]
    created = datetime.fromisoformat(made)
    await sleeps(ft, taken["id"], "t1h", created + timedelta(hours=1))
    await skip_to(skipping_time, created + timedelta(hours=1))
    second = at(created.astimezone(OSLO).date() + timedelta(days=2), "09:00")
    await sleeps(ft, taken["id"], "t2", second)
    await skip_to(skipping_time, second)
    await over(ft, taken["id"])
    assert await tasks(ft, "tickets") == ["Look", "Ask"]


async def test_who_is_moved_to_another_version_in_the_middle_of_a_round_repeats_nothing_of_it(
    ft: Running, skipping_time: SkippingTime
) -> None:
    anchor = {"property": "birthday", "yearly": True, "time": "09:00"}
    before = [anchored("t_3", days=-3), task("gift", "Buy a gift")]
    both = dated("both", anchor, *before, anchored("t0"), task("wish", "Happy birthday"))
    await ft.publish(both)
    first = today(skipping_time) + timedelta(days=10)
    contact = await ft.create("contact", external_id="a", birthday=first.isoformat())
    taken = (await ft.enroll("both", "contact", contact))["enrollment_id"]
    await sleeps(ft, taken, "t_3", at(first - timedelta(days=3), "09:00"))
    await skip_to(skipping_time, at(first - timedelta(days=3), "09:00"))
    await sleeps(ft, taken, "t0", at(first, "09:00"))

    etag = (await ft.http.get("/api/v1/workflows/both")).headers["ETag"]
    await ft.http.put("/api/v1/workflows/both", json={**both, "steps": before}, headers={"If-Match": etag})
    await ft.call("POST", "/workflows/both/publish", {"in_flight": "move"})
    # What it stood in is gone and the rest is done, so the round is over; the next one has everything in it again.
    second, third = (anniversary(first, first.year + n) for n in (1, 2))
    await sleeps(ft, taken, "t_3", at(second - timedelta(days=3), "09:00"))
    found = await shown(ft, taken)
    assert (found["version"], found["round"]) == (2, 2)
    await skip_to(skipping_time, at(second - timedelta(days=3), "09:00"))
    await sleeps(ft, taken, "t_3", at(third - timedelta(days=3), "09:00"))
    assert await tasks(ft, "both") == ["Buy a gift", "Buy a gift"]


async def test_the_date_may_be_that_of_the_opportunity_a_contact_came_with(
    ft: Running, skipping_time: SkippingTime
) -> None:
    trigger = {"id": "t1", "on": "filter", "object": "opportunity",
               "where": {"property": "stage", "op": "is", "value": "Engaging"}}  # fmt: skip
    await ft.publish(
        dated(
            "closing", {"property": "close_date", "of": "opportunity"}, anchored("t_7", "09:00", days=-7),
            task("call", "Call about {{ opportunity.name }}"), entry={"triggers": [trigger]},
        )
    )  # fmt: skip
    contact = await ft.create("contact", external_id="a")
    day, later = (today(skipping_time) + timedelta(days=n) for n in (30, 60))
    by_hand = (await ft.enroll("closing", "contact", await ft.create("contact", external_id="b")))["enrollment_id"]
    await sleeps(ft, by_hand, "t_7", None)
    deals = [await ft.create("opportunity", name=name, stage="Engaging", close_date=each.isoformat())
             for name, each in (("Near", day), ("Far", later))]  # fmt: skip
    for deal in deals:
        await ft.associate("contact", contact, "opportunity", deal)
    about = {each["bound"]["id"]: each["id"] for each in await entered(ft, "closing", 3) if each["bound"]}
    near, far = (about[deal] for deal in deals)
    await sleeps(ft, near, "t_7", at(day - timedelta(days=7), "09:00"))
    await sleeps(ft, far, "t_7", at(later - timedelta(days=7), "09:00"))
    await ft.patch("opportunity", deals[1], close_date=(later + timedelta(days=1)).isoformat())
    await sleeps(ft, far, "t_7", at(later - timedelta(days=6), "09:00"))
    await sleeps(ft, near, "t_7", at(day - timedelta(days=7), "09:00"))
    # Who came without one has its date from the first that is associated.
    lone = (await shown(ft, by_hand))["record"]["id"]
    await ft.associate("contact", lone, "opportunity", deals[0])
    await sleeps(ft, by_hand, "t_7", at(day - timedelta(days=7), "09:00"))
