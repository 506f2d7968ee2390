"""What `followthrough enrollment show` and `report` tell of passages that really happened."""

from __future__ import annotations

import re
from typing import Any

from commands.report import report_text
from commands.story import story
from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, engaging, follow_up, gap, of_opportunity, task
from tests.runs.walking import entered, walked

ANA = {"email": "ana@example.com", "first_name": "Ana", "last_name": "Berg"}
INSTANT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
LOCAL = r"[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d \(UTC\)"


async def told(ft: Running, enrollment: Any) -> list[str]:
    """The story of an enrollment, line by line."""
    found = await ft.call("GET", f"/enrollments/{enrollment['id']}")
    return story(found, await ft.timeline(enrollment["id"])).split("\n")


async def report(ft: Running, slug: str) -> list[str]:
    """The report of a workflow, line by line."""
    return report_text(await ft.call("GET", f"/workflows/{slug}/report")).split("\n")


def line(lines: list[str], pattern: str) -> int:
    """Where a line matches; exactly one does."""
    (place,) = [n for n, each in enumerate(lines) if re.search(pattern, each)]
    return place


async def test_a_passage_is_told_with_names_reasons_values_and_what_it_made(ft: Running) -> None:
    large = {"id": "large", "where": of_opportunity("close_value", "gte", 5000), "steps": [task("call", "Call Ana")]}
    branch = {"id": "big", "kind": "branch", "branches": [large]}
    await ft.publish(by_hand("journey", [branch, gap(seconds=1)], entry={"triggers": [engaging()]}))
    contact = await ft.create("contact", **ANA)
    deal = await ft.create("opportunity", name="GTX for Ana", stage="Prospecting", close_value=6000)
    await ft.associate("contact", contact, "opportunity", deal)
    await ft.patch("opportunity", deal, stage="Engaging")
    (enrollment,) = await entered(ft, "journey")
    await ft.ended(enrollment["id"])
    lines = await told(ft, enrollment)
    assert lines[0] == f"contact Ana Berg ({contact}) in journey v1, about opportunity GTX for Ana ({deal})"
    assert re.fullmatch(f"ended {INSTANT} UTC: went through to the end", lines[1])
    assert re.match(f"entered {INSTANT} UTC: Opportunity: Stage is Engaging, by API key ", lines[2])
    assert lines[3] == '    Stage is Engaging: yes, it was "Engaging"'
    big = line(lines, f"^{INSTANT}  {INSTANT}  .*large +done")
    assert lines[big + 1] == "    Close value of an opportunity is at least 5000: yes, it was 6000"
    assert lines[line(lines, "  call +- +done") + 1] == "    task open: Call Ana"
    assert line(lines, f"^{INSTANT}  {INSTANT}  gap +- +done$") > big


async def test_a_passage_ended_in_a_delay_says_when_and_why(ft: Running) -> None:
    await ft.publish(follow_up("follow-up", wait={"days": 2}))
    contact = await ft.create("contact", **ANA)
    deal = await ft.create("opportunity", name="Deal", stage="Prospecting", product="GTX Pro")
    await ft.associate("contact", contact, "opportunity", deal)
    await ft.patch("opportunity", deal, stage="Engaging")
    (enrollment,) = await entered(ft, "follow-up")
    await ft.stands_at(enrollment["id"], "gap")
    waits = await told(ft, enrollment)
    until = re.search(f"active, at gap until ({LOCAL})$", waits[1])
    assert until is not None
    assert line(waits, rf" -  +gap +- +waiting until {re.escape(until[1])}: 2 days after it came here$")
    assert waits[line(waits, "  hello +- +done") + 1] == "    email sent: About GTX Pro"

    await ft.patch("opportunity", deal, stage="Won")
    await ft.ended(enrollment["id"])
    lines = await told(ft, enrollment)
    ended = re.fullmatch(rf"ended ({INSTANT}) UTC: reached a goal \(Won\)", lines[1])
    assert ended is not None
    assert lines[2] == '    Stage of an opportunity is Won: yes, it was "Won"'
    assert line(lines, f"^{INSTANT}  {ended[1]}  gap +- +left here: reached a goal$")
    assert not any(until[1] in each for each in lines)


async def test_who_entered_by_hand_is_told_so(ft: Running) -> None:
    await ft.publish(by_hand("journey", [gap(seconds=1)]))
    contact = await ft.create("contact", external_id="c1")
    lines = await told(ft, await walked(ft, "journey", "contact", contact))
    assert lines[0] == f"contact c1 ({contact}) in journey v1"
    assert re.match(f"entered {INSTANT} UTC: by hand, by API key ", lines[2])


async def test_a_report_says_of_how_many_and_why_some_were_skipped(ft: Running) -> None:
    await ft.publish(follow_up("follow-up", wait={"days": 2}))
    deals = []
    for n, address in enumerate([{"email": "ana@example.com"}, {}, {}]):
        contact = await ft.create("contact", external_id=f"c{n}", **address)
        deal = await ft.create("opportunity", name=f"Deal {n}", stage="Prospecting", product="GTX Pro")
        await ft.associate("contact", contact, "opportunity", deal)
        await ft.patch("opportunity", deal, stage="Engaging")
        deals.append(deal)
    everybody = await entered(ft, "follow-up", 3)
    for enrollment in everybody:
        await ft.stands_at(enrollment["id"], "gap")
    assert (await report(ft, "follow-up"))[1] == "0 of 3 enrolled reached a goal, 0.0% (0 won)"
    await ft.patch("opportunity", deals[0], stage="Won")
    await ft.ended(next(each["id"] for each in everybody if each["bound"]["id"] == deals[0]))
    lines = await report(ft, "follow-up")
    assert lines[:2] == [
        "follow-up v1: 3 enrolled, 2 active, 1 ended (1 goal)",
        "1 of 3 enrolled reached a goal, 33.3% (1 won)",
    ]
    assert lines[-2:] == ["hello: 2 skipped (2 no_address)", "gap: 1 left (1 goal)"]

    await ft.publish(by_hand("aimless", [gap(seconds=1)]))
    await walked(ft, "aimless", "contact", await ft.create("contact", external_id="c9"))
    assert not any("goal" in each for each in await report(ft, "aimless"))


async def test_what_a_step_gave_later_ones_is_told(ft: Running) -> None:
    await ft.publish(by_hand("other", [gap(days=1)], entry={"suppress": {"property": "first_name", "op": "known"}}))
    on = {"id": "on", "kind": "action", "action": "enroll_in_workflow", "config": {"workflow": "other"}}
    await ft.publish(by_hand("journey", [on, task("call", "Call")]))
    lines = await told(ft, await walked(ft, "journey", "contact", await ft.create("contact", **ANA)))
    at = line(lines, "  on +- +done$")
    assert lines[at + 1 : at + 5] == [
        '    decision: "suppressed"', "    enrolled: 0", "    enrollment: null", "    records: 1",
    ]  # fmt: skip
    assert lines[line(lines, "  call +- +done") + 1 :][0] == "    task open: Call"
