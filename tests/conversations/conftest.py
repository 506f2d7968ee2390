"""The app on both databases, and a desk where customers write."""

from __future__ import annotations

import pytest

from tests.api.conftest import Caller, api, lite
from tests.conversations.desk import Desk

__all__ = ["api", "desk", "lite"]


@pytest.fixture
async def desk(api: Caller) -> Desk:
    """A desk with one channel, support@example.com, and a contact, Ana."""
    return await Desk.opened(api)
