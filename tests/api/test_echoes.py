"""What is sent in confidence is repeated by no refusal, and written into no log."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from commands.logs import JsonLines
from tests.api.conftest import Caller, problem_of
from tests.api.test_hooks import sender
from tests.runs.definitions import by_hand, gap

MARK = "quuxley"
ADDRESS = "ana.quuxley@example.com"
TOLD: list[tuple[str, str, Any]] = [
    ("POST", "/records/contact", {"properties": {"email": "ana quuxley"}}),
    ("POST", "/records/contact", {"properties": {"email": ADDRESS}}),
    ("POST", "/records/contact", {"properties": {"lifecycle_stage": "quuxley"}}),
    ("POST", "/records/contact", {"properties": {"first_name": [ADDRESS]}}),
    ("POST", "/records/contact", {"properties": {"first_name": MARK * 10_000}}),
    ("POST", "/records/contact", {"properties": {"owner": ADDRESS}}),
    ("POST", "/records/opportunity", {"properties": {"name": "a", "amount": "quuxley"}}),
    ("POST", "/records/opportunity", {"properties": {"name": "a", "close_date": "quuxley"}}),
    ("PUT", "/records/contact/by/email/quuxley", {"properties": {}}),
    ("PUT", f"/records/contact/by/first_name/{MARK}", {"properties": {}}),
    ("POST", "/records/contact/search", {"where": {"property": "email", "op": "gt", "value": ADDRESS}}),
    ("POST", "/records/opportunity/search", {"where": {"property": "amount", "op": "eq", "value": MARK}}),
    ("GET", f"/records/contact?email={ADDRESS}", None),
    ("GET", f"/records/contact?cursor={MARK}", None),
    ("GET", f"/events?since={MARK}", None),
    ("POST", "/events", {"event": "custom.a", "record": {"object": "contact", "by": {"email": f"{ADDRESS}x"}}}),
    ("POST", "/events", {"event": "custom.a", "record": {"object": "contact", "by": {"first_name": MARK}}}),
    ("POST", "/events", {"event": "custom.a", "record": {"object": "contact", "id": "x"}, "properties": [MARK]}),
    ("POST", "/events", {"event": "custom.a", "record": ADDRESS}),
    ("POST", "/suppressions", {"address": "quuxley", "reason": "bounced"}),
    ("POST", "/suppressions", {"address": ADDRESS, "reason": MARK}),
    ("DELETE", f"/suppressions/{ADDRESS}", None),
    ("POST", "/users", {"name": MARK, "email": "quuxley"}),
    ("POST", "/users", {"name": MARK, "email": ADDRESS, "phone": ["quuxley"]}),
    ("POST", "/users", {"name": "Kim", "email": "kim.quuxley@example.com"}),
    ("PUT", "/secrets/crm_key", {"value": f"{MARK}\n"}),
    ("PUT", "/secrets/crm_key", {"value": MARK, "overlap_hours": "quuxley"}),
    ("POST", "/api-keys", {"name": MARK, "scopes": [], "secret": "ft_quuxley"}),
    ("POST", "/emails/hello/test", {"to": ["quuxley"]}),
    ("POST", "/emails/hello/preview", {"record": {"object": "contact", "id": MARK}, "more": MARK}),
    ("POST", "/channels/chat/messages", {"conversation": "c", "text": MARK, "contact": {"by": {"email": MARK}}}),
    ("POST", "/channels/chat/messages", {"conversation": "c", "text": [MARK]}),
    ("POST", "/workflows/open/enrollments", {"record": {"object": "contact", "by": {"email": f"{ADDRESS}x"}}}),
]
"""Requests that are refused over what they tell of somebody, each in another way."""


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that the process would write."""
    lines, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(lines), root.level
    handler.setFormatter(JsonLines())
    # That is the client of the test.
    handler.addFilter(lambda record: record.name != "httpx2")
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lines
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.fixture
async def told(lite: Caller) -> Caller:
    """An installation that knows the address, so that it clashes."""
    await lite.create("contact", email=ADDRESS)
    await lite.ok("POST", "/users", {"name": "Kim", "email": "kim.quuxley@example.com"}, status=201)
    await lite.ok("POST", "/channels", {"slug": "chat", "kind": "chat"}, status=201)
    await lite.publish(by_hand("open", [gap(days=1)]))
    await lite.ok("POST", "/emails", {"slug": "hello", "subject": "s", "html": "h"}, status=201)
    return lite


@pytest.mark.parametrize(("method", "path", "body"), TOLD, ids=lambda value: str(value)[:60])
async def test_no_refusal_repeats_what_it_refuses(
    told: Caller, logged: io.StringIO, method: str, path: str, body: Any
) -> None:
    answer = await told.call(method, path, body)
    assert MARK not in json.dumps(problem_of(answer)).lower()
    assert MARK not in logged.getvalue().lower()


async def test_a_call_of_a_hook_that_is_refused_is_not_repeated(api: Caller, logged: io.StringIO) -> None:
    hook = await sender(api, create=False, set={"phone": "/customer/phone"})
    unknown = {"customer": {"email": f"x{ADDRESS}", "phone": MARK}}
    for body in (unknown, {"customer": {"email": MARK}}, f'{{"{MARK}": '.encode(), [MARK], {"customer": MARK}):
        answer = await hook.post(body)
        assert not answer.is_success
        assert MARK not in answer.text.lower()
    unsigned = await hook.post(unknown, signature=f"t=1,v1={MARK}")
    assert MARK not in unsigned.text
    assert MARK not in logged.getvalue().lower()


async def test_a_key_that_opens_nothing_is_neither_repeated_nor_logged(lite: Caller, logged: io.StringIO) -> None:
    for value in (f"Bearer ft_{MARK}", f"Basic {MARK}", f"{MARK}", f"Bearer {MARK} {MARK}"):
        for path in ("/api/v1/lists", "/metrics", f"/api/v1/lists?key={MARK}"):
            answer = await lite.http.get(path, headers={"Authorization": value, "X-Forwarded-For": "203.0.113.9"})
            assert answer.status_code == 401
            assert MARK not in f"{answer.text} {answer.headers}"
    assert '"status": 401' in logged.getvalue()
    assert MARK not in logged.getvalue()
