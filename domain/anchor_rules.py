"""Whether a dated workflow says which date it is about, and whether its delays count from that date and no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from domain.comparison_rules import check_length, is_too_long
from domain.definition import Anchor, Definition
from domain.examination import Examination
from domain.graph import Graph, Place
from domain.instants import no_day_words, parse_date
from domain.operators import TIMES
from domain.problems import Problem
from domain.reader import join
from domain.schema import PropertyType
from domain.steps import ActionStep, DelayStep, UntilAnchor, WaitStep

YEAR = timedelta(days=365)

DATED = ("specific_date", "date_property")
"""The types whose steps count from a date, never from the step before."""


def check_anchor(x: Examination) -> None:
    """The anchor of a dated workflow; that others have none is told with the head."""
    d = x.definition
    if d.type not in DATED:
        return
    if d.anchor is None:
        if not x.spoiled("/anchor"):
            example = '{date: 2027-03-01, time: "18:00"}' if d.type == "specific_date" else "{property: renewal_date}"
            x.tell("/anchor", "missing_field", f"a {d.type} workflow counts from a date; say which, as {example}")
    elif d.type == "specific_date":
        _check_date(x, d.anchor)
    else:
        _check_property(x, d.anchor)


def check_rounds(x: Examination, graph: Graph) -> None:
    """That each round of a yearly workflow waits for its date before anything happens, and is over within a year."""
    d = x.definition
    if d.type != "date_property" or d.anchor is None or not d.anchor.yearly:
        return
    _check_within_a_year(x, graph)
    if any(p.code == "unknown_step" for p in x.problems):
        return
    early = graph.before_dates()
    if None in early:
        words = "a way leads to the end without a delay that counts from the date, so its years would pass at once"
        x.tell(
            "/anchor/yearly", "endless_loop", f"{words}; put one at the beginning, as until: {{anchor: {{days: 0}}}}"
        )
        return
    for place in graph.places.values():
        if place.path in early and place.step.enabled and isinstance(place.step, ActionStep | WaitStep):
            words = "it comes before any delay that counts from the date, so at once, and again when a year is over"
            with x.inside(place.step.id):
                x.tell(place.path, "wrong_value", f"{words}; put one above it, as until: {{anchor: {{days: 0}}}}")


def _check_within_a_year(x: Examination, graph: Graph) -> None:
    """That every step of a round is due before the first of the next one."""
    offsets = [(place, path, length) for place in graph.places.values() for path, length in _offsets(place)]
    for place, path, length in offsets:
        if abs(length) > YEAR:
            with x.inside(place.step.id):
                x.tell(path, "wrong_value", "a step of a yearly workflow is at most 365 days from its date")
    earliest = min(offsets, key=lambda each: each[2], default=None)
    if earliest is None or abs(earliest[2]) > YEAR:
        return
    for place, path, length in offsets:
        if YEAR >= length >= earliest[2] + YEAR:
            words = f"it is due a year or more after step {earliest[0].step.id!r}, when the next year has begun already"
            with x.inside(place.step.id):
                x.tell(path, "wrong_value", f"{words}; bring them closer, or make two workflows")


def _offsets(place: Place) -> Iterator[tuple[str, timedelta]]:
    """Where a step in use counts from the date, and how far from it."""
    step = place.step
    if not step.enabled or place.shut:
        return
    until, path = (step.until, place.path) if isinstance(step, DelayStep) else (None, "")
    if isinstance(step, WaitStep) and step.timeout is not None:
        until, path = step.timeout.until, join(place.path, "timeout")
    if isinstance(until, UntilAnchor) and not is_too_long(until.anchor):
        yield join(path, "until", "anchor"), timedelta(**until.anchor.model_dump())


def past_date(definition: Definition, today: date) -> Problem | None:
    """A fixed date that lies behind: no mistake, as steps may come after it, but seldom meant."""
    anchor = definition.anchor
    day = parse_date(anchor.date) if anchor is not None and anchor.date is not None else None
    if day is None or day >= today:
        return None
    words = f"{day} has passed: whoever enters now skips every step that was due by now"
    return Problem(path="/anchor/date", code="wrong_value", message=words)


def check_anchored(x: Examination, until: UntilAnchor, path: str) -> None:
    """An instant that counts from the anchor."""
    d = x.definition
    if d.type not in DATED:
        what = f"'anchor' counts from the date of a dated workflow; this one is {d.type}"
        x.tell(join(path, "anchor"), "delay_not_allowed_here", what)
        return
    check_length(x, until.anchor, join(path, "anchor"), signed=True)
    if until.time is None and d.anchor is not None and not _has_time(x, d.anchor):
        # Told at the anchor, whose time is what may change while everything else stays.
        words = f"step {x.step!r} has no time of day, so it counts from that of the anchor, which has none"
        x.tell("/anchor/time", "missing_field", f'{words}; add it to one of them, as time: "09:00"')


def check_dated_delay(x: Examination, step: DelayStep, path: str) -> None:
    """A delay of a dated workflow: it counts from the anchor."""
    if x.definition.type not in DATED or isinstance(step.until, UntilAnchor):
        return
    written = "for" if step.for_ is not None else "until"
    if step.for_ is not None or step.until is not None:
        words = f"delays of a {x.definition.type} workflow count from its date, never from the step before"
        x.tell(
            join(path, written),
            "delay_not_allowed_here",
            f'{words}; write until: {{anchor: {{days: -1}}, time: "09:00"}}',
        )


def _check_date(x: Examination, anchor: Anchor) -> None:
    if anchor.date is None:
        x.tell(
            "/anchor/date",
            "missing_field",
            "a specific_date workflow counts from one date; add it, as date: 2027-03-01",
        )
    elif parse_date(anchor.date) is None:
        x.tell("/anchor/date", "wrong_value", no_day_words(anchor.date))
    for name, value in (("property", anchor.property), ("of", anchor.of), ("yearly", anchor.yearly or None)):
        if value is not None:
            words = (
                f"a specific_date workflow has one date for everybody; remove {name!r}, or make it a date_property one"
            )
            x.tell(f"/anchor/{name}", "wrong_value", words)


def _check_property(x: Examination, anchor: Anchor) -> None:
    if anchor.date is not None:
        words = (
            "a date_property workflow takes the date from each record; remove 'date', or make it a specific_date one"
        )
        x.tell("/anchor/date", "wrong_value", words)
    if anchor.property is None:
        words = "a date_property workflow counts from a date of each record; name it, as property: renewal_date"
        x.tell("/anchor/property", "missing_field", words)
        return
    object = anchor.of or x.definition.object
    if anchor.of is not None and not x.known_object(anchor.of, "/anchor/of"):
        return
    found = x.known_property(object, anchor.property, "/anchor/property")
    if found is not None and found.type not in TIMES:
        words = f"{anchor.property!r} is of type {found.type}; an anchor needs a date or a datetime"
        x.tell("/anchor/property", "wrong_type", words)


def _has_time(x: Examination, anchor: Anchor) -> bool:
    """Whether the anchor is an instant and not a whole day; also where that cannot be said, as it is told elsewhere."""
    if anchor.time is not None or x.spoiled("/anchor/time"):
        return True
    if x.definition.type == "specific_date":
        return False
    object = x.catalogue.schema.object(anchor.of or x.definition.object)
    found = object.property(anchor.property) if object is not None and anchor.property is not None else None
    return found is None or found.type is not PropertyType.DATE
