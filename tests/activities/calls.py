"""Calls activities as a worker would, without a server."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.registry import action_activities
from domain.messages import FailureCall, StepAnswer
from tests.builders import Standing


async def act(standing: Standing, action: str, *, n: int = 1, started_at: datetime | None = None) -> StepAnswer:
    """Let the activity of an action answer a standing enrollment's call; ``started_at``: when this attempt began."""
    env = ActivityEnvironment()
    env.info = dataclasses.replace(env.info, started_time=started_at or standing.now)
    answer: StepAnswer = await env.run(_activity(standing, f"action.{action}"), standing.call(n=n))
    return answer


async def give_up(standing: Standing, failed: FailureCall) -> StepAnswer:
    """Tell that the server gave up."""
    answer: StepAnswer = await ActivityEnvironment().run(_activity(standing, "record_failure"), failed)
    return answer


def _activity(standing: Standing, name: str) -> Any:
    made = {each.__temporal_activity_definition.name: each for each in action_activities(standing.inst)}  # type: ignore[attr-defined]
    return made[name]
