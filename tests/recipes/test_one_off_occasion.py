"""One-off occasion: at one moment by everybody's own clock, and who comes late gets what was chosen."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.fixtures.temporal import SkippingTime
from tests.recipes.installing import about, at, installed, over, passes, person, says, sent, skip_to, way, with_hours
from tests.runs.walking import entered

SLUG = "one-off-occasion"
WISHES = "Our best wishes for the summer"


async def listed(ft: Running, contact: str) -> str:
    """Somebody is put on the list; the enrollment."""
    await ft.call("PUT", f"/lists/good-wishes/members/{contact}", {})
    return await about(ft, SLUG, contact)


async def installed_for(ft: Running, clock: SkippingTime, **answers: Any) -> date:
    """The recipe for a day to come; the day."""
    await with_hours(ft)
    day = clock.now().date() + timedelta(days=20)
    await installed(ft, SLUG, date=day.isoformat(), occasion="the summer", **answers)
    return day


async def test_everybody_gets_it_at_nine_where_they_live(ft: Running, skipping_time: SkippingTime) -> None:
    day = await installed_for(ft, skipping_time)
    oslo, chicago = "Europe/Oslo", "America/Chicago"
    ana, bo = await person(ft, "Ana", timezone=oslo), await person(ft, "Bo", timezone=chicago)
    first, second = await listed(ft, ana), await listed(ft, bo)
    assert await passes(ft, skipping_time, first, "day") == at(day, "09:00", oslo)
    over_first = await over(ft, first)
    assert await passes(ft, skipping_time, second, "day") == at(day, "09:00", chicago)
    for enrollment in (over_first, await over(ft, second)):
        assert await way(ft, enrollment) == [("day", "done", None), ("wishes", "done", None)]
    ((told, when),) = await sent(ft, ana)
    assert (told, when - at(day, "09:00", oslo) < timedelta(minutes=1)) == (WISHES, True)
    assert [told for told, _ in await sent(ft, bo)] == [WISHES]


async def test_who_is_taken_off_the_list_before_gets_nothing_nor_does_who_unsubscribed(
    ft: Running, skipping_time: SkippingTime
) -> None:
    await installed_for(ft, skipping_time, time="08:30")
    ana, bo, cy = await person(ft, "Ana"), await person(ft, "Bo"), await person(ft, "Cy", subscribed=None)
    gone, no_more, never = await listed(ft, ana), await listed(ft, bo), await listed(ft, cy)
    await ft.call("DELETE", f"/lists/good-wishes/members/{ana}")
    assert (await over(ft, gone))["end_reason"] == "no_longer_matches"
    await says(ft, bo, "unsubscribed")
    await passes(ft, skipping_time, no_more, "day")
    for enrollment_id, reason in ((no_more, "unsubscribed"), (never, "not_subscribed")):
        assert (await way(ft, await over(ft, enrollment_id)))[-1] == ("wishes", "skipped", reason)
    assert ft.outbox() == []
    # On the list again: it was once.
    await ft.call("PUT", f"/lists/good-wishes/members/{ana}", {})
    await ft.settled()
    assert len(await entered(ft, SLUG)) == 3
    assert (await ft.decisions(SLUG))[-1] == "re_entry_off"


@pytest.mark.parametrize(
    ("late", "outcome", "reason"), [("skip_sends", "skipped", "skip_sends"), ("continue", "done", None)]
)
async def test_who_is_late_gets_what_was_chosen(
    ft: Running, skipping_time: SkippingTime, late: str, outcome: str, reason: str | None
) -> None:
    day = await installed_for(ft, skipping_time, late=late)
    await skip_to(skipping_time, at(day, "09:00", "UTC"))
    bo = await person(ft, "Bo", timezone="UTC")
    done = await over(ft, await listed(ft, bo))
    assert (await way(ft, done))[-1] == ("wishes", outcome, reason)
    assert [told for told, _ in await sent(ft, bo)] == ([WISHES] if late == "continue" else [])
