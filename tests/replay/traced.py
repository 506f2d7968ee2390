"""Replays every recorded history with traces on, or off: ``python -m tests.replay.traced on``.

A process of its own, since the provider of traces is one per process.
"""

from __future__ import annotations

import asyncio
import os
import sys

from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.contrib.opentelemetry import create_tracer_provider
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from gateways.traced_runs import client_plugins
from gateways.tracing import OpenTelemetryTraces
from tests.replay.test_replay import RECORDED, WORKFLOWS, load
from worker import sandbox


async def main(is_on: bool) -> int:
    """The number of histories that did not replay."""
    handed_over = InMemorySpanExporter()
    provider = create_tracer_provider()
    processor = SimpleSpanProcessor(handed_over)
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=pydantic_data_converter,
        workflow_runner=sandbox(),
        plugins=client_plugins(OpenTelemetryTraces(processor, provider).note) if is_on else [],
    )
    failed = 0
    for path in RECORDED:
        result = await replayer.replay_workflow(load(path), raise_on_replay_failure=False)
        if result.replay_failure is not None:
            sys.stdout.write(f"{path.parent.name}/{path.name}: {result.replay_failure}\n")
            failed += 1
    if spans := handed_over.get_finished_spans():
        sys.stdout.write(f"told again what happened long ago: {sorted({span.name for span in spans})}\n")
        failed += 1
    return failed


if __name__ == "__main__":
    code = asyncio.run(main(sys.argv[1] == "on"))
    sys.stdout.flush()
    os._exit(min(code, 1))
