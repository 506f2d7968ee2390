"""Many waiting enrollments and every kind of edit: each lands where the preview said, nothing is repeated or lost."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest
from sqlalchemy import select

from store.tables import tasks, visits
from tests.fixtures.running import Running
from tests.runs.definitions import by_hand, email, gap, task

LONG_S = 300.0
FEW, MANY = 20, 200

NO_SPREAD = {"spread_minutes": 0}
OSLO = {"property": "city", "op": "is", "value": "Oslo"}
HELLO, CALL, LAST = email("hello", "Hello"), task("call", "Call"), email("last", "Last")
WAIT = {"id": "reply", "kind": "wait", "until_true": OSLO, "timeout": {"days": 3}}
OLD = [HELLO, gap(days=2), CALL, WAIT, LAST]


def into_a_branch(*steps: dict[str, Any]) -> dict[str, Any]:
    """A branch that everybody takes."""
    everybody = {"property": "city", "op": "is_not", "value": "Nowhere"}
    return {"id": "if", "kind": "branch", "branches": [{"id": "yes", "where": everybody, "steps": list(steps)}]}


EDITS: dict[str, tuple[list[dict[str, Any]], dict[str, str]]] = {
    "shorten": ([HELLO, gap(seconds=1), CALL, {**WAIT, "timeout": {"seconds": 1}}, LAST], {}),
    "lengthen": ([HELLO, gap(days=5), CALL, {**WAIT, "timeout": {"days": 9}}, LAST], {}),
    "insert": ([HELLO, task("more", "More"), gap(days=2), task("new", "New"), CALL, WAIT, LAST], {}),
    "delete": ([HELLO, CALL, LAST], {"gap": "call", "reply": "last"}),
    "reorder": ([gap(days=2), WAIT, LAST, CALL, HELLO], {}),
    "re-key": ([HELLO, gap("pause", days=2), CALL, {**WAIT, "id": "answer"}, LAST], {"gap": "call", "reply": "last"}),
    "move into a branch": ([HELLO, into_a_branch(gap(days=2), CALL), WAIT, LAST], {}),
}
"""New steps, and where those go who stand in a step that is gone."""


class Crowd:
    """Those inside one workflow: a half sleeps in the delay, a half in the wait behind it."""

    def __init__(self, ft: Running, slug: str) -> None:
        self.ft = ft
        self.slug = slug
        self.stood: dict[str, str] = {}
        self.people: dict[str, str] = {}

    async def come(self, count: int) -> None:
        """Everybody enters; every second skips the delay, and one of each half is paused."""
        ids = [await self.ft.create("contact", email=f"{self.slug}-{n}@example.com") for n in range(count)]
        await self.ft.call("POST", f"/workflows/{self.slug}/enrollments/bulk", {"ids": ids}, expect=202)
        await self.sleep({"gap": count})
        inside = await self.all()
        self.people = {each["id"]: each["record"]["id"] for each in inside}
        for each in inside[::2]:
            await self.ft.call("POST", f"/enrollments/{each['id']}/skip-wait")
        await self.sleep({"gap": count // 2, "reply": count - count // 2})
        self.stood = {each["id"]: each["step"] for each in await self.all()}
        for each in inside[:2]:
            await self.ft.call("POST", f"/enrollments/{each['id']}/pause")
        self.paused = [each["id"] for each in inside[:2]]

    async def all(self) -> list[Any]:
        """Every enrollment."""
        return await self.ft.enrollments(self.slug)

    async def sleep(self, places: dict[str, int]) -> None:
        """Wait until everybody sleeps, at these steps."""

        async def sleeps() -> bool:
            found = Counter(each["step"] for each in await self.all() if each["wakes_at"])
            return dict(found) == places

        await self.ft.until(sleeps, f"everybody sleeps at {places}", within_s=LONG_S, every_s=0.2)

    async def publish(self, steps: list[dict[str, Any]]) -> tuple[Any, Any]:
        """Preview, then publish with ``move``; the preview, and the job when it is done."""
        path = f"/workflows/{self.slug}"
        body = by_hand(self.slug, steps, settings=NO_SPREAD)
        answer = await self.ft.http.put(f"/api/v1{path}", json=body, headers={"If-Match": "*"})
        assert answer.is_success, answer.text
        preview = await self.ft.call("POST", f"{path}/publish", {"in_flight": "move", "dry_run": True})
        shown = await self.ft.call("GET", path)
        assert shown["version"] == 1, "a preview publishes nothing"
        made = await self.ft.call("POST", f"{path}/publish", {"in_flight": "move"})
        job: dict[str, Any] = {}

        async def is_done() -> bool:
            job.update(await self.ft.call("GET", f"/jobs/{made['move_job_id']}"))
            return bool(job["status"] == "done")

        await self.ft.until(is_done, "everybody is moved", within_s=LONG_S, every_s=0.2)
        return preview, job

    async def go_on(self) -> None:
        """Resume the paused, and once everybody is there let every wait end, until they are through."""
        for each in self.paused:
            await self.ft.call("POST", f"/enrollments/{each}/resume")

        async def everybody_is_there() -> bool:
            return len(await self.landed()) == len(self.stood)

        await self.ft.until(everybody_is_there, "everybody has come to the new version", within_s=LONG_S, every_s=0.2)

        async def nobody_sleeps() -> bool:
            inside = [each for each in await self.all() if each["status"] != "ended"]
            for each in inside:
                if each["wakes_at"]:
                    await self.ft.http.post(f"/api/v1/enrollments/{each['id']}/skip-wait")
            return not inside

        await self.ft.until(nobody_sleeps, "everybody is through", within_s=LONG_S, every_s=0.2)

    async def landed(self) -> dict[str, str]:
        """The first step of the new version each came to, or kept."""
        found: dict[str, str] = {}
        async with self.ft.inst.db.read() as read:
            rows = await read.all(
                select(visits.c.enrollment_id, visits.c.step)
                .where(visits.c.version == 2, visits.c.turn == 0, visits.c.enrollment_id.in_(list(self.stood)))
                .order_by(visits.c.entered_at)
            )
        for row in rows:
            found.setdefault(row["enrollment_id"], row["step"])
        return found

    async def effects(self) -> dict[str, Counter[str]]:
        """What each contact got: the steps of messages and tasks."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for each in self.people.values():
            sent = (await self.ft.call("GET", f"/messages?record={each}"))["items"]
            found[each].update(message["step"] for message in sent)
        async with self.ft.inst.db.read() as read:
            for row in await read.all(select(tasks.c.enrollment_id, tasks.c.step)):
                if row["enrollment_id"] in self.people:
                    found[self.people[row["enrollment_id"]]][row["step"]] += 1
        return found


async def moved(ft: Running, edit: str, count: int) -> None:
    steps, gone = EDITS[edit]
    crowd = Crowd(ft, edit.replace(" ", "-"))
    await ft.publish(by_hand(crowd.slug, OLD, settings=NO_SPREAD))
    await crowd.come(count)
    preview, job = await crowd.publish(steps)
    assert (job["done"], job["counts"]) == (count, {"moved": count})
    half = Counter(crowd.stood.values())
    told = {each["step"]: (each["inside"], each["to"]) for each in preview["moves"]}
    assert told == {
        at: (n, [{"step": gone.get(at, at), "ends": None, "count": n}]) for at, n in half.items()
    }  # fmt: skip
    acts = edit in ("shorten", "delete", "re-key")
    # One of each half is paused.
    assert {each["step"]: each["acting_within_hour"] for each in preview["moves"]} == {
        at: n - 1 if acts else 0 for at, n in half.items()
    }
    await crowd.go_on()
    assert await crowd.landed() == {each: gone.get(at, at) for each, at in crowd.stood.items()}
    names = {"hello", "call", "last"}
    for who, got in (await crowd.effects()).items():
        assert {step: got[step] for step in names} == dict.fromkeys(names, 1), (who, got)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("edit", EDITS)
async def test_everybody_lands_where_the_preview_said(ft: Running, edit: str) -> None:
    await moved(ft, edit, FEW)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("edit", EDITS)
async def test_200_land_where_the_preview_said(ft: Running, edit: str) -> None:
    await moved(ft, edit, MANY)
