"""What the run tests ask again and again: who entered, which way they went, and whether a run was woken."""

from __future__ import annotations

from collections import Counter
from typing import Any

from domain.base import Json
from tests.fixtures.running import Running


async def entered(ft: Running, slug: str, count: int = 1) -> list[Any]:
    """Wait until so many enrollments of a workflow exist; all of them, oldest first."""

    async def all_in() -> bool:
        return len(await ft.enrollments(slug)) >= count

    await ft.until(all_in, f"{count} enrolled in {slug}")
    return await ft.enrollments(slug)


async def walked(ft: Running, slug: str, object: str, record_id: str, **more: Json) -> Any:
    """Enroll by hand and wait for the end; the enrollment."""
    taken = await ft.enroll(slug, object, record_id, **more)
    assert taken["decision"] == "enrolled", taken
    return await ft.ended(taken["enrollment_id"])


async def way(ft: Running, enrollment: Any) -> list[tuple[str, str | None, str | None]]:
    """The visits of an enrollment: step, outcome, reason."""
    visits = (await ft.timeline(enrollment["id"]))["visits"]
    return [(visit["step"], visit["outcome"], visit["reason"]) for visit in visits]


async def steps(ft: Running, enrollment: Any) -> list[str]:
    """The steps an enrollment went through."""
    return [step for step, _, _ in await way(ft, enrollment)]


async def visit(ft: Running, enrollment: Any, step: str) -> Any:
    """The last visit to a step."""
    return [v for v in (await ft.timeline(enrollment["id"]))["visits"] if v["step"] == step][-1]


async def signals(ft: Running, enrollment: Any) -> int:
    """How often the run was told something."""
    return Counter(await ft.events(enrollment))["WORKFLOW_EXECUTION_SIGNALED"]
