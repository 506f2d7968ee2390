"""What people have to decide, and decided, about the effects of an enrollment; told beside its visits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.base import Frozen, Instant
from domain.entry_words import cause_words
from domain.lost_answers import settled_words
from services.telling.retimings import VisitKey
from store.database import Read, Row
from store.decisions import decisions_of
from store.ledger import undecided_of


class DecisionLink(Frozen):
    """What somebody decided about an effect, by its key in the ledger, and why."""

    effect: str
    at: Instant
    settled_as: str
    note: str | None
    words: str


@dataclass(frozen=True)
class Asked:
    """Of one visit: the keys of effects whose fate nobody knows, and what was decided before."""

    undecided: Sequence[str] = ()
    decisions: Sequence[DecisionLink] = ()


NOTHING_ASKED = Asked()


async def load_asked(read: Read, enrollment_id: str) -> Mapping[VisitKey, Asked]:
    """What there is to decide and was decided, by visit."""
    decided: defaultdict[VisitKey, list[DecisionLink]] = defaultdict(list)
    for row in await decisions_of(read, enrollment_id):
        decided[row["step"], row["n"]].append(decision_link(row))
    open_: defaultdict[VisitKey, list[str]] = defaultdict(list)
    for row in await undecided_of(read, enrollment_id):
        open_[row["step"], row["n"]].append(row["key"])
    return {visit: Asked(open_[visit], decided[visit]) for visit in {*decided, *open_}}


def decision_link(row: Row) -> DecisionLink:
    """A row of a decision as it is told."""
    who = cause_words(row["cause_kind"], row["cause_id"])
    return DecisionLink(
        effect=row["effect_key"],
        at=row["decided_at"],
        settled_as=row["settled_as"],
        note=row["note"],
        words=settled_words(row["settled_as"], who, row["note"]),
    )
