"""Lists through the API: members by hand and by condition, kept current by changes, and what they make happen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.base import Json
from domain.records import Cause
from services.lists.list_refreshing import refresh_due_lists
from services.lists.lists import inherit_memberships
from services.relaying.relay import Relay
from store.changes import Stamp
from store.locks import lock_records
from tests.api.conftest import Caller
from tests.fixtures.clock import FixedClock

CUSTOMER: dict[str, Json] = {"property": "lifecycle_stage", "op": "is", "value": "customer"}
AT_ACME: dict[str, Json] = {"property": "name", "op": "is", "value": "Acme", "of": {"object": "company"}}


async def work_off(api: Caller) -> None:
    relay = Relay(api.inst, "relay-1")
    while await relay.drain_once():
        pass


async def make_list(api: Caller, slug: str, where: Json = None, **more: Json) -> Any:
    body = {"slug": slug, "object": "contact", **({"where": where} if where else {}), **more}
    made = await api.ok("POST", "/lists", body, status=201)
    await work_off(api)
    return made


async def members(api: Caller, slug: str) -> list[str]:
    shown = await api.ok("GET", f"/lists/{slug}/members")
    assert (await api.ok("GET", f"/lists/{slug}"))["members"] == len(shown["items"])
    return [each["id"] for each in shown["items"]]


async def patch(api: Caller, record: Any, **properties: Json) -> None:
    await api.ok("PATCH", f"/records/{record['object']}/{record['id']}", {"properties": properties})


async def told(api: Caller, record: Any) -> list[str]:
    """What the lists did to a record, oldest first."""
    items = (await api.ok("GET", f"/records/contact/{record['id']}/timeline"))["items"]
    return [each["words"] for each in reversed(items) if " the list " in each["words"]]


async def test_members_of_a_static_list_are_put_in_and_taken_out(api: Caller) -> None:
    made = await make_list(api, "guests", name="Guests")
    assert (made["where"], made["members"], made["is_filling"], made["name"]) == (None, 0, False, "Guests")
    ana, bo = await api.create("contact", email="ana@example.com"), await api.create("contact", email="bo@example.com")
    for _ in range(2):
        await api.ok("PUT", f"/lists/guests/members/{ana['id']}", status=204)
    await api.ok("PUT", f"/lists/guests/members/{bo['id']}", status=204)
    assert await members(api, "guests") == [ana["id"], bo["id"]]
    for _ in range(2):
        await api.ok("DELETE", f"/lists/guests/members/{ana['id']}", status=204)
    assert await members(api, "guests") == [bo["id"]]
    assert await told(api, ana) == ["joined the list guests", "left the list guests"]


async def test_members_are_paged(lite: Caller) -> None:
    await make_list(lite, "guests")
    ids = [(await lite.create("contact", email=f"p{n}@example.com"))["id"] for n in range(3)]
    for id in ids:
        await lite.ok("PUT", f"/lists/guests/members/{id}", status=204)
    first = await lite.ok("GET", "/lists/guests/members?limit=2")
    rest = await lite.ok("GET", f"/lists/guests/members?limit=2&cursor={first['next_cursor']}")
    assert [each["id"] for each in first["items"] + rest["items"]] == ids
    assert rest["next_cursor"] is None


async def test_a_static_list_takes_records_of_its_object_only(lite: Caller) -> None:
    await make_list(lite, "guests")
    company = await lite.create("company", name="Acme")
    await lite.problem("PUT", f"/lists/guests/members/{company['id']}", status=404)
    await lite.problem("PUT", "/lists/nobody/members/1", status=404)
    found = await lite.problem("PATCH", "/lists/guests", {"where": CUSTOMER}, status=409)
    assert found["type"].endswith(":static_list")


async def test_a_new_dynamic_list_is_filled_with_who_satisfies_its_condition(api: Caller) -> None:
    ana = await api.create("contact", email="ana@example.com", lifecycle_stage="customer")
    await api.create("contact", email="bo@example.com", lifecycle_stage="lead")
    made = await api.ok("POST", "/lists", {"slug": "customers", "object": "contact", "where": CUSTOMER}, status=201)
    assert (made["is_filling"], made["members"]) == (True, 0)
    await work_off(api)
    assert await members(api, "customers") == [ana["id"]]
    assert (await api.ok("GET", "/lists/customers"))["is_filling"] is False
    found = await api.problem("PUT", f"/lists/customers/members/{ana['id']}", status=409)
    assert found["type"].endswith(":dynamic_list")


async def test_a_long_list_is_filled_page_by_page(lite: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.relaying.judgement.FILLED_AT_ONCE", 2)
    ids = [
        (await lite.create("contact", email=f"p{n}@example.com", lifecycle_stage="customer"))["id"] for n in range(5)
    ]
    await make_list(lite, "customers", CUSTOMER)
    assert await members(lite, "customers") == ids
    await lite.ok("PATCH", "/lists/customers", {"where": {"property": "email", "op": "is", "value": "p3@example.com"}})
    await work_off(lite)
    assert await members(lite, "customers") == [ids[3]]


async def test_changes_keep_a_dynamic_list_current(api: Caller) -> None:
    await make_list(api, "customers", CUSTOMER)
    ana = await api.create("contact", email="ana@example.com")
    await work_off(api)
    assert await members(api, "customers") == []
    for stage in ("customer", "customer", "lead", "customer"):
        await patch(api, ana, lifecycle_stage=stage, city=f"{stage} town")
        await work_off(api)
    assert await members(api, "customers") == [ana["id"]]
    new = await api.create("contact", email="new@example.com", lifecycle_stage="customer")
    await work_off(api)
    assert await members(api, "customers") == [ana["id"], new["id"]]
    await api.ok("DELETE", f"/records/contact/{ana['id']}", status=204)
    assert await members(api, "customers") == [new["id"]]


async def test_every_edge_of_a_quick_back_and_forth_is_written(api: Caller) -> None:
    await make_list(api, "customers", CUSTOMER)
    ana = await api.create("contact", email="ana@example.com")
    for stage in ("customer", "lead", "customer"):
        await patch(api, ana, lifecycle_stage=stage)
    await work_off(api)
    assert await told(api, ana) == [
        "joined the list customers", "left the list customers", "joined the list customers",
    ]  # fmt: skip


async def test_a_list_follows_associated_records(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.relaying.judgement.PAGE", 1)
    await make_list(api, "acme", AT_ACME)
    company = await api.create("company", name="Acme")
    people = [await api.create("contact", email=f"p{n}@example.com") for n in range(3)]
    for each in people:
        path = f"/records/contact/{each['id']}/associations/company/{company['id']}"
        await api.ok("PUT", path, {}, status=204)
    await work_off(api)
    assert await members(api, "acme") == [each["id"] for each in people]
    await patch(api, company, name="Zenith")
    await work_off(api)
    assert await members(api, "acme") == []
    await patch(api, company, name="Acme")
    await work_off(api)
    path = f"/records/contact/{people[0]['id']}/associations/company/{company['id']}"
    await api.ok("DELETE", path, status=204)
    await work_off(api)
    assert await members(api, "acme") == [people[1]["id"], people[2]["id"]]
    await api.ok("DELETE", f"/records/company/{company['id']}", status=204)
    await work_off(api)
    assert await members(api, "acme") == []


async def test_a_list_that_turns_with_time_is_refreshed_as_a_whole(api: Caller, clock: FixedClock) -> None:
    recent: dict[str, Json] = {"property": "last_touched_at", "op": "within_last", "value": {"days": 7}}
    await make_list(api, "recent", recent)
    await make_list(api, "customers", CUSTOMER)
    ana = await api.create("contact", email="ana@example.com", last_touched_at=clock.now().isoformat())
    await work_off(api)
    assert await members(api, "recent") == [ana["id"]]
    assert await refresh_due_lists(api.inst) == 0
    clock.advance(timedelta(days=8))
    assert [await refresh_due_lists(api.inst) for _ in range(2)] == [1, 0]
    await work_off(api)
    assert await members(api, "recent") == []
    assert await told(api, ana) == ["joined the list recent", "left the list recent"]
    clock.advance(timedelta(seconds=59))
    assert await refresh_due_lists(api.inst) == 0
    clock.advance(timedelta(seconds=1))
    assert await refresh_due_lists(api.inst) == 1


async def test_a_merged_record_hands_its_static_lists_on(api: Caller) -> None:
    await make_list(api, "guests")
    await make_list(api, "customers", CUSTOMER)
    ana = await api.create("contact", email="ana@example.com", lifecycle_stage="customer")
    bo = await api.create("contact", email="bo@example.com")
    await work_off(api)
    await api.ok("PUT", f"/lists/guests/members/{ana['id']}", status=204)
    async with api.inst.db.transaction() as tx:
        locked = await lock_records(tx, [ana["id"], bo["id"]], write=True)
        stamp = Stamp(now=api.inst.clock.now(), cause=Cause(kind="api"))
        await inherit_memberships(tx, locked[ana["id"]], locked[bo["id"]], stamp)
    assert await members(api, "guests") == [bo["id"]]
    assert await members(api, "customers") == []
    assert await told(api, bo) == ["joined the list guests"]


async def test_another_condition_moves_members(api: Caller) -> None:
    ana = await api.create("contact", email="ana@example.com", lifecycle_stage="customer")
    bo = await api.create("contact", email="bo@example.com", lifecycle_stage="lead")
    await make_list(api, "chosen", CUSTOMER)
    await api.ok("PATCH", "/lists/chosen", {"where": {**CUSTOMER, "value": "lead"}})
    await work_off(api)
    assert await members(api, "chosen") == [bo["id"]]
    assert await told(api, ana) == ["joined the list chosen", "left the list chosen"]


@pytest.mark.parametrize(
    ("where", "path", "code"),
    [
        ({"property": "shoe_size", "op": "is", "value": 43}, "/where/property", "unknown_property"),
        ({"parameter": "offer", "op": "known"}, "/where/parameter", "not_available"),
        ({"all": [{"property": "email"}]}, "/where/all/0/op", "missing_field"),
    ],
)
async def test_a_wrong_condition_is_refused_with_its_place(
    lite: Caller, where: dict[str, Json], path: str, code: str
) -> None:
    found = await lite.problem("POST", "/lists", {"slug": "odd", "object": "contact", "where": where}, status=422)
    assert [(each["path"], each["code"]) for each in found["errors"]] == [(path, code)]


async def test_slug_and_object_are_checked(lite: Caller) -> None:
    found = await lite.problem("POST", "/lists", {"slug": "No Slug", "object": "house"}, status=422)
    assert [each["path"] for each in found["errors"]] == ["/slug", "/object"]
    await make_list(lite, "guests")
    found = await lite.problem("POST", "/lists", {"slug": "guests", "object": "company"}, status=409)
    assert found["type"].endswith(":slug_taken")
    await make_list(lite, "firms", object="company")
    shown = (await lite.ok("GET", "/lists?object=company"))["items"]
    assert [each["slug"] for each in shown] == ["firms"]
    await lite.problem("GET", "/lists?object=house", status=404)


async def test_a_list_nobody_uses_is_deleted(api: Caller) -> None:
    ana = await api.create("contact", email="ana@example.com", lifecycle_stage="customer")
    await make_list(api, "customers", CUSTOMER)
    await api.ok("DELETE", "/lists/customers", status=204)
    await api.problem("GET", "/lists/customers", status=404)
    await patch(api, ana, lifecycle_stage="lead")
    await work_off(api)
    assert await told(api, ana) == ["joined the list customers"]


async def test_who_may_do_what(lite: Caller) -> None:
    await make_list(lite, "guests")
    ana = await lite.create("contact", email="ana@example.com")
    writer = await lite.with_scopes("records:read", "records:write")
    await writer.ok("PUT", f"/lists/guests/members/{ana['id']}", status=204)
    await writer.problem("POST", "/lists", {"slug": "more", "object": "contact"}, status=403)
    await writer.problem("DELETE", "/lists/guests", status=403)
    await (await lite.with_scopes("records:read")).problem("DELETE", f"/lists/guests/members/{ana['id']}", status=403)


async def test_a_busy_record_does_not_crowd_out_the_events_of_another(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.happenings.EVENTS_PER_NAME", 2)
    deal = await api.create("opportunity", name="Deal")
    associations = [{"object": "opportunity", "id": deal["id"]}]
    ana = await api.ok("POST", "/records/contact", {"properties": {}, "associations": associations}, status=201)
    much = {"event": "order.paid", "count": {"at_least": 99}, "of": {"object": "opportunity"}}
    await make_list(api, "paid", {"any": [much, {"event": "order.paid"}]})
    for object, record in (("contact", ana), *[("opportunity", deal)] * 3):
        paid = {"event": "order.paid", "record": {"object": object, "id": record["id"]}}
        await api.ok("POST", "/events", paid, status=202)
        await work_off(api)
    assert await members(api, "paid") == [ana["id"]]
