"""Where an enrollment goes on in another version, and what it passes over there because it did it (rule R12)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from domain.base import Frozen, Instant
from domain.messages import Outcome
from domain.plan import Plan, PlanStep

LASTING = frozenset({"action", "delay", "wait"})
"""Kinds of steps a visit may last in."""

PASSABLE = frozenset({"action", "delay", "wait", "branch", "value_branch", "split"})
"""Kinds of steps that are passed over once done; a goto always leads on, an end always ends."""


DECIDING = frozenset({"wait", "branch", "value_branch", "split"})
"""Kinds of steps whose edges are ways inside them; those of others jump."""


class Mark(Frozen):
    """What a visit says: ``outcome`` None is one the enrollment stands in, ``version`` the one it was written under."""

    step: str
    n: int
    version: int
    outcome: Outcome | None
    reason: str | None = None
    edge: str | None = None
    entered_at: Instant


class Place(Frozen):
    """Where an enrollment stands in its version.

    ``visit``: the visit that lasts; None when it is about to come to ``step`` (None: to the end). ``entering``: it has
    not begun. ``failed``: it is about to end, as its last step failed and says so.
    """

    step: str | None
    visit: Mark | None = None
    entering: bool = False
    failed: str | None = None


class Landing(Frozen):
    """Where it goes on: at ``step`` (None: it is through), in the visit that lasts when it ``keeps`` that.

    ``pass_over``: the steps it did, with the way it went from each; they are passed over when it comes to them.
    """

    step: str | None
    keeps: bool = False
    pass_over: dict[str, str | None] = {}


def find_place(plan: Plan, step: str | None, *, arriving: bool, marks: Collection[Mark]) -> Place:
    """Where an enrollment of ``plan`` stands, by its row and its visits.

    ``arriving``: it was moved to ``step`` and its run has not come there; else it is in that step or behind it.
    """
    lasting = [mark for mark in marks if mark.outcome is None]
    if lasting:
        last = max(lasting, key=lambda mark: mark.entered_at)
        return Place(step=last.step, visit=last)
    if arriving:
        return Place(step=step)
    settled = max((mark for mark in marks if mark.step == step), key=lambda mark: mark.n, default=None)
    if step is None or settled is None:
        return Place(step=plan.start, entering=True)
    here = plan.steps[step]
    if settled.outcome != "failed" or here.on_error == "continue":
        return Place(step=here.way(settled.edge))
    if here.on_error == "exit":
        return Place(step=None, failed=f"{step}: {settled.reason}")
    return Place(step=here.on_error)


def land(
    old: Plan,
    new: Plan,
    place: Place,
    done: Mapping[str, str | None],
    passed: Collection[str] = (),
    *,
    yearly: bool = False,
) -> Landing:
    """Where who stands at ``place`` of ``old`` goes on in ``new``.

    At the same step, else at the first one behind it that still exists; who has not begun begins with the new version.
    What it did (``done``) and what does not lie
    ahead of it in the old version is passed over; what lies ahead there, as in the next round of a loop, is not, unless
    it was being passed over already (``passed``). Who is through in a ``yearly`` workflow goes back to its start,
    where what is past of the round is skipped.
    """
    step = new.start if place.entering else first_left(old, new, place.step)
    if step is None and yearly and place.failed is None:
        step = new.start
    ahead = set(lies_ahead(old, place.step)).difference(passed)
    return Landing(
        step=step,
        keeps=place.visit is not None and step == place.step and step is not None and _lasts(old, new, step),
        pass_over={id: edge for id, edge in done.items() if id not in ahead},
    )


def first_left(old: Plan, new: Plan, step: str | None) -> str | None:
    """``step`` itself, else the first one behind it in the old order that the new version has; None: none is left.

    Behind a step lie the rest of its list and then what follows the step that list stands in.
    """
    while step is not None and step not in new.steps:
        step = old.steps[step].next
    return step


def lies_ahead(plan: Plan, step: str | None) -> set[str]:
    """The step and everything in and behind it, in the order it is written; no jump is followed."""
    found: set[str] = set()
    waiting = [step]
    while waiting:
        id = waiting.pop()
        if id is not None and id not in found:
            found.add(id)
            here = plan.steps[id]
            waiting += [here.next, *(here.edges.values() if here.kind in DECIDING else ())]
    return found


def find_done(
    marks: Iterable[Mark], out: Collection[tuple[str, int]], plans: Mapping[int, Plan], new: Plan
) -> dict[str, str | None]:
    """The steps of ``new`` that an enrollment has done, with the way it went from each the last time.

    ``out``: visits whose effect left, or may have, whatever became of them. ``plans``: the versions the marks name.
    """
    done: dict[str, str | None] = {}
    for mark in sorted(marks, key=lambda mark: (mark.entered_at, mark.n)):
        if mark.outcome != "done" and (mark.step, mark.n) not in out:
            continue
        was, is_ = plans[mark.version].steps.get(mark.step), new.steps.get(mark.step)
        if is_same(was, is_) and is_ is not None and is_.kind in PASSABLE:
            done[mark.step] = mark.edge if is_.kind in DECIDING else None
    return done


def is_same(was: PlanStep | None, is_: PlanStep | None) -> bool:
    """Whether steps of one id in two versions are one step: of the same kind, and the same action."""
    return was is not None and is_ is not None and (was.kind, was.action) == (is_.kind, is_.action)


def _lasts(old: Plan, new: Plan, step: str) -> bool:
    """Whether a visit of the old version goes on in the new one."""
    return new.steps[step].enabled and new.steps[step].kind in LASTING and is_same(old.steps[step], new.steps[step])
