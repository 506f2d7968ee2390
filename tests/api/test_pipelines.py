"""Pipelines through the API: what follows from a stage, and how pipelines are added, changed and removed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.base import Json
from tests.api.conftest import Caller
from tests.fixtures.clock import FixedClock

RENEWALS = {
    "value": "renewals",
    "label": "Renewals",
    "stages": [{"value": "Due"}, {"value": "Engaging"}, {"value": "Renewed", "closed": True}],
}


async def stand(api: Caller, record: Any, **properties: Json) -> dict[str, Json]:
    path = f"/records/{record['object']}/{record['id']}"
    changed: dict[str, Json] = (await api.ok("PATCH", path, {"properties": properties}))["properties"]
    return changed


async def test_closing_stamps_the_close_date_and_reopening_clears_it(api: Caller, clock: FixedClock) -> None:
    ticket = await api.create("ticket", subject="It does not print", stage="New")
    assert "closed_at" not in ticket["properties"]

    clock.advance(timedelta(minutes=5))
    closed = await stand(api, ticket, stage="Closed")
    assert (closed["is_closed"], closed["closed_at"]) == (True, "2027-03-01T09:05:00.000000Z")

    reopened = await stand(api, ticket, stage="Waiting on us")
    assert (reopened["is_closed"], "closed_at" in reopened) == (False, False)


async def test_a_close_date_that_is_written_stays_as_written(api: Caller) -> None:
    deal = await api.create("opportunity", name="Ten desks", stage="Engaging")
    won = await stand(api, deal, stage="Won", close_date="2027-02-20")
    assert won["close_date"] == "2027-02-20"
    # From one closed stage to another nothing is closed anew.
    assert (await stand(api, deal, stage="Lost"))["close_date"] == "2027-02-20"


async def test_the_close_date_is_a_day_of_the_account_s_zone(api: Caller) -> None:
    await api.ok("PATCH", "/account", {"timezone": "Pacific/Kiritimati"})
    deal = await api.create("opportunity", name="Ten desks", stage="Won")
    assert deal["properties"]["close_date"] == "2027-03-01"
    await api.ok("PATCH", "/account", {"timezone": "Pacific/Pago_Pago"})
    other = await api.create("opportunity", name="Two desks", stage="Won")
    assert other["properties"]["close_date"] == "2027-02-28"


async def test_a_pipeline_may_leave_the_close_date_alone(api: Caller) -> None:
    await api.ok("PATCH", "/pipelines/ticket/default", {"sets_close_date": False})
    ticket = await api.create("ticket", subject="It does not print", stage="New")
    assert "closed_at" not in await stand(api, ticket, stage="Closed")


async def test_a_record_tells_how_long_it_stood_where(api: Caller, clock: FixedClock) -> None:
    ticket = await api.create("ticket", subject="It does not print", stage="New")
    clock.advance(timedelta(minutes=5))
    await stand(api, ticket, stage="Closed")
    clock.advance(timedelta(minutes=5))
    again = await stand(api, ticket, subject="It prints")
    assert again["stage_entered_at"] == "2027-03-01T09:05:00.000000Z"

    stays = (await api.ok("GET", f"/records/ticket/{ticket['id']}/stages"))["items"]
    assert [(each["stage"], each["pipeline"], each["left_at"] is None) for each in stays] == [
        ("New", "default", False), ("Closed", "default", True),
    ]  # fmt: skip
    assert stays[0]["left_at"] == stays[1]["entered_at"]
    assert stays[1]["cause_kind"] == "api"


async def test_a_stage_is_one_of_the_record_s_pipeline(api: Caller) -> None:
    made = await api.ok("POST", "/pipelines/opportunity", RENEWALS, status=201)
    assert [(each["value"], each["closed"]) for each in made["stages"]] == [
        ("Due", False), ("Engaging", False), ("Renewed", True),
    ]  # fmt: skip
    deal = await api.create("opportunity", name="Ten desks", stage="Engaging")
    assert deal["properties"]["pipeline"] == "default"

    path = f"/records/opportunity/{deal['id']}"
    found = await api.problem("PATCH", path, {"properties": {"stage": "Renewed"}}, status=422)
    assert [(each["path"], each["code"]) for each in found["errors"]] == [("/properties/stage", "unknown_option")]
    assert "Prospecting, Engaging, Won, Lost" in found["errors"][0]["message"]

    moved = await stand(api, deal, pipeline="renewals", stage="Renewed")
    assert (moved["pipeline"], moved["is_closed"]) == ("renewals", True)
    await api.problem("PATCH", path, {"properties": {"pipeline": "default"}}, status=422)


async def test_no_stage_is_taken_from_records_that_stand_in_it(api: Caller) -> None:
    ticket = await api.create("ticket", subject="It does not print", stage="Waiting on us")
    fewer = {"stages": [{"value": "New"}, {"value": "Closed"}]}
    found = await api.problem("PATCH", "/pipelines/ticket/default", fewer, status=409)
    assert "1 in Waiting on us" in found["detail"]
    assert len((await api.ok("GET", "/pipelines/ticket/default"))["stages"]) == 4

    await stand(api, ticket, stage="New")
    changed = await api.ok("PATCH", "/pipelines/ticket/default", fewer)
    assert [each["value"] for each in changed["stages"]] == ["New", "Closed"]
    path = f"/records/ticket/{ticket['id']}"
    await api.problem("PATCH", path, {"properties": {"stage": "Waiting on us"}}, status=422)


async def test_a_pipeline_is_removed_when_nobody_is_in_it(api: Caller) -> None:
    await api.problem("DELETE", "/pipelines/opportunity/default", status=409)
    await api.ok("POST", "/pipelines/opportunity", RENEWALS, status=201)
    deal = await api.create("opportunity", name="Ten desks", pipeline="renewals", stage="Due")
    await api.problem("DELETE", "/pipelines/opportunity/renewals", status=409)
    await api.ok("DELETE", f"/records/opportunity/{deal['id']}", status=204)
    await api.ok("DELETE", "/pipelines/opportunity/renewals", status=204)
    assert [each["value"] for each in (await api.ok("GET", "/pipelines/opportunity"))["items"]] == ["default"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"value": "x", "stages": []}, "/stages"),
        ({"value": "x", "stages": [{"value": "A"}, {"value": "A"}]}, "/stages/1/value"),
        ({"value": "x", "stages": [{"value": "Won", "closed": False}]}, "/stages/0/closed"),
        ({"value": " ", "stages": [{"value": "A"}]}, "/value"),
    ],
)
async def test_what_is_wrong_with_a_pipeline_is_told_with_its_path(lite: Caller, body: object, path: str) -> None:
    found = await lite.problem("POST", "/pipelines/opportunity", body, status=422)
    assert [error["path"] for error in found["errors"]] == [path]


async def test_contacts_have_no_pipelines(lite: Caller) -> None:
    assert (await lite.ok("GET", "/pipelines/contact"))["items"] == []
    await lite.problem("POST", "/pipelines/contact", RENEWALS, status=404)


async def test_a_pipeline_is_added_once(lite: Caller) -> None:
    await lite.ok("POST", "/pipelines/opportunity", RENEWALS, status=201)
    await lite.problem("POST", "/pipelines/opportunity", RENEWALS, status=409)


async def test_stages_are_added_by_their_pipeline_only(lite: Caller) -> None:
    body = {"options": [{"value": "Due"}]}
    found = await lite.problem("PATCH", "/objects/opportunity/properties/stage", body, status=422)
    assert "/pipelines/opportunity" in found["errors"][0]["message"]
    await lite.ok("PATCH", "/objects/opportunity/properties/stage", {"options": [{"value": "Won", "label": "Ours"}]})


async def test_each_move_from_stage_to_stage_is_an_event(api: Caller) -> None:
    deal = await api.create("opportunity", name="Ten desks", stage="Prospecting")
    await stand(api, deal, name="Twenty desks")
    await stand(api, deal, stage="Engaging")
    await api.ok("POST", "/pipelines/opportunity", RENEWALS, status=201)
    await stand(api, deal, pipeline="renewals", stage="Renewed")
    await stand(api, deal, stage=None)
    found = (await api.ok("GET", f"/events?record={deal['id']}&event=stage.changed"))["items"]
    assert [each["properties"] for each in reversed(found)] == [
        {"pipeline": "default", "from": "Prospecting", "to": "Engaging", "closed": False},
        {"pipeline": "renewals", "from": "Engaging", "to": "Renewed", "closed": True, "from_pipeline": "default"},
    ]


async def test_nobody_else_tells_that_a_stage_changed(lite: Caller) -> None:
    ticket = await lite.create("ticket", subject="It does not print", stage="New")
    body = {"event": "stage.changed", "record": {"object": "ticket", "id": ticket["id"]}}
    found = await lite.problem("POST", "/events", body, status=422)
    assert [error["path"] for error in found["errors"]] == ["/event"]
    assert (await lite.ok("GET", f"/events?record={ticket['id']}"))["items"] == []
