"""What is counted of steps, wakes, changes and deliveries, and that what was undone is not."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from domain.messages import StepAnswer
from domain.metering import REASONS, tell_answer
from gateways.metrics import PrometheusMeter
from services.authoring.pausing import pause_enrollment, resume_enrollment
from services.installation import Installation
from tests.activities.calls import act
from tests.builders import Standing, make_record, stand_at_action
from tests.fixtures.clock import START, FixedClock
from tests.fixtures.runs import RecordingRuns
from tests.runs.definitions import by_hand, gap
from tests.services.desk import Desk
from tests.services.running.test_holding import OFFICE, PLAIN

TOMORROW = START + timedelta(days=1)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metered(installation: Installation, registry: CollectorRegistry) -> Installation:
    return dataclasses.replace(installation, meter=PrometheusMeter(registry))


def answers(registry: CollectorRegistry, answer: str, reason: str = "") -> float:
    labels = {"kind": "send_email", "answer": answer, "reason": reason}
    return registry.get_sample_value("followthrough_step_answers_total", labels) or 0


def wakes(registry: CollectorRegistry) -> tuple[float | None, float | None]:
    """How many, and how late all of them were together."""
    name = "followthrough_woken_late_seconds"
    return registry.get_sample_value(f"{name}_count"), registry.get_sample_value(f"{name}_sum")


async def held_until_tomorrow(inst: Installation, clock: FixedClock) -> Standing:
    contact = await make_record(inst, "contact", {"email": "ana@example.com"})
    standing = await stand_at_action(inst, contact, "send_email", PLAIN, settings=OFFICE)
    clock.advance(timedelta(hours=11))
    assert (await act(standing, "send_email")).wake_at == TOMORROW
    return standing


async def test_a_held_message_is_counted_by_why_and_its_wake_by_how_late_it_came(
    metered: Installation, registry: CollectorRegistry, clock: FixedClock
) -> None:
    standing = await held_until_tomorrow(metered, clock)
    assert (answers(registry, "wait", "window"), wakes(registry)) == (1, (0, 0))
    clock.advance(timedelta(hours=13, seconds=90))
    assert (await act(standing, "send_email", started_at=clock.now())).outcome == "done"
    assert (answers(registry, "done"), wakes(registry)) == (1, (1, 90))


async def test_who_was_paused_over_the_instant_is_held_and_not_late(
    metered: Installation, registry: CollectorRegistry, clock: FixedClock
) -> None:
    standing = await held_until_tomorrow(metered, clock)
    async with metered.db.transaction() as tx:
        await pause_enrollment(tx, standing.enrollment.id, now=clock.now())
    clock.advance(timedelta(hours=13))
    assert (await act(standing, "send_email", started_at=clock.now())).kind == "held"
    clock.advance(timedelta(hours=2))
    async with metered.db.transaction() as tx:
        await resume_enrollment(tx, standing.enrollment.id, now=clock.now())
    assert (await act(standing, "send_email", started_at=clock.now())).outcome == "done"
    assert (answers(registry, "held"), answers(registry, "done"), wakes(registry)) == (1, 1, (0, 0))


async def test_what_temporal_did_not_take_is_counted_and_so_is_who_is_concerned_by_nothing(
    metered: Installation, registry: CollectorRegistry, clock: FixedClock, runs: RecordingRuns
) -> None:
    desk = Desk(metered)
    journey = await desk.publish(by_hand("journey", [gap(days=1)]))
    await desk.enroll(journey, await desk.create("contact", email="a@example.com"))
    runs.down = True
    await desk.work_off()
    runs.down = False
    clock.advance(timedelta(minutes=1))
    await desk.create("contact", email="b@example.com")
    await desk.work_off()

    def carried(outcome: str) -> float | None:
        labels = {"kind": "start", "outcome": outcome}
        return registry.get_sample_value("followthrough_deliveries_carried_total", labels)

    assert (carried("failed"), carried("arrived")) == (1, 1)
    assert registry.get_sample_value("followthrough_changes_judged_total", {"outcome": "idle"}) == 1


async def test_what_is_undone_is_not_counted(metered: Installation) -> None:
    counted: list[str] = []
    with pytest.raises(ZeroDivisionError):
        async with metered.db.transaction() as tx:
            tx.after_commit(lambda: counted.append("undone"))
            raise ZeroDivisionError
    async with metered.db.transaction() as tx:
        tx.after_commit(lambda: counted.append("committed"))
        assert counted == []
    assert counted == ["committed"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (StepAnswer(kind="left", reason="goal", detail="g1"), ("left", "goal")),
        (StepAnswer(kind="moved", reason="new_version"), ("moved", "new_version")),
        (StepAnswer(kind="wait", reason="ana@example.com"), ("wait", "other")),
    ],
)
def test_labels_hold_words_of_lists_only(
    registry: CollectorRegistry, answer: StepAnswer, told: tuple[str, str]
) -> None:
    tell_answer(PrometheusMeter(registry), "send_email", answer)
    assert answers(registry, *told) == 1
    assert {*told} <= {*REASONS, "other", "left", "moved", "wait"}
