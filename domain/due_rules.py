"""Whether the time a task is due at can be meant."""

from __future__ import annotations

from collections.abc import Iterable

from domain.business_days import business_day_mistakes
from domain.catalogue import ConfigScope, Finding
from domain.comparison_rules import TOO_LONG, is_too_long
from domain.instants import no_day_words, parse_date
from domain.operators import TIMES
from domain.reader import similar
from domain.schema import PropertyType
from domain.steps import UntilClock, UntilDate, UntilProperty
from domain.tasks import DueAt, DueIn


def due_in_findings(due: DueIn, path: str) -> Iterable[Finding]:
    """What is wrong with a length."""
    if min(due.weeks, due.days, due.hours, due.minutes, due.seconds) < 0:
        yield Finding(path=path, code="wrong_value", message="a task is due after it is created: use no minus")
    elif is_too_long(due):
        yield Finding(path=path, code="wrong_value", message=TOO_LONG)
    if due.business_days:
        for name, code, words in business_day_mistakes(due.length):
            yield Finding(path=f"{path}/{name}", code=code, message=words)


def due_at_findings(due: DueAt, scope: ConfigScope, path: str) -> Iterable[Finding]:
    """What is wrong with an instant."""
    match due:
        case UntilClock(weekdays=[]):
            words = "no weekday is allowed; leave the field out for any day"
            yield Finding(path=f"{path}/weekdays", code="wrong_value", message=words)
        case UntilDate() if parse_date(due.date) is None:
            yield Finding(path=f"{path}/date", code="wrong_value", message=no_day_words(due.date))
        case UntilProperty():
            yield from _property_findings(due, scope, path)


def _property_findings(due: UntilProperty, scope: ConfigScope, path: str) -> Iterable[Finding]:
    if is_too_long(due.offset):
        yield Finding(path=f"{path}/offset", code="wrong_value", message=TOO_LONG)
    of = due.of
    if of is not None and of.match not in (None, "latest"):
        words = f"one record is needed here, so match is latest, not {of.match}"
        yield Finding(path=f"{path}/of/match", code="wrong_value", message=words)
    known = scope.schema_.object(of.object if of is not None else scope.object)
    if known is None:
        assert of is not None, "the workflow's own object type exists"
        words = f"there is no object type {of.object!r}{similar(of.object, scope.schema_.objects)}"
        yield Finding(path=f"{path}/of/object", code="unknown_object", message=words)
        return
    definition = known.property(due.property)
    if definition is None:
        words = f"{known.name} has no property {due.property!r}{similar(due.property, known.properties)}"
        yield Finding(path=f"{path}/property", code="unknown_property", message=words)
    elif definition.type not in TIMES:
        words = f"{due.property!r} is of type {definition.type}; a task is due at a date or a datetime"
        yield Finding(path=f"{path}/property", code="wrong_type", message=words)
    elif definition.type is PropertyType.DATE and due.time is None:
        words = f'{due.property!r} is a date; add a time of day, as time: "17:00"'
        yield Finding(path=f"{path}/time", code="missing_field", message=words)
