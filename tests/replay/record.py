"""Records the histories that are missing: ``python -m tests.replay.record``. What exists is never touched.

A recorded history is a promise to runs that are asleep: it may be days or years old when it is replayed. A change that
breaks one is guarded (``workflow.patched``, ``engine_rev``), not recorded anew.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import sys
import tempfile
from pathlib import Path

from temporalio.client import WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

import tests.fixtures.running
from domain.plan import ENGINE_REV
from gateways.temporal import SEARCH_ATTRIBUTES
from tests.fixtures.databases import prepare
from tests.fixtures.running import Running, running
from tests.fixtures.temporal import program
from tests.replay.scenarios import SCENARIOS

HISTORIES = Path(__file__).parent / "histories"


async def record(ft: Running, name: str, folder: Path) -> list[Path]:
    """Record every run of one scenario's chain; one file each."""
    enrollment = await SCENARIOS[name](ft)
    run_id: str | None = None
    written: list[Path] = []
    workflow_id = enrollment["temporal"]["workflow_id"]
    first = (await ft.temporal.get_workflow_handle(workflow_id).describe()).raw_description
    run_id = first.workflow_execution_info.first_run_id or None
    while True:
        handle: WorkflowHandle[object, object] = ft.temporal.get_workflow_handle(workflow_id, run_id=run_id)
        history = await handle.fetch_history()
        path = folder / f"{name}_{len(written) + 1}.json.gz"
        path.write_bytes(gzip.compress(history.to_json().encode(), mtime=0))
        written.append(path)
        last = history.events[-1]
        run_id = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        if not run_id:
            return written


async def main() -> None:
    """Record what is missing for the current engine."""
    tests.fixtures.running.PATIENCE_S = 300.0  # A history long enough to roll over takes its time.
    folder = HISTORIES / str(ENGINE_REV)
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in SCENARIOS if not list(folder.glob(f"{name}_*.json.gz"))]
    with tempfile.TemporaryDirectory() as place:
        url = f"sqlite+aiosqlite:///{place}/followthrough.db"
        prepare(url)
        async with (
            await WorkflowEnvironment.start_local(
                dev_server_existing_path=program("temporal"),
                search_attributes=SEARCH_ATTRIBUTES,
                data_converter=pydantic_data_converter,
            ) as env,
            running(env, url, Path(place)) as ft,
        ):
            for name in missing:
                for path in await record(ft, name, folder):
                    sys.stdout.write(f"recorded {path.name}\n")


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    os._exit(0)
