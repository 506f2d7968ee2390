"""A reason to leave and a step that falls due in the same instant (rule L2): who commits first wins, on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.fixtures.commits import Written, witness
from tests.fixtures.running import Running, running
from tests.fixtures.worker_process import WorkerProcess
from tests.runs.definitions import by_hand, email, engaging, gap, task

AT_ONCE = 25
"""Rounds that go on at the same time: the load."""

STEPS = ("gap", "first", "call", "hello", "last")
LONG_S = 120.0
SOON_S = 0.06
"""How long after a step the reason comes at most."""

REASONS = {
    "suppressed": ("contact", {"country": "XX"}),
    "exit_condition": ("contact", {"city": "Bergen"}),
    "goal": ("contact", {"city": "Oslo"}),
    "no_longer_matches": ("opportunity", {"stage": "Prospecting"}),
    "record_deleted": ("contact", None),
    "bound_record_gone": ("opportunity", None),
    "unenrolled": ("enrollment", None),
    "replied": ("message", None),
    "removed_by_workflow": ("strong", None),
}
"""Every reason that lies in the enrolled or bound record, or in what somebody asks for: where, and what is written."""


def racing() -> dict[str, Any]:
    """Left for every reason there is; after the delay one step follows the other."""

    def is_(property: str, value: str) -> dict[str, Any]:
        return {"property": property, "op": "is", "value": value}

    def mark(step: str, value: str) -> dict[str, Any]:
        config = {"property": "job_title", "value": value}
        return {"id": step, "kind": "action", "action": "set_property", "config": config}

    return by_hand(
        "racing",
        [
            email("before", "Before"),
            gap(seconds=3),
            mark("first", "A"),
            task("call", "Call"),
            email("hello", "Hello"),
            mark("last", "B"),
        ],
        allow_multiple_opportunities=True,
        entry={"triggers": [engaging()], "suppress": is_("country", "XX")},
        exit={
            "when": is_("city", "Bergen"),
            "goals": [{"id": "won", "name": "Won", "where": is_("city", "Oslo")}],
            "when_entry_no_longer_holds": True,
            "stop_on_reply": True,
        },
    )


@dataclass
class Round:
    """One passage and the reason that comes in its way."""

    reason: str
    contact: str
    deal: str
    message: str
    enrollment: Any


class Race:
    """Rounds of one installation: each lets somebody in and gives a reason to leave just when the delay ends."""

    def __init__(self, ft: Running, random: Random) -> None:
        self.ft = ft
        self._random = random

    async def round(self, n: int) -> Round:
        """Let somebody in, and act when the time comes."""
        reason = list(REASONS)[n % len(REASONS)]
        contact = await self.ft.create("contact", email=f"c{n}@example.com")
        links = [{"object": "contact", "id": contact}]
        body = {"properties": {"name": f"Deal {n}", "stage": "Engaging"}, "associations": links}
        deal = (await self.ft.call("POST", "/records/opportunity", body))["id"]
        found: list[Any] = []

        async def has_begun() -> bool:
            found[:] = (await self.ft.call("GET", f"/enrollments?record={contact}"))["items"]
            return bool(found and (found[0]["wakes_at"] or found[0]["step"] in STEPS[1:]))

        # So many at once are slow; looking often would make them slower.
        await self.ft.until(has_begun, f"contact {n} is inside", within_s=LONG_S, every_s=0.2)
        (message,) = (await self.ft.call("GET", f"/messages?record={contact}&step=before"))["items"]
        one = Round(reason, contact, deal, message["id"], found[0])
        await self._until_due(one)
        await asyncio.sleep(self._random.uniform(0, SOON_S))
        await self._act(one)
        return one

    async def _until_due(self, one: Round) -> None:
        """Wait until the delay ends, or until the run has come to one of the steps behind it, by chance."""
        if one.enrollment["wakes_at"] is not None:
            wakes_in = datetime.fromisoformat(one.enrollment["wakes_at"]) - self.ft.inst.clock.now()
            await asyncio.sleep(max(0.0, wakes_in.total_seconds()))
        awaited = STEPS[self._random.randrange(len(STEPS)) :]

        async def is_there() -> bool:
            found = await self.ft.call("GET", f"/enrollments/{one.enrollment['id']}")
            return found["step"] in awaited or found["status"] == "ended"

        await self.ft.until(is_there, f"{one} comes to {awaited}", within_s=LONG_S)

    async def _act(self, one: Round) -> None:
        where, properties = REASONS[one.reason]
        ids = {"contact": one.contact, "opportunity": one.deal, "enrollment": one.enrollment["id"]}
        if where == "enrollment":
            answer = await self.ft.http.post(f"/api/v1/enrollments/{ids[where]}/unenroll")
            assert answer.is_success or answer.json()["type"].endswith("ended"), answer.text
        elif where == "message":
            record = {"object": "contact", "id": one.contact}
            answers = {"message": one.message}
            await self.ft.call("POST", "/events", {"event": "message.replied", "record": record, "properties": answers})
        elif where == "strong":
            assert (await self.ft.enroll(where, "contact", one.contact))["decision"] == "enrolled"
        elif properties is None:
            await self.ft.call("DELETE", f"/records/{where}/{ids[where]}")
        else:
            await self.ft.patch(where, ids[where], **properties)


async def race(env: WorkflowEnvironment, url: str, folder: Path, *, rounds: int) -> None:
    async with running(env, url, folder, work=False) as ft, witness(ft.inst.db) as seen:
        await ft.publish(racing())
        await ft.publish(by_hand("strong", [gap(days=9)], entry={"triggers": [], "remove_from": ["racing"]}))
        raced: list[Round] = []
        with WorkerProcess(env, url, folder, "all"), WorkerProcess(env, url, folder, "relay"):
            going = Race(ft, Random(21))
            for start in range(0, rounds, AT_ONCE):
                these = range(start, min(start + AT_ONCE, rounds))
                raced += await asyncio.gather(*(going.round(n) for n in these))
            for one in raced:
                one.enrollment = await ft.ended(one.enrollment["id"])
            await ft.settled()
        judged(raced, await seen.everything())


def judged(raced: Sequence[Round], written: Sequence[Written]) -> None:
    """Nothing of a run was committed after its reason."""
    of_run: defaultdict[str, list[Written]] = defaultdict(list)
    for one in written:
        caused = one.row["cause_id"] if one.table == "changes" and one.row["cause_kind"] == "enrollment" else None
        of_run[one.row.get("enrollment_id") or caused or one.row["id"]].append(one)
    of_record: defaultdict[str, list[Written]] = defaultdict(list)
    for one in written:
        if one.table == "changes" and one.row["cause_kind"] != "enrollment":
            of_record[one.row["record_id"]].append(one)
    ends: Counter[tuple[str, bool]] = Counter()
    steps: Counter[int] = Counter()
    for one in raced:
        mine = of_run[one.enrollment["id"]]
        end = one.enrollment["end_reason"]
        assert end in (one.reason, "completed"), one
        ends[one.reason, end == "completed"] += 1
        committed = reason_at(one, of_record, mine)
        late = [w for w in mine if w.at > committed and is_effect(w)]
        assert not late, f"{one.reason} at {committed}: {late}"
        done = {w.row["step"] for w in mine if w.table == "visits" and w.row["outcome"] == "done"}
        steps[len(done - {"before", "gap"})] += 1
    # Otherwise nothing was raced: some runs were cut short in the middle, and each reason was quicker now and then.
    assert any(steps[n] for n in (1, 2, 3)), steps
    assert len(raced) < 100 or all(ends[reason, False] for reason in REASONS), ends


def reason_at(one: Round, of_record: dict[str, list[Written]], mine: Sequence[Written]) -> datetime:
    """When the reason was committed: the change of a record, or the end itself."""
    where, properties = REASONS[one.reason]
    if where not in ("contact", "opportunity"):
        return min(w.at for w in mine if w.table == "enrollments" and w.row["status"] == "ended")
    kind = "deleted" if properties is None else "updated"
    record = one.contact if where == "contact" else one.deal
    return min(w.at for w in of_record[record] if w.row["kind"] == kind)


def is_effect(written: Written) -> bool:
    """Whether a row is something a run did: a visit that was not cut short, a task, a message, a change."""
    match written.table:
        case "visits":
            return written.row["outcome"] != "left"
        case "messages":
            return written.row["status"] == "queued"
        case "enrollments":
            return written.row["status"] != "ended"
        case _:
            return written.is_new  # A relay notes in a change that it was judged.


@pytest.mark.timeout(300)
async def test_after_a_reason_to_leave_nothing_of_a_run_is_committed(
    dev_server: WorkflowEnvironment, postgres_url: str, tmp_path: Path
) -> None:
    await race(dev_server, postgres_url, tmp_path, rounds=50)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_after_a_reason_to_leave_nothing_of_a_run_is_committed_in_500_rounds(
    dev_server: WorkflowEnvironment, postgres_url: str, tmp_path: Path
) -> None:
    await race(dev_server, postgres_url, tmp_path, rounds=500)
