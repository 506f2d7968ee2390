"""Temporal as the services see it: away, without our namespace, or done with a run."""

from __future__ import annotations

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.errors import Unavailable
from domain.ports import RunStart
from gateways.payload_codec import converter
from gateways.temporal import TemporalRuns, connect
from tests.fixtures.temporal import dev_server

__all__ = ["dev_server"]


async def test_a_server_that_was_never_reached_is_unavailable(unused_tcp_port: int) -> None:
    client = await connect(f"127.0.0.1:{unused_tcp_port}", "followthrough", converter([]), lazy=True)
    runs = TemporalRuns(client, "http://127.0.0.1:8233")
    run = RunStart(
        run_id="enrollment:w:r:1", start={}, plan={}, slug="w", name="W", version=1, object="contact", record_id="r"
    )
    with pytest.raises(Unavailable):
        await runs.start(run)
    with pytest.raises(Unavailable):
        await runs.signal(run.run_id, "leave", {})
    with pytest.raises(Unavailable):
        await runs.start_job("import", "job")
    with pytest.raises(Unavailable):
        await runs.end_of(run.run_id)
    assert await runs.healthy() is False


async def test_a_run_that_is_over_needs_no_signal_but_a_missing_namespace_is_no_answer(
    dev_server: WorkflowEnvironment,
) -> None:
    runs = TemporalRuns(dev_server.client, "http://127.0.0.1:8233")
    assert await runs.signal("enrollment:w:gone:1", "leave", {}) is False
    assert await runs.end_of("enrollment:w:gone:1") == "not found"
    address = dev_server.client.service_client.config.target_host
    elsewhere = await connect(address, "no-such-namespace", converter([]))
    with pytest.raises(Unavailable):
        await TemporalRuns(elsewhere, "http://127.0.0.1:8233").signal("enrollment:w:r:1", "leave", {})
    with pytest.raises(Unavailable):
        await TemporalRuns(elsewhere, "http://127.0.0.1:8233").end_of("enrollment:w:r:1")
