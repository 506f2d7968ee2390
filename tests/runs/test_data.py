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
