"""What a passage has that takes up an earlier one at a step: its outputs, its events, and what is not done again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from domain.base import Frozen, Json
from domain.landing import Mark, find_done
from domain.plan import Plan


class Carried(Frozen):
    """Of the passages before: what their steps gave, and which they are, the newest first.

    ``taken``: of the step that is begun anew, whose effects the outside world took (``domain.names.recipient_of``).
    """

    outputs: dict[str, Json] = {}
    passages: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()


NOTHING = Carried()


def carried_of(stored: Mapping[str, Json] | None) -> Carried:
    """As it is stored with the enrollment."""
    return NOTHING if stored is None else Carried.model_validate(stored)


def failed_steps(marks: Collection[Mark]) -> list[str]:
    """The steps that failed, the first to fail first."""
    failed = sorted((mark for mark in marks if mark.outcome == "failed"), key=lambda mark: (mark.entered_at, mark.n))
    return list(dict.fromkeys(mark.step for mark in failed))


def passed_over(
    step: str,
    marks: Sequence[Mark],
    accepted: Collection[tuple[str, int]],
    out: Collection[tuple[str, int]],
    plans: Mapping[int, Plan],
    new: Plan,
) -> dict[str, str | None]:
    """What whoever begins again at ``step`` passes over: what was done behind the visit it begins from anew.

    ``accepted``: visits of which the outside world took all effects, whatever they say, and ``out`` those of which it
    took any, or may have. That visit itself is done again unless all was accepted. From a step nobody came to, all
    lies behind.
    """
    begun = begun_anew(step, marks)
    behind = [mark for mark in marks if begun is None or mark.entered_at > begun.entered_at]
    if begun is not None and (begun.step, begun.n) in accepted:
        behind.append(begun)
    return find_done(behind, {*accepted, *out}, plans, new)


def begun_anew(step: str, marks: Sequence[Mark]) -> Mark | None:
    """The visit that is begun anew: the first that failed there, else the last."""
    here = sorted((mark for mark in marks if mark.step == step), key=lambda mark: mark.n)
    failed = [mark for mark in here if mark.outcome == "failed"]
    return (failed[0] if failed else here[-1]) if here else None
