"""Runs recorded under released code go on under today's."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from gateways.payload_codec import converter
from tests.replay.record import HISTORIES
from tests.replay.scenarios import SCENARIOS
from worker import sandbox
from workflows.bulk import BulkEnrollment
from workflows.enrollment import Enrollment
from workflows.importing import Import
from workflows.recurrence import Recurrence
from workflows.thread_mail import ThreadMail

WORKFLOWS = [Enrollment, BulkEnrollment, Import, Recurrence, ThreadMail]
RECORDED = sorted(HISTORIES.rglob("*.json.gz"))


def replayer(speaks: DataConverter = pydantic_data_converter) -> Replayer:
    return Replayer(
        workflows=WORKFLOWS,
        data_converter=speaks,
        workflow_runner=sandbox(),
    )


def load(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, gzip.decompress(path.read_bytes()).decode())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.name}")
async def test_a_recorded_run_replays(path: Path) -> None:
    result = await replayer().replay_workflow(load(path), raise_on_replay_failure=False)
    assert result.replay_failure is None, (
        f"{path.name} no longer replays: {result.replay_failure}\n"
        "Runs like it are asleep in every installation. Guard the change with workflow.patched or engine_rev;"
        " never record the history anew (CONTRIBUTING.md, Replay)."
    )


@pytest.mark.parametrize("path", sorted((HISTORIES / "1").glob("*.json.gz"))[:3], ids=lambda path: path.name)
async def test_a_recorded_run_replays_where_encryption_began_since(path: Path) -> None:
    result = await replayer(converter([("2026", b"k" * 32)])).replay_workflow(load(path), raise_on_replay_failure=False)
    assert result.replay_failure is None, result.replay_failure


def test_every_scenario_is_recorded() -> None:
    recorded = {path.name.rsplit("_", 1)[0] for path in RECORDED}
    assert recorded == set(SCENARIOS)


def test_the_long_run_was_continued_as_new() -> None:
    first = load(HISTORIES / "1" / "continued_as_new_1.json.gz")
    assert first.events[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW


async def test_the_guard_bites_when_a_run_no_longer_does_what_it_did() -> None:
    """A plan that asks another activity than the recorded one stands for an incompatible engine."""
    history = load(HISTORIES / "1" / "every_step_kind_1.json.gz")
    markers = [e for e in history.events if e.event_type == EventType.EVENT_TYPE_TIMER_STARTED]
    assert markers, "the scenario sleeps"
    kept = [e for e in history.events if e.event_id < markers[0].event_id]
    for event in kept:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            event.activity_task_scheduled_event_attributes.activity_type.name = "action.send_sms"
    result = await replayer().replay_workflow(WorkflowHistory(history.workflow_id, kept), raise_on_replay_failure=False)
    assert isinstance(result.replay_failure, NondeterminismError)
