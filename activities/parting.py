"""What appending to a property and removing from it have in common: lists of options, and texts of several parts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeAlias

from pydantic import Field

from activities import writing
from activities.action import InsideContext
from activities.writing import WritesProperty
from domain.catalogue import ConfigScope, Finding
from domain.fields import LiquidText
from domain.reader import similar
from domain.schema import PropertyType

TEXTS = frozenset({PropertyType.STRING, PropertyType.TEXT})
PARTED = TEXTS | {PropertyType.MULTI_ENUM}

Values: TypeAlias = LiquidText | list[LiquidText]


class PartsConfig(WritesProperty):
    """Which property, and which parts of it."""

    value: Values = Field(
        title="Value", description="An option or several; for a text a template, or several.", min_length=1
    )
    separator: str = Field(
        default="\n", title="Separator", description="What stands between the parts of a text.", min_length=1
    )


def parts_of(config: PartsConfig) -> list[str]:
    """What is put in or taken out, one or several."""
    return [config.value] if isinstance(config.value, str) else config.value


def check(config: PartsConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a property that has no parts, and options it does not have."""
    yield from writing.property_findings(config, scope, types=PARTED, wanted="a text or one of several options")
    definition = writing.definition_written(config, scope)
    if definition is None or definition.type is not PropertyType.MULTI_ENUM:
        return
    for n, part in enumerate(parts_of(config)):
        if definition.option(part) is None:
            words = f"{config.property} has no option {part!r}{similar(part, [o.value for o in definition.options])}"
            path = "/value" if isinstance(config.value, str) else f"/value/{n}"
            yield Finding(path=path, code="unknown_option", message=words)


def objects(config: PartsConfig) -> Collection[str]:
    """Associated objects that are written."""
    return writing.objects_of(config.of)


def given_parts(context: InsideContext, config: PartsConfig) -> tuple[list[str], str | None]:
    """The parts as they are now, and the separator; None for a list of options.

    Raises:
        StepFailed: ``bad_template``.
    """
    facts = context.passed.facts
    object = facts.record.object if config.of is None else config.of.object
    definition = facts.schema_.property(object, config.property)
    if definition is not None and definition.type is PropertyType.MULTI_ENUM:
        return parts_of(config), None
    return [text for each in parts_of(config) if (text := context.text(each))], config.separator
