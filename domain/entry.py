"""The decision whether a record enters a workflow (rules E1 to E7): the first "no" wins, in the order of rule E2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from domain.base import Frozen
from domain.conditions import Condition, CountScope
from domain.definition import Definition
from domain.enrollments import Enrollment
from domain.facts import Facts, Seen
from domain.facts import Verdict as FactsVerdict
from domain.judging import judge
from domain.names import entry_key

Decision: TypeAlias = Literal[
    "enrolled", "no_record", "loop_stopped", "duplicate_event", "workflow_off", "workflow_paused", "already_active",
    "absorbed_update", "re_entry_off", "suppressed", "goal_already_met", "exit_already_met",
]  # fmt: skip


class Verdict(Frozen):
    """A decision, why in a word or an id (``detail``), and the values it saw."""

    decision: Decision
    detail: str | None = None
    seen: tuple[Seen, ...] = ()


class Attempt(Frozen):
    """What tries to enter: which trigger let it (None: by hand or API), and about what.

    ``is_repeated``: the event that caused it let somebody in under this key before.
    """

    trigger: str | None
    bound_id: str | None
    is_repeated: bool = False


def runs_alone(definition: Definition, bound_object: str | None) -> bool:
    """Whether what is bound runs on its own (rule E7): always, but opportunities only where the switch says so.

    Where it does not, an entry without anything bound stands in one row with those bound to an opportunity.
    """
    if bound_object not in (None, "opportunity"):
        return True
    return definition.allow_multiple_opportunities is not False


def key_of(definition: Definition, record_id: str, bound_id: str | None, bound_object: str | None) -> str:
    """The key an entry counts under (rule E1)."""
    return entry_key(record_id, bound_id if runs_alone(definition, bound_object) else None)


def before_reading(attempt: Attempt, *, is_on: bool, is_paused: bool) -> Verdict | None:
    """The part of rule E2 that needs no facts, behind the loops (``services.entering.loops``)."""
    if attempt.is_repeated:
        return Verdict(decision="duplicate_event")
    if not is_on:
        return Verdict(decision="workflow_off")
    if is_paused:
        return Verdict(decision="workflow_paused")
    return None


def while_active(attempt: Attempt, active: Sequence[Enrollment], *, key: str, alone: bool) -> Verdict | None:
    """Whether an active enrollment of the same record stands in the way, and whether this cause is an update to it.

    ``alone``: only the same bound record and whoever runs under the ``key`` stand in the way; else whatever is inside
    but bound to another object type. Who entered while the switch was off runs under the record's own key.
    """
    same = [e for e in active if e.bound_id == attempt.bound_id]
    if same:
        return Verdict(decision="absorbed_update", detail=same[0].id)
    others = [e for e in active if e.key == key or (not alone and e.bound_object in (None, "opportunity"))]
    if others:
        return Verdict(decision="already_active", detail=others[0].id)
    return None


def on_re_entry(definition: Definition, attempt: Attempt) -> Verdict | None:
    """Whether somebody who entered before may enter again (rule E6)."""
    rule = definition.entry.re_entry
    if rule.allowed and (attempt.trigger is None or attempt.trigger in rule.triggers):
        return None
    return Verdict(decision="re_entry_off", detail=None if not rule.allowed else "not by this trigger")


def is_remembered(definition: Definition, attempt: Attempt) -> bool:
    """Whether a trigger that found somebody inside is judged anew when they left; one that lets nobody in again not."""
    wanted = definition.entry.while_active == "again" and attempt.trigger is not None
    return wanted and on_re_entry(definition, attempt) is None


class Obstacle(Frozen):
    """A condition that keeps a record out while it holds; ``detail`` is the id of a goal."""

    decision: Literal["suppressed", "goal_already_met", "exit_already_met"]
    where: Condition
    counts: CountScope
    detail: str | None = None

    def judged(self, facts: Facts) -> FactsVerdict:
        """Whether it holds on the facts of who is about to enter, and the values seen."""
        return judge(self.where, facts, counts=self.counts)


def obstacles(definition: Definition) -> list[Obstacle]:
    """What rule E2 asks of the record itself, in its order: suppression, goals in list order, the exit condition."""
    found = []
    if definition.entry.suppress is not None:
        found.append(Obstacle(decision="suppressed", where=definition.entry.suppress, counts="ever"))
    found += [
        Obstacle(decision="goal_already_met", where=goal.where, counts="enrollment", detail=goal.id)
        for goal in definition.exit.goals
    ]
    if definition.exit.when is not None:
        found.append(Obstacle(decision="exit_already_met", where=definition.exit.when, counts="enrollment"))
    return found


def on_facts(definition: Definition, facts: Facts) -> Verdict:
    """The part of rule E2 that reads the record; the last word."""
    for obstacle in obstacles(definition):
        found = obstacle.judged(facts)
        if found.holds:
            return Verdict(decision=obstacle.decision, detail=obstacle.detail, seen=found.seen)
    return Verdict(decision="enrolled")
