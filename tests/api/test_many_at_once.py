"""More requests at once than there are database connections wait their turn, and all are answered."""

from __future__ import annotations

import asyncio

from tests.api.conftest import Caller
from tests.api.definitions import follow_up


async def test_more_readers_than_connections_are_all_answered(api: Caller) -> None:
    answers = await asyncio.gather(*(api.call("GET", "/records/contact") for _ in range(60)))
    assert {answer.status_code for answer in answers} == {200}


async def test_others_are_answered_while_a_heavy_draft_is_examined(api: Caller) -> None:
    heavy = (
        "{% for i in (1..40) %}{% for j in (1..40) %}{{ i | times: j | plus: " + "{n}" + " }}{% endfor %}{% endfor %}"
    )
    steps = [
        {
            "id": f"mail_{n}", "kind": "action", "action": "send_email",
            "config": {"subject": "Hi", "html": heavy.replace("{n}", str(n)), "transactional": True},
        }
        for n in range(40)
    ]  # fmt: skip
    saving = asyncio.create_task(api.call("PUT", "/workflows/follow-up", follow_up(steps=steps)))
    answered = 0
    while not saving.done():
        await api.ok("GET", "/account")
        answered += 1
    assert saving.result().status_code == 201
    assert answered > 5
