"""What people and services told us in confidence stays where it belongs: looked for in everything after a full run.

Every value about a person holds one of two marks, and the secret is one. They are searched for in all that a caller
without the right is answered, in the histories of Temporal, in what is logged and in the figures; there the key of the
caller and the tokens of messages as well. What refusals repeat is tests/api/test_echoes.py.
"""

from __future__ import annotations

import base64
import io
import logging
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from pytest_httpserver import HTTPServer
from sqlalchemy import select
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.testing import WorkflowEnvironment
from werkzeug import Request, Response

from commands.logs import JsonLines
from domain.access import PERSONAL, SCOPES
from domain.names import job_run_id
from gateways.webhooks import HttpWebhooks
from store.people import insert_key
from store.tables import enrollments, jobs
from tests.fixtures.access import ANYBODY, rows, tables
from tests.fixtures.incoming import answer_to
from tests.fixtures.running import Running
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink
from tests.runs.definitions import by_hand, email, task
from tests.runs.mailing import mailing, take

__all__ = ["smtp_sink"]

NAME, DIGITS, SECRET = "Quuxley", "2025550147", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PERSON = re.compile(f"quux|{DIGITS}", re.IGNORECASE)
HIDDEN = re.compile(re.escape(SECRET))
ADDRESS = "ana.quux@example.com"


@pytest.fixture
async def ft(
    dev_server: WorkflowEnvironment, database_url: str, tmp_path: Path, smtp_sink: SmtpSink
) -> AsyncIterator[Running]:
    async with mailing(dev_server, database_url, tmp_path, smtp_sink) as found:
        await found.stop_worker()
        found.inst = replace(found.inst, webhooks=HttpWebhooks(["127.0.0.1"]))
        await found.start_worker()
        yield found


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that a process would write, by whichever library."""
    lines, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(lines), root.level
    handler.setFormatter(JsonLines())
    # That is the mail server of the test, and its client; our own listener keeps the first one quiet.
    handler.addFilter(lambda record: record.name not in ("mail.log", "httpx2"))
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lines
    root.setLevel(level)
    root.removeHandler(handler)


def _action(id: str, action: str, config: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id, "kind": "action", "action": action, "config": config, **more}


def _workflow(server: HTTPServer, user: str) -> dict[str, Any]:
    """A step of every sort that touches a person, and some that fail over what the other side says."""
    document = {"name": "{{ contact.first_name }}", "email": "{{ contact.email }}"}
    webhook = {"document": document, "sign_with": "signing"}
    answered = {"url": server.url_for("/good"), "outputs": [{"name": "said", "at": "/said"}], **webhook}
    steps = [
        {"id": "known", "kind": "branch", "branches": [
            {"id": "named", "name": "Named", "where": {"property": "first_name", "op": "known"}, "steps": []}]},
        _action("copy", "copy_property", {"source": {"property": "first_name"}, "property": "job_title"}),
        task("call", "Call {{ contact.first_name }}", body="{{ contact.phone }}"),
        email("hello", "Hi {{ contact.first_name }}"),
        _action("text", "send_sms", {"text": "Hi {{ contact.first_name }}", "transactional": True}),
        _action("notice", "notify_user", {"title": "{{ contact.first_name }} is here", "users": [user]}),
        _action("good", "send_webhook", answered),
        _action("bad", "send_webhook", {"url": server.url_for("/bad"), **webhook}, on_error="after"),
        task("after", "After {{ steps.good.said }}"),
        {"id": "order", "kind": "wait", "for_event": {"event": "custom.ordered"}, "timeout": {"days": 9}},
        email("refused", "Again, {{ contact.first_name }}"),
    ]  # fmt: skip
    suppress = {"property": "city", "op": "known"}
    return by_hand("journey", steps, entry={"suppress": suppress})


async def _lived(ft: Running, server: HTTPServer, sink: SmtpSink) -> dict[str, list[str]]:
    """A person goes through everything; the ids of what came of it, by what addresses call them."""

    def good(_: Request) -> Response:
        return Response(f'{{"said": "{NAME} it is"}}', 200, content_type="application/json")

    server.expect_request("/good").respond_with_handler(good)
    server.expect_request("/bad").respond_with_data(f"no {NAME} here", 410)
    await ft.call("PUT", "/secrets/signing", {"value": SECRET})
    user = (await ft.call("POST", "/users", {"name": "Kim", "email": "kim@example.com"}))["id"]
    await ft.call("POST", "/lists", {"slug": "friends", "object": "contact"})
    await ft.call("POST", "/channels", {"slug": "chat", "kind": "chat"})
    await ft.publish(_workflow(server, user))
    ana = await ft.create("contact", email=ADDRESS, first_name=NAME, phone=f"+1{DIGITS}", last_name="Quux")
    out = await ft.create("contact", email="bo.quux@example.com", city="Quuxville", first_name="Bo")
    deal = await ft.create("opportunity", name=f"{NAME} deal")
    await ft.associate("contact", ana, "opportunity", deal)
    await ft.call("PUT", f"/lists/friends/members/{ana}")
    taken = (await ft.enroll("journey", "contact", ana))["enrollment_id"]
    await ft.call("POST", "/workflows/journey/enrollments", {"record": {"object": "contact", "id": out}})
    await ft.stands_at(taken, "order")
    await take(ft, answer_to(sink.received[-1], text=f"I am {NAME}, call +1{DIGITS}"))
    said = {"conversation": "c-1", "text": f"{NAME} writes", "contact": {"by": {"email": ADDRESS}}}
    await ft.call("POST", "/channels/chat/messages", said)
    sink.refusals[ADDRESS] = f"550 5.7.1 <{ADDRESS}> is not wanted"
    record = {"object": "contact", "by": {"email": ADDRESS}}
    await ft.call("POST", "/events", {"event": "custom.ordered", "record": record, "properties": {"for": NAME}})
    await ft.ended(taken)
    await ft.call("POST", "/suppressions", {"address": "cy.quux@example.com", "reason": "bounced"})
    bulk = await ft.call("POST", "/workflows/journey/enrollments/bulk", {"ids": [out, "nobody"]})
    form = {"mapping": '{"columns": {"E": {"property": "email"}, "N": {"property": "score"}}}', "key": "email"}
    table = {"file": ("a.csv", b"E,N\ndi.quux@example.com,quuxes\n")}
    imported = (await ft.http.post("/api/v1/records/contact/import", data=form, files=table)).json()
    await ft.settled()
    for job in (bulk, imported):
        await ft.until(partial(_is_over, ft, job["id"]), "the job is done")
    return {"record_id": [ana, out, deal], "user_id": [user], "job_id": [bulk["id"], imported["id"]]}


async def _is_over(ft: Running, job: str) -> bool:
    return bool((await ft.call("GET", f"/jobs/{job}"))["status"] == "done")


LISTS = {
    "enrollment_id": "/enrollments", "message_id": "/messages", "task_id": "/tasks", "mail_id": "/inbound/emails",
    "event_id": "/events", "thread_id": "/threads", "notification_id": "/notifications", "effect_key": "/effects",
}  # fmt: skip
"""Where what addresses name is listed; each item is called by its ``id``, or its ``key``."""
FIXED = {
    "object": ["contact", "opportunity"], "object2": ["opportunity"], "pipeline": ["support"], "version": ["1"],
    "step": ["known", "call", "hello", "bad", "refused", "order"],
    "figure": ["entered", "done", "failed", "skipped", "sent"], "slug": ["journey", "friends", "chat"],
}  # fmt: skip


async def _addresses(ft: Running, ids: dict[str, list[str]]) -> list[str]:
    """Every address that can be read, with everything that can be named in it."""
    named = {**FIXED, **ids}
    for name, path in LISTS.items():
        items = (await ft.call("GET", f"{path}?limit=200"))["items"]
        assert items, f"nothing is listed at {path}"
        named[name] = [each.get("id") or each["key"] for each in items]
    found = []
    for (method, template), opens in rows().items():
        if method == "GET" and ANYBODY not in opens:
            found += _filled(template, named)
    person = ids["record_id"][0]
    found = [f"{each}?record={person}" if each.endswith("/explain") else each for each in found]
    found = [f"{each}?figure=ended" if each.endswith("/report/enrollments") else each for each in found]
    files = [each for template in tables() for each in _filled(template, named)]
    return [*found, *(f"{each}?format=csv{'&figure=ended' if '/report/enr' in each else ''}" for each in files)]


def _filled(template: str, named: dict[str, list[str]]) -> list[str]:
    match = re.search(r"{(\w+)}", template)
    if match is None:
        return [template]
    values = named.get(match[1], ["nobody"])
    return [each for value in values for each in _filled(template.replace(match[0], value, 1), named)]


def _asked(ids: dict[str, list[str]]) -> list[tuple[str, Any]]:
    """What who may not read records asks for, and is answered or refused with nothing of them."""
    ana, out, deal = ids["record_id"]
    about = [{"record": {"object": "contact", "id": id}} for id in (ana, out)]
    return [
        *(("/workflows/journey/enrollments", each) for each in about),
        *(("/workflows/journey/preview", each) for each in about),
        ("/workflows/journey/enrollments", {"record": {"object": "opportunity", "id": deal}}),
        ("/workflows/journey/unenroll", {"ids": [ana, out]}),
        ("/events", {"event": "custom.ordered", "record": {"object": "contact", "id": ana}}),
        *((f"/jobs/{job}/cancel", None) for job in ids["job_id"][:1]),
    ]


async def _as(ft: Running, scopes: set[str]) -> AsyncClient:
    async with ft.inst.db.transaction() as tx:
        _, key = await insert_key(tx, name="other", scopes=tuple(sorted(scopes)), now=ft.inst.clock.now())
    transport = ft.http._transport
    assert isinstance(transport, ASGITransport)
    headers = {"Authorization": f"Bearer {key}"}
    return AsyncClient(transport=transport, base_url="http://test.example.com", headers=headers)


async def test_what_was_told_in_confidence_is_found_nowhere_else(
    ft: Running, httpserver: HTTPServer, smtp_sink: SmtpSink, logged: io.StringIO
) -> None:
    ids = await _lived(ft, httpserver, smtp_sink)
    addresses = await _addresses(ft, ids)
    blind = await _as(ft, {*SCOPES} - PERSONAL)
    leaks, open_, shown = [], 0, 0
    for address in addresses:
        answer = await blind.get(f"/api/v1{address}")
        open_ += answer.status_code == 200
        leaks += [f"{address}: {_around(PERSON, answer.text)}"] if PERSON.search(answer.text) else []
        whole = await ft.http.get(f"/api/v1{address}")
        shown += PERSON.search(whole.text) is not None
        # No error tells anybody about a person, and no answer a secret.
        for mark in (HIDDEN,) if whole.is_success else (HIDDEN, PERSON):
            leaks += [f"{address}: {_around(mark, whole.text)}"] if mark.search(whole.text) else []
    for path, body in _asked(ids):
        answer = await blind.post(f"/api/v1{path}", json=body)
        assert answer.status_code not in (403, 500), f"{path}: {answer.text}"
        leaks += [f"{path}: {_around(PERSON, answer.text)}"] if PERSON.search(answer.text) else []
    assert leaks == []
    assert open_ > 60, "most of what is about automation opens"
    assert shown > 20, "and who may see people does see them"

    await _strays(ft)
    histories = [history async for history in _histories(ft)]
    assert len(histories) >= 3, "the enrollment, the bulk job, the import"
    logging.getLogger("tests").info("heard")
    assert '"heard"' in logged.getvalue()
    for mark in (PERSON, HIDDEN, _opens(ft, smtp_sink)):
        for told in (*histories, logged.getvalue(), (await ft.http.get("/metrics")).text):
            assert not mark.search(told), _around(mark, told)


async def _strays(ft: Running) -> None:
    """What comes with secrets and persons in its address or headers, and is refused."""
    stranger = {"Authorization": f"Bearer ft_{SECRET}", "User-Agent": NAME, "Referer": f"http://x/{SECRET}"}
    for path in (f"/records/contact?email={ADDRESS}", f"/records/contact/by/email/{ADDRESS}", f"/{SECRET}"):
        answer = await ft.http.get(f"/api/v1{path}", headers=stranger)
        assert answer.status_code in (401, 404, 405)
    for path in (f"/u/{SECRET}?for={ADDRESS}", f"/t/c/{SECRET}", f"/t/o/{SECRET}", f"/api/v1/hooks/{SECRET}"):
        answer = await ft.http.post(path, headers=stranger, content=NAME)
        assert answer.status_code in (404, 405)


def _opens(ft: Running, sink: SmtpSink) -> re.Pattern[str]:
    """What opens something to whoever has it: the key of the caller, and tokens of messages."""
    tokens = {token for each in sink.received for token in re.findall(rb"reply\+([\w-]{10,})@", each.content)}
    assert tokens
    key = ft.http.headers["Authorization"].removeprefix("Bearer ")
    return re.compile("|".join(re.escape(each) for each in (key, *(token.decode() for token in tokens))))


async def _histories(ft: Running) -> AsyncIterator[str]:
    """What Temporal keeps of every run of this installation, decoded as its page shows it."""
    async with ft.inst.db.read() as read:
        ids = [row["run_id"] for row in await read.all(select(enrollments.c.run_id))]
        ids += [job_run_id(row["kind"], row["id"]) for row in await read.all(select(jobs.c.kind, jobs.c.id))]
    for id in ids:
        handle = ft.temporal.get_workflow_handle(id)
        history = await handle.fetch_history()
        shown = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        told = f"{(await handle.describe()).raw_description} {shown}"
        yield f"{history.to_json()} {' '.join(_payloads(history.to_json_dict()))} {told}"


def _payloads(part: Any) -> Iterator[str]:
    """The contents of what is kept in base64."""
    for name, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        if name == "data" and isinstance(value, str):
            yield base64.b64decode(value).decode(errors="replace")
        yield from _payloads(value)


def _around(mark: re.Pattern[str], text: str) -> str:
    found = mark.search(text)
    return text[max(found.start() - 300, 0) : found.end() + 80] if found else ""
