"""Trouble is counted and paged the same on both databases."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from services.installation import Installation
from store import tables
from store.trouble import TroubleFilters, count_trouble, list_trouble
from tests.activities.calls import act
from tests.builders import Standing, make_record, stand_at_action


async def failed(inst: Installation, slug: str) -> Standing:
    contact = await make_record(inst, "contact", {"email": f"{slug}@example.com"})
    standing = await stand_at_action(inst, contact, "send_email", {"email": "gone", "transactional": True}, slug=slug)
    assert (await act(standing, "send_email")).reason == "broken_reference"
    return standing


async def test_trouble_is_counted_by_workflow_step_and_class_and_paged(installation: Installation) -> None:
    one, two = await failed(installation, "one"), await failed(installation, "two")
    later = one.now + timedelta(hours=3)
    filters = TroubleFilters(now=later, patience=timedelta(hours=1))
    async with installation.db.transaction() as tx:
        mine = tables.enrollments.c.id == two.enrollment.id
        await tx.run(update(tables.enrollments).where(mine).values(wakes_at=one.now, step="after"))
    async with installation.db.read() as read:
        counted = await count_trouble(read, filters)
        found = [(row["slug"], row["step"], row["trouble"], row["total"]) for row in counted]
        step = one.call().step
        assert found == [
            ("one", step, "broken_reference", 1), ("two", step, "broken_reference", 1), ("two", "after", "overdue", 1),
        ]  # fmt: skip
        assert all(row["oldest"] == row["newest"] == one.now for row in counted)
        seen: list[tuple[str, str]] = []
        after: tuple[str, ...] = ()
        while page := await list_trouble(read, filters, after=after, limit=1):
            (row,) = page
            seen.append((row["slug"], row["trouble_trouble"]))
            after = (row["id"], row["trouble_step"], str(row["trouble_n"]), row["trouble_trouble"])
        assert sorted(seen) == [("one", "broken_reference"), ("two", "broken_reference"), ("two", "overdue")]
        only = filters.model_copy(update={"workflow": one.enrollment.workflow_id, "trouble": "broken_reference"})
        assert [row["slug"] for row in await list_trouble(read, only, after=(), limit=5)] == ["one"]
    async with installation.db.transaction() as tx:
        await tx.run(update(tables.enrollments).values(retried_as="another"))
    async with installation.db.read() as read:
        assert [row["trouble"] for row in await count_trouble(read, filters)] == ["overdue"]
