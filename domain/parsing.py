"""The first pass over a definition: every trigger, condition, step, goal and setting is read on its own.

It never stops: what cannot be read is told and replaced by something harmless, so that the second pass finds the
mistakes in everything else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from domain.base import Json
from domain.conditions import (
    CONDITION_KEYS,
    All,
    Condition,
    EntryEventValue,
    EventCondition,
    EventPropertyCondition,
    ListCondition,
    Not,
    NowValue,
    Offset,
    OutputCondition,
    OutputValue,
    ParameterCondition,
    ParameterValue,
    PropertyCondition,
    PropertyValue,
    RelatedCondition,
    SubscriptionCondition,
    WorkflowCondition,
    variant_of,
)
from domain.conditions import Any as AnyOf
from domain.definition import Definition, Parameter, Schedule, Window, WorkflowSettings
from domain.problems import Problem
from domain.reader import Part, Reader, join, similar
from domain.steps import (
    ActionStep,
    Arm,
    Branch,
    BranchStep,
    Case,
    DelayStep,
    EndStep,
    GotoStep,
    SplitStep,
    Step,
    Timeout,
    UntilAnchor,
    UntilClock,
    UntilDate,
    UntilEntryEvent,
    UntilProperty,
    ValueBranchStep,
    WaitEvent,
    WaitStep,
    until_kind,
)
from domain.triggers import (
    PART_ID,
    ChangedTrigger,
    CreatedTrigger,
    Entry,
    EventTrigger,
    Exit,
    FilterTrigger,
    Goal,
    WebhookTrigger,
)

DEEPEST = 60
"""Levels of a document; more is refused before it is read, as reading goes as deep as the document."""

UNNAMED = "step_without_an_id_"

NEUTRAL: Mapping[str, Any] = {
    "slug": "unnamed", "name": "unnamed", "object": "", "where": All(all=[]), "branches": [], "cases": [], "arms": [],
    "values": [], "weight": 1, "every": "day", "at": "00:00",
}  # fmt: skip
"""What stands in for a required field that is wrong, so that the rest around it is examined all the same."""

NOTHING: Mapping[str, Any] = {
    "parameter": Parameter.model_construct(name=""),
    "trigger": CreatedTrigger(on="created"),
    "goal": Goal(where=All(all=[])),
    "window": Window.model_validate({"days": [], "from": "00:00", "to": "00:00"}),
    "condition": All(all=[]),
    "branch": Branch(where=All(all=[])),
    "case": Case(values=[]),
    "arm": Arm(weight=1),
}
"""What keeps the place of an item of a list that could not be read, so that its neighbours keep their pointers."""

CONDITIONS: Mapping[str, type[BaseModel]] = {
    "all": All, "any": AnyOf, "not": Not, "property": PropertyCondition, "related": RelatedCondition,
    "event": EventCondition, "event_property": EventPropertyCondition, "output": OutputCondition,
    "parameter": ParameterCondition, "list": ListCondition, "workflow": WorkflowCondition,
    "subscription": SubscriptionCondition,
}  # fmt: skip
VALUES: Mapping[str, type[BaseModel]] = {
    "now": NowValue, "property": PropertyValue, "entry_event": EntryEventValue, "parameter": ParameterValue,
    "output": OutputValue,
}  # fmt: skip
UNTILS: Mapping[str, type[BaseModel]] = {
    "clock": UntilClock, "date": UntilDate, "property": UntilProperty, "anchor": UntilAnchor,
    "entry_event": UntilEntryEvent,
}  # fmt: skip
TRIGGERS: Mapping[str, type[BaseModel]] = {
    "filter": FilterTrigger, "event": EventTrigger, "created": CreatedTrigger, "changed": ChangedTrigger,
    "webhook": WebhookTrigger,
}  # fmt: skip
STEPS: Mapping[str, type[BaseModel]] = {
    "action": ActionStep, "delay": DelayStep, "wait": WaitStep, "branch": BranchStep, "value_branch": ValueBranchStep,
    "split": SplitStep, "goto": GotoStep, "end": EndStep,
}  # fmt: skip


@dataclass(frozen=True)
class Parsed:
    """What could be read. ``broken`` holds the pointers of steps that could not; a harmless step stands in for each."""

    definition: Definition | None
    problems: tuple[Problem, ...]
    broken: frozenset[str]


def parse(raw: Json) -> Parsed:
    """Read a document; never raises for anything written in it."""
    parser = _Parser()
    if _depth(raw) > DEEPEST:
        parser.reader.tell("", "wrong_value", f"the document is nested more than {DEEPEST} levels deep; flatten it")
        return Parsed(None, tuple(parser.reader.problems), frozenset())
    definition = parser.definition(raw)
    return Parsed(definition, tuple(parser.reader.problems), frozenset(parser.broken))


def _depth(raw: Json) -> int:
    depth, level = 0, [raw]
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
    return depth


class _Parser:
    """One reading of one document."""

    def __init__(self) -> None:
        self.reader = Reader(neutral=NEUTRAL)
        self.broken: set[str] = set()

    def definition(self, raw: Json) -> Definition | None:
        """The head, and everything below it."""
        parts: dict[str, Part] = {
            "schedule": lambda r, p: self.reader.model(Schedule, r, p),
            "parameters": self.reader.items(lambda r, p: self.reader.model(Parameter, r, p), NOTHING["parameter"]),
            "entry": self._entry,
            "exit": self._exit,
            "settings": self._settings,
            "steps": self._steps,
        }
        return self.reader.model(Definition, raw, "", parts)

    def _entry(self, raw: Json, path: str) -> Entry | None:
        parts = {"triggers": self.reader.items(self._trigger, NOTHING["trigger"]), "suppress": self.condition}
        return self.reader.model(Entry, raw, path, parts)

    def _trigger(self, raw: Json, path: str) -> Any:
        return self._chosen(raw, path, "on", TRIGGERS, {"where": self.condition})

    def _exit(self, raw: Json, path: str) -> Exit | None:
        where = {"where": self.condition}
        goals = self.reader.items(lambda r, p: self.reader.model(Goal, r, p, where), NOTHING["goal"])
        return self.reader.model(Exit, raw, path, {"goals": goals, "when": self.condition})

    def _settings(self, raw: Json, path: str) -> WorkflowSettings | None:
        def window(raw: Json, path: str) -> Any:
            def one(item: Json, place: str) -> Window | None:
                return self.reader.model(Window, item, place)

            return self.reader.items(one, NOTHING["window"])(raw, path) if isinstance(raw, list) else one(raw, path)

        return self.reader.model(WorkflowSettings, raw, path, {"window": window})

    def condition(self, raw: Json, path: str) -> Condition | None:
        """A condition, its variant chosen by its key."""
        if not isinstance(raw, dict):
            self.reader.tell(path, "wrong_type", "a condition must be an object such as {property: …, op: …}")
            return None
        variant = variant_of(raw)
        if variant is None:
            keys = ", ".join(CONDITION_KEYS)
            self.reader.tell(path, "missing_field", f"a condition needs one of the keys {keys}")
            return None
        each = self.reader.items(self.condition, NOTHING["condition"])
        parts: dict[str, Part] = {"all": each, "any": each, "not": self.condition, "where": self.condition}
        return self.reader.model(CONDITIONS[variant], raw, path, {**parts, "value": self._operand})  # type: ignore[return-value]

    def _operand(self, raw: Json, path: str) -> Any:
        """The right side of a comparison: a literal, a list of them, a length, or something looked up."""
        if isinstance(raw, dict):
            kind = next((key for key in VALUES if key in raw), None)
            return self.reader.model(VALUES[kind] if kind else Offset, raw, path)
        for i, item in enumerate(raw if isinstance(raw, list) else [raw]):
            place = join(path, i) if isinstance(raw, list) else path
            if isinstance(item, dict | list):
                self.reader.tell(place, "wrong_type", "a value in a list must be text, a number, true or false")
                return None
            if isinstance(item, float) and not math.isfinite(item):
                self.reader.tell(place, "wrong_value", "a number must be finite")
                return None
        return raw

    def _until(self, raw: Json, path: str) -> Any:
        return self.reader.model(UNTILS[until_kind(raw)], raw, path)

    def _steps(self, raw: Json, path: str) -> list[Step] | None:
        found: list[Step] | None = self.reader.items(self._step, None)(raw, path)
        return found

    def _step(self, raw: Json, path: str) -> Any:
        outer, self.reader.step = self.reader.step, None
        if isinstance(raw, dict):
            raw = self._named(raw, path)
            self.reader.step = None if str(raw["id"]).startswith(UNNAMED) else str(raw["id"])
        step = self._chosen(raw, path, "kind", STEPS, self._step_parts(path))
        self.reader.step = outer
        if step is None:
            self.broken.add(path)
            step_id = raw["id"] if isinstance(raw, dict) else f"{UNNAMED}{len(self.reader.problems)}"
            return ActionStep(id=str(step_id), kind="action", action="", enabled=False)
        return step

    def _named(self, raw: dict[str, Json], path: str) -> dict[str, Json]:
        """The step with an id to go on with, where its own is missing or unusable."""
        written = raw.get("id")
        if isinstance(written, str) and re.fullmatch(PART_ID, written):
            return raw
        if written is None:
            self.reader.tell(join(path, "id"), "missing_field", "a step needs an id of its own, such as 'welcome_mail'")
        else:
            rule = "lower case letters, digits and underscores, a letter first, at most 40"
            self.reader.tell(join(path, "id"), "wrong_value", f"a step id must be {rule}, not {written!r}"[:300])
        return {**raw, "id": f"{UNNAMED}{len(self.reader.problems)}"}

    def _step_parts(self, path: str) -> dict[str, Part]:
        reader = self.reader
        inner = {"where": self.condition, "steps": self._steps}

        def each(model: type[BaseModel], kind: str) -> Part:
            return reader.items(lambda r, p: reader.model(model, r, p, inner), NOTHING[kind])

        return {
            "for": lambda r, p: reader.model(Offset, r, p),
            "until": self._until,
            "for_event": lambda r, p: reader.model(WaitEvent, r, p, {"where": self.condition}),
            "until_true": self.condition,
            "timeout": lambda r, p: reader.model(Timeout, r, p, {"until": self._until}),
            "matched": self._steps,
            "timed_out": self._steps,
            "branches": each(Branch, "branch"),
            "cases": each(Case, "case"),
            "arms": each(Arm, "arm"),
            "otherwise": self._steps,
        }

    def _chosen(
        self, raw: Json, path: str, key: str, models: Mapping[str, type[BaseModel]], parts: dict[str, Part]
    ) -> Any:
        """A node whose ``key`` says which model it has."""
        if not isinstance(raw, dict):
            self.reader.tell(path, "wrong_type", f"this must be an object with {key!r} and further fields")
            return None
        chosen = raw.get(key)
        model = models.get(chosen) if isinstance(chosen, str) else None
        if model is not None:
            return self.reader.model(model, raw, path, parts)
        place, kinds = join(path, key), ", ".join(models)
        if chosen is None:
            self.reader.tell(place, "missing_field", f"{key!r} is missing; it is one of {kinds}")
        else:
            close = similar(str(chosen), models)
            self.reader.tell(place, "wrong_value", f"{key!r} must be one of {kinds}, not {chosen!r}{close}"[:300])
        return None
