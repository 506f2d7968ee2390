"""Subscription types and consents as the API answers them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from store.tables import changes
from tests.api.conftest import Caller
from tests.runs.definitions import by_hand, gap

SUBSCRIBED = {"subscription": "newsletter", "op": "is", "value": "subscribed"}


async def made(api: Caller, *slugs: str) -> str:
    """A contact, and types of these slugs; the contact's id."""
    for slug in slugs:
        await api.ok("POST", "/subscription-types", {"slug": slug}, status=201)
    return str((await api.create("contact", email="ana@example.com"))["id"])


async def put(api: Caller, contact: str, states: dict[str, str], **grounds: str) -> Any:
    found = await api.ok("PUT", f"/records/contact/{contact}/subscriptions", {"subscriptions": states, **grounds})
    return {each["subscription"]: each for each in found["items"]}


async def told(api: Caller) -> list[Any]:
    async with api.inst.db.read() as read:
        rows = await read.all(select(changes).where(changes.c.kind == "subscription").order_by(changes.c.seq))
    return [row["detail"]["after"] for row in rows]


async def test_types_are_made_renamed_and_archived(api: Caller) -> None:
    body = {"slug": "newsletter", "name": "Newsletter", "description": "Once a month."}
    one = await api.ok("POST", "/subscription-types", body, status=201)
    assert {name: one[name] for name in body} == body
    assert await api.ok("GET", "/subscription-types/newsletter") == one
    problem = await api.problem("POST", "/subscription-types", body, status=409)
    assert problem["type"].endswith("slug_taken")
    wrong = await api.problem("POST", "/subscription-types", {"slug": "News Letter"}, status=422)
    assert [error["path"] for error in wrong["errors"]] == ["/slug"]
    changed = await api.ok("PATCH", "/subscription-types/newsletter", {"name": "Monthly", "archived": True})
    assert (changed["name"], changed["description"], changed["archived"]) == ("Monthly", "Once a month.", True)
    await api.ok("POST", "/subscription-types", {"slug": "offers"}, status=201)
    first = await api.ok("GET", "/subscription-types?limit=1")
    rest = await api.ok("GET", f"/subscription-types?cursor={first['next_cursor']}")
    assert [each["slug"] for each in first["items"] + rest["items"]] == ["newsletter", "offers"]


async def test_a_put_writes_states_one_change_and_the_history(api: Caller) -> None:
    contact = await made(api, "newsletter", "offers")
    path = f"/records/contact/{contact}/subscriptions"
    before = await api.ok("GET", path)
    assert [(each["subscription"], each["state"], each["changed_at"]) for each in before["items"]] == [
        ("newsletter", "not_specified", None), ("offers", "not_specified", None),
    ]  # fmt: skip
    found = await put(api, contact, {"newsletter": "subscribed", "offers": "unsubscribed"}, source="checkout",
                      legal_basis="consent")  # fmt: skip
    news = found["newsletter"]
    assert (news["state"], news["source"], news["legal_basis"]) == ("subscribed", "checkout", "consent")
    assert news["cause"]["kind"] == "api"
    assert await told(api) == [{"newsletter": "subscribed", "offers": "unsubscribed"}]
    # Only what is named changes; the same again is nothing.
    found = await put(api, contact, {"newsletter": "unsubscribed"}, source="by phone")
    assert (found["offers"]["state"], found["newsletter"]["source"]) == ("unsubscribed", "by phone")
    await put(api, contact, {"newsletter": "unsubscribed"})
    assert await told(api) == [{"newsletter": "subscribed", "offers": "unsubscribed"}, {"newsletter": "unsubscribed"}]
    # Other grounds for the same state are kept and wake nobody.
    found = await put(api, contact, {"newsletter": "unsubscribed"}, source="letter")
    assert found["newsletter"]["source"] == "letter"
    assert len(await told(api)) == 2
    history = (await api.ok("GET", f"{path}/history"))["items"]
    assert [
        (h["subscription"], h["before"], h["state"], h["source"]) for h in history if h["subscription"] != "offers"
    ] == [
        ("newsletter", "unsubscribed", "unsubscribed", "letter"),
        ("newsletter", "subscribed", "unsubscribed", "by phone"),
        ("newsletter", "not_specified", "subscribed", "checkout"),
    ]
    items = (await api.ok("GET", f"/records/contact/{contact}/timeline"))["items"]
    words = [item["words"] for item in items if item["kind"] == "change"]
    assert words[:2] == ["unsubscribed from newsletter", "subscribed to newsletter, unsubscribed from offers"]


async def test_wrong_states_types_and_records_are_refused_with_their_place(lite: Caller) -> None:
    contact = await made(lite, "newsletter", "retired")
    await lite.ok("PATCH", "/subscription-types/retired", {"archived": True})
    path = f"/records/contact/{contact}/subscriptions"
    body = {"subscriptions": {"newsleter": "subscribed", "retired": "subscribed"}}
    problem = await lite.problem("PUT", path, body, status=422)
    assert [(e["path"], e["code"]) for e in problem["errors"]] == [
        ("/subscriptions/newsleter", "unknown_subscription"), ("/subscriptions/retired", "wrong_value"),
    ]  # fmt: skip
    assert "newsletter" in problem["errors"][0]["message"]
    await put(lite, contact, {"retired": "unsubscribed"})
    problem = await lite.problem("PUT", path, {"subscriptions": {"newsletter": "maybe"}}, status=422)
    assert [error["path"] for error in problem["errors"]] == ["/subscriptions/newsletter"]
    deal = await lite.create("opportunity", name="Deal")
    await lite.problem("GET", f"/records/contact/{deal['id']}/subscriptions", status=404)
    await lite.ok("DELETE", f"/records/contact/{contact}", status=204)
    for gone in (path, f"{path}/history"):
        await lite.problem("GET", gone, status=404)


async def test_an_unknown_subscription_is_refused_at_publish_and_a_known_one_is_searched(api: Caller) -> None:
    contact = await made(api, "newsletter")
    await api.create("contact", email="ben@example.com")
    wrong = {**SUBSCRIBED, "subscription": "newsleter"}
    await api.ok("POST", "/workflows", by_hand("news", [gap(days=1)], exit={"when": wrong}), status=201)
    problem = await api.problem("POST", "/workflows/news/publish", {}, status=422)
    (error,) = problem["errors"]
    assert (error["path"], error["code"]) == ("/exit/when/subscription", "unknown_subscription")
    assert "newsletter" in error["message"]
    await put(api, contact, {"newsletter": "subscribed"})
    found = await api.ok("POST", "/records/contact/search", {"where": SUBSCRIBED})
    assert [each["id"] for each in found["items"]] == [contact]
    found = await api.ok("POST", "/records/contact/search", {"where": {**SUBSCRIBED, "op": "is_not"}})
    assert [each["properties"]["email"] for each in found["items"]] == ["ben@example.com"]


async def test_unsubscribing_from_all_is_told_of_the_contact_and_of_its_address(api: Caller) -> None:
    contact = await made(api, "newsletter", "offers")
    await api.ok("POST", "/subscription-types", {"slug": "one-to-one", "kind": "internal"}, status=201)
    await put(api, contact, {"newsletter": "subscribed", "one-to-one": "subscribed"})
    path = f"/records/contact/{contact}/subscriptions"
    assert (await api.ok("GET", path))["unsubscribed_from_all"] is False
    found = await api.ok("PUT", path, {"unsubscribed_from_all": True, "source": "by phone"})
    assert found["unsubscribed_from_all"] is True
    states = {each["subscription"]: each["state"] for each in found["items"]}
    assert states == {"newsletter": "unsubscribed", "offers": "unsubscribed", "one-to-one": "subscribed"}
    (kept,) = (await api.ok("GET", "/suppressions"))["items"]
    assert (kept["address"], kept["reason"], kept["source"]) == ("ana@example.com", "unsubscribed", "by phone")
    assert (await told(api))[1:] == [{"newsletter": "unsubscribed", "offers": "unsubscribed"}]
    found = await api.ok("PUT", path, {"unsubscribed_from_all": False, "subscriptions": {"offers": "subscribed"}})
    assert found["unsubscribed_from_all"] is False
    assert (await api.ok("GET", "/suppressions"))["items"] == []
    await api.problem("PUT", path, {"source": "nothing said"}, status=422)


async def test_a_suppressed_address_is_listed_and_lifted(api: Caller) -> None:
    contact = await made(api)
    body = {"address": "Ana@example.com", "reason": "bounced", "source": "list"}
    one = await api.ok("POST", "/suppressions", body, status=201)
    assert one["address"] == "ana@example.com"
    assert await api.ok("POST", "/suppressions", {**body, "source": "again"}) == one
    await api.ok("POST", "/suppressions", {"address": "bo@example.com", "reason": "complained"}, status=201)
    await api.ok("POST", "/suppressions", {"address": "bo@example.com", "reason": "bounced"}, status=201)
    record = await api.ok("GET", f"/records/contact/{contact}")
    assert record["properties"]["email_status"] == "bounced"
    first = await api.ok("GET", "/suppressions?limit=2")
    rest = await api.ok("GET", f"/suppressions?limit=2&cursor={first['next_cursor']}")
    listed = [(each["address"], each["reason"]) for each in first["items"] + rest["items"]]
    assert listed == [("ana@example.com", "bounced"), ("bo@example.com", "bounced"), ("bo@example.com", "complained")]
    assert [e["reason"] for e in (await api.ok("GET", "/suppressions?address=Bo@example.com"))["items"]] == [
        "bounced", "complained"
    ]  # fmt: skip
    bounced = [(await api.ok("GET", "/suppressions?reason=bounced&limit=1"))]
    bounced.append(await api.ok("GET", f"/suppressions?reason=bounced&limit=1&cursor={bounced[0]['next_cursor']}"))
    assert [each["address"] for page in bounced for each in page["items"]] == ["ana@example.com", "bo@example.com"]
    assert bounced[1]["next_cursor"] is None
    await api.problem("DELETE", "/suppressions/ana@example.com?reason=complained", status=404)
    await api.ok("DELETE", "/suppressions/Ana@example.com", status=204)
    record = await api.ok("GET", f"/records/contact/{contact}")
    assert record["properties"]["email_status"] == "ok"
    wrong = await api.problem("POST", "/suppressions", {"address": "ana at home", "reason": "bounced"}, status=422)
    assert [error["path"] for error in wrong["errors"]] == ["/address"]


async def test_a_number_that_wants_no_text_messages_is_listed_and_lifted(api: Caller) -> None:
    body = {"address": "+47 22 12 34 56", "reason": "opted_out", "source": "list"}
    one = await api.ok("POST", "/suppressions", body, status=201)
    assert one["address"] == "+4722123456"
    assert await api.ok("POST", "/suppressions", {**body, "source": "again"}) == one
    assert (await api.ok("GET", "/suppressions"))["items"] == [one]
    await api.problem("DELETE", "/suppressions/+4722123456?reason=bounced", status=404)
    assert (await api.ok("GET", "/suppressions?address=%2B47 22123456&reason=opted_out"))["items"] == [one]
    assert (await api.ok("GET", "/suppressions?address=%2B4722123456&reason=bounced"))["items"] == []
    await api.ok("DELETE", "/suppressions/+47 22 12 34 56", status=204)
    assert (await api.ok("GET", "/suppressions"))["items"] == []
    for wrong in ("22123456", "+47 1", "ana@example.com"):
        found = await api.problem("POST", "/suppressions", {**body, "address": wrong}, status=422)
        assert [error["path"] for error in found["errors"]] == ["/address"]


async def test_caps_are_settings_of_the_account(api: Caller) -> None:
    caps = {"email": {"day": 1, "week": 3}}
    found = await api.ok("PATCH", "/account", {"frequency_caps": caps, "send_to_not_specified": True})
    assert found["frequency_caps"]["email"] == caps["email"]
    assert found["send_to_not_specified"] is True
    assert (await api.ok("PATCH", "/account", {"name": "Us"}))["frequency_caps"] == found["frequency_caps"]
    assert (await api.ok("PATCH", "/account", {"frequency_caps": None}))["frequency_caps"] is None
    for wrong in ({"email": {"day": 0}}, {"email": {}}, {"letter": {"day": 1}}, {"email": {"day": True}}):
        await api.problem("PATCH", "/account", {"frequency_caps": wrong}, status=422)
