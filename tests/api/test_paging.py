"""Cursors that nobody was given: each list says that it is not its own."""

from __future__ import annotations

import base64

import pytest

from tests.api.conftest import Caller
from tests.api.definitions import follow_up


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(f"k:{key}".encode()).decode().rstrip("=")


@pytest.mark.parametrize("number", ["2147483648", "9" * 200, "²", "x"])
@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/trouble/enrollments", "a b {} c"),
        ("/workflows/follow-up/report/write/entered", "a {}"),
        ("/workflows/follow-up/versions", "{}"),
        ("/emails/hello/versions", "{}"),
        ("/changes", "{}0000000000"),
    ],
)
async def test_a_number_that_no_row_can_have_is_refused(api: Caller, path: str, key: str, number: str) -> None:
    await api.ok("POST", "/workflows", follow_up(), status=201)
    await api.ok("POST", "/emails", {"slug": "hello", "subject": "Hi", "html": "Hi"}, status=201)
    await api.problem("GET", f"{path}?cursor={_cursor(key.format(number))}", status=422)


@pytest.mark.parametrize("key", ["a b 1", "a b 1 c d", "a"])
async def test_a_place_of_another_list_is_refused(lite: Caller, key: str) -> None:
    found = await lite.problem("GET", f"/trouble/enrollments?cursor={_cursor(key)}", status=422)
    assert [error["path"] for error in found["errors"]] == ["query:cursor"]
