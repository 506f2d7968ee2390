"""A whole installation at work on a real Temporal server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.fixtures.running import Running, running
from tests.fixtures.temporal import dev_server, skipping_time

__all__ = ["dev_server", "skipping_time"]


@pytest.fixture
async def ft(dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation with API, relay and workers."""
    async with running(dev_server, app_url, tmp_path) as found:
        yield found


@pytest.fixture
async def ft_both(dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """The same on SQLite and on PostgreSQL, for what depends on locks."""
    async with running(dev_server, database_url, tmp_path) as found:
        yield found


@pytest.fixture
async def ft_idle(dev_server: WorkflowEnvironment, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation whose worker the test starts itself."""
    async with running(dev_server, app_url, tmp_path, work=False) as found:
        yield found
