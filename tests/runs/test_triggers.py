"""Which change lets whom in, and which lets nobody in: created, changed, filter, suppression, re-entry, loops."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, engaging, gap, of_opportunity, task
from tests.runs.walking import entered, signals, steps


def is_(property: str, value: object) -> dict[str, Any]:
    return {"property": property, "op": "is", "value": value}


def on(kind: str, **what: Any) -> dict[str, Any]:
    return {"triggers": [{"id": "t1", "on": kind, **what}]}


LONG = [gap(days=9)]
LEAD = is_("lifecycle_stage", "lead")


async def test_a_creation_lets_in_who_was_created_so(ft: Running) -> None:
    await ft.publish(by_hand("new", LONG, entry=on("created", where=is_("country", "NO"))))
    norwegian = await ft.create("contact", external_id="a", country="NO")
    german = await ft.create("contact", external_id="b", country="DE")
    await ft.patch("contact", german, country="NO")
    await ft.settled()
    assert [e["record"]["id"] for e in await ft.enrollments("new")] == [norwegian]


async def test_a_change_is_judged_on_the_values_it_left(ft: Running) -> None:
    trigger = on("changed", property="lifecycle_stage", **{"from": ["lead"], "to": ["mql", "sql"]})
    await ft.publish(by_hand("promoted", LONG, entry=trigger))
    cases = {"right": ("lead", "mql"), "from_elsewhere": ("subscriber", "mql"), "elsewhere": ("lead", "customer")}
    contacts = {name: await ft.create("contact", external_id=name, lifecycle_stage=c[0]) for name, c in cases.items()}
    born = await ft.create("contact", external_id="born", lifecycle_stage="mql")
    for name, (_, to) in cases.items():
        await ft.patch("contact", contacts[name], lifecycle_stage=to)
    # Taken back before anybody looks: the change happened all the same.
    await ft.patch("contact", contacts["right"], lifecycle_stage="customer")
    await ft.settled()
    assert [e["record"]["id"] for e in await ft.enrollments("promoted")] == [contacts["right"]]
    assert born not in contacts.values()


async def test_a_filter_fires_when_it_begins_to_hold_and_not_while_it_holds(ft: Running) -> None:
    both = {"all": [LEAD, is_("country", "NO")]}
    await ft.publish(by_hand("leads", [task("call", "Call")], entry=on("filter", where=both)))
    contact = await ft.create("contact", external_id="a", lifecycle_stage="lead")
    await ft.settled()
    assert await ft.decisions("leads") == []
    await ft.patch("contact", contact, country="NO")
    (enrollment,) = await entered(ft, "leads")
    await ft.ended(enrollment["id"])
    await ft.patch("contact", contact, city="Oslo")
    await ft.patch("contact", contact, country="NO", job_title="Poet")
    await ft.settled()
    assert await ft.decisions("leads") == ["enrolled"]
    await ft.patch("contact", contact, country="DE")
    await ft.patch("contact", contact, country="NO")
    await ft.settled()
    assert await ft.decisions("leads") == ["enrolled", "re_entry_off"]


async def test_a_filter_lets_in_who_is_created_matching_and_unknown_counts(ft: Running) -> None:
    await ft.publish(by_hand("leads", LONG, entry=on("filter", where=LEAD)))
    await ft.publish(by_hand("nameless", LONG, entry=on("filter", where={"property": "first_name", "op": "unknown"})))
    matching = await ft.create("contact", external_id="a", lifecycle_stage="lead", first_name="Ana")
    nameless = await ft.create("contact", external_id="b")
    await ft.settled()
    assert [e["record"]["id"] for e in await ft.enrollments("leads")] == [matching]
    assert [e["record"]["id"] for e in await ft.enrollments("nameless")] == [nameless]


@pytest.mark.parametrize("kind", ["created", "changed"])
async def test_a_created_or_changed_opportunity_lets_its_contacts_in_bound_to_it(ft: Running, kind: str) -> None:
    what = {"created": {}, "changed": {"property": "stage", "to": ["Won"]}}[kind]
    steps_ = [task("call", "Call about {{ opportunity.name }}"), *LONG]
    await ft.publish(by_hand("deals", steps_, entry=on(kind, object="opportunity", **what)))
    contacts = [await ft.create("contact", external_id=f"c{n}") for n in range(2)]
    body: dict[str, Any] = {
        "properties": {"name": "Deal", "stage": "Engaging"},
        "associations": [{"object": "contact", "id": c} for c in contacts],
    }
    deal = (await ft.call("POST", "/records/opportunity", body))["id"]
    if kind == "changed":
        await ft.patch("opportunity", deal, stage="Won")
    enrollments = await entered(ft, "deals", 2)
    for enrollment in enrollments:
        await ft.stands_at(enrollment["id"], "gap")
    assert {(e["record"]["id"], e["bound"]["id"]) for e in enrollments} == {(c, deal) for c in contacts}
    titles = [t["title"] for t in (await ft.call("GET", "/tasks?workflow=deals"))["items"]]
    assert titles == ["Call about Deal"] * 2


async def test_who_is_suppressed_does_not_enter_and_leaves_when_it_becomes_so(ft: Running) -> None:
    entry = {**on("filter", where=LEAD), "suppress": is_("country", "NO")}
    await ft.publish(by_hand("leads", LONG, entry=entry))
    await ft.create("contact", external_id="a", lifecycle_stage="lead", country="NO")
    inside = await ft.create("contact", external_id="b", lifecycle_stage="lead")
    await ft.settled()
    assert sorted(await ft.decisions("leads")) == ["enrolled", "suppressed"]
    await ft.patch("contact", inside, country="NO")
    (enrollment,) = await ft.enrollments("leads")
    assert (await ft.ended(enrollment["id"]))["end_reason"] == "suppressed"
    by_hand_ = await ft.enroll("leads", "contact", inside)
    assert by_hand_["decision"] == "re_entry_off"


async def test_an_exit_condition_ends_at_once_and_keeps_out_who_meets_it(ft: Running) -> None:
    await ft.publish(by_hand("leads", LONG, exit={"goals": [], "when": is_("lead_status", "connected")}))
    contact = await ft.create("contact", external_id="a")
    taken = await ft.enroll("leads", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.patch("contact", contact, lead_status="connected")
    assert (await ft.ended(taken["enrollment_id"]))["end_reason"] == "exit_condition"
    other = await ft.create("contact", external_id="b", lead_status="connected")
    assert (await ft.enroll("leads", "contact", other))["decision"] == "exit_already_met"


async def test_an_import_that_wakes_nobody_lets_nobody_in_but_a_goal_it_meets_counts(ft: Running) -> None:
    goals = [{"id": "g1", "name": "Customer", "where": is_("lifecycle_stage", "customer")}]
    await ft.publish(by_hand("leads", LONG, entry=on("filter", where=LEAD), exit={"goals": goals}))
    inside = await ft.create("contact", external_id="inside", lifecycle_stage="lead")
    waiting = await ft.create("contact", external_id="waiting", lifecycle_stage="lead")
    await ft.settled()
    ends, stays = await ft.enrollments("leads")
    for each in (ends, stays):
        await ft.stands_at(each["id"], "gap")
    rows = "id,stage,city\nnew,lead,Oslo\ninside,customer,Oslo\nwaiting,lead,Oslo\n"
    await imported(ft, rows, wake=False)
    over = await ft.ended(ends["id"])
    assert (over["record"]["id"], over["end_reason"], over["end_detail"]) == (inside, "goal", "g1")
    await ft.settled()
    assert await ft.decisions("leads") == ["enrolled", "enrolled"]
    assert (await ft.call("GET", f"/enrollments/{stays['id']}"))["status"] == "active"
    assert (await ft.call("GET", f"/records/contact/{waiting}"))["properties"]["city"] == "Oslo"
    assert await signals(ft, stays) == 0


async def test_an_import_that_wakes_lets_in_like_any_change(ft: Running) -> None:
    await ft.publish(by_hand("leads", LONG, entry=on("filter", where=LEAD)))
    await imported(ft, "id,stage,city\nnew,lead,Oslo\nother,mql,Oslo\n", wake=True)
    await ft.settled()
    assert await ft.decisions("leads") == ["enrolled"]


async def imported(ft: Running, rows: str, *, wake: bool) -> None:
    """Import contacts and wait for the end of it."""
    properties = {"id": "external_id", "stage": "lifecycle_stage", "city": "city"}
    columns = {column: {"property": property} for column, property in properties.items()}
    answer = await ft.http.post(
        "/api/v1/records/contact/import",
        files={"file": ("contacts.csv", rows.encode(), "text/csv")},
        data={"mapping": json.dumps({"columns": columns}), "key": "external_id", "wake": str(wake).lower()},
    )
    assert answer.status_code == 202, answer.text
    job = answer.json()["id"]

    async def done() -> bool:
        return bool((await ft.call("GET", f"/jobs/{job}"))["status"] == "done")

    await ft.until(done, "the import is done")


async def test_only_a_listed_trigger_lets_in_again(ft: Running) -> None:
    triggers = [
        {"id": "lead", "on": "filter", "where": LEAD},
        {"id": "north", "on": "filter", "where": is_("country", "NO")},
    ]
    entry = {"triggers": triggers, "re_entry": {"allowed": True, "triggers": ["north"]}}
    await ft.publish(by_hand("leads", [task("call", "Call")], entry=entry))
    contact = await ft.create("contact", external_id="a", lifecycle_stage="lead")
    (first,) = await entered(ft, "leads")
    await ft.ended(first["id"])
    await ft.patch("contact", contact, lifecycle_stage="mql")
    await ft.patch("contact", contact, lifecycle_stage="lead")
    await ft.settled()
    assert await ft.decisions("leads") == ["enrolled", "re_entry_off"]
    await ft.patch("contact", contact, country="NO")
    _, second = await entered(ft, "leads", 2)
    assert (second["trigger"], (await ft.ended(second["id"]))["end_reason"]) == ("north", "completed")
    assert second["temporal"]["workflow_id"] != first["temporal"]["workflow_id"]


async def test_deleting_the_record_or_the_bound_one_ends_at_once(ft: Running) -> None:
    await ft.publish(by_hand("deals", LONG, entry={"triggers": [engaging()]}))
    contact = await ft.create("contact", external_id="a")
    deals = [await ft.create("opportunity", name=n, stage="Prospecting") for n in ("One", "Two")]
    for deal in deals:
        await ft.associate("contact", contact, "opportunity", deal)
        await ft.patch("opportunity", deal, stage="Engaging")
    ids = {e["bound"]["id"]: e["id"] for e in await entered(ft, "deals", 2)}
    for enrollment_id in ids.values():
        await ft.stands_at(enrollment_id, "gap")
    await ft.call("DELETE", f"/records/opportunity/{deals[0]}")
    assert (await ft.ended(ids[deals[0]]))["end_reason"] == "bound_record_gone"
    assert (await ft.call("GET", f"/enrollments/{ids[deals[1]]}"))["status"] == "active"
    await ft.call("DELETE", f"/records/contact/{contact}")
    assert (await ft.ended(ids[deals[1]]))["end_reason"] == "record_deleted"


async def test_workflows_that_set_off_each_other_are_stopped_at_depth_20(ft: Running) -> None:
    for n in range(22):
        set_ = {
            "id": "set",
            "kind": "action",
            "action": "set_property",
            "config": {"property": "score", "value": n + 1},
        }
        await ft.publish(by_hand(f"w{n}", [set_], entry=on("changed", property="score", to=[n])))
    contact = await ft.create("contact", external_id="a")
    await ft.patch("contact", contact, score=0)

    async def stopped() -> bool:
        return await ft.decisions("w21") == ["loop_stopped"]

    await ft.until(stopped, "the chain is stopped")
    assert [await ft.decisions(f"w{n}") for n in range(21)] == [["enrolled"]] * 21
    (told,) = (await ft.call("GET", "/entry-decisions?workflow=w21"))["items"]
    assert told["detail"].startswith("by API key ")
    assert told["detail"].endswith(": " + " → ".join(f"w{n}" for n in range(22)))
    assert told["detail"] in told["words"]
    assert (await ft.call("GET", f"/records/contact/{contact}"))["properties"]["score"] == 21


async def test_two_workflows_that_set_off_each_other_for_many_are_stopped_and_the_circle_is_told(ft: Running) -> None:
    """Each passage of either lets both contacts of a company into the other one."""

    def toggling(slug: str, seen: str, set_to: str) -> dict[str, Any]:
        where = {"property": "industry", "op": "is", "value": seen, "of": {"object": "company"}}
        config = {"property": "industry", "value": set_to, "of": {"object": "company"}}
        entry = {**on("filter", where=where), "re_entry": {"allowed": True, "triggers": ["t1"]}}
        return by_hand(slug, [{"id": "set", "kind": "action", "action": "set_property", "config": config}], entry=entry)

    await ft.publish(toggling("red", "blue", "red"))
    await ft.publish(toggling("blue", "red", "blue"))
    company = await ft.create("company", name="Acme", domain="acme.example.com")
    for n in range(2):
        contact = await ft.create("contact", external_id=f"c{n}")
        await ft.associate("contact", contact, "company", company)
    await ft.settled()
    await ft.patch("company", company, industry="blue")

    async def all_over() -> bool:
        found = [e for slug in ("red", "blue") for e in await ft.enrollments(slug)]
        decided = [*await ft.decisions("red"), *await ft.decisions("blue")]
        return "loop_stopped" in decided and all(e["status"] == "ended" for e in found)

    await ft.until(all_over, "the circle is stopped")
    await ft.settled()
    stopped = (await ft.call("GET", "/entry-decisions?decision=loop_stopped"))["items"]
    assert stopped
    assert all(": red → blue → red, and so on 21 times" in each["detail"] for each in stopped)


async def test_a_run_is_not_woken_by_what_it_changed_itself(ft: Running) -> None:
    set_ = {
        "id": "set",
        "kind": "action",
        "action": "set_property",
        "config": {"property": "birthday", "value": "2099-01-31"},
    }
    until = {"id": "day", "kind": "delay", "until": {"property": "birthday", "time": "09:00"}}
    await ft.publish(by_hand("own", [set_, until]))
    contact = await ft.create("contact", external_id="a", birthday="2050-01-31")
    taken = await ft.enroll("own", "contact", contact)
    await ft.stands_at(taken["enrollment_id"], "day")
    await ft.settled()
    assert await signals(ft, taken) == 0
    await ft.patch("contact", contact, birthday="2020-01-31")
    over = await ft.ended(taken["enrollment_id"])
    assert (await signals(ft, over), await steps(ft, over)) == (1, ["set", "day"])


async def test_a_goal_that_was_met_and_over_before_the_entry_does_not_end_it(ft: Running) -> None:
    goals = [{"id": "won", "name": "Won", "where": of_opportunity("stage", "is", "Won")}]
    await ft.publish(by_hand("deals", LONG, exit={"goals": goals}))
    contact = await ft.create("contact", external_id="a")
    deal = await ft.create("opportunity", name="Deal", stage="Prospecting")
    await ft.associate("contact", contact, "opportunity", deal)
    await ft.stop_worker()
    await ft.patch("opportunity", deal, stage="Won")
    await ft.patch("opportunity", deal, stage="Engaging")
    taken = await ft.enroll("deals", "contact", contact, opportunity_id=deal)
    await ft.start_worker()
    await ft.stands_at(taken["enrollment_id"], "gap")
    await ft.settled()
    assert (await ft.call("GET", f"/enrollments/{taken['enrollment_id']}"))["status"] == "active"
