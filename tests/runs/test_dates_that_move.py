"""A date that moves into the past while somebody waits for it: `if_past` says what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, email, task
from tests.runs.test_live_settings import waiting
from tests.runs.walking import way

FAR, LONG_AGO = "2099-03-01T10:00:00Z", "2020-03-01T10:00:00Z"


def before(**policies: str) -> list[dict[str, Any]]:
    """A week before a date, a task and an email."""
    until = {"property": "last_touched_at", "offset": {"days": -7}}
    return [{"id": "day", "kind": "delay", "until": until, **policies}, task("note", "Note"), email("mail", "Hello")]


@pytest.mark.parametrize(
    ("policy", "behind", "detail"),
    [
        ("continue", [("note", "done", None), ("mail", "done", None)], None),
        ("skip_sends", [("note", "done", None), ("mail", "skipped", "skip_sends")], None),
        ("mail", [("mail", "done", None)], None),
        ("exit", [], "past"),
    ],
)
async def test_a_date_that_moves_into_the_past_obeys_if_past(
    ft: Running, policy: str, behind: list[tuple[str, str, str | None]], detail: str | None
) -> None:
    await ft.publish(by_hand("renewal", before(if_past=policy)))
    contact, taken = await waiting(ft, "renewal", email="ana@example.com", last_touched_at=FAR)
    await ft.patch("contact", contact, last_touched_at=LONG_AGO)
    done = await ft.ended(taken)
    assert await way(ft, done) == [("day", "done", "past"), *behind]
    assert (done["end_reason"], done["end_detail"]) == ("completed", detail)


async def test_a_missing_date_that_comes_too_late_obeys_if_past(ft: Running) -> None:
    await ft.publish(by_hand("late", before(if_past="exit", if_missing="wait")))
    contact, taken = await waiting(ft, "late", email="ana@example.com")
    await ft.patch("contact", contact, last_touched_at=LONG_AGO)
    assert (await ft.ended(taken))["end_detail"] == "past"
    assert ft.outbox() == []


async def test_another_version_whose_date_is_past_goes_on_whatever_if_past_says(ft: Running) -> None:
    await ft.publish(by_hand("moved", before(if_past="exit"), settings={"spread_minutes": 0}))
    _, taken = await waiting(ft, "moved", email="ana@example.com", last_touched_at=FAR)
    first = before(if_past="exit")[1:]
    passed = {"id": "day", "kind": "delay", "until": {"date": "2020-01-01", "time": "09:00"}, "if_past": "exit"}
    changed = by_hand("moved", [passed, *first], settings={"spread_minutes": 0})
    await ft.http.put("/api/v1/workflows/moved", json=changed, headers={"If-Match": "*"})
    await ft.call("POST", "/workflows/moved/publish", {"in_flight": "move"})
    done = await ft.ended(taken)
    assert await way(ft, done) == [("day", "done", None), ("note", "done", None), ("mail", "done", None)]
