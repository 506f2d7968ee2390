"""Increases or decreases a number of the record or of associated records; where there is none, it counts from 0.

Inside, with the record locked: many enrollments that count at the same instant lose none of it. Sums are decimal, so
0.1 and 0.2 are 0.3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from activities import writing
from activities.action import Action, InsideContext, Outputs
from activities.writing import WritesProperty
from domain.base import Json
from domain.catalogue import ConfigScope, Finding
from domain.conditions import PropertyValue
from domain.converting import as_number
from domain.facts import RecordFacts
from domain.schema import PropertyType

NUMBERS = frozenset({PropertyType.NUMBER})


class IncreasePropertyConfig(WritesProperty):
    """Which number grows, and by how much."""

    by: StrictInt | StrictFloat | PropertyValue = Field(
        default=1, title="By", description="A number, with a minus to decrease; or {property: name}."
    )
    decrease: StrictBool = Field(default=False, title="Decrease", description="Take it off instead of adding it.")


def check(config: IncreasePropertyConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a property that is no number, and an amount that is none or changes nothing."""
    yield from writing.property_findings(config, scope, types=NUMBERS, wanted="a number")
    if isinstance(config.by, PropertyValue):
        yield from writing.source_findings(config, config.by, scope, path="/by")
        _, source = writing.source_of(config, config.by, scope)
        if source is not None and source.type is not PropertyType.NUMBER:
            words = f"{config.by.property} is a {source.type} property, not a number"
            yield Finding(path="/by", code="wrong_type", message=words)
    elif config.by == 0:
        yield Finding(path="/by", code="wrong_value", message="by 0 nothing changes")
    elif not Decimal(str(config.by)).is_finite():
        yield Finding(path="/by", code="wrong_value", message="must be a finite number")


def reads(config: IncreasePropertyConfig, scope: ConfigScope) -> Iterable[str]:
    """A property that says by how much."""
    return writing.keys_of_source(config, config.by, scope) if isinstance(config.by, PropertyValue) else ()


def objects(config: IncreasePropertyConfig) -> Collection[str]:
    """Associated objects that are written or read."""
    return writing.objects_of(config.of, config.by.of if isinstance(config.by, PropertyValue) else None)


async def run(context: InsideContext, config: IncreasePropertyConfig) -> Outputs:
    """Add it on every target; an amount that is empty changes nothing."""

    async def new(record: RecordFacts) -> Json:
        current = record.properties.get(config.property)
        amount = config.by
        by = writing.read_source(context, record, amount) if isinstance(amount, PropertyValue) else amount
        if not isinstance(by, int | float):
            return current
        start = Decimal(str(current)) if isinstance(current, int | float) else Decimal(0)
        step = Decimal(str(by))
        return as_number(start - step if config.decrease else start + step)

    return await writing.write_property(context, config, new)


ACTION = Action(
    name="increase_property",
    title="Increase or decrease a number",
    description="Adds to a number of the record or of its associated records, or takes something off.",
    effect="inside",
    config=IncreasePropertyConfig,
    run=run,
    outcomes=writing.WRITES,
    check=check,
    reads=reads,
    objects=objects,
    target=writing.target_of,
)
