"""Reusable emails over the API: written, versioned, refused with every mistake, previewed and tried."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.access import SCOPES
from domain.records import Cause
from gateways.mail import open_mail
from gateways.mail_outbox import read_outbox
from store.suppressions import Suppression, put_suppression
from store.tables import effects, messages
from tests.api.conftest import Caller, caller
from tests.fixtures.smtp_sink import SmtpSink, smtp_sink

__all__ = ["smtp_sink"]

WELCOME: dict[str, Any] = {
    "slug": "welcome",
    "name": "Welcome",
    "subject": "Welcome, {{ contact.first_name | default: 'friend' }}",
    "html": "<p>Hi {{ contact.first_name }}, see <a href='https://example.com/a'>this</a></p>",
}


def about(step: dict[str, Any]) -> dict[str, Any]:
    return {
        "slug": "greet", "name": "Greet", "object": "contact", "type": "standard",
        "steps": [{"id": "hello", "kind": "action", "action": "send_email", "config": {"transactional": True, **step}}],
    }  # fmt: skip


async def test_other_content_is_a_new_version_and_the_old_one_stays(api: Caller) -> None:
    made = await api.ok("POST", "/emails", WELCOME, status=201)
    assert (made["slug"], made["version"], made["archived"], made["used_by"]) == ("welcome", 1, False, [])

    named = await api.ok("PATCH", "/emails/welcome", {"name": "Hello"})
    assert (named["name"], named["version"]) == ("Hello", 1)
    same = await api.ok("PATCH", "/emails/welcome", {"subject": WELCOME["subject"]})
    assert same == named
    changed = await api.ok("PATCH", "/emails/welcome", {"subject": "Hello", "reply_to": "kim@example.com"})
    assert (changed["version"], changed["subject"], changed["html"]) == (2, "Hello", WELCOME["html"])
    cleared = await api.ok("PATCH", "/emails/welcome", {"reply_to": None})
    assert (cleared["version"], cleared["reply_to"]) == (3, None)

    listed = await api.ok("GET", "/emails/welcome/versions?limit=2")
    assert [each["version"] for each in listed["items"]] == [3, 2]
    rest = await api.ok("GET", f"/emails/welcome/versions?limit=2&cursor={listed['next_cursor']}")
    assert [(each["version"], each["cause"]["kind"]) for each in rest["items"]] == [(1, "api")]
    for made_up in ("9" * 30, "one"):
        cursor = base64.urlsafe_b64encode(f"k:{made_up}".encode()).decode().rstrip("=")
        await api.problem("GET", f"/emails/welcome/versions?cursor={cursor}", status=422)
    first = await api.ok("GET", "/emails/welcome/versions/1")
    assert (first["subject"], first["html"]) == (WELCOME["subject"], WELCOME["html"])
    await api.problem("GET", "/emails/welcome/versions/9", status=404)
    assert [each["slug"] for each in (await api.ok("GET", "/emails"))["items"]] == ["welcome"]


async def test_a_slug_is_taken_once(api: Caller) -> None:
    await api.ok("POST", "/emails", WELCOME, status=201)
    found = await api.problem("POST", "/emails", WELCOME, status=409)
    assert found["type"].endswith(":slug_taken")


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"slug": "Wel come"}, "/slug", "wrong_value"),
        ({"subject": "Hi {{ contact.first_name"}, "/subject", "template_error"),
        ({"subject": "Hi {{ contact.nickname }}"}, "/subject", "unknown_variable"),
        ({"html": "{{ secrets.key }}"}, "/html", "unknown_variable"),
        ({"html": "{{ record.nickname }}"}, "/html", "unknown_variable"),
        ({"html": "{% if %}"}, "/html", "template_error"),
        ({"text": "{{ contact.first_name | shout }}"}, "/text", "template_error"),
        ({"html": "<p>" + "x" * 70_000}, "/html", "template_unsafe"),
        (
            {"html": "{% for i in (1..1000) %}{% for j in (1..1000) %}x{% endfor %}{% endfor %}"},
            "/html",
            "template_unsafe",
        ),
        ({"subject": "Hi\r\nBcc: eve@example.com"}, "/subject", "wrong_value"),
        ({"subject": "Hi\u2028you"}, "/subject", "wrong_value"),
        ({"subject": "  "}, "/subject", "wrong_value"),
        ({"subject": "x" * 999}, "/subject", "wrong_value"),
        ({"html": " \n "}, "/html", "wrong_value"),
        ({"from_name": "Kim\r\nBcc: eve@example.com"}, "/from_name", "wrong_value"),
        ({"from_name": "{{ owner.name }}"}, "/from_name", "wrong_value"),
        ({"from_address": "kim@example.com\nBcc: eve@example.com"}, "/from_address", "wrong_value"),
        ({"from_address": "kim"}, "/from_address", "wrong_value"),
        ({"reply_to": "kim@example.com, eve@example.com"}, "/reply_to", "wrong_value"),
    ],
)
async def test_an_email_that_could_not_be_sent_is_not_stored(
    lite: Caller, change: dict[str, Any], path: str, code: str
) -> None:
    found = await lite.problem("POST", "/emails", {**WELCOME, **change}, status=422)
    assert [(error["path"], error["code"]) for error in found["errors"]] == [(path, code)]
    assert (await lite.ok("GET", "/emails"))["items"] == []
    if "slug" not in change:
        await lite.ok("POST", "/emails", WELCOME, status=201)
        again = await lite.problem("PATCH", "/emails/welcome", change, status=422)
        assert again["errors"] == found["errors"]
        assert (await lite.ok("GET", "/emails/welcome"))["version"] == 1


async def test_five_megabytes_of_html_are_too_large(lite: Caller) -> None:
    found = await lite.problem("POST", "/emails", {**WELCOME, "html": "x" * 5_000_000}, status=413)
    assert "bytes" in found["detail"]


async def test_a_step_names_an_email_that_is_there_and_in_use(api: Caller) -> None:
    await api.ok("POST", "/emails", WELCOME, status=201)
    await api.ok("POST", "/emails", {**WELCOME, "slug": "old"}, status=201)
    await api.ok("PATCH", "/emails/old", {"archived": True})
    deal = {**WELCOME, "slug": "deal", "html": "{{ opportunity.product }} {{ parameters.offer }} {{ steps.call.task }}"}
    await api.ok("POST", "/emails", deal, status=201)

    async def problems(config: dict[str, Any]) -> list[tuple[str, str, str]]:
        found = await api.ok("POST", "/workflows/greet/validate", about(config))
        return [
            (each["path"].removeprefix("/steps/0/config"), each["code"], each["message"]) for each in found["problems"]
        ]

    assert await problems({"email": "welcome"}) == []
    assert await problems({"email": "welcom"}) == [
        ("/email", "unknown_email", "there is no email 'welcom'; did you mean 'welcome'?")
    ]
    assert [each[:2] for each in await problems({"email": "old"})] == [("/email", "unknown_email")]
    assert [each[:2] for each in await problems({"email": "deal"})] == [
        ("/email", "unknown_variable"), ("/email", "unknown_variable"),
    ]  # fmt: skip
    assert [each[:2] for each in await problems({"email": "welcome", "subject": "Hi"})] == [("/subject", "wrong_value")]
    assert [each[:2] for each in await problems({})] == [("/subject", "missing_field"), ("/html", "missing_field")]
    inline = {"subject": "a\nb", "html": "h", "from_name": "x\ny", "from_address": "kim", "reply_to": "a@b.c\n"}
    assert [each[:2] for each in await problems(inline)] == [
        (f"/{name}", "wrong_value") for name in ("subject", "from_name", "from_address", "reply_to")
    ]

    await api.publish(about({"email": "welcome"}))
    assert (await api.ok("GET", "/emails/welcome"))["used_by"] == ["greet"]
    assert (await api.ok("GET", "/emails/deal"))["used_by"] == []


async def test_a_preview_is_what_the_record_would_get(api: Caller) -> None:
    await api.ok("POST", "/emails", {**WELCOME, "from_name": "Kim"}, status=201)
    ana = await api.create("contact", email="ana@example.com", first_name="Ana & Co")
    shown = await api.ok("POST", "/emails/welcome/preview", {"record": {"object": "contact", "id": ana["id"]}})
    assert shown["subject"] == "Welcome, Ana & Co"
    assert shown["html"] == "<p>Hi Ana &amp; Co, see <a href='https://example.com/a'>this</a></p>"
    assert shown["text"] == "Hi Ana & Co, see this (https://example.com/a)"
    assert (shown["sender_name"], shown["version"], shown["problems"]) == ("Kim", 1, [])

    by = {"record": {"object": "contact", "by": {"email": "ana@example.com"}}}
    assert (await api.ok("POST", "/emails/welcome/preview", by))["subject"] == shown["subject"]
    nobody = await api.ok("POST", "/emails/welcome/preview", {})
    assert (nobody["subject"], nobody["text"]) == ("Welcome, friend", "Hi , see this (https://example.com/a)")

    await api.ok("PATCH", "/emails/welcome", {"subject": "Other"})
    assert (await api.ok("POST", "/emails/welcome/preview", {**by, "version": 1}))["subject"] == "Welcome, Ana & Co"
    assert (await api.ok("POST", "/emails/welcome/preview", by))["subject"] == "Other"


async def test_a_preview_says_what_is_in_the_way(api: Caller) -> None:
    await api.ok("POST", "/emails", {**WELCOME, "html": "{{ opportunity.product }}"}, status=201)
    await api.ok("POST", "/emails", {**WELCOME, "slug": "deep", "html": "{{ event.order.plan }}"}, status=201)
    ana = await api.create("contact", email="ana@example.com")
    of_ana = {"record": {"object": "contact", "id": ana["id"]}}
    shown = await api.ok("POST", "/emails/welcome/preview", of_ana)
    assert [each["code"] for each in shown["problems"]] == ["no_record"]
    assert shown["html"] is None
    shown = await api.ok("POST", "/emails/deep/preview", of_ana)
    assert [each["code"] for each in shown["problems"]] == ["bad_template"]
    await api.problem("POST", "/emails/welcome/preview", {"record": {"object": "contact", "id": "nobody"}}, status=404)


async def test_a_preview_is_about_the_bound_opportunity(api: Caller) -> None:
    await api.ok("POST", "/emails", {**WELCOME, "html": "{{ opportunity.product }} {{ parameters.offer }}"}, status=201)
    ana = await api.create("contact", email="ana@example.com")
    old, new = [await api.create("opportunity", product=name) for name in ("old", "new")]
    stranger = await api.create("opportunity", product="other")
    for deal in (old, new):
        await api.ok("PUT", f"/records/contact/{ana['id']}/associations/opportunity/{deal['id']}", {}, status=204)
    body = {"record": {"object": "contact", "id": ana["id"]}, "parameters": {"offer": "demo"}}
    shown = await api.ok("POST", "/emails/welcome/preview", {**body, "opportunity_id": old["id"]})
    assert shown["html"] == "old demo"
    assert (await api.ok("POST", "/emails/welcome/preview", body))["html"] == "new demo"
    await api.problem("POST", "/emails/welcome/preview", {**body, "opportunity_id": stranger["id"]}, status=422)


async def test_values_of_a_record_need_a_key_that_reads_records(lite: Caller) -> None:
    await lite.ok("POST", "/emails", WELCOME, status=201)
    ana = await lite.create("contact", email="ana@example.com")
    blind = await lite.with_scopes("workflows:read", "workflows:write")
    of_ana = {"record": {"object": "contact", "id": ana["id"]}}
    await blind.ok("POST", "/emails/welcome/preview", {})
    await blind.problem("POST", "/emails/welcome/preview", of_ana, status=403)
    await blind.problem("POST", "/emails/welcome/test", {**of_ana, "to": ["kim@example.com"]}, status=403)


async def test_a_test_leaves_marked_as_one_and_is_counted_nowhere(lite: Caller, tmp_path: Path) -> None:
    await lite.ok("POST", "/emails", WELCOME, status=201)
    ana = await lite.create("contact", email="ana@example.com", first_name="Ana")
    body = {"record": {"object": "contact", "id": ana["id"]}, "to": ["kim@example.com", "lee@example.com"]}
    sent = await lite.ok("POST", "/emails/welcome/test", body, Idempotency_Key="once")
    again = await lite.ok("POST", "/emails/welcome/test", body, Idempotency_Key="once")

    assert sent == again == {
        "items": [{"to": to, "outcome": "sent", "detail": None} for to in body["to"]]
    }  # fmt: skip
    mails = [*read_outbox(tmp_path / "outbox" / "email")]
    assert {mail["to"] for mail in mails} == {"kim@example.com", "lee@example.com"}
    assert len(mails) == 2
    assert {mail["subject"] for mail in mails} == {"[Test] Welcome, Ana"}
    assert all(mail["headers"]["X-Followthrough-Test"] == "yes" for mail in mails)
    async with lite.inst.db.read() as read:
        assert await read.all(messages.select()) == []
        assert await read.all(effects.select()) == []


async def test_no_test_goes_to_an_address_that_complained(lite: Caller, tmp_path: Path) -> None:
    await lite.ok("POST", "/emails", WELCOME, status=201)
    async with lite.inst.db.transaction() as tx:
        for address, reason in (("kim@example.com", "complained"), ("lee@example.com", "unsubscribed")):
            made = {"subject": address, "reason": reason, "cause": Cause(kind="api"), "since": lite.inst.clock.now()}
            await put_suppression(tx, Suppression.model_validate(made))
    body = {"to": ["Kim@example.com", "lee@example.com"]}
    kim, lee = (await lite.ok("POST", "/emails/welcome/test", body))["items"]
    assert (kim["outcome"], kim["detail"]) == ("refused", "nothing is sent to this address any more: complained")
    assert lee["outcome"] == "sent"
    assert [mail["to"] for mail in read_outbox(tmp_path / "outbox" / "email")] == ["lee@example.com"]


async def test_a_test_needs_addresses_and_an_email_that_can_be_written(lite: Caller) -> None:
    await lite.ok("POST", "/emails", {**WELCOME, "html": "{{ opportunity.product }}"}, status=201)
    ana = await lite.create("contact", email="ana@example.com")
    found = await lite.problem("POST", "/emails/welcome/test", {"to": ["kim@example.com", "kim"]}, status=422)
    assert [error["path"] for error in found["errors"]] == ["/to/1"]
    body = {"record": {"object": "contact", "id": ana["id"]}, "to": ["kim@example.com"]}
    found = await lite.problem("POST", "/emails/welcome/test", body, status=422)
    assert [error["code"] for error in found["errors"]] == ["no_record"]


async def test_a_test_goes_through_the_mail_server_and_tells_what_it_said(
    lite: Caller, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    inst = replace(lite.inst, mail=open_mail(smtp_sink.url, tmp_path))
    api = await caller(inst, *SCOPES)
    await api.ok("POST", "/emails", WELCOME, status=201)
    smtp_sink.refusals |= {"kim@example.com": "550 5.1.1 no such mailbox", "lee@example.com": "451 4.3.0 later"}
    body = {"to": ["kim@example.com", "lee@example.com", "mo@example.com"]}
    sent = (await api.ok("POST", "/emails/welcome/test", body))["items"]
    assert [each["outcome"] for each in sent] == ["refused", "unavailable", "sent"]
    assert "550" in sent[0]["detail"]
    (mail,) = smtp_sink.received
    assert mail.recipients == ["mo@example.com"]
    assert b"Subject: [Test] Welcome, friend" in mail.content
    assert b"X-Followthrough-Test: yes" in mail.content


MJML = """<mjml>
<mj-body><mj-section><mj-column>
<mj-text>Hi {{ contact.first_name }}</mj-text>
</mj-column></mj-section></mj-body></mjml>"""


async def test_mjml_is_compiled_when_it_is_saved_and_stays_with_its_html(api: Caller) -> None:
    said = {"slug": "news", "subject": "News", "preheader": "For {{ contact.first_name }} <3", "mjml": MJML}
    made = await api.ok("POST", "/emails", said, status=201)
    assert made["mjml"] == MJML
    assert made["html"].startswith("<!doctype html>")
    ana = await api.create("contact", email="ana@example.com", first_name="Ana & Co")
    of_ana = {"record": {"object": "contact", "id": ana["id"]}}
    shown = await api.ok("POST", "/emails/news/preview", of_ana)
    assert shown["text"] == "Hi Ana & Co"
    assert "Hi Ana &amp; Co</div>" in shown["html"]
    assert shown["html"].index("For Ana &amp; Co &lt;3") < shown["html"].index("Hi Ana")
    assert shown["html"].index("<body") < shown["html"].index("For Ana")

    changed = await api.ok("PATCH", "/emails/news", {"mjml": MJML.replace("Hi", "Dear")})
    assert "Dear {{ contact.first_name }}" in changed["html"]
    plain = await api.ok("PATCH", "/emails/news", {"html": "<style>p{color:red}</style><p>Plain</p>"})
    assert (plain["version"], plain["mjml"]) == (3, None)
    shown = await api.ok("POST", "/emails/news/preview", of_ana)
    assert '<p style="color: red;">Plain</p>' in shown["html"]
    assert shown["text"] == "Plain"


@pytest.mark.parametrize(
    ("change", "path", "code", "words"),
    [
        ({"mjml": MJML.replace("mj-text>", "mj-txt>")}, "/mjml", "template_error", "Line 3: there is no tag mj-txt"),
        ({"mjml": MJML.replace("</mj-text>", "")}, "/mjml", "template_error", "Line 3: mj-text is not closed"),
        ({"mjml": MJML.replace("first_name", "nick")}, "/mjml", "unknown_variable", "'contact' has no 'nick'"),
        ({"mjml": MJML.replace("}}", "| shout }}")}, "/mjml", "template_error", "there is no filter shout"),
        ({"mjml": MJML.replace("Hi", "x" * 70_000)}, "/mjml", "template_unsafe", "MJML has at most 64 KiB"),
        ({"preheader": "{{ contact.nick }}"}, "/preheader", "unknown_variable", "'contact' has no 'nick'"),
        (
            {"mjml": MJML.replace("<mj-body>", "<mj-head><mj-preview>x</mj-preview></mj-head><mj-body>")},
            "/preheader", "wrong_value", "the MJML says this in mj-preview",
        ),
        ({"html": "<p>x</p>"}, "", "wrong_value", "exactly one of html and mjml"),
    ],
)  # fmt: skip
async def test_mjml_that_cannot_be_sent_is_told_with_its_line(
    lite: Caller, change: dict[str, Any], path: str, code: str, words: str
) -> None:
    said = {"slug": "news", "subject": "News", "preheader": "Beside", "mjml": MJML}
    found = await lite.problem("POST", "/emails", {**said, **change}, status=422)
    (error,) = found["errors"]
    assert (error["path"], error["code"]) == (path, code)
    assert words in error["message"]


@pytest.mark.parametrize(
    ("config", "path", "code", "words"),
    [
        ({"mjml": MJML}, None, "", ""),
        ({"mjml": MJML, "preheader": "Beside"}, None, "", ""),
        ({}, "/html", "missing_field", "or write mjml, or name an email"),
        ({"mjml": MJML, "html": "<p>x</p>"}, "/mjml", "wrong_value", "exactly one of html and mjml"),
        ({"mjml": ""}, "/mjml", "wrong_value", "must not be empty"),
        ({"mjml": "<p>x</p>"}, "/mjml", "template_error", "there is no mjml"),
        ({"mjml": MJML.replace("mj-text>", "mj-txt>")}, "/mjml", "template_error", "Line 3: there is no tag mj-txt"),
        ({"mjml": MJML.replace("</mj-text>", "")}, "/mjml", "template_error", "Line 3: mj-text is not closed"),
        ({"mjml": MJML.replace("first_name", "nick")}, "/mjml", "unknown_variable", "'contact' has no 'nick'"),
        ({"mjml": MJML.replace("}}", "| shout }}")}, "/mjml", "template_error", "there is no filter shout"),
        ({"mjml": MJML.replace("Hi", "x" * 70_000)}, "/mjml", "template_unsafe", "MJML has at most 64 KiB"),
        (
            {"mjml": MJML.replace("<mj-body>", "<mj-head><mj-preview>x</mj-preview></mj-head><mj-body>"),
             "preheader": "y"},
            "/preheader", "wrong_value", "the MJML says this in mj-preview",
        ),
    ],
)  # fmt: skip
async def test_mjml_in_a_step_is_examined_as_in_a_reusable_email(
    lite: Caller, config: dict[str, Any], path: str | None, code: str, words: str
) -> None:
    found = (await lite.ok("POST", "/workflows/greet/validate", about({"subject": "News", **config})))["problems"]
    if path is None:
        assert found == []
        return
    assert [(each["path"], each["code"]) for each in found][:1] == [(f"/steps/0/config{path}", code)]
    assert words in found[0]["message"]


async def test_a_new_version_that_a_step_could_not_send_is_refused_with_the_step(api: Caller) -> None:
    await api.ok("POST", "/emails", WELCOME, status=201)
    parameters = {"parameters": [{"name": "offer", "type": "string"}]}
    await api.publish({**about({"email": "welcome"}), **parameters})
    await api.publish({**about({"email": "welcome"}), "slug": "plain", "name": "Plain"})

    async def refused(**change: str) -> list[tuple[str, str]]:
        found = await api.problem("PATCH", "/emails/welcome", change, status=422)
        return [(each["code"], each["message"]) for each in found["errors"]]

    assert await refused(html="<p>{{ parameters.offer }}</p>") == [
        ("unknown_variable", "step 'hello' of workflow 'plain' sends it: 'parameters' has no 'offer'")
    ]
    assert [code for code, _ in await refused(subject="{{ steps.call.task }} {{ event.form }}")] == [
        "unknown_variable"
    ] * 4
    assert (await api.ok("GET", "/emails/welcome"))["version"] == 1
    await api.ok("PATCH", "/emails/welcome", {"html": "<p>{{ owner.name }} {{ contact.city }}</p>"})

    # Who is inside still gets it, whether the workflow is on or not.
    ana = await api.create("contact", email="ana@example.com")
    await api.ok("POST", "/workflows/plain/enrollments", {"record": {"object": "contact", "id": ana["id"]}}, status=202)
    await api.ok("POST", "/workflows/plain/turn-off", {})
    assert len(await refused(html="<p>{{ parameters.offer }}</p>")) == 1
    (inside,) = (await api.ok("GET", "/enrollments?workflow=plain"))["items"]
    await api.ok("POST", f"/enrollments/{inside['id']}/unenroll", {})
    changed = await api.ok("PATCH", "/emails/welcome", {"html": "<p>{{ parameters.offer }}</p>"})
    assert changed["version"] == 3
    # And publishing again is told as well.
    found = await api.problem("POST", "/workflows/plain/turn-on", {}, status=422)
    assert [each["code"] for each in found["errors"]] == ["unknown_variable"]


@pytest.mark.parametrize(
    ("to", "path", "code"),
    [
        ("everybody", "/to", "wrong_value"),
        ({"associated": {"object": "company"}}, "/to/associated/object", "wrong_value"),
        ({"associated": {"match": "any"}}, "/to/associated/match", "wrong_value"),
        ({"associated": {"labl": "x"}}, "/to/associated/labl", "unknown_field"),
        ({"addresses": []}, "/to/addresses", "wrong_value"),
        ({"addresses": ["desk@example.com", "desk"]}, "/to/addresses/1", "wrong_value"),
        ({"addresses": ["desk@example.com\nBcc: eve@example.com"]}, "/to/addresses/0", "wrong_value"),
    ],
)
async def test_who_an_email_goes_to_is_examined(lite: Caller, to: Any, path: str, code: str) -> None:
    config = {"subject": "s", "html": "h", "to": to}
    found = await lite.ok("POST", "/workflows/greet/validate", about(config))
    assert [(each["path"], each["code"]) for each in found["problems"]] == [(f"/steps/0/config{path}", code)]
