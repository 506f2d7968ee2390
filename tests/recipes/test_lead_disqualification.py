"""Lead disqualification: told, taken away, taken out of everything, and again after a correction."""

from __future__ import annotations

from typing import Any

from tests.fixtures.running import Running
from tests.recipes.installing import about, colleagues, installed, notices, way

SLUG = "lead-disqualification"
LONG = {
    "slug": "long", "name": "Long", "object": "contact", "steps": [{"id": "gap", "kind": "delay", "for": {"days": 9}}],
}  # fmt: skip


async def marked(ft: Running, contact: str) -> Any:
    await ft.patch("contact", contact, is_competitor=True)
    await ft.settled()
    return await ft.ended(await about(ft, SLUG, contact))


async def test_a_competitor_loses_owner_stage_and_every_other_workflow(ft: Running) -> None:
    ids = await colleagues(ft, "Ann")
    await installed(ft, SLUG)
    await ft.publish(LONG)
    known = {"first_name": "Ana", "owner": ids["Ann"], "lifecycle_stage": "sql", "lead_status": "open"}
    ana = await ft.create("contact", email="ana@example.com", **known)
    inside = (await ft.enroll("long", "contact", ana))["enrollment_id"]
    assert [outcome for _, outcome, _ in await way(ft, await marked(ft, ana))] == ["done"] * 4
    assert (await ft.ended(inside))["end_reason"] == "removed_by_workflow"
    found = (await ft.call("GET", f"/records/contact/{ana}"))["properties"]
    assert (found.get("owner"), found["lifecycle_stage"], found["lead_status"]) == (None, "other", "unqualified")
    assert await notices(ft, [ids["Ann"]]) == [["Ana is a competitor"]]

    # Corrected, given to somebody again, and marked again.
    await ft.patch("contact", ana, is_competitor=False, owner=ids["Mo"], lifecycle_stage="lead")
    await ft.settled()
    await marked(ft, ana)
    assert len(await ft.enrollments(SLUG)) == 2
    assert await notices(ft, [ids["Mo"]]) == [["Ana is a competitor"]]


async def test_where_nobody_is_the_owner_nobody_is_told(ft: Running) -> None:
    await installed(ft, SLUG)
    bo = await ft.create("contact", email="bo@example.com")
    assert (await way(ft, await marked(ft, bo)))[0] == ("told", "skipped", "no_owner")
    assert (await ft.call("GET", f"/records/contact/{bo}"))["properties"]["lead_status"] == "unqualified"
