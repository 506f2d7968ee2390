"""What an explanation says: would a record enter a workflow now, and why.

Sentences (``words``, ``why``, ``says``) hold no values of records: those stand in ``seen``.
"""

from __future__ import annotations

from domain.base import Frozen, Instant
from domain.entry import Decision
from domain.value_words import SeenValue


class Outlook(Frozen):
    """What would happen: ``decision`` and ``words`` as of an entry, ``why`` in half a sentence, the values seen.

    ``enrollment_id``: who is inside already. ``is_remembered``: it would be judged again when that passage ends.
    """

    decision: Decision
    words: str
    why: str | None
    seen: list[SeenValue]
    enrollment_id: str | None
    is_remembered: bool


class TriggerOutlook(Frozen):
    """A trigger in words, whether it holds for the record now (null: nobody can say), and what if it fired now.

    ``event_id``: the event an event trigger was asked about, as of when it happened.
    """

    id: str
    on: str
    words: str
    holds: bool | None
    says: str
    seen: list[SeenValue]
    event_id: str | None
    if_fired: Outlook


class Check(Frozen):
    """A condition that keeps a record out while it holds; ``kind``: the decision it leads to. ``id``: of a goal."""

    kind: Decision
    id: str | None
    words: str
    holds: bool
    seen: list[SeenValue]


class Passage(Frozen):
    """One enrollment of the record in this workflow."""

    enrollment_id: str
    is_active: bool
    started_at: Instant
    ended_at: Instant | None
    words: str


class Pointer(Frozen):
    """A record; ``name`` is what people call it."""

    object: str
    id: str
    name: str | None


class Case(Frozen):
    """The record alone, or with one ``bound`` record: each may enter by itself.

    ``entries`` are counted under ``key`` for ever; ``passages`` are the newest that stand in the way of another one
    or would make it a re-entry.
    """

    bound: Pointer | None
    by_hand: Outlook
    triggers: list[TriggerOutlook]
    checks: list[Check]
    key: str | None
    entries: int
    re_entry: str | None
    passages: list[Passage]


class Explanation(Frozen):
    """A record and a workflow. ``about``: the same for each associated record that may be bound, in order of id.

    ``unknown``: what nobody can know before somebody enters, a sentence each.
    """

    workflow: str
    version: int | None
    state: str
    zone: str
    at: Instant
    record: Pointer
    unknown: list[str]
    case: Case
    about: list[Case]
