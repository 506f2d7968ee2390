"""Live values apply at once to whoever waits, whatever version they run; so does the zone of a record."""

from __future__ import annotations

from typing import Any

from tests.fixtures.running import Running
from tests.runs.definitions import anchored, by_hand, gap, task
from tests.runs.walking import visit

MORNING = [
    {"id": "day", "kind": "delay", "until": {"date": "2099-01-31", "time": "09:00"}},
    task("after", "After"),
]


async def wakes_at(ft: Running, enrollment_id: str) -> Any:
    return (await ft.call("GET", f"/enrollments/{enrollment_id}"))["wakes_at"]


async def sleeps_until(ft: Running, enrollment_id: str, instant: str) -> None:
    async def planned() -> bool:
        return bool(await wakes_at(ft, enrollment_id) == instant)

    await ft.until(planned, f"the run sleeps until {instant}, not {await wakes_at(ft, enrollment_id)}")


async def waiting(ft: Running, slug: str, **properties: Any) -> tuple[str, str]:
    """Somebody who waits for the morning; contact and enrollment."""
    contact = await ft.create("contact", external_id=slug, **properties)
    taken = await ft.enroll(slug, "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "day")
    return contact, taken["enrollment_id"]


async def test_a_changed_zone_times_everybody_anew_in_every_version(ft: Running) -> None:
    await ft.publish(by_hand("zones", MORNING))
    _, old = await waiting(ft, "zones")
    await ft.publish(by_hand("zones", [*MORNING, task("more", "More")]))
    second = await ft.create("contact", external_id="b")
    new = (await ft.enroll("zones", "contact", second))["enrollment_id"]
    await ft.stands_at(new, "day")
    assert await wakes_at(ft, old) == await wakes_at(ft, new) == "2099-01-31T09:00:00Z"
    made = await ft.call("PATCH", "/workflows/zones/settings", {"timezone": "Europe/Oslo"})
    assert made["settings"]["timezone"] == "Europe/Oslo"
    for enrollment_id in (old, new):
        await sleeps_until(ft, enrollment_id, "2099-01-31T08:00:00Z")
    assert len(await ft.enrollments("zones")) == 2


async def test_settings_and_draft_change_together_and_keep_a_history(ft: Running) -> None:
    await ft.publish(by_hand("history", MORNING))
    await ft.call("PATCH", "/workflows/history/settings", {"timezone": "Asia/Tokyo", "spread_minutes": 5})
    await ft.call("PATCH", "/workflows/history/settings", {"timezone": None})
    shown = await ft.call("GET", "/workflows/history")
    assert shown["definition"]["settings"] == {"spread_minutes": 5}
    held = (await ft.call("GET", "/workflows/history/settings/history"))["items"]
    zones = [(each["settings"]["timezone"], each["changed_by"]["kind"]) for each in held]
    assert zones == [("account", "api"), ("Asia/Tokyo", "api"), ("account", "publish")]
    assert (await ft.call("GET", "/workflows/history/settings")) == held[0]
    version = await ft.call("GET", "/workflows/history/versions/1")
    assert "settings" not in version["definition"]


async def test_a_record_that_moves_takes_its_clock_along(ft: Running) -> None:
    await ft.publish(by_hand("own", MORNING, settings={"timezone": "record"}))
    contact, enrollment_id = await waiting(ft, "own", timezone="Europe/Oslo")
    assert await wakes_at(ft, enrollment_id) == "2099-01-31T08:00:00Z"
    await ft.patch("contact", contact, timezone="America/Los_Angeles")
    await sleeps_until(ft, enrollment_id, "2099-01-31T17:00:00Z")
    await ft.patch("contact", contact, timezone="Atlantis/Capital")
    await sleeps_until(ft, enrollment_id, "2099-01-31T09:00:00Z")
    stands = await visit(ft, {"id": enrollment_id}, "day")
    assert stands["words"].endswith("(by UTC, as there is no time zone 'Atlantis/Capital')")
    await ft.patch("contact", contact, timezone=None)
    await ft.settled()
    await sleeps_until(ft, enrollment_id, "2099-01-31T09:00:00Z")


async def test_records_that_moved_before_the_workflow_went_by_their_zone_are_found(ft: Running) -> None:
    await ft.publish(by_hand("late", MORNING))
    contact, enrollment_id = await waiting(ft, "late", timezone="Europe/Oslo")
    await ft.call("PATCH", "/workflows/late/settings", {"timezone": "record"})
    await sleeps_until(ft, enrollment_id, "2099-01-31T08:00:00Z")
    await ft.patch("contact", contact, timezone="America/Los_Angeles")
    await sleeps_until(ft, enrollment_id, "2099-01-31T17:00:00Z")


async def test_the_zone_of_the_account_concerns_those_who_go_by_it(ft: Running) -> None:
    await ft.publish(by_hand("ours", MORNING))
    await ft.publish(by_hand("theirs", MORNING, settings={"timezone": "Asia/Tokyo"}))
    _, ours = await waiting(ft, "ours")
    _, theirs = await waiting(ft, "theirs")
    before = await wakes_at(ft, theirs)
    await ft.call("PATCH", "/account", {"timezone": "Europe/Oslo"})
    await sleeps_until(ft, ours, "2099-01-31T08:00:00Z")
    assert await wakes_at(ft, theirs) == before


async def test_a_wait_says_until_when_in_which_zone_and_why(ft: Running) -> None:
    await ft.publish(by_hand("told", MORNING, settings={"timezone": "Europe/Oslo"}))
    _, taken = await waiting(ft, "told")
    (visit,) = (await ft.timeline(taken))["visits"]
    assert visit["until"] == "Sat 31 Jan 2099 09:00 (Europe/Oslo)"
    assert visit["words"] == "waiting until Sat 31 Jan 2099 09:00 (Europe/Oslo): 2099-01-31 09:00"


async def test_what_a_changed_date_makes_past_names_the_instant_in_the_zone_it_was_judged_in(ft: Running) -> None:
    await ft.publish(_webinar("2099-03-01") | {"settings": {"timezone": "Europe/Oslo"}})
    _, taken = await waiting(ft, "webinar")
    await ft.call(
        "PATCH", "/workflows/webinar/settings", {"anchor": {"date": "2020-03-02", "time": "12:00"}, "timezone": "UTC"}
    )
    await ft.ended(taken)
    visit = (await ft.timeline(taken))["visits"][0]
    assert (visit["zone"], visit["outcome"]) == ("UTC", "skipped")
    assert visit["words"] == "skipped: its time, Mon 2 Mar 2020 11:00 (UTC), had passed"


async def test_what_is_wrong_with_settings_is_told_with_its_path(ft: Running) -> None:
    await ft.publish(by_hand("wrong", MORNING))
    settings = {"timezone": "Mars/Base", "spread_minutes": 5}
    refused = await ft.call("PATCH", "/workflows/wrong/settings", settings, expect=422)
    assert [(each["path"], each["code"]) for each in refused["errors"]] == [("/timezone", "wrong_zone")]
    refused = await ft.call("PATCH", "/workflows/wrong/settings", {"spread_minutes": -1}, expect=422)
    assert [each["path"] for each in refused["errors"]] == ["/spread_minutes"]
    assert (await ft.call("GET", "/workflows/wrong/settings"))["settings"]["spread_minutes"] == 15


async def test_a_date_that_has_passed_is_warned_of_when_it_is_published_or_set(ft: Running) -> None:
    await ft.publish(_webinar("2099-03-01"))
    path = "/workflows/webinar/settings"
    made = await ft.call("PATCH", path, {"anchor": {"date": "2020-03-01"}})
    (warning,) = made["warnings"]
    assert (warning["path"], warning["message"]) == (
        "/anchor/date", "2020-03-01 has passed: whoever enters now skips every step that was due by now"
    )  # fmt: skip
    assert (await ft.call("POST", "/workflows/webinar/publish", {}))["warnings"] == [warning]
    assert (await ft.call("PATCH", path, {"spread_minutes": 3}))["warnings"] == []
    assert (await ft.call("PATCH", path, {"anchor": {"date": "2099-03-01"}}))["warnings"] == []


async def test_what_changes_nothing_is_refused_and_fields_are_named(ft: Running) -> None:
    await ft.publish(_webinar("2099-03-01"))
    path = "/workflows/webinar/settings"
    refused = await ft.call("PATCH", path, {"anchor": None}, expect=422)
    assert [(each["path"], each["code"]) for each in refused["errors"]] == [("/anchor", "wrong_value")]
    refused = await ft.call("PATCH", path, {"foo": 1}, expect=422)
    (unknown,) = refused["errors"]
    assert (unknown["path"], unknown["code"]) == ("/foo", "unknown_field")
    assert unknown["message"] == (
        "there is no field 'foo' here; "
        "there are timezone, window, pause_dates, holidays, spread_minutes, turn_off_at, anchor"
    )


async def test_zones_that_are_a_machine_s_own_or_of_another_kind_are_refused(ft: Running) -> None:
    await ft.publish(by_hand("kinds", MORNING))
    for zone in ("localtime", "posix/Europe/Oslo", "right/UTC", "posixrules", "../UTC"):
        refused = await ft.call("PATCH", "/workflows/kinds/settings", {"timezone": zone}, expect=422)
        assert [(each["path"], each["code"]) for each in refused["errors"]] == [("/timezone", "wrong_zone")]
        refused = await ft.call("PATCH", "/account", {"timezone": zone}, expect=422)
        assert [each["path"] for each in refused["errors"]] == ["/timezone"]


async def test_a_time_to_turn_off_that_has_passed_is_told_with_the_path_of_the_body(ft: Running) -> None:
    await ft.publish(by_hand("over", MORNING))
    passed = {"turn_off_at": "2020-01-01T00:00:00Z"}
    refused = await ft.call("PATCH", "/workflows/over/settings", passed, expect=422)
    assert [each["path"] for each in refused["errors"]] == ["/turn_off_at"]


def _webinar(day: str) -> dict[str, Any]:
    return {
        "slug": "webinar",
        "name": "Webinar",
        "object": "contact",
        "type": "specific_date",
        "anchor": {"date": day, "time": "18:00"},
        "steps": [anchored("day", hours=-1), task("after", "After")],
    }


async def test_publishing_the_old_content_again_brings_its_date_back(ft: Running) -> None:
    await ft.publish(_webinar("2099-03-01"))
    _, taken = await waiting(ft, "webinar")
    await ft.call("PATCH", "/workflows/webinar/settings", {"anchor": {"date": "2099-03-08"}})
    await sleeps_until(ft, taken, "2099-03-08T17:00:00Z")
    await ft.publish(_webinar("2099-03-01"))
    await sleeps_until(ft, taken, "2099-03-01T17:00:00Z")
    assert (await ft.call("GET", "/workflows/webinar"))["version"] == 1
    assert (await ft.call("GET", "/workflows/webinar/settings"))["anchor"]["date"] == "2099-03-01"


async def test_publishing_the_old_content_again_brings_its_settings_back(ft: Running) -> None:
    await ft.publish(by_hand("back", MORNING))
    _, taken = await waiting(ft, "back")
    await ft.call("PATCH", "/workflows/back/settings", {"timezone": "Europe/Oslo"})
    await sleeps_until(ft, taken, "2099-01-31T08:00:00Z")
    await ft.publish(by_hand("back", MORNING))
    await sleeps_until(ft, taken, "2099-01-31T09:00:00Z")
    held = (await ft.call("GET", "/workflows/back/settings/history"))["items"]
    assert [each["changed_by"]["kind"] for each in held] == ["publish", "api", "publish"]


async def test_a_version_that_counts_hours_from_a_day_keeps_its_time_where_a_newer_one_needs_none(ft: Running) -> None:
    await ft.publish(_webinar("2099-03-01"))
    _, taken = await waiting(ft, "webinar")
    newer = {**_webinar("2099-03-01"), "steps": [anchored("day", "17:00"), task("after", "After")]}
    await ft.publish({**newer, "anchor": {"date": "2099-03-02"}})
    await sleeps_until(ft, taken, "2099-03-02T17:00:00Z")
    await ft.call("PATCH", "/workflows/webinar/settings", {"anchor": {"date": "2099-03-03"}})
    await sleeps_until(ft, taken, "2099-03-03T17:00:00Z")
    await ft.call("PATCH", "/workflows/webinar/settings", {"anchor": {"time": "20:00"}})
    await sleeps_until(ft, taken, "2099-03-03T19:00:00Z")


async def test_without_a_live_time_a_property_with_one_counts_by_its_own(ft: Running) -> None:
    last = {"property": "last_touched_at", "time": "18:00"}
    touched = {**_webinar(""), "type": "date_property", "anchor": last}
    await ft.publish(touched)
    _, taken = await waiting(ft, "webinar", last_touched_at="2099-03-01T10:00:00Z")
    assert await wakes_at(ft, taken) == "2099-03-01T17:00:00Z"
    await ft.call("PATCH", "/workflows/webinar/settings", {"anchor": {"time": None}})
    await sleeps_until(ft, taken, "2099-03-01T09:00:00Z")


async def test_the_timeline_tells_who_moved_a_wait_from_when_to_when(ft: Running) -> None:
    await ft.publish(_webinar("2099-03-01"))
    _, taken = await waiting(ft, "webinar")
    assert (await visit(ft, {"id": taken}, "day"))["retimings"] == []
    await ft.call("PATCH", "/workflows/webinar/settings", {"anchor": {"date": "2099-04-01"}, "timezone": "Asia/Tokyo"})
    await sleeps_until(ft, taken, "2099-04-01T08:00:00Z")
    (moved,) = (await visit(ft, {"id": taken}, "day"))["retimings"]
    assert (moved["before"], moved["after"]) == ("2099-03-01T17:00:00Z", "2099-04-01T08:00:00Z")
    instants = "timed anew from Mon 2 Mar 2099 02:00 (Asia/Tokyo) to Wed 1 Apr 2099 17:00 (Asia/Tokyo)"
    assert moved["words"].startswith(f"{instants}: its settings were changed by API key ")


async def test_a_new_version_that_moves_a_wait_is_named(ft: Running) -> None:
    await ft.publish(by_hand("moved", [gap("day", days=2), task("after", "After")]))
    _, taken = await waiting(ft, "moved")
    longer = by_hand("moved", [gap("day", days=3), task("after", "After")])
    tag = (await ft.http.get("/api/v1/workflows/moved")).headers["ETag"]
    (await ft.http.put("/api/v1/workflows/moved", json=longer, headers={"If-Match": tag})).raise_for_status()
    await ft.call("POST", "/workflows/moved/publish", {"in_flight": "move"})

    async def told() -> bool:
        return bool((await visit(ft, {"id": taken}, "day"))["retimings"])

    await ft.until(told, "the move is told")
    (moved,) = (await visit(ft, {"id": taken}, "day"))["retimings"]
    assert moved["words"].endswith(": by version 2")
