"""When people are there: spans in which somebody is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from domain.base import Authored
from domain.instants import local_midnight, parse_date, parse_instant, shifted_day

MOST_SPANS = 200


class Away(Authored):
    """A span without work: days of the user's own zone, both included, or instants, of which the last is not."""

    from_: Annotated[str, Field(alias="from", max_length=40)]
    to: Annotated[str, Field(max_length=40)]


def away_problem(span: Away) -> str | None:
    """Why a span is none, in words."""
    for text in (span.from_, span.to):
        if parse_date(text) is None and parse_instant(text) is None:
            return f"{text!r} is neither a day (2026-12-24) nor an instant with its offset (2026-12-24T12:00:00+01:00)"
    if (parse_date(span.from_) is None) != (parse_date(span.to) is None):
        return "from and to are both days or both instants"
    begin, end = _bounds(span, "UTC")
    return None if begin < end else f"{span.to} does not come after {span.from_}"


def is_away(spans: Sequence[Away], zone: str, now: datetime) -> bool:
    """Whether an instant lies in one of the spans; their days are those of ``zone`` (IANA name)."""
    return any(begin <= now < end for begin, end in (_bounds(span, zone) for span in spans))


def _bounds(span: Away, zone: str) -> tuple[datetime, datetime]:
    """The first instant of a span that is one, and the first after it."""
    return _edge(span.from_, zone, days=0), _edge(span.to, zone, days=1)


def _edge(text: str, zone: str, *, days: int) -> datetime:
    day = parse_date(text)
    if day is not None:
        at = local_midnight(day, zone)
        return local_midnight(shifted_day(at, days, zone), zone)
    found = parse_instant(text)
    assert found is not None, "examined when it was written"
    return found


def away_problems(spans: Sequence[Away]) -> list[tuple[int, str]]:
    """The places of spans that are none, with the words."""
    return [(n, words) for n, span in enumerate(spans) if (words := away_problem(span)) is not None]
