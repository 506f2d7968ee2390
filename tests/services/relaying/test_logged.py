"""What a relay writes of what it could not do: whose it was, and nothing about anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import select

import services.versions
from services.installation import Installation
from services.log_fields import bound_fields
from store.tables import changes, deliveries
from tests.fixtures.breaking import break_version
from tests.fixtures.log_lines import Lines, written_by
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk


@pytest.fixture
def desk(installation: Installation) -> Desk:
    return Desk(installation)


@pytest.fixture
def lines() -> Iterator[Lines]:
    with written_by("services") as found:
        yield found


async def test_a_judgement_that_failed_names_its_change(desk: Desk, lines: Lines) -> None:
    trigger = {"id": "t1", "on": "filter", "where": {"property": "city", "op": "known"}}
    await desk.publish(by_hand("journey", [gap(days=1)], entry={"triggers": [trigger]}))
    await desk.create("contact", email="ana@example.com", city="Quuxville")
    async with desk.inst.db.read() as read:
        change = await read.scalar(select(changes.c.id).where(changes.c.object == "contact"))
    await break_version(desk.inst.db, "journey")
    services.versions.forget_contents()
    await desk.relay.drain_once()
    (line,) = lines()
    named = {name: line[name] for name in ("event", "level", "change", "attempt")}
    assert named == {"event": "change_not_judged", "level": "warning", "change": change, "attempt": 1}
    assert line["error"]["type"] == "ValidationError"
    assert "quux" not in json.dumps(line).lower()
    assert not bound_fields(), "what follows belongs to something else"


async def test_a_delivery_that_failed_names_its_enrollment(desk: Desk, lines: Lines) -> None:
    workflow = await desk.publish(by_hand("journey", [gap(days=1)]))
    await desk.enroll(workflow, await desk.create("contact", email="ana@example.com"))
    async with desk.inst.db.read() as read:
        delivery = await read.one(select(deliveries))
    assert delivery is not None
    await break_version(desk.inst.db, "journey")
    services.versions.forget_contents()
    await desk.work_off()
    (line,) = lines()
    assert line["event"] == "delivery_not_made"
    assert (line["delivery"], line["enrollment"]) == (delivery["id"], delivery["enrollment_id"])
    assert (line["attempt"], line["error"]["type"]) == (1, "ValidationError")
