"""When what an enrollment waits for was moved, from when to when and why: read from the turns of its visits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

from domain.base import Frozen, Instant
from domain.entry_words import cause_words
from domain.instants import parse_instant
from domain.value_words import clock_words
from store import timeline as store
from store.database import Read, Row
from store.live import settings_since
from store.workflows import list_versions

VisitKey = tuple[str, int]
"""Step and number of a visit."""


NEWEST = 100
"""Versions that are looked at: an older one is not told as a cause."""


@dataclass(frozen=True)
class Causes:
    """What may have moved an instant: live values, oldest first, and versions, newest first."""

    settings: Sequence[Row]
    published: Sequence[Row]


class Retiming(Frozen):
    """A visit that was planned anew at ``at``; a null instant: for as long as there is no date."""

    at: Instant
    before: Instant | None
    after: Instant | None
    version: int
    words: str


async def load_retimings(read: Read, enrollment: Row) -> Mapping[VisitKey, list[Retiming]]:
    """What was planned anew, by visit, oldest first."""
    turns = [row for row in await store.list_turns(read, enrollment["id"]) if _is_wait(row)]
    visits = {visit: list(rows) for visit, rows in groupby(turns, key=lambda row: (row["step"], row["n"]))}
    if not any(len(rows) > 1 for rows in visits.values()):
        return {}
    causes = Causes(
        settings=await settings_since(read, enrollment["workflow_id"], enrollment["started_at"]),
        published=await list_versions(read, enrollment["workflow_id"], limit=NEWEST),
    )
    return {visit: list(_moves(rows, causes)) for visit, rows in visits.items()}


def _is_wait(turn: Row) -> bool:
    return (turn["answer"] or {}).get("kind") == "wait"


def _moves(turns: Sequence[Row], causes: Causes) -> Iterable[Retiming]:
    for earlier, row in pairwise(turns):
        before, after = _planned(earlier), _planned(row)
        if before != after:
            zone = row["zone"] or "UTC"
            told = f"timed anew from {_when(before, zone)} to {_when(after, zone)}: {_why(earlier, row, causes)}"
            yield Retiming(at=row["entered_at"], before=before, after=after, version=row["version"], words=told)


def _planned(turn: Row) -> datetime | None:
    stored = turn["answer"].get("wake_at")
    return parse_instant(stored) if stored is not None else None


def _when(at: datetime | None, zone: str) -> str:
    return "no date" if at is None else clock_words(at, zone)


def _why(earlier: Row, row: Row, causes: Causes) -> str:
    """The cause, as far as it is known: a record's date or zone, and the account's, leave no other trace here."""
    since, until = earlier["entered_at"], row["entered_at"]
    if any(each["version"] == row["version"] and since < each["published_at"] <= until for each in causes.published):
        return f"by version {row['version']}"
    changed = [each for each in causes.settings if since < each["changed_at"] <= until]
    if changed:
        return f"its settings were changed {cause_words(changed[-1]['cause_kind'], changed[-1]['cause_id'])}"
    return "a date or a zone it goes by was changed"
