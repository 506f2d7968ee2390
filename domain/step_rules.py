"""Whether each step says everything it needs and nothing that cannot be; what is not built yet is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from domain.anchor_rules import DATED, check_anchored, check_dated_delay
from domain.base import JsonScalar
from domain.business_days import business_day_mistakes
from domain.callbacks import check_callback
from domain.condition_rules import Subject, check_condition, check_length, check_of
from domain.conditions import Of, Offset
from domain.config_rules import check_action
from domain.events import CALLBACK, event_name_problem
from domain.examination import Examination
from domain.graph import Graph
from domain.instants import no_day_words, parse_date
from domain.operators import TIMES
from domain.output_rules import check_event_step, check_output
from domain.plan import OTHERWISE
from domain.reader import join, similar
from domain.schema import PropertyDefinition, PropertyType
from domain.steps import (
    RESERVED_IDS,
    ActionStep,
    BranchStep,
    DelayStep,
    EndStep,
    GotoStep,
    SplitStep,
    Step,
    Timeout,
    Until,
    UntilAnchor,
    UntilClock,
    UntilDate,
    UntilEntryEvent,
    UntilProperty,
    ValueBranchStep,
    WaitEvent,
    WaitStep,
    ways,
)
from domain.triggers import EventTrigger, WebhookTrigger
from domain.value_rules import check_literal


def check_steps(x: Examination, graph: Graph, broken: frozenset[str]) -> None:
    """Every step on its own; ``broken`` holds the pointers of those that could not be read."""
    seen: dict[str, str] = {}
    for place in graph.places.values():
        step, path = place.step, place.path
        with x.inside(step.id):
            if (first := seen.setdefault(step.id, path)) != path:
                x.tell(join(path, "id"), "duplicate_id", f"the id {step.id!r} is taken by the step at {first}")
            if step.id in RESERVED_IDS:
                x.tell(join(path, "id"), "wrong_value", f"{step.id!r} is a word of the format; choose another id")
            if path not in broken:
                _check_ways(x, step, path)
                _check_step(x, graph, step, path)


def check_graph(x: Examination, graph: Graph, broken: frozenset[str]) -> None:
    """Where no run comes, and where a run would never stop."""
    # A step that could not be read may be what lets time pass, or the jump to what seems out of reach.
    if not broken:
        _check_circles(x, graph)
    if broken or any(p.code == "unknown_step" for p in x.problems):
        return
    for place in graph.unreachable():
        with x.inside(place.step.id):
            advice = "remove it, or let a goto lead to it"
            x.tell(place.path, "unreachable", f"no way leads to the step {place.step.id!r}; {advice}")


def _check_circles(x: Examination, graph: Graph) -> None:
    mute = graph.mute()
    told = [(place, "does nothing at all, so going round it has no end; put a step into it") for place in mute]
    advice = "put a delay into it or give this step max_visits"
    if x.definition.type in DATED:
        advice = "give this step max_visits, as a delay until a date that has passed holds nobody"
    told += [(place, f"lets no time pass and has no end; {advice}") for place in graph.endless() if place not in mute]
    for place, name in graph.endless_jumps():
        with x.inside(place.step.id):
            what = "going on there may come back here without any time passing; jump further on, or put a delay between"
            x.tell(join(place.path, name), "endless_loop", what)
    for place, words in told:
        if not x.spoiled(join(place.path, "max_visits")):
            with x.inside(place.step.id):
                x.tell(join(place.path, "to"), "endless_loop", f"this circle {words}")


def _check_step(x: Examination, graph: Graph, step: Step, path: str) -> None:
    match step:
        case ActionStep():
            _check_word(x, graph, step.on_error, join(path, "on_error"))
            check_action(x, step, path)
        case DelayStep():
            _check_delay(x, graph, step, path)
        case WaitStep():
            _check_wait(x, graph, step, path)
        case BranchStep():
            if not step.branches:
                x.tell(join(path, "branches"), "wrong_value", "a branch needs at least one way")
            for i, branch in enumerate(step.branches):
                subject = Subject(x.definition.object, at_step=True)
                check_condition(x, branch.where, join(path, "branches", i, "where"), subject)
        case ValueBranchStep():
            _check_value_branch(x, step, path)
        case SplitStep():
            if len(step.arms) < 2 or sum(arm.weight for arm in step.arms) == 0:
                x.tell(join(path, "arms"), "wrong_value", "a split needs two arms or more, one of them with a weight")
        case GotoStep():
            if step.to not in graph.by_id:
                x.tell(join(path, "to"), "unknown_step", _no_step(step.to, graph))
        case EndStep():
            return
        case _ as never:
            assert_never(never)


def _check_ways(x: Examination, step: Step, path: str) -> None:
    seen: set[str] = set()
    for way in ways(step):
        place = path + way.path.rsplit("/", 1)[0]
        if isinstance(step, BranchStep | ValueBranchStep | SplitStep) and place != path:
            if way.edge and way.edge in seen:
                x.tell(join(place, "id"), "duplicate_id", f"the id {way.edge!r} is used twice in this step")
            if way.edge == OTHERWISE:
                x.tell(join(place, "id"), "wrong_value", f"{OTHERWISE!r} is the way taken when nothing matches")
            seen.add(way.edge)


def _check_delay(x: Examination, graph: Graph, step: DelayStep, path: str) -> None:
    if step.for_ is not None and step.until is not None:
        x.tell(join(path, "until"), "wrong_value", "a delay has either 'for' or 'until', not both")
    elif step.for_ is None and step.until is None and not x.spoiled(join(path, "until")):
        x.tell(join(path, "for"), "missing_field", "a delay needs 'for' (a length) or 'until' (an instant)")
    if step.for_ is not None:
        check_length(x, step.for_, join(path, "for"))
    if step.business_days:
        _check_business_days(x, step.for_, join(path, "for"), join(path, "business_days"))
    _check_word(x, graph, step.if_past, join(path, "if_past"), ("skip_sends",))
    waits = () if isinstance(step.until, UntilEntryEvent) else ("wait",)
    _check_word(x, graph, step.if_missing, join(path, "if_missing"), ("skip_sends", *waits))
    _check_until(x, step.until, join(path, "until"))
    check_dated_delay(x, step, path)


def _check_wait(x: Examination, graph: Graph, step: WaitStep, path: str) -> None:
    subject = Subject(x.definition.object, at_step=True)
    if step.for_event is not None and step.until_true is not None:
        what = "a wait has either 'for_event' or 'until_true', not both"
        x.tell(join(path, "until_true"), "wrong_value", what)
    elif step.for_event is None and step.until_true is None:
        what = "a wait needs 'for_event' (an event) or 'until_true' (a condition)"
        x.tell(join(path, "for_event"), "missing_field", what)
    if step.for_event is not None:
        _check_awaited(x, graph, step.for_event, join(path, "for_event"))
    if step.until_true is not None:
        check_condition(x, step.until_true, join(path, "until_true"), subject)
    place = join(path, "timeout")
    if step.timeout is None and not step.forever:
        what = "a wait needs a timeout, for example {days: 3}; or say forever: true"
        x.tell(place, "missing_field", what)
    elif step.timeout is not None:
        _check_timeout(x, step, step.timeout, place)


def _check_timeout(x: Examination, step: WaitStep, timeout: Timeout, path: str) -> None:
    if step.forever:
        x.tell(path, "wrong_value", "a wait that lasts forever has no timeout; leave one of both out")
    if timeout.business_days:
        length = timeout.length if timeout.until is None else None
        _check_business_days(x, length, path, join(path, "business_days"))
    if timeout.until is None:
        check_length(x, timeout, path)
    elif not timeout.is_zero:
        x.tell(join(path, "until"), "wrong_value", "a timeout is either a length or 'until' an instant, not both")
    _check_until(x, timeout.until, join(path, "until"))


def _check_business_days(x: Examination, length: Offset | None, path: str, switch: str) -> None:
    """Business days are counted in a length, by its days."""
    if length is None:
        x.tell(switch, "wrong_value", "business days are counted in a length; an instant has none")
        return
    for name, code, words in business_day_mistakes(length):
        x.tell(join(path, name), code, words)


def _check_awaited(x: Examination, graph: Graph, awaited: WaitEvent, path: str) -> None:
    subject = Subject(x.definition.object)
    if awaited.event == CALLBACK:
        check_callback(x, awaited, path)
    elif (words := event_name_problem(awaited.event)) is not None:
        x.tell(join(path, "event"), "wrong_value", words)
    if awaited.step is not None and awaited.step not in graph.by_id:
        x.tell(join(path, "step"), "unknown_step", _no_step(awaited.step, graph))
    elif awaited.step is not None:
        check_event_step(x, awaited.event, awaited.step, path)
    if awaited.of is not None:
        check_of(x, awaited.of, join(path, "of"), subject)
        if awaited.of.match is not None:
            what = "an event of any associated record counts; remove match"
            x.tell(join(path, "of", "match"), "wrong_value", what)
    if awaited.where is not None:
        here = Subject(x.definition.object, at_event=True, at_step=True)
        check_condition(x, awaited.where, join(path, "where"), here)


def _check_until(x: Examination, until: Until | None, place: str) -> None:
    match until:
        case None:
            return
        case UntilClock():
            if until.weekdays == []:
                x.tell(join(place, "weekdays"), "wrong_value", "no weekday is allowed; leave the field out for any day")
        case UntilDate():
            if parse_date(until.date) is None:
                x.tell(join(place, "date"), "wrong_value", no_day_words(until.date))
        case UntilProperty():
            _check_until_property(x, until, place)
        case UntilAnchor():
            check_anchored(x, until, place)
        case UntilEntryEvent():
            _check_until_event(x, until, place)
        case _ as never:
            assert_never(never)


def _check_until_event(x: Examination, until: UntilEntryEvent, path: str) -> None:
    check_length(x, until.offset, join(path, "offset"), signed=True)
    if not any(isinstance(trigger, EventTrigger | WebhookTrigger) for trigger in x.definition.entry.triggers):
        what = "nobody enters this workflow by an event; add an event or webhook trigger, or name a property"
        x.tell(join(path, "entry_event"), "wrong_value", what)


def _check_until_property(x: Examination, until: UntilProperty, path: str) -> None:
    check_length(x, until.offset, join(path, "offset"), signed=True)
    definition = _one_value(x, until.of, until.property, path)
    if definition is None:
        return
    if definition.type not in TIMES:
        what = f"{until.property!r} is of type {definition.type}; a delay needs a date or a datetime"
        x.tell(join(path, "property"), "wrong_type", what)
    elif definition.type is PropertyType.DATE and until.time is None:
        x.tell(
            join(path, "time"), "missing_field", f'{until.property!r} is a date; add a time of day, as time: "09:00"'
        )


def _one_value(x: Examination, of: Of | None, name: str, path: str) -> PropertyDefinition | None:
    """The definition of a property that is read from one record: the enrolled, the bound or the latest associated."""
    object = check_of(x, of, join(path, "of"), Subject(x.definition.object))
    if of is not None and of.match not in (None, "latest"):
        x.tell(
            join(path, "of", "match"), "wrong_value", f"one record is needed here, so match is latest, not {of.match}"
        )
    return x.known_property(object, name, join(path, "property")) if object is not None else None


def _check_value_branch(x: Examination, step: ValueBranchStep, path: str) -> None:
    if not step.cases:
        x.tell(join(path, "cases"), "wrong_value", "a value branch needs at least one case")
    definition = _value_that_decides(x, step, path)
    if definition is not None and definition.type in (PropertyType.MULTI_ENUM, PropertyType.DATETIME):
        what = f"a value branch needs one plain value, {step.property!r} is of type {definition.type}; use a branch"
        x.tell(join(path, "property"), "wrong_type", what)
        return
    taken: list[JsonScalar] = []
    for i, case in enumerate(step.cases):
        place = join(path, "cases", i, "values")
        if not case.values:
            x.tell(place, "wrong_value", "this case lists no value, so nobody goes its way")
        for j, value in enumerate(case.values):
            if value in taken:
                x.tell(join(place, j), "wrong_value", f"{value!r} is listed twice; only the first way is ever taken")
            taken.append(value)
            if definition is not None:
                check_literal(x, definition, value, join(place, j))


def _value_that_decides(x: Examination, step: ValueBranchStep, path: str) -> PropertyDefinition | None:
    """The property by whose value a branch goes; None: an output, or it was told what is wrong."""
    if step.property is None and step.output is None:
        what = "a value branch needs the property or the output whose value decides"
        x.tell(join(path, "property"), "missing_field", what)
    elif step.output is None:
        if step.step is not None:
            x.tell(join(path, "step"), "wrong_value", "a step is named for its output; say which")
        return _one_value(x, step.of, step.property or "", path)
    elif step.step is None:
        x.tell(join(path, "step"), "missing_field", "say which step gives the output")
    elif step.property is not None or step.of is not None:
        x.tell(join(path, "output"), "wrong_value", "a value branch has either a property or an output, not both")
    else:
        check_output(x, step.step, path)
    return None


def _check_word(x: Examination, graph: Graph, word: str, path: str, more: Iterable[str] = ()) -> None:
    """What to do next: go on, leave, or go on at a step; ``more`` words are known here."""
    known = ("continue", "exit", *more)
    if word not in known and word not in graph.by_id:
        words = ", ".join(repr(each) for each in known)
        x.tell(path, "unknown_step", f"{words} or the id of a step is possible here; {_no_step(word, graph)}")


def _no_step(step_id: str, graph: Graph) -> str:
    return f"there is no step {step_id!r}{similar(step_id, graph.by_id)}"
