"""Mail handed over by HTTP: whatever it is, it is kept once or refused with words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.limits import MAIL_BYTES
from tests.api.conftest import Caller, problem_of

RFC822 = {"Content-Type": "message/rfc822"}


async def post(caller: Caller, mail: Any, **headers: str) -> Any:
    return await caller.http.post("/api/v1/inbound/email", content=mail, headers=headers or RFC822)


async def test_mail_about_nothing_of_ours_is_kept_once(api: Caller) -> None:
    contact = await api.create("contact", email="ana@example.com")
    mail = b"From: Ana <Ana@Example.com>\r\nMessage-ID: <1@x>\r\nSubject: Hello\r\n\r\nIs anybody there?"
    first, again = (await post(api, mail)).json(), (await post(api, mail)).json()
    assert (first["status"], first["kind"], first["record_id"]) == ("accepted", "unmatched", contact["id"])
    assert again == {**first, "status": "duplicate"}
    other_way = await post(api, b"Received: by mx.example\r\n" + mail)
    assert other_way.json() == again
    (row,) = (await api.ok("GET", "/inbound/emails"))["items"]
    assert (row["text"], row["message_id"], row["answers"]) == ("Is anybody there?", "1@x", None)
    assert await api.ok("GET", f"/inbound/emails/{row['id']}") == row
    assert (await api.ok("GET", "/inbound/emails?kind=reply"))["items"] == []
    path = f"/records/contact/{contact['id']}/timeline"
    newest, _ = (await api.ok("GET", path))["items"]
    assert (newest["kind"], newest["words"], newest["workflow"]) == ("mail", "wrote an email: Hello", None)
    blind = await api.with_scopes("records:read")
    assert [item["kind"] for item in (await blind.ok("GET", path))["items"]] == ["change"]
    into = await api.create("contact", email="ana@new.example")
    await api.ok("POST", f"/records/contact/{contact['id']}/merge", {"into": into["id"]})
    assert (await api.ok("GET", f"/inbound/emails?record={into['id']}"))["items"] == [{**row, "record_id": into["id"]}]


@pytest.mark.parametrize(
    "mail",
    [
        b"no mail at all",
        b"\x00\xff\xfe\x00" * 50,
        b"From: =?x-no?B?////?= <\r\nSubject: =?utf-8?Q?=ZZ?=\r\nContent-Type: text/plain; charset=no\r\n\r\n\xe9",
        b"Content-Type: multipart/mixed\r\n\r\n--\r\n",
        b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>Gr\xc3\xbc\xc3\x9fe</p>" + b"<div>" * 3000,
    ],
    ids=["words", "bytes", "charsets", "parts", "html"],
)  # fmt: skip
async def test_broken_mail_is_kept_as_far_as_it_is_understood(api: Caller, mail: bytes) -> None:
    answer = await post(api, mail)
    assert (answer.status_code, answer.json()["kind"]) == (202, "unmatched"), answer.text
    assert (await post(api, mail)).json()["status"] == "duplicate"
    (row,) = (await api.ok("GET", "/inbound/emails"))["items"]
    assert row["text"] == "Grüße" if b"html" in mail else row["subject"] is not None


async def test_a_mail_without_end_is_refused_before_it_is_read(lite: Caller) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(MAIL_BYTES // 1_000_000 + 1):
            yield b"x" * 1_000_000

    declared = await post(lite, b"x" * (MAIL_BYTES + 1))
    assert "the body is over 26214400 bytes" in problem_of(declared)["detail"]
    assert declared.status_code == 413
    assert (await post(lite, pieces())).status_code == 413
    assert (await lite.ok("GET", "/inbound/emails"))["items"] == []


async def test_a_mail_of_many_megabytes_is_taken(lite: Caller) -> None:
    mail = b"From: ana@example.com\r\n\r\nHello\r\n" + b"x" * 70 * 1024 * 300
    taken = (await post(lite, mail)).json()
    assert taken["status"] == "accepted"
    assert len((await lite.ok("GET", f"/inbound/emails/{taken['id']}"))["text"]) == 20_000


@pytest.mark.parametrize(
    ("mail", "headers", "code"),
    [
        (b"", RFC822, "missing_field"),
        (b"\r\n", RFC822, "missing_field"),
        (b"{}", {"Content-Type": "application/json"}, "wrong_content_type"),
        (b"--a--", {"Content-Type": "multipart/form-data; boundary=a"}, "wrong_content_type"),
    ],
)
async def test_what_is_no_mail_is_refused_with_words(lite: Caller, mail: bytes, headers: Any, code: str) -> None:
    answer = await post(lite, mail, **headers)
    assert answer.status_code == 422
    assert [error["code"] for error in problem_of(answer)["errors"]] == [code]


async def test_what_an_event_of_mail_is_called_by_is_ours(lite: Caller) -> None:
    body = {"event": "form.submitted", "record": {"object": "contact", "id": "x"}, "event_id": "mail:1"}
    found = await lite.problem("POST", "/events", body, status=422)
    assert [error["path"] for error in found["errors"]] == ["/event_id"]


async def test_pages_of_mail_hold_each_once_newest_first(lite: Caller) -> None:
    for n in range(5):
        await post(lite, f"From: ana@example.com\r\nSubject: {n}\r\n\r\n".encode())
    shown: list[str] = []
    path: str | None = "/inbound/emails?limit=2"
    while path is not None:
        found = await lite.ok("GET", path)
        shown += [row["subject"] for row in found["items"]]
        path = f"/inbound/emails?limit=2&cursor={found['next_cursor']}" if found["next_cursor"] else None
    assert shown == ["4", "3", "2", "1", "0"]
