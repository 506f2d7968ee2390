"""More requests at once than there are database connections wait their turn, and all are answered."""

from __future__ import annotations

import asyncio

from tests.api.conftest import Caller


async def test_more_readers_than_connections_are_all_answered(api: Caller) -> None:
    answers = await asyncio.gather(*(api.call("GET", "/records/contact") for _ in range(60)))
    assert {answer.status_code for answer in answers} == {200}
