"""What is wrong with a message is told when it is saved, with its place: nobody gets half of one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.api.test_emails import about

MAIL: dict[str, Any] = {"subject": "Hello", "html": "<p>Hello</p>"}


def texting(config: dict[str, Any]) -> dict[str, Any]:
    step = {"id": "hello", "kind": "action", "action": "send_sms", "config": config}
    return {"slug": "greet", "name": "Greet", "object": "contact", "type": "standard", "steps": [step]}


async def told(lite: Caller, definition: dict[str, Any]) -> list[tuple[str, str]]:
    found = (await lite.ok("POST", "/workflows/greet/validate", definition))["problems"]
    return [(each["path"].removeprefix("/steps/0/config"), each["code"]) for each in found]


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"subject": "Hi {{ contact.first_name"}, "/subject", "template_error"),
        ({"subject": "Hi\r\nBcc: eve@example.com"}, "/subject", "wrong_value"),
        ({"subject": "  "}, "/subject", "wrong_value"),
        ({"subject": "x" * 999}, "/subject", "wrong_value"),
        ({"subject": 5}, "/subject", "wrong_type"),
        ({"html": "{% if %}"}, "/html", "template_error"),
        ({"html": "{% include 'other' %}"}, "/html", "template_error"),
        ({"html": "{{ contact.nick }}"}, "/html", "unknown_variable"),
        ({"html": "{{ parameters.offer }}"}, "/html", "unknown_variable"),
        ({"html": "{{ steps.call.task }}"}, "/html", "unknown_variable"),
        ({"html": "{{ event.form }}"}, "/html", "unknown_variable"),
        ({"html": " "}, "/html", "missing_field"),
        ({"html": "x" * 70_000}, "/html", "template_unsafe"),
        ({"text": "{{ contact.first_name | shout }}"}, "/text", "template_error"),
        ({"preheader": "{{ contact.nick }}"}, "/preheader", "unknown_variable"),
        ({"from_name": "Kim\nBcc: eve@example.com"}, "/from_name", "wrong_value"),
        ({"from_name": "{{ owner.name }}"}, "/from_name", "wrong_value"),
        ({"from_address": "kim@example.com\r\nBcc: eve@example.com"}, "/from_address", "wrong_value"),
        ({"reply_to": "{{ owner.email }}"}, "/reply_to", "wrong_value"),
    ],
)
async def test_what_is_wrong_with_an_email_of_a_step_is_told_with_its_place(
    lite: Caller, change: dict[str, Any], path: str, code: str
) -> None:
    assert await told(lite, about({**MAIL, **change})) == [(path, code)]


@pytest.mark.parametrize(
    ("config", "path", "code"),
    [
        ({"text": "{% if %}"}, "/text", "template_error"),
        ({"text": "{{ contact.nick }}"}, "/text", "unknown_variable"),
        ({"text": ""}, "/text", "wrong_value"),
        ({"text": "  "}, "/text", "wrong_value"),
        ({"text": "x" * 2_000}, "/text", "wrong_value"),
        ({"text": "x", "from_number": "22 12 34 56"}, "/from_number", "wrong_value"),
        ({"text": "x", "from_number": "+4722123456\r\n"}, "/from_number", "wrong_value"),
        ({"text": "x", "from_number": ""}, "/from_number", "wrong_value"),
        ({"text": "x", "from_number": "A name that is long"}, "/from_number", "wrong_value"),
    ],
)
async def test_what_is_wrong_with_a_text_message_is_told_with_its_place(
    lite: Caller, config: dict[str, Any], path: str, code: str
) -> None:
    assert await told(lite, texting(config)) == [(path, code)]


@pytest.mark.parametrize("sender", ["+4722123456", "12345", "ACME", "Kim & Co"])
async def test_a_text_message_may_come_from_a_number_a_short_code_or_a_name(lite: Caller, sender: str) -> None:
    assert await told(lite, texting({"text": "x", "from_number": sender})) == []


@pytest.mark.parametrize("step", [about({**MAIL, "html": "x" * 5_000_000}), texting({"text": "x" * 5_000_000})])
async def test_five_megabytes_in_a_step_are_too_large(lite: Caller, step: dict[str, Any]) -> None:
    for method, path in (("POST", "/workflows"), ("PUT", "/workflows/greet"), ("POST", "/workflows/greet/validate")):
        await lite.problem(method, path, step, status=413)
    await lite.problem("GET", "/workflows/greet", status=404)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"mail_from": "kim@example.com\r\nBcc: eve@example.com"}, "/mail_from"),
        ({"mail_from_name": "Kim\r\nBcc: eve@example.com"}, "/mail_from_name"),
        ({"mail_from_name": "{{ owner.name }}"}, "/mail_from_name"),
        ({"sms_from": "call me maybe"}, "/sms_from"),
        ({"sms_from": "+4722123456\n"}, "/sms_from"),
    ],
)
async def test_a_sender_of_the_account_that_no_message_can_have_is_refused(
    lite: Caller, change: dict[str, Any], path: str
) -> None:
    found = await lite.problem("PATCH", "/account", change, status=422)
    assert [(each["path"], each["code"]) for each in found["errors"]] == [(path, "wrong_value")]
