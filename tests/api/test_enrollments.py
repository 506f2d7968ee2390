"""Entering and leaving workflows through the API, and what can be seen of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.api.definitions import follow_up
from tests.fixtures.runs import RecordingRuns
from tests.fixtures.statements import counting
from tests.runs.definitions import by_hand, gap


async def ready(api: Caller, **more: Any) -> Any:
    """A published workflow and a contact."""
    await api.publish(follow_up(**more))
    return await api.create("contact", email="ana@example.com")


def by_id(record: Any, **more: Any) -> dict[str, Any]:
    return {"record": {"object": record["object"], "id": record["id"]}, **more}


async def test_enrolling_answers_with_the_enrollment_and_starts_its_run(api: Caller, runs: RecordingRuns) -> None:
    contact = await ready(api)
    answer = await api.call("POST", "/workflows/follow-up/enrollments", by_id(contact))
    made = answer.json()
    assert answer.status_code == 202
    assert made["decision"] == "enrolled"
    assert answer.headers["Location"] == f"/api/v1/enrollments/{made['enrollment_id']}"
    assert made["temporal"]["workflow_id"] == runs.started[0].run_id
    assert made["temporal"]["workflow_id"] in made["temporal"]["ui_url"]

    shown = await api.ok("GET", f"/enrollments/{made['enrollment_id']}")
    assert shown["workflow"] == "follow-up"
    assert shown["record"] == {"object": "contact", "id": contact["id"], "name": "ana@example.com"}
    assert shown["cause"]["kind"] == "api"
    assert shown["status"] == "starting"
    timeline = await api.ok("GET", f"/enrollments/{made['enrollment_id']}/timeline")
    assert timeline["entry"]["words"] == "entered"
    assert timeline["visits"] == []
    assert timeline["end"] is None


async def test_a_record_is_named_by_a_unique_property(api: Caller) -> None:
    contact = await ready(api)
    body = {"record": {"object": "contact", "by": {"email": "ANA@example.com"}}}
    made = await api.ok("POST", "/workflows/follow-up/enrollments", body, status=202)
    assert (await api.ok("GET", f"/enrollments/{made['enrollment_id']}"))["record"]["id"] == contact["id"]


async def test_a_no_is_answered_with_its_decision_and_kept(api: Caller) -> None:
    contact = await ready(api, entry={"suppress": {"property": "email", "op": "known"}})
    made = await api.ok("POST", "/workflows/follow-up/enrollments", by_id(contact))
    assert made["decision"] == "suppressed"
    assert made["enrollment_id"] is None
    assert made["temporal"] is None
    kept = (await api.ok("GET", f"/entry-decisions?record={contact['id']}"))["items"]
    assert [item["decision"] for item in kept] == ["suppressed"]
    assert kept[0]["seen"][0]["value"] == "ana@example.com"
    await api.ok("POST", "/workflows/follow-up/turn-off")
    assert (await api.ok("POST", "/workflows/follow-up/enrollments", by_id(contact)))["decision"] == "workflow_off"


async def test_the_same_record_again_is_an_update_to_the_one_inside(api: Caller) -> None:
    contact = await ready(api)
    first = await api.ok("POST", "/workflows/follow-up/enrollments", by_id(contact), status=202)
    again = await api.ok("POST", "/workflows/follow-up/enrollments", by_id(contact), status=202)
    assert again["decision"] == "absorbed_update"
    assert again["enrollment_id"] == first["enrollment_id"]


async def test_each_opportunity_runs_alone(api: Caller) -> None:
    contact = await ready(api)
    deals = [await api.create("opportunity", name=f"Deal {n}") for n in range(2)]
    for deal in deals:
        path = f"/records/contact/{contact['id']}/associations/opportunity/{deal['id']}"
        await api.ok("PUT", path, status=204)
    bodies = [
        by_id(contact, opportunity_id=deals[0]["id"]),
        by_id(contact, bound={"object": "opportunity", "id": deals[1]["id"]}),
    ]
    made = [await api.ok("POST", "/workflows/follow-up/enrollments", body, status=202) for body in bodies]
    assert [each["decision"] for each in made] == ["enrolled", "enrolled"]
    listed = await api.ok("GET", f"/enrollments?opportunity={deals[1]['id']}")
    assert [item["id"] for item in listed["items"]] == [made[1]["enrollment_id"]]
    assert listed["items"][0]["bound"] == {"object": "opportunity", "id": deals[1]["id"], "name": "Deal 1"}

    stranger = await api.create("opportunity", name="Stranger")
    answer = await api.ok("POST", "/workflows/follow-up/enrollments", by_id(contact, opportunity_id=stranger["id"]))
    assert answer["decision"] == "no_record"


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({"record": {"object": "contact", "id": "nobody"}}, 404, None),
        ({"record": {"object": "contact", "by": {"email": "nobody@example.com"}}}, 404, None),
        ({"record": {"object": "contact", "by": {"city": "Oslo"}}}, 422, "/record/by/city"),
        ({"record": {"object": "contact"}}, 422, "/record"),
        ({"record": {"object": "contact", "id": "a", "by": {"email": "b"}}}, 422, "/record"),
        ({"record": {"object": "company", "id": "a"}}, 422, "/record/object"),
        ({"record": {"object": "contact", "id": "a"}, "opportunity_id": "b", "bound": {"object": "o", "id": "c"}},
         422, ""),
        ({"record": {"object": "contact", "id": "a"}, "parameters": {"offer": 1}}, 422, "/parameters/offer"),
        ({}, 422, "/record"),
    ],
)  # fmt: skip
async def test_who_shall_enter_must_be_said_clearly(
    lite: Caller, body: dict[str, Any], status: int, path: str | None
) -> None:
    await ready(lite)
    found = await lite.problem("POST", "/workflows/follow-up/enrollments", body, status=status)
    assert [error["path"] for error in found["errors"]] == ([] if path is None else [path])


async def test_parameters_are_checked_and_filled_before_anybody_enters(lite: Caller) -> None:
    contact = await ready(lite)
    parameters = [
        {"name": "offer", "type": "string", "required": True},
        {"name": "days", "type": "number", "default": 3},
    ]
    definition = by_hand("offers", [gap(days=1)], parameters=parameters)
    await lite.ok("POST", "/workflows", definition, status=201)
    await lite.ok("POST", "/workflows/offers/publish", {})
    path = "/workflows/offers/enrollments"
    for given, wrong in (({}, "/parameters/offer"), ({"offer": "A", "days": "3"}, "/parameters/days")):
        found = await lite.problem("POST", path, by_id(contact, parameters=given), status=422)
        assert [error["path"] for error in found["errors"]] == [wrong]
    made = await lite.ok("POST", path, by_id(contact, parameters={"offer": "A"}), status=202)
    shown = await lite.ok("GET", f"/enrollments/{made['enrollment_id']}")
    assert shown["parameters"] == {"offer": "A", "days": 3}


async def test_unenrolling_ends_at_once_and_only_once(api: Caller, runs: RecordingRuns) -> None:
    contact = await ready(api)
    made = await api.ok("POST", "/workflows/follow-up/enrollments", by_id(contact), status=202)
    path = f"/enrollments/{made['enrollment_id']}"
    ended = await api.ok("POST", f"{path}/unenroll")
    assert (ended["status"], ended["end_reason"]) == ("ended", "unenrolled")
    assert [signal[1] for signal in runs.signals] == ["leave"]
    assert await api.ok("POST", f"{path}/unenroll") == ended
    assert len(runs.signals) == 1
    assert (await api.ok("GET", f"{path}/timeline"))["end"].startswith("was taken out by hand (by API key ")
    await api.problem("POST", "/enrollments/nobody/unenroll", status=404)


async def test_what_temporal_cannot_take_now_is_accepted_all_the_same(api: Caller, runs: RecordingRuns) -> None:
    contact = await ready(api)
    runs.down = True
    made = await api.ok("POST", "/workflows/follow-up/enrollments", by_id(contact), status=202)
    assert made["decision"] == "enrolled"
    assert runs.started == []


async def test_lists_are_narrowed_and_paged_newest_first(api: Caller) -> None:
    await api.publish(follow_up())
    contacts = [await api.create("contact", external_id=f"c{n}") for n in range(3)]
    made = [
        (await api.ok("POST", "/workflows/follow-up/enrollments", by_id(each), status=202))["enrollment_id"]
        for each in contacts
    ]
    await api.ok("POST", f"/enrollments/{made[0]}/unenroll")
    first = await api.ok("GET", "/enrollments?workflow=follow-up&limit=2")
    rest = await api.ok("GET", f"/enrollments?workflow=follow-up&limit=2&cursor={first['next_cursor']}")
    assert [item["id"] for item in (*first["items"], *rest["items"])] == made[::-1]
    for query, expected in {
        "status=ended": [made[0]],
        "end_reason=unenrolled": [made[0]],
        f"record={contacts[1]['id']}": [made[1]],
        "since=2028-01-01T00:00:00Z": [],
    }.items():
        assert [item["id"] for item in (await api.ok("GET", f"/enrollments?{query}"))["items"]] == expected, query
    await api.problem("GET", "/enrollments?status=sleeping", status=422)
    await api.problem("GET", "/enrollments?since=yesterday", status=422)


async def test_a_workflow_with_somebody_inside_is_deleted_only_on_purpose(api: Caller) -> None:
    contact = await ready(api)
    made = await api.ok("POST", "/workflows/follow-up/enrollments", by_id(contact), status=202)
    await api.problem("DELETE", "/workflows/follow-up", status=409, If_Match="*")
    await api.ok("DELETE", "/workflows/follow-up?inside=leave", status=204, If_Match="*")
    assert (await api.ok("GET", f"/enrollments/{made['enrollment_id']}"))["end_reason"] == "workflow_deleted"


async def test_deleting_a_record_ends_its_enrollments(api: Caller) -> None:
    contact = await ready(api)
    made = await api.ok("POST", "/workflows/follow-up/enrollments", by_id(contact), status=202)
    await api.ok("DELETE", f"/records/contact/{contact['id']}", status=204)
    assert (await api.ok("GET", f"/enrollments/{made['enrollment_id']}"))["end_reason"] == "record_deleted"
    answer = await api.ok("POST", "/workflows/follow-up/enrollments", by_id(contact))
    assert answer["decision"] == "no_record"


async def test_who_is_inside_is_called_by_name_in_one_query_a_page(api: Caller) -> None:
    await api.publish(follow_up())
    for n in range(4):
        contact = await api.create("contact", first_name="Ana", last_name=f"Berg {n}", email=f"ana{n}@example.com")
        deal = await api.create("opportunity", **({"name": f"Deal {n}"} if n else {}))
        await api.ok("PUT", f"/records/contact/{contact['id']}/associations/opportunity/{deal['id']}", status=204)
        body = by_id(contact, opportunity_id=deal["id"])
        await api.ok("POST", "/workflows/follow-up/enrollments", body, status=202)
    with counting() as one:
        (first,) = (await api.ok("GET", "/enrollments?limit=1"))["items"]
    with counting() as four:
        items = (await api.ok("GET", "/enrollments"))["items"]
    assert len(one) == len(four)
    names = [(item["record"]["name"], item["bound"]["name"]) for item in items]
    assert names == [("Ana Berg 3", "Deal 3"), ("Ana Berg 2", "Deal 2"), ("Ana Berg 1", "Deal 1"), ("Ana Berg 0", None)]

    blind = await api.with_scopes("enrollments:read")
    assert {item["record"]["name"] for item in (await blind.ok("GET", "/enrollments"))["items"]} == {None}
    await api.ok("DELETE", f"/records/opportunity/{first['bound']['id']}", status=204)
    assert (await api.ok("GET", f"/enrollments/{first['id']}"))["bound"]["name"] is None
