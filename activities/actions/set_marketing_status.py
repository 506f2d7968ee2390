"""Makes a contact one that marketing may go to, or one that it may not; both at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from pydantic import Field

from activities import writing
from activities.action import Action, InsideContext, Outputs, Target
from activities.writing import WritesProperty
from domain.base import Json
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import Of
from domain.facts import RecordFacts

PROPERTY = "marketing_status"


class SetMarketingStatusConfig(ActionConfig):
    """Which status, and whose."""

    status: Literal["marketing", "non_marketing"] = Field(title="Status", description="What the contact becomes.")
    of: Of | None = Field(
        default=None, title="Who", description="Associated contacts instead of the enrolled one; may be many."
    )


def check(config: SetMarketingStatusConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find records that have no such status."""
    yield from writing.of_findings(config.of, scope)
    object = scope.object if config.of is None else config.of.object
    if scope.schema_.object(object) is not None and object != "contact":
        words = f"contacts have a marketing status, not {object} records: name associated ones with of"
        yield Finding(path="/of", code="wrong_value", message=words)


def objects(config: SetMarketingStatusConfig) -> Collection[str]:
    """Associated contacts."""
    return writing.objects_of(config.of)


def target(config: SetMarketingStatusConfig) -> Target:
    """Whose status it is."""
    return Target(of=config.of)


async def run(context: InsideContext, config: SetMarketingStatusConfig) -> Outputs:
    """Write it on every contact meant."""

    async def new(record: RecordFacts) -> Json:
        return config.status

    return await writing.write_property(context, WritesProperty(property=PROPERTY, of=config.of), new)


ACTION = Action(
    name="set_marketing_status",
    title="Set the marketing status",
    description="Says whether marketing may go to the contact, or to associated contacts.",
    effect="inside",
    config=SetMarketingStatusConfig,
    run=run,
    outcomes=writing.WRITES,
    check=check,
    objects=objects,
    target=target,
)
