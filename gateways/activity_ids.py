"""Tells whose activity runs, so that what is logged meanwhile names enrollment, workflow, step and visit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.messages import FailureCall

Bind = Callable[..., None]
"""Takes ids by name; None where there is none."""


class ActivityIds(Interceptor):
    """For workers: ``bind`` is told the ids of each activity, in the task in which it then runs."""

    def __init__(self, bind: Bind) -> None:
        self._bind = bind

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the telling before what runs the activity."""
        return _Telling(next, self._bind)


class _Telling(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, bind: Bind) -> None:
        super().__init__(next)
        self._bind = bind

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        # Nothing unbinds them: the task is the activity's own, and the SDK still says in it what failed.
        self._bind(activity=info.activity_type, attempt=info.attempt, run=info.workflow_id)
        if input.args:
            self._bind(**ids_of(input.args[0]))
        return await self.next.execute_activity(input)


def ids_of(argument: object) -> dict[str, str | int | None]:
    """The ids in what an activity is asked with."""
    call = argument.call if isinstance(argument, FailureCall) else argument
    return {
        "enrollment": getattr(call, "enrollment_id", None),
        "workflow": getattr(call, "workflow_id", None),
        "step": getattr(call, "step", None),
        "visit": getattr(call, "n", None),
    }
