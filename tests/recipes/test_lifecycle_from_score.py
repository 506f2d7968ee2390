"""Lifecycle stage from score: above the score and never backwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.running import Running
from tests.recipes.installing import about, installed, way

SLUG = "lifecycle-from-score"


async def properties(ft: Running, contact: str) -> Any:
    return (await ft.call("GET", f"/records/contact/{contact}"))["properties"]


@pytest.mark.parametrize("stage", [None, "subscriber", "lead"])
async def test_who_passes_the_score_is_qualified_and_stays_so(ft: Running, stage: str | None) -> None:
    await installed(ft, SLUG)
    ana = await ft.create("contact", email="ana@example.com", score=30, **({"lifecycle_stage": stage} if stage else {}))
    await ft.settled()
    assert await ft.enrollments(SLUG) == []
    await ft.patch("contact", ana, score=31)
    over = await ft.ended(await about(ft, SLUG, ana))
    assert await way(ft, over) == [("stage", "done", None), ("since", "done", None)]
    found = await properties(ft, ana)
    assert (found["lifecycle_stage"], found["became_mql_at"] is not None) == ("mql", True)
    await ft.patch("contact", ana, score=5)
    await ft.settled()
    assert (await properties(ft, ana))["lifecycle_stage"] == "mql"
    await ft.patch("contact", ana, score=50, lifecycle_stage="lead")
    await ft.settled()
    assert len(await ft.enrollments(SLUG)) == 1


async def test_who_is_further_already_does_not_enter(ft: Running) -> None:
    await installed(ft, SLUG, score=10)
    ana = await ft.create("contact", email="ana@example.com", score=90, lifecycle_stage="customer")
    await ft.settled()
    assert await ft.enrollments(SLUG) == []
    assert (await properties(ft, ana))["lifecycle_stage"] == "customer"
