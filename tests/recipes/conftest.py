"""An installation whose time a test lets pass, with recipes installed as people install them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.running import Running, running
from tests.fixtures.temporal import SkippingTime, skipping_time

__all__ = ["skipping_time"]


@pytest.fixture
async def ft(skipping_time: SkippingTime, app_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An installation whose time the test lets pass."""
    async with running(skipping_time.env, app_url, tmp_path, clock=skipping_time) as found:
        yield found
