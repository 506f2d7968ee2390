"""Temporal as the services see it while it cannot be reached."""

from __future__ import annotations

import pytest

from domain.errors import Unavailable
from domain.ports import RunStart
from gateways.temporal import TemporalRuns, connect


async def test_a_server_that_was_never_reached_is_unavailable(unused_tcp_port: int) -> None:
    client = await connect(f"127.0.0.1:{unused_tcp_port}", "followthrough", lazy=True)
    runs = TemporalRuns(client, "http://127.0.0.1:8233")
    run = RunStart(
        run_id="enrollment:w:r:1", start={}, plan={}, slug="w", name="W", version=1, object="contact", record_id="r"
    )
    with pytest.raises(Unavailable):
        await runs.start(run)
    with pytest.raises(Unavailable):
        await runs.signal(run.run_id, "leave", {})
    with pytest.raises(Unavailable):
        await runs.start_import("job")
    assert await runs.healthy() is False
