"""Templates that would stop a worker never get into the database."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.api.definitions import follow_up

DOUBLES = "{% assign a = 'ab' %}" + "{% assign a = a | append: a %}" * 40 + "{{ a }}"


def mail(subject: str = "Hello", html: str = "<p>Hello</p>") -> dict[str, Any]:
    config = {"subject": subject, "html": html, "transactional": True}
    return follow_up(steps=[{"id": "mail", "kind": "action", "action": "send_email", "config": config}])


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        (mail(subject=DOUBLES), "/steps/0/config/subject"),
        (mail(html="{% if contact.city == 'Bergen' %}" + DOUBLES + "{% endif %}"), "/steps/0/config/html"),
    ],
)
async def test_a_template_that_explodes_by_itself_is_not_saved(
    lite: Caller, definition: dict[str, Any], path: str
) -> None:
    await lite.ok("PUT", "/workflows/follow-up", mail(), status=201)

    refused = await lite.problem("PUT", "/workflows/follow-up", definition, status=422, If_Match="*")

    (error,) = refused["errors"]
    assert (error["path"], error["code"]) == (path, "template_unsafe")
    assert "Line 1: a value has at most 100000 characters" in error["message"]
    stored = await lite.ok("GET", "/workflows/follow-up")
    assert stored["definition"]["steps"][0]["config"]["subject"] == "Hello"
    assert stored["definition"]["steps"][0]["config"]["html"] == "<p>Hello</p>"


async def test_a_new_workflow_with_such_a_template_is_not_made(lite: Caller) -> None:
    await lite.problem("POST", "/workflows", mail(html=DOUBLES), status=422)
    await lite.problem("GET", "/workflows/follow-up", status=404)
