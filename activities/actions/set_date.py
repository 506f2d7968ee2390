"""Sets a date to another date, or to now, plus or minus an amount: a renewal a year after the close, say."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from pydantic import Field

from activities import writing
from activities.action import Action, InsideContext, Outputs
from activities.property_values import DATES, as_held
from activities.writing import WritesProperty
from domain.base import Json
from domain.catalogue import ConfigScope, Finding
from domain.comparison_rules import TOO_LONG, is_too_long
from domain.conditions import Offset, PropertyValue
from domain.facts import RecordFacts
from domain.instants import local_midnight, parse_date, parse_instant, shifted


class SetDateConfig(WritesProperty):
    """Which date is set, counted from what."""

    source: PropertyValue | None = Field(
        default=None,
        title="From",
        description="{property: name} of a date; the moment of the step if empty.",
    )
    plus: Offset = Field(default=Offset(), title="Plus", description="What is added, such as {weeks: 1} or {days: -3}.")


def check(config: SetDateConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find properties that are no dates, and an amount without end."""
    yield from writing.property_findings(config, scope, types=DATES, wanted="a date")
    if is_too_long(config.plus):
        yield Finding(path="/plus", code="wrong_value", message=TOO_LONG)
    if config.source is None:
        return
    yield from writing.source_findings(config, config.source, scope, path="/source")
    _, source = writing.source_of(config, config.source, scope)
    if source is not None and source.type not in DATES:
        words = f"{config.source.property} is a {source.type} property, not a date"
        yield Finding(path="/source", code="wrong_type", message=words)


def reads(config: SetDateConfig, scope: ConfigScope) -> Iterable[str]:
    """The date that is counted from."""
    return writing.keys_of_source(config, config.source, scope) if config.source is not None else ()


def objects(config: SetDateConfig) -> Collection[str]:
    """Associated objects that are written or read."""
    return writing.objects_of(config.of, config.source.of if config.source is not None else None)


async def run(context: InsideContext, config: SetDateConfig) -> Outputs:
    """Write it on every target; where there is no date to count from, the property is cleared."""
    facts = context.passed.facts

    async def new(record: RecordFacts) -> Json:
        definition = facts.schema_.property(record.object, config.property)
        start = _start(context, config, record)
        if start is None:
            return None
        return as_held(context, definition, shifted(start, config.plus, facts.zone))

    return await writing.write_property(context, config, new)


def _start(context: InsideContext, config: SetDateConfig, record: RecordFacts) -> datetime | None:
    """The instant to count from; of a date its first one in the workflow's zone."""
    if config.source is None:
        return context.passed.call.now
    value = writing.read_source(context, record, config.source)
    if not isinstance(value, str):
        return None
    day = parse_date(value)
    return local_midnight(day, context.passed.facts.zone) if day is not None else parse_instant(value)


ACTION = Action(
    name="set_date",
    title="Set a date",
    description="Sets a date to another date, or to the moment of the step, plus or minus an amount.",
    effect="inside",
    config=SetDateConfig,
    run=run,
    outcomes=writing.WRITES,
    check=check,
    reads=reads,
    objects=objects,
    target=writing.target_of,
)
