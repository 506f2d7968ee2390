"""An explanation says in words what nobody can know before somebody enters."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import Invalid
from domain.records import Cause
from services.entering.by_hand import Ask, enroll_by_hand
from services.installation import Installation
from services.telling.explaining import Asked, explain
from services.workflow_views import find
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk

EVENT = {"id": "t1", "on": "event", "event": "form.submitted"}
MADE = {"id": "t2", "on": "created"}


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


async def unknown(desk: Desk, slug: str, contact: str) -> list[str]:
    async with desk.inst.db.read() as read:
        asked = Asked(record_id=contact, limit=1)
        return (await explain(read, await find(read, slug), asked, now=desk.inst.clock.now())).unknown


def asking(slug: str, parameters: list[dict[str, Any]], triggers: list[dict[str, Any]], **entry: Any) -> dict[str, Any]:
    return by_hand(slug, [gap(days=1)], parameters=parameters, entry={"triggers": triggers, **entry})


async def test_a_parameter_that_must_be_given_is_named_as_an_entry_by_hand_then_asks_for_it(desk: Desk) -> None:
    seats = {"name": "seats", "type": "number", "required": True}
    named = {"name": "plan", "required": True, "default": "free"}
    await desk.publish(asking("seating", [seats, named], []))
    contact = await desk.create("contact", email="ana@example.com")
    refused = "an entry by hand is refused unless it gives the parameter seats (a number)"
    assert await unknown(desk, "seating", contact) == [refused]
    with pytest.raises(Invalid, match="needs the parameter seats"):
        async with desk.inst.db.transaction() as tx:
            ask = Ask(object="contact", record_id=contact)
            cause, now = Cause(kind="api"), desk.inst.clock.now()
            await enroll_by_hand(tx, await find(tx, "seating"), ask, cause=cause, now=now)


async def test_an_event_that_is_yet_to_come_and_values_yet_to_be_given_are_told(desk: Desk) -> None:
    by_parameter = {"parameter": "plan", "op": "is", "value": "free"}
    by_value = {"property": "city", "op": "is", "value": {"parameter": "plan"}}
    by_event = {"property": "city", "op": "is", "value": {"entry_event": "city"}}
    plan = [{"name": "plan", "default": "free"}]
    await desk.publish(asking("a", plan, [MADE], suppress={"property": "country", "op": "is", "value": "NO"}))
    await desk.publish(asking("b", plan, [MADE], suppress=by_parameter))
    await desk.publish(asking("c", plan, [MADE], suppress={"not": by_value}))
    await desk.publish(asking("d", [], [EVENT], suppress=by_event))
    await desk.publish(asking("e", [], [EVENT]))
    contact = await desk.create("contact", email="ana@example.com")
    given = "conditions on parameters saw their defaults: what is given at entry may change the answer"
    repeated = "an event that let the record in before lets it in no second time"
    assert [await unknown(desk, slug, contact) for slug in "abcde"] == [
        [], [given], [given],
        ["conditions on the event of entry saw none: the event may change the answer", repeated],
        [repeated],
    ]  # fmt: skip


async def test_a_draft_leaves_nothing_to_be_known(desk: Desk) -> None:
    await desk.draft(asking("draft", [{"name": "seats", "required": True}], [EVENT]))
    contact = await desk.create("contact", email="ana@example.com")
    assert await unknown(desk, "draft", contact) == []
