"""Formats a value and keeps it for later steps: ``{{ steps.<id>.value }}`` in their templates.

Inside, and without any effect but its visit. A value an operation cannot work on fails the step with ``wrong_value``,
or is replaced by ``otherwise`` where that is given.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from activities.action import Action, InsideContext, Outputs
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.comparison_rules import TOO_LONG, is_too_long
from domain.errors import StepFailed
from domain.fields import LiquidText
from domain.formatting import DateFormat, NoFormat, Operation, SumFormat, formatted, pattern_problem

MOST_OPERATIONS = 20
LONGEST = 65_536
"""Characters of a value; a text property holds as many."""


class FormatDataConfig(ActionConfig):
    """Which value, and what is done to it."""

    value: LiquidText = Field(title="Value", description="A template, such as {{ contact.phone }}.", min_length=1)
    operations: list[Operation] = Field(
        title="Operations",
        description="One after the other: trim, upper, lower, capitalize, title, replace, cut, add, subtract, multiply,"
        " divide, round, abs, date, phone.",
        min_length=1,
        max_length=MOST_OPERATIONS,
    )
    otherwise: LiquidText | None = Field(
        default=None, title="Otherwise", description="The value where an operation cannot work; else the step fails."
    )


def check(config: FormatDataConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find operations that can never work."""
    for n, operation in enumerate(config.operations):
        path = f"/operations/{n}"
        match operation:
            case SumFormat(do="divide", number=0):
                yield Finding(path=f"{path}/number", code="wrong_value", message="nothing can be divided by 0")
            case DateFormat():
                if operation.pattern is not None and (words := pattern_problem(operation.pattern)):
                    yield Finding(path=f"{path}/pattern", code="wrong_value", message=words)
                if is_too_long(operation.plus):
                    yield Finding(path=f"{path}/plus", code="wrong_value", message=TOO_LONG)


async def run(context: InsideContext, config: FormatDataConfig) -> Outputs:
    """Format it."""
    written = context.text(config.value)
    try:
        value = formatted(
            written,
            config.operations,
            zone=context.passed.facts.zone,
            phones=context.inst.phones,
            region=context.passed.account.default_region,
        )
    except NoFormat as no:
        if config.otherwise is None:
            raise StepFailed("wrong_value", f"the value {no}") from no
        value = context.text(config.otherwise)
    if isinstance(value, str) and len(value) > LONGEST:
        raise StepFailed("wrong_value", f"the value is longer than {LONGEST} characters")
    return {"value": value}


ACTION = Action(
    name="format_data",
    title="Format data",
    description="Formats a text, a number, a date or a telephone number for later steps.",
    effect="inside",
    config=FormatDataConfig,
    run=run,
    outcomes=("done: value, a text or a number", "skipped: no_record", "failed: wrong_value, bad_template"),
    check=check,
)
