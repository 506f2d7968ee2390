"""Traces that reach into runs and activities: the Temporal SDK's own plugin, and the ids of whose run it is.

A trace travels in headers, which are no part of what a run decides: a history replays with and without them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, create_tracer_provider
from temporalio.plugin import SimplePlugin
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from gateways.activity_ids import Bind, ids_of

__all__ = ["client_plugins", "create_tracer_provider"]


def client_plugins(note: Bind) -> list[SimplePlugin]:
    """What a client needs whose calls and workers are traced; ``note`` names ids on the span under way."""
    return [OpenTelemetryPlugin(add_temporal_spans=True), SimplePlugin("RunIds", interceptors=[RunIds(note)])]


class RunIds(Interceptor):
    """Names the enrollment on the span of its run."""

    def __init__(self, note: Bind) -> None:
        self._note = note

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        """What names it, inside the run."""
        return _naming(self._note)


def _naming(note: Callable[..., None]) -> type[WorkflowInboundInterceptor]:
    class Naming(WorkflowInboundInterceptor):
        async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
            if input.args:
                note(**ids_of(input.args[0]))
            return await super().execute_workflow(input)

    return Naming
