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
