"""Steps that change data, by the real path: what one makes, the next one reads; what deletes, ends."""

from __future__ import annotations

from typing import Any

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, task
from tests.runs.walking import steps, visit, walked


def acting(step: str, action: str, **config: Any) -> dict[str, Any]:
    return {"id": step, "kind": "action", "action": action, "config": config}


async def test_what_a_step_formats_or_creates_the_next_ones_read(ft: Running) -> None:
    chain = [
        acting("clean", "format_data", value="{{ contact.city }}", operations=[{"do": "trim"}, {"do": "upper"}]),
        acting("note", "append_to_property", property="source", value="seen in {{ steps.clean.value }}"),
        acting("count", "increase_property", property="score", by=5),
        acting("deal", "create_record", object="opportunity", properties={"name": "For {{ contact.first_name }}"}),
        acting("mark", "copy_property", property="product", source={"property": "city", "of": {"object": "contact"}},
               of={"object": "opportunity", "match": "latest"}),
        task("look", "{{ opportunity.name }}, {{ opportunity.product }}, {{ steps.deal.created }}"),
    ]  # fmt: skip
    await ft.publish(by_hand("chain", chain))
    ana = await ft.create("contact", email="ana@example.com", first_name="Ana", city=" oslo ", score=7)

    over = await walked(ft, "chain", "contact", ana)

    assert over["end_reason"] == "completed"
    properties = (await ft.call("GET", f"/records/contact/{ana}"))["properties"]
    assert (properties["source"], properties["score"]) == ("seen in OSLO", 12)
    assert [each["title"] for each in (await ft.call("GET", "/tasks"))["items"]] == ["For Ana,  oslo , true"]


async def test_what_a_step_gave_and_who_enrolled_said_is_written_with_its_type(ft: Running) -> None:
    chain = [
        acting("twice", "format_data", value="{{ contact.score }}", operations=[{"do": "multiply", "number": 2}]),
        acting("score", "set_property", property="score", value={"output": "value", "step": "twice"}),
        acting("offer", "set_property", property="source", value={"parameter": "offer"}),
        acting("empty", "set_property", property="city", value={"output": "nothing", "step": "twice"}),
        acting("deal", "create_record", object="opportunity", properties={
            "name": {"parameter": "offer"}, "close_value": {"output": "value", "step": "twice"}}),
        acting("wrong", "set_property", property="birthday", value={"parameter": "offer"}),
    ]  # fmt: skip
    await ft.publish(by_hand("given", chain, parameters=[{"name": "offer", "type": "string"}]))
    ana = await ft.create("contact", email="ana@example.com", score=7, city="Oslo")
    taken = (await ft.enroll("given", "contact", ana, parameters={"offer": "demo"}))["enrollment_id"]
    over = await ft.ended(taken)

    properties = (await ft.call("GET", f"/records/contact/{ana}"))["properties"]
    assert (properties["score"], properties["source"], properties.get("city")) == (14, "demo", None)
    (deal,) = (await ft.call("GET", "/records/opportunity"))["items"]
    assert (deal["properties"]["name"], deal["properties"]["close_value"]) == ("demo", 14)
    wrong = await visit(ft, over, "wrong")
    assert (wrong["outcome"], wrong["reason"]) == ("failed", "wrong_value")


async def test_a_run_that_deletes_its_own_record_is_over_without_another_step(ft: Running) -> None:
    await ft.publish(by_hand("forget", [acting("gone", "delete_record"), task("never", "Never")]))
    ana = await ft.create("contact", email="ana@example.com")

    over = await walked(ft, "forget", "contact", ana)

    assert (over["end_reason"], await steps(ft, over)) == ("record_deleted", ["gone"])
    assert (await visit(ft, over, "gone"))["outcome"] == "done"
    assert (await ft.call("GET", "/tasks"))["items"] == []


async def test_every_kind_of_change_reaches_the_associated_records_that_are_meant(ft: Running) -> None:
    every: dict[str, Any] = {"of": {"object": "contact", "match": "all"}}
    latest: dict[str, Any] = {"of": {"object": "contact", "match": "latest"}}
    buyer: dict[str, Any] = {"of": {"object": "contact", "label": "buyer"}}
    await ft.call("POST", "/lists", {"slug": "vip", "name": "VIP", "object": "contact"})
    await ft.call("POST", "/subscription-types", {"slug": "news", "name": "News"})
    chain = [
        acting("set", "set_property", property="city", value="Oslo", **buyer),
        acting("copy", "copy_property", property="company_name", **every,
               source={"property": "close_value", "of": {"object": "opportunity"}}),
        acting("clear", "clear_property", property="job_title", **latest),
        acting("more", "increase_property", property="score", by=2, **every),
        acting("add", "append_to_property", property="source", value="fair", **latest),
        acting("drop", "remove_from_property", property="source", value="web", **every),
        acting("day", "set_date", property="birthday", source={"property": "birthday"}, plus={"days": 1}, **buyer),
        acting("seen", "set_property", property="last_touched_at", value={"now": {}}, **latest),
        acting("listed", "add_to_list", list="vip", **every),
        acting("off", "remove_from_list", list="vip", **latest),
        acting("news", "set_subscription", subscription="news", state="subscribed", **buyer),
        acting("kind", "set_marketing_status", status="marketing", **every),
        acting("phone", "format_data", value="(212) 555-0142", operations=[{"do": "phone"}]),
        acting("told", "set_property", property="phone", value={"output": "value", "step": "phone"}, **buyer),
        acting("firm", "create_record", object="company", properties={"name": "Fjord"},
               associate=[{"label": "seller"}]),
        acting("join", "associate_records", of={"object": "contact", "match": "all"}, other={"object": "company"}),
        acting("part", "dissociate_records", other={"object": "contact", "match": "latest"}),
        acting("gone", "delete_record", of={"object": "contact", "label": "buyer"}),
    ]  # fmt: skip
    await ft.publish({**by_hand("data", chain[:-1]), "object": "opportunity"})
    deal = await ft.create("opportunity", name="Deal", close_value=500)
    people = {}
    for name, label in (("Ana", "buyer"), ("Bea", None)):
        people[name] = await ft.create(
            "contact",
            email=f"{name.lower()}@example.com",
            score=1,
            job_title="CEO",
            source="web",
            birthday="1990-01-31",
        )
        path = f"/records/opportunity/{deal}/associations/contact/{people[name]}"
        await ft.call("PUT", path, {"label": label} if label else {})

    over = await walked(ft, "data", "opportunity", deal)

    assert [(await visit(ft, over, step["id"]))["outcome"] for step in chain[:-1]] == ["done"] * (len(chain) - 1)
    ana, bea = [(await ft.call("GET", f"/records/contact/{id}"))["properties"] for id in people.values()]
    names = ("city", "company_name", "job_title", "score", "source", "birthday", "phone", "marketing_status")
    assert [ana.get(name) for name in names] == [
        "Oslo", "500", "CEO", 3, None, "1990-02-01", "+12125550142", "marketing",
    ]  # fmt: skip
    assert [bea.get(name) for name in names] == [None, "500", None, 3, "fair", "1990-01-31", None, "marketing"]
    assert (ana.get("last_touched_at"), bea.get("last_touched_at") is not None) == (None, True)
    members = (await ft.call("GET", "/lists/vip/members"))["items"]
    assert [each["id"] for each in members] == [people["Ana"]]
    states = await ft.call("GET", f"/records/contact/{people['Ana']}/subscriptions")
    assert states["items"][0]["state"] == "subscribed"
    near = (await ft.call("GET", f"/records/opportunity/{deal}/associations/contact"))["items"]
    assert [each["id"] for each in near] == [people["Ana"]]
    (firm,) = (await ft.call("GET", f"/records/opportunity/{deal}/associations/company"))["items"]
    assert firm["label"] == "seller"
    assert len((await ft.call("GET", f"/records/contact/{people['Bea']}/associations/company"))["items"]) == 1
    # And who is meant can be deleted.
    await ft.publish({**by_hand("end", chain[-1:]), "object": "opportunity"})
    await walked(ft, "end", "opportunity", deal)
    await ft.call("GET", f"/records/contact/{people['Ana']}", expect=404)
    await ft.call("GET", f"/records/contact/{people['Bea']}")
