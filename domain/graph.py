"""Where a run can go from each step: lists run from top to bottom, lists inside a step rejoin after it.

Places are named by the JSON Pointer of their step, so that two steps with one id stay two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

from domain.definition import Definition
from domain.steps import (
    PAST,
    ActionStep,
    BranchStep,
    DelayStep,
    EndStep,
    GotoStep,
    SplitStep,
    Step,
    UntilAnchor,
    UntilDate,
    UntilEntryEvent,
    UntilProperty,
    ValueBranchStep,
    WaitStep,
    is_anchored,
    ways,
)

JUMPS = ("on_error", "if_past", "if_missing")
"""The fields of a step that may name another to go on at."""


@dataclass(frozen=True)
class Place:
    """One step and what surrounds it, all as pointers.

    ``next``: what follows it (None: the end of the workflow). ``edges``: the first step of each way inside it, or what
    follows when the way is empty. ``before``: the step above it in its list, else the step its list stands in.
    ``shut``: it stands inside a step that is switched off. ``governs``: of an anchored delay, the ids of the steps that
    are passed over with it when it is past.
    """

    step: Step
    path: str
    next: str | None
    edges: dict[str, str | None]
    before: str | None
    shut: bool
    governs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Graph:
    """All places of a definition in the order they are written; ``landings``: where goals jump to."""

    places: Mapping[str, Place]
    by_id: Mapping[str, str]
    start: str | None
    landings: tuple[str, ...] = ()

    def goes_to(self, place: Place) -> set[str | None]:
        """Every place a run may be at after this one; None is the end."""
        step = place.step
        if not step.enabled:
            return {place.next}
        match step:
            case ActionStep():
                return {place.next, *self._jumps(step.on_error)}
            case DelayStep():
                # What an anchored delay does without its date, or too late for it, is no matter of choice.
                chosen = () if is_anchored(step) else (step.if_past, step.if_missing)
                return {place.next, *place.edges.values(), *self._jumps(*chosen)}
            case BranchStep() | ValueBranchStep() | SplitStep() | WaitStep():
                return set(place.edges.values()) or {place.next}
            case GotoStep():
                falls_through = {place.next} if step.max_visits is not None else set()
                return {*self._jumps(step.to), *falls_through}
            case EndStep():
                return set()

    def _jumps(self, *ids: str) -> set[str | None]:
        return {self.by_id[step_id] for step_id in ids if step_id in self.by_id}

    def reachable(self) -> set[str]:
        """Every place some run can come to."""
        return set().union(*(self._from(path, self.goes_to) for path in (self.start, *self.landings)))

    def unreachable(self) -> list[Place]:
        """Where no run comes: of a row of such places the first one; what is switched off is not asked for."""
        seen = self.reachable()
        lost = [p for p in self.places.values() if p.path not in seen and not p.shut]
        return [p for p in lost if p.before is None or p.before in seen]

    def endless(self) -> list[Place]:
        """Every goto that closes a circle in which no time passes and nothing is counted."""
        return [
            place
            for place in self.places.values()
            if isinstance(place.step, GotoStep) and place.step.enabled and place.step.max_visits is None
            and place.path in self._from(self.by_id.get(place.step.to), self._at_once)
        ]  # fmt: skip

    def endless_jumps(self) -> list[tuple[Place, str]]:
        """Every jump for the case of a failure or a date that closes a circle in which no time passes, by its field."""
        return [
            (place, name)
            for place in self.places.values()
            for name in JUMPS
            if place.step.enabled
            and not lets_time_pass(place.step)
            and (target := self.by_id.get(str(getattr(place.step, name, "")))) is not None
            and place.path in self._from(target, self._at_once)
        ]

    def mute(self) -> list[Place]:
        """Every goto that closes a circle in which nothing is asked, counted or not.

        A run that turns in one never gives way to the others of its worker, so a million rounds are as bad as no end.
        """
        return [
            place
            for place in self.places.values()
            if isinstance(place.step, GotoStep) and place.step.enabled
            and place.path in self._from(self.by_id.get(place.step.to), self._unasked)
        ]  # fmt: skip

    def before_dates(self) -> set[str | None]:
        """Every place a run can come to from the start without any delay that counts from the date; None is the end."""
        seen: set[str | None] = set()
        waiting = [self.start]
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            if path is not None and not is_anchored(self.places[path].step):
                place = self.places[path]
                # An end step ends the round as the end of the list does.
                waiting.extend(self.goes_to(place) or {None})
        return seen

    def _unasked(self, place: Place) -> set[str | None]:
        """Where a run goes by itself: only a goto and what is switched off ask nobody."""
        return set() if place.step.enabled and not isinstance(place.step, GotoStep) else self.goes_to(place)

    def _at_once(self, place: Place) -> set[str | None]:
        """Where a run goes without any time passing and as often as it likes."""
        step = place.step
        if step.enabled and lets_time_pass(step):
            return set()
        if step.enabled and isinstance(step, GotoStep) and step.max_visits is not None:
            return {place.next}
        return self.goes_to(place)

    def _from(self, start: str | None, goes_to: Callable[[Place], set[str | None]]) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            path = waiting.pop()
            if path is not None and path not in seen:
                seen.add(path)
                waiting.extend(goes_to(self.places[path]))
        return seen


def lets_time_pass(step: Step) -> bool:
    """Whether nobody can pass the step twice at the same instant; a date that is past holds nobody."""
    match step:
        case WaitStep():
            return True
        case DelayStep():
            if isinstance(step.until, UntilAnchor):
                return False
            if isinstance(step.until, UntilDate):
                return step.if_past == "exit"
            if isinstance(step.until, UntilProperty | UntilEntryEvent):
                return step.if_past == "exit" and step.if_missing in ("exit", "wait")
            return True
        case _:
            return False


def draw(definition: Definition) -> Graph:
    """The graph of a definition; jumps to steps that do not exist lead nowhere."""
    places = {place.path: place for place in _places(definition.steps, "/steps", None, None, False)}
    by_id: dict[str, str] = {}
    for place in places.values():
        by_id.setdefault(place.step.id, place.path)
    landings = tuple(by_id[goal.go_to] for goal in definition.exit.goals if goal.go_to in by_id)
    return Graph(places=places, by_id=by_id, start="/steps/0" if definition.steps else None, landings=landings)


def _places(steps: list[Step], path: str, follow: str | None, before: str | None, shut: bool) -> Iterator[Place]:
    for i, step in enumerate(steps):
        here = f"{path}/{i}"
        after = f"{path}/{i + 1}" if i + 1 < len(steps) else follow
        inside = ways(step)
        edges = {way.edge: f"{here}{way.path}/0" if way.steps else after for way in inside}
        governed = _governed(steps[i + 1 :]) if is_anchored(step) else []
        if is_anchored(step):
            behind = i + 1 + len(governed)
            edges[PAST] = f"{path}/{behind}" if behind < len(steps) else follow
        governs = tuple(each.id for each in governed)
        yield Place(step=step, path=here, next=after, edges=edges, before=before, shut=shut, governs=governs)
        for way in inside:
            yield from _places(way.steps, f"{here}{way.path}", after, here, shut or not step.enabled)
        before = here


def _governed(following: list[Step]) -> list[Step]:
    """The steps an anchored delay governs: up to the next one of its list, or to where the way leads elsewhere."""

    def is_border(step: Step) -> bool:
        return is_anchored(step) or (step.enabled and isinstance(step, GotoStep | EndStep))

    return list(takewhile(lambda step: not is_border(step), following))
