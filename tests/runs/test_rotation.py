"""Owners in turn through the whole path: many are let in at once, two workers carry them, each gets a share."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.fixtures.running import Running, running
from tests.fixtures.worker_process import WorkerProcess
from tests.runs.definitions import by_hand

AT_ONCE = 50
"""How many are let in by calls of one instant."""
WEIGHTS = (1, 2, 1, 4, 2)


async def _users(ft: Running) -> list[str]:
    made = []
    for name in ("ann", "bo", "cy", "di", "ed"):
        body: Any = {"name": name, "email": f"{name}@example.com"}
        made.append((await ft.call("POST", "/users", body))["id"])
    return made


def _rotating(slug: str, **config: Any) -> dict[str, Any]:
    step = {"id": "turn", "kind": "action", "action": "rotate_owner", "config": config}
    return by_hand(slug, [step])


async def _everybody(ft: Running, slug: str, contacts: list[str]) -> list[str]:
    """Let all contacts in, many at the same instant, wait until all have gone through; their owners."""
    for start in range(0, len(contacts), AT_ONCE):
        these = contacts[start : start + AT_ONCE]
        answers = await asyncio.gather(*(ft.enroll(slug, "contact", contact) for contact in these))
        assert {answer["decision"] for answer in answers} == {"enrolled"}

    async def all_through() -> bool:
        report = await ft.call("GET", f"/workflows/{slug}/report")
        return bool(report["totals"]["by_reason"].get("completed", 0) == len(contacts))

    await ft.until(all_through, f"{len(contacts)} went through {slug}", within_s=900, every_s=0.5)
    found = [await ft.call("GET", f"/records/contact/{contact}") for contact in contacts]
    return [str(each["properties"].get("owner")) for each in found]


async def rotate(env: WorkflowEnvironment, url: str, folder: Path, *, count: int) -> None:
    async with running(env, url, folder, work=False) as ft:
        users = await _users(ft)
        members: Any = [{"user": user, "weight": weight} for user, weight in zip(users, WEIGHTS, strict=True)]
        await ft.call("POST", "/teams", {"slug": "sales", "members": members})
        await ft.publish(_rotating("evenly", users=[{"user": user} for user in users]))
        await ft.publish(_rotating("weighted", team="sales", overwrite=True))
        contacts = [await ft.create("contact", email=f"c{n}@example.com") for n in range(count)]
        kept = [await ft.create("contact", email=f"k{n}@example.com", owner=users[0]) for n in range(count // 10)]
        with WorkerProcess(env, url, folder, "all"), WorkerProcess(env, url, folder, "all"):
            # Who has an owner keeps them, and takes nobody's turn.
            evenly = await _everybody(ft, "evenly", [*contacts, *kept])
            assert Counter(evenly[:count]) == dict.fromkeys(users, count // 5)
            assert set(evenly[count:]) == {users[0]}
            weighted = await _everybody(ft, "weighted", contacts)
            shares = zip(users, WEIGHTS, strict=True)
            assert Counter(weighted) == {user: count * weight // 10 for user, weight in shares}


@pytest.mark.timeout(300)
async def test_among_five_users_everybody_gets_a_fifth_and_a_team_by_its_weights(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path
) -> None:
    await rotate(dev_server, database_url, tmp_path, count=100)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_among_five_users_a_thousand_are_200_each(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path
) -> None:
    await rotate(dev_server, database_url, tmp_path, count=1_000)


async def test_who_gets_it_follows_rules_and_whoever_has_it_keeps_it(
    dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path
) -> None:
    async with running(dev_server, app_url, tmp_path) as ft:
        ann, bo, cy, di, _ = await _users(ft)
        await ft.call("POST", "/teams", {"slug": "sales", "members": [{"user": cy}, {"user": di}]})
        rules = [
            {"id": "theirs", "where": {"property": "owner", "op": "known"}, "steps": []},
            {"id": "oslo", "where": {"property": "city", "op": "is", "value": "Oslo"}, "steps": [_given_to(ann)]},
        ]
        rest = _rotating("", team="sales")["steps"]
        whose = {"id": "whose", "kind": "branch", "branches": rules, "otherwise": rest}
        await ft.publish(by_hand("by-rule", [whose]))
        known: list[dict[str, Any]] = [{"owner": bo, "city": "Oslo"}, {"city": "Oslo"}, {"city": "Bergen"}, {}]
        owners = []
        for n, properties in enumerate(known):
            contact = await ft.create("contact", email=f"{n}@example.com", **properties)
            await ft.ended((await ft.enroll("by-rule", "contact", contact))["enrollment_id"])
            owners.append((await ft.call("GET", f"/records/contact/{contact}"))["properties"]["owner"])
        assert owners == [bo, ann, cy, di]


def _given_to(user: str) -> dict[str, Any]:
    return {"id": "give", "kind": "action", "action": "set_property", "config": {"property": "owner", "value": user}}
