"""What lists do to workflows and to each other, through the API and the relay."""

from __future__ import annotations

from typing import Any

import pytest

from domain.base import Json
from domain.records import Cause
from services.records.records import Write, create_record
from store.schema import load_schema
from tests.api.conftest import Caller
from tests.api.test_lists import CUSTOMER, make_list, members, patch, work_off
from tests.runs.definitions import by_hand, gap

ON_CUSTOMERS: dict[str, Json] = {"list": "customers", "op": "member"}
LEAD: dict[str, Json] = {**CUSTOMER, "value": "lead"}


def on(where: Json, **more: Any) -> dict[str, Any]:
    """A workflow that lets in by a filter, and lets in again."""
    entry = {
        "triggers": [{"id": "t1", "on": "filter", "where": where}],
        "re_entry": {"allowed": True, "triggers": ["t1"]},
        **more.pop("entry", {}),
    }
    return by_hand("welcome", [gap(days=1)], entry=entry, **more)


async def decisions(api: Caller) -> list[str]:
    """What was decided about the workflow, oldest first."""
    items = (await api.ok("GET", "/entry-decisions?workflow=welcome"))["items"]
    return [each["decision"] for each in reversed(items)]


async def ends(api: Caller) -> list[str | None]:
    items = (await api.ok("GET", "/enrollments?workflow=welcome"))["items"]
    return [each["end_reason"] for each in reversed(items)]


async def test_a_patch_that_puts_somebody_on_a_list_lets_in_once(api: Caller) -> None:
    await api.create("contact", email="old@example.com", lifecycle_stage="customer")
    await make_list(api, "customers", CUSTOMER)
    await api.publish(on(ON_CUSTOMERS))
    ana = await api.create("contact", email="ana@example.com")
    await work_off(api)
    assert await decisions(api) == []
    await patch(api, ana, lifecycle_stage="customer")
    await work_off(api)
    await patch(api, ana, city="Oslo")
    await work_off(api)
    assert await decisions(api) == ["enrolled"]


@pytest.mark.parametrize(("wake", "entered"), [(False, 0), (True, 1)])
async def test_filling_a_new_list_triggers_only_when_asked(lite: Caller, wake: bool, entered: int) -> None:
    await lite.create("contact", email="old@example.com", lifecycle_stage="customer")
    await work_off(lite)
    body = {"slug": "customers", "object": "contact", "where": CUSTOMER, "wake": wake}
    await lite.ok("POST", "/lists", body, status=201)
    await lite.publish(on(ON_CUSTOMERS))
    await work_off(lite)
    assert len(await members(lite, "customers")) == 1
    assert await decisions(lite) == ["enrolled"] * entered


@pytest.mark.parametrize(("wake", "entered"), [(None, 1), (False, 0)])
async def test_another_condition_triggers_unless_told_not_to(lite: Caller, wake: bool | None, entered: int) -> None:
    await lite.create("contact", email="old@example.com", lifecycle_stage="lead")
    await make_list(lite, "customers", CUSTOMER)
    await lite.publish(on(ON_CUSTOMERS))
    await lite.ok("PATCH", "/lists/customers", {"where": LEAD, **({} if wake is None else {"wake": wake})})
    await work_off(lite)
    assert await decisions(lite) == ["enrolled"] * entered


async def test_putting_somebody_on_a_static_list_lets_in_and_taking_off_ends(api: Caller) -> None:
    await make_list(api, "guests")
    guest = {"list": "guests", "op": "member"}
    await api.publish(on(guest, exit={"when": {"list": "guests", "op": "not_member"}}))
    ana = await api.create("contact", email="ana@example.com")
    await api.ok("PUT", f"/lists/guests/members/{ana['id']}", status=204)
    await work_off(api)
    assert await decisions(api) == ["enrolled"]
    assert await ends(api) == [None]
    await api.ok("DELETE", f"/lists/guests/members/{ana['id']}", status=204)
    await work_off(api)
    assert await ends(api) == ["exit_condition"]


async def test_a_goal_that_is_a_list_counts_also_when_it_was_left_again_at_once(api: Caller) -> None:
    await make_list(api, "guests")
    goal = {"id": "won", "name": "Won", "where": {"list": "guests", "op": "member"}}
    await api.publish(on({"property": "city", "op": "is", "value": "Oslo"}, exit={"goals": [goal]}))
    ana = await api.create("contact", email="ana@example.com", city="Oslo")
    await work_off(api)
    for method in ("PUT", "DELETE"):
        await api.ok(method, f"/lists/guests/members/{ana['id']}", status=204)
    await work_off(api)
    assert await ends(api) == ["goal"]


async def test_suppression_by_a_list_holds_for_the_change_that_puts_somebody_on_it(api: Caller) -> None:
    await make_list(api, "customers", CUSTOMER)
    await api.publish(on({"property": "lifecycle_stage", "op": "known"}, entry={"suppress": ON_CUSTOMERS}))
    ana = await api.create("contact", email="ana@example.com")
    await patch(api, ana, lifecycle_stage="customer")
    await work_off(api)
    assert await decisions(api) == ["suppressed"]


@pytest.mark.parametrize("how", ["any", "all"])
async def test_a_change_that_also_puts_somebody_on_a_list_fires_once(api: Caller, how: str) -> None:
    await make_list(api, "customers", CUSTOMER)
    await api.publish(on({how: [CUSTOMER, ON_CUSTOMERS]}))
    ana = await api.create("contact", email="ana@example.com")
    await patch(api, ana, lifecycle_stage="customer")
    await work_off(api)
    assert await decisions(api) == ["enrolled"]


async def test_a_list_made_of_a_list_follows_it(api: Caller) -> None:
    await make_list(api, "customers", CUSTOMER)
    in_oslo = {"property": "city", "op": "is", "value": "Oslo"}
    await make_list(api, "oslo", {"all": [ON_CUSTOMERS, in_oslo]})
    await make_list(api, "others", {"list": "oslo", "op": "not_member"})
    ana = await api.create("contact", email="ana@example.com", city="Oslo")
    await work_off(api)
    assert (await members(api, "oslo"), await members(api, "others")) == ([], [ana["id"]])
    await patch(api, ana, lifecycle_stage="customer")
    await work_off(api)
    assert (await members(api, "oslo"), await members(api, "others")) == ([ana["id"]], [])
    await patch(api, ana, lifecycle_stage="lead")
    await work_off(api)
    assert (await members(api, "oslo"), await members(api, "others")) == ([], [ana["id"]])


async def test_a_list_of_contacts_follows_a_list_of_companies(api: Caller) -> None:
    await make_list(api, "key-accounts", object="company")
    where = {"related": {"object": "company"}, "where": {"list": "key-accounts", "op": "member"}}
    await make_list(api, "key-people", where)
    await api.publish(on(where))
    company = await api.create("company", name="Acme")
    ana = await api.create("contact", email="ana@example.com")
    path = f"/records/contact/{ana['id']}/associations/company/{company['id']}"
    await api.ok("PUT", path, {}, status=204)
    await api.ok("PUT", f"/lists/key-accounts/members/{company['id']}", status=204)
    await work_off(api)
    assert await members(api, "key-people") == [ana["id"]]
    assert await decisions(api) == ["enrolled"]
    await api.ok("DELETE", f"/lists/key-accounts/members/{company['id']}", status=204)
    await work_off(api)
    assert await members(api, "key-people") == []


async def test_a_list_that_leads_back_to_itself_is_refused(lite: Caller) -> None:
    body = {"slug": "a", "object": "contact", "where": {"any": [CUSTOMER, {"list": "a", "op": "member"}]}}
    found = await lite.problem("POST", "/lists", body, status=422)
    assert [(each["path"], each["code"]) for each in found["errors"]] == [("/where/any/1/list", "endless_loop")]
    assert found["errors"][0]["message"] == "a list cannot depend on itself: a → a"
    await make_list(lite, "a", CUSTOMER)
    await make_list(lite, "b", {"list": "a", "op": "not_member"})
    await make_list(lite, "c", {"all": [LEAD, {"list": "b", "op": "member"}]})
    found = await lite.problem("PATCH", "/lists/a", {"where": {"not": {"list": "c", "op": "member"}}}, status=422)
    assert [(each["path"], each["message"]) for each in found["errors"]] == [
        ("/where/not/list", "a list cannot depend on itself: a → c → b → a")
    ]


async def test_a_list_that_does_not_fit_is_told_with_its_place(lite: Caller) -> None:
    await make_list(lite, "firms", object="company")
    for slug, words in (("guests", "there is no list 'guests'"), ("firms", "list 'firms' holds records of company")):
        where = {"all": [CUSTOMER, {"list": slug, "op": "member"}]}
        body = {"slug": "new", "object": "contact", "where": where}
        (error,) = (await lite.problem("POST", "/lists", body, status=422))["errors"]
        assert (error["path"], error["code"]) == ("/where/all/1/list", "unknown_list")
        (problem,) = (await lite.ok("POST", "/workflows/welcome/validate", on(where)))["problems"]
        assert (problem["path"], problem["code"]) == ("/entry/triggers/0/where/all/1/list", "unknown_list")
        assert problem["message"] == error["message"]
        assert problem["message"].startswith(words)


async def test_what_names_a_list_that_is_gone_is_not_turned_on_again(api: Caller) -> None:
    await make_list(api, "customers", CUSTOMER)
    await api.publish(on(ON_CUSTOMERS))
    await api.ok("POST", "/workflows/welcome/turn-off")
    await api.ok("DELETE", "/lists/customers", status=204)
    found = await api.problem("POST", "/workflows/welcome/turn-on", status=422)
    assert "welcome cannot be turned on" in found["detail"]
    (error,) = found["errors"]
    assert (error["path"], error["code"]) == ("/entry/triggers/0/where/list", "unknown_list")
    assert "'customers'" in error["message"]
    assert (await api.ok("GET", "/workflows/welcome"))["is_on"] is False
    await make_list(api, "customers", CUSTOMER)
    assert (await api.ok("POST", "/workflows/welcome/turn-on"))["is_on"] is True


async def test_a_list_in_use_is_not_deleted_and_its_users_are_named(api: Caller) -> None:
    await make_list(api, "customers", CUSTOMER)
    await make_list(api, "rest", {"list": "customers", "op": "not_member"})
    await api.publish(on({"property": "city", "op": "known"}, exit={"when": ON_CUSTOMERS}))
    found = await api.problem("DELETE", "/lists/customers", status=409)
    assert found["type"].endswith(":list_in_use")
    assert found["detail"] == "list customers is used by workflow welcome, list rest; change them first"
    await api.ok("DELETE", "/lists/rest", status=204)
    await api.create("contact", email="ana@example.com", city="Oslo")
    await work_off(api)
    await api.ok("POST", "/workflows/welcome/turn-off")
    # Somebody is inside, whose exit asks for the list.
    await api.problem("DELETE", "/lists/customers", status=409)
    etag = (await api.call("GET", "/workflows/welcome")).headers["ETag"]
    await api.ok("DELETE", "/workflows/welcome?inside=leave", status=204, If_Match=etag)
    await api.ok("DELETE", "/lists/customers", status=204)


async def test_quiet_changes_keep_lists_current_and_wake_nobody(lite: Caller) -> None:
    await make_list(lite, "customers", CUSTOMER)
    await lite.publish(on(ON_CUSTOMERS))
    async with lite.inst.db.transaction() as tx:
        now, schema = lite.inst.clock.now(), await load_schema(tx)
        write = Write(schema=schema, addresses=lite.inst.addresses, now=now, zone="UTC", cause=Cause(kind="import"),
                      wake=False)  # fmt: skip
        await create_record(tx, write, "contact", {"email": "ana@example.com", "lifecycle_stage": "customer"})
    await work_off(lite)
    assert len(await members(lite, "customers")) == 1
    assert await decisions(lite) == []
