"""Nobody changes anything, time passes: who enters, jumps and leaves, from the API over the relay to the run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.base import utc_text
from tests.fixtures.running import Running, running
from tests.runs.definitions import by_hand, gap, task
from tests.runs.walking import entered, steps

QUIET = {"property": "last_touched_at", "op": "more_than_ago", "value": {"days": 3}}
RECENT = {"property": "last_touched_at", "op": "within_last", "value": {"days": 3}}


class Ahead:
    """The clock of API and relay; the runs sleep by the server's."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        """The present, and what was skipped."""
        return datetime.now(UTC) + self.by


@pytest.fixture
def ahead() -> Ahead:
    return Ahead()


@pytest.fixture
async def ft(dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path, ahead: Ahead) -> AsyncIterator[Running]:
    """An installation whose relay believes in another time."""
    async with running(dev_server, app_url, tmp_path, clock=ahead) as found:
        yield found


async def days_pass(ft: Running, ahead: Ahead) -> None:
    """Let four days pass, and have the relay look at the clock."""
    await ft.settled()
    ahead.by += timedelta(days=4)
    await ft.create("contact", external_id=f"later-{ahead.by.days}")


async def inside(ft: Running, slug: str, **parts: Any) -> str:
    """Somebody who sleeps in the first of two steps; the enrollment."""
    await ft.publish(by_hand(slug, [gap(days=90), task("call", "Call")], **parts))
    contact = await ft.create("contact", external_id=slug, last_touched_at=utc_text(ft.inst.clock.now()))
    if "triggers" in parts.get("entry", {}):
        (taken,) = await entered(ft, slug)
        found = str(taken["id"])
    else:
        found = str((await ft.enroll(slug, "contact", contact))["enrollment_id"])
    await ft.sleeps_at(found, "gap")
    return found


async def test_a_trigger_that_comes_true_by_time_starts_a_run(ft: Running, ahead: Ahead) -> None:
    triggers = [{"id": "t1", "on": "filter", "where": QUIET}]
    await ft.publish(by_hand("quiet", [task("call", "Call")], entry={"triggers": triggers}))
    contact = await ft.create("contact", external_id="a", last_touched_at=utc_text(ahead.now()))
    await days_pass(ft, ahead)
    (taken,) = await entered(ft, "quiet")
    done = await ft.ended(taken["id"])
    assert (done["record"]["id"], done["end_reason"], await steps(ft, done)) == (contact, "completed", ["call"])
    (decision,) = (await ft.call("GET", "/entry-decisions?workflow=quiet"))["items"]
    assert (decision["decision"], decision["cause"]["kind"], len(decision["seen"])) == ("enrolled", "schedule", 1)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"exit": {"goals": [{"id": "g1", "where": QUIET}]}}, "goal"),
        ({"exit": {"when": QUIET}}, "exit_condition"),
        ({"entry": {"suppress": QUIET}}, "suppressed"),
        (
            {
                "entry": {"triggers": [{"id": "t1", "on": "filter", "where": RECENT}]},
                "exit": {"when_entry_no_longer_holds": True},
            },
            "no_longer_matches",
        ),
    ],
    ids=["goal", "exit", "suppression", "lost"],
)
async def test_a_reason_that_comes_true_by_time_ends_the_run(
    ft: Running, ahead: Ahead, parts: dict[str, Any], reason: str
) -> None:
    enrollment_id = await inside(ft, reason.replace("_", "-"), **parts)
    await days_pass(ft, ahead)
    done = await ft.ended(enrollment_id)
    assert (done["end_reason"], await steps(ft, done)) == (reason, ["gap"])
    assert done["end_seen"][0]["holds"] is (reason != "no_longer_matches")


async def test_a_goal_that_comes_true_by_time_leads_the_run_on(ft: Running, ahead: Ahead) -> None:
    goal = {"id": "g1", "where": QUIET, "go_to": "call"}
    enrollment_id = await inside(ft, "jumps", exit={"goals": [goal]})
    await days_pass(ft, ahead)
    done = await ft.ended(enrollment_id)
    assert (done["end_reason"], await steps(ft, done)) == ("completed", ["gap", "call"])
