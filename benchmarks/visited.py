"""A workflow that many went through, written straight into the tables: what its report counts, without the runs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Table, insert

from services.installation import Installation
from store.ids import new_id
from store.tables import effects, enrollments, entry_decisions, goals_reached, messages, records, visits
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk

SLUG = "visited"
STEPS = tuple(f"s{n}" for n in range(10))
MAILED = (STEPS[1], STEPS[6])
GOAL = {"id": "won", "where": {"property": "city", "op": "is", "value": "Oslo"}}
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
LASTS = timedelta(days=90)
PORTION = 2000
"""People of one transaction."""
BODY = "<p>" + "words that were sent " * 40 + "</p>"

TABLES: tuple[Table, ...] = (records, enrollments, entry_decisions, visits, effects, messages, goals_reached)
Rows: TypeAlias = dict[str, list[dict[str, Any]]]


async def fill(inst: Installation, count: int) -> None:
    """Publish the workflow and write so many visits of it, ten to each enrollment; the same ones each time."""
    workflow = await Desk(inst).publish(by_hand(SLUG, [gap(step, days=1) for step in STEPS], exit={"goals": [GOAL]}))
    drawn = random.Random(20261123)
    people = count // len(STEPS)
    for start in range(0, people, PORTION):
        rows: Rows = {table.name: [] for table in TABLES}
        for n in range(start, min(start + PORTION, people)):
            _write_person(rows, workflow, SINCE + n * LASTS / people, drawn)
        async with inst.db.transaction() as tx:
            for table in TABLES:
                if rows[table.name]:
                    await tx.run(insert(table), rows[table.name])


def _write_person(rows: Rows, workflow: str, at: datetime, drawn: random.Random) -> None:
    record, enrollment = new_id(at), new_id(at)
    properties = {"email": f"{record}@example.com", "first_name": "Ana", "city": "Oslo"}
    how = drawn.choices(("completed", "goal", "unenrolled", None), (60, 15, 15, 10))[0]
    rows["records"].append({"id": record, "object": "contact", "properties": properties, "version": 1,
                            "created_at": at, "updated_at": at})  # fmt: skip
    passed = list(_visits(workflow, record, enrollment, how, at, drawn))
    over = passed[-1]["left_at"]
    rows["enrollments"].append(
        {"id": enrollment, "workflow_id": workflow, "version": 1, "key": record, "n": 1, "run_id": f"e:{enrollment}",
         "record_id": record, "object": "contact", "status": "active" if how is None else "ended", "epoch": 0,
         "step": None if how else STEPS[-1], "parameters": {}, "cause_kind": "api", "depth": 0, "started_at": at,
         "ended_at": over, "end_reason": how, "end_detail": "won" if how == "goal" else None}
    )  # fmt: skip
    for decision in ("enrolled", *drawn.choices(("", "suppressed", "re_entry_off"), (80, 15, 5))):
        if decision:
            rows["entry_decisions"].append(
                {"id": new_id(at), "workflow_id": workflow, "record_id": record, "decision": decision, "seen": [],
                 "cause_kind": "api", "decided_at": at,
                 "enrollment_id": enrollment if decision == "enrolled" else None}
            )  # fmt: skip
    if how == "goal":
        rows["goals_reached"].append({"enrollment_id": enrollment, "goal": "won", "workflow_id": workflow, "version": 1,
                                      "record_id": record, "reached_at": over})  # fmt: skip
    rows["visits"] += passed
    for visit in passed:
        if visit["step"] in MAILED and visit["outcome"] == "done":
            _write_message(rows, visit, drawn)


def _visits(
    workflow: str, record: str, enrollment: str, how: str | None, at: datetime, drawn: random.Random
) -> Iterator[dict[str, Any]]:
    for step in STEPS:
        is_last = step == STEPS[-1]
        outcome, reason = drawn.choices(
            (("done", None), ("done", "timed_out"), ("skipped", "no_address"), ("skipped", "unsubscribed"),
             ("failed", "permanent")),
            (83, 5, 5, 5, 2),
        )[0]  # fmt: skip
        told: tuple[str | None, str | None] = (outcome, reason)
        if is_last and how != "completed":
            told = (None, None) if how is None else ("left", how)
        left = None if told[0] is None else at + timedelta(seconds=drawn.expovariate(1 / 36_000))
        yield {"enrollment_id": enrollment, "step": step, "n": 1, "turn": 0, "workflow_id": workflow, "version": 1,
               "record_id": record, "kind": "delay", "entered_at": at, "left_at": left, "outcome": told[0],
               "reason": told[1]}  # fmt: skip
        at = left or at


def _write_message(rows: Rows, visit: dict[str, Any], drawn: random.Random) -> None:
    key = f"{visit['enrollment_id']}:{visit['step']}:1"
    at = visit["left_at"]
    mine = {name: visit[name] for name in ("enrollment_id", "workflow_id", "step")}
    status = drawn.choices(("sent", "delivered", "bounced", "complained", "unknown"), (50, 42, 5, 1, 2))[0]
    opened = at + timedelta(hours=1) if drawn.random() < 0.3 else None
    rows["effects"].append({**mine, "key": key, "n": 1, "channel": "email", "state": "sent", "attempt": 1,
                            "created_at": at, "updated_at": at})  # fmt: skip
    rows["messages"].append(
        {**mine, "id": new_id(at), "effect_key": key, "record_id": visit["record_id"], "channel": "email",
         "status": status, "sender": "us@example.com", "recipient": "ana@example.com", "subject": "News", "html": BODY,
         "text": "words", "contact_id": visit["record_id"], "claimed_at": at, "created_at": at, "sent_at": at,
         "opened_at": opened, "clicked_at": opened if drawn.random() < 0.2 else None}
    )  # fmt: skip
