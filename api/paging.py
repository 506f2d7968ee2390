"""Pages: ``{items, next_cursor}``, walked by key, so nothing is shown twice or left out while data moves."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query

from domain.base import Frozen
from domain.errors import Invalid
from domain.problems import FieldError

Row = TypeVar("Row")
Item = TypeVar("Item")

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_MARK = "k:"


class Paging(Frozen):
    """Which page is wanted: up to ``limit`` items after the key ``after`` (None: from the start)."""

    limit: int
    after: str | None

    @property
    def fetch(self) -> int:
        """How many rows to ask for: one more than shown tells whether another page follows."""
        return self.limit + 1

    @property
    def number(self) -> int | None:
        """The key as a number; None: from the start.

        Raises:
            Invalid: it is none that a list counts by.
        """
        return None if self.after is None else _number(self.after)

    @property
    def seq(self) -> int | None:
        """The same where it may be as large as the numbers of changes.

        Raises:
            Invalid: as ``number``.
        """
        return None if self.after is None else _number(self.after, digits=18)

    def place(self, *, parts: int, number: int) -> tuple[str, ...]:
        """The parts of a key of several, the one at ``number`` a number; empty: from the start.

        Raises:
            Invalid: it has others.
        """
        found = () if self.after is None else tuple(self.after.split(" "))
        if found and len(found) != parts:
            raise _not_ours()
        if found:
            _number(found[number])
        return found


class Page(Frozen, Generic[Item]):
    """One page. ``next_cursor`` is null on the last one."""

    items: list[Item]
    next_cursor: str | None


def page(rows: Sequence[Row], paging: Paging, show: Callable[[Row], Item], *, key: Callable[[Row], str]) -> Page[Item]:
    """Cut ``rows`` (fetched with ``paging.fetch``) to a page; ``key`` is what the next page starts after."""
    shown = rows[: paging.limit]
    more = len(rows) > paging.limit
    return Page(items=[show(row) for row in shown], next_cursor=_cursor(key(shown[-1])) if more else None)


def read_paging(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items per page.")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, Query(max_length=400, description="`next_cursor` of the page before, unchanged.")
    ] = None,
) -> Paging:
    """The page that a query string asks for.

    Raises:
        Invalid: the cursor is not one of ours.
    """
    return Paging(limit=limit, after=None if cursor is None else _key(cursor))


Paged = Annotated[Paging, Depends(read_paging)]


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(f"{_MARK}{key}".encode()).decode().rstrip("=")


def _key(cursor: str) -> str:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        text = ""
    if not text.startswith(_MARK) or "\0" in text:
        raise _not_ours()
    return text.removeprefix(_MARK)


def _number(text: str, *, digits: int = 9) -> int:
    if not re.fullmatch(rf"[0-9]{{1,{digits}}}", text):
        raise _not_ours()
    return int(text)


def _not_ours() -> Invalid:
    message = "not a cursor of ours; pass next_cursor as it was given"
    return Invalid(message, errors=[FieldError(path="query:cursor", code="wrong_value", message=message)])
