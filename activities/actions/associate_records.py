"""Associates records the enrollment knows with each other, or gives an association another label.

Such as all contacts of a company with its newest opportunity. Inside: all associations and the visit are one
transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import Field, StrictStr

from activities import writing
from activities.action import Action, InsideContext, Outputs, Target
from domain.builtin import can_associate
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import Of
from domain.errors import Invalid
from services.records.associating import LABEL_LENGTH
from services.records.records import associate


class AssociateRecordsConfig(ActionConfig):
    """Which records are associated with which."""

    of: Of | None = Field(default=None, title="One side", description="Associated records, or the enrolled one.")
    other: Of = Field(title="Other side", description="Associated records; all with all of the one side.")
    label: Annotated[StrictStr, Field(min_length=1, max_length=LABEL_LENGTH)] | None = Field(
        default=None, title="Label", description="What the association is called; an old one gets it too."
    )


def check(config: AssociateRecordsConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find records that cannot be meant, and types that cannot be associated."""
    yield from writing.of_findings(config.of, scope)
    yield from writing.of_findings(config.other, scope, at="/other")
    one = scope.object if config.of is None else config.of.object
    if scope.schema_.object(config.other.object) and scope.schema_.object(one):
        if config.of == config.other or config.other.object == scope.object:
            words = "the records of both sides are the same; name others"
            yield Finding(path="/other", code="wrong_value", message=words)
        elif not can_associate(one, config.other.object):
            words = f"{one} and {config.other.object} cannot be associated"
            yield Finding(path="/other/object", code="wrong_value", message=words)


def objects(config: AssociateRecordsConfig) -> Collection[str]:
    """Associated objects of both sides."""
    return writing.objects_of(config.of, config.other)


def target(config: AssociateRecordsConfig) -> Target:
    """Both sides."""
    return Target(of=config.of, also=(config.other,))


async def run(context: InsideContext, config: AssociateRecordsConfig) -> Outputs:
    """Associate all with all; ``changed`` is how many of the pairs were not associated like this before."""
    ones, others = writing.records_or_skip(context, config.of), writing.records_or_skip(context, config.other)
    write = writing.write_of(context)
    pairs = [(one.id, other.id) for one in ones for other in others if one.id != other.id]
    try:
        changed = [await associate(context.tx, write, *pair, config.label) for pair in pairs]
    except Invalid as wrong:
        raise writing.wrong_value(wrong) from wrong
    return {"pairs": len(pairs), "changed": sum(changed)}


ACTION = Action(
    name="associate_records",
    title="Associate records",
    description="Associates records around the enrolled one with each other, with a label.",
    effect="inside",
    config=AssociateRecordsConfig,
    run=run,
    outcomes=(
        "done: pairs, how many were meant, and changed, how many are new or have a new label",
        "skipped: no_record",
        "failed: wrong_value",
    ),
    check=check,
    objects=objects,
    target=target,
)
