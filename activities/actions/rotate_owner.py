"""Hands records out among users in turn, evenly by weight, also when many enrollments come at the same instant.

Inside: one row per step, locked until the visit is stored, counts what everybody got. So a turn is taken with its visit
or not at all, and ``why`` in the visit says why it was this user's. Users who left are passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StrictStr

from activities import writing
from activities.action import Action, InsideContext, Outputs, Target
from activities.writing import WritesProperty
from domain.base import Authored, Json
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import Of
from domain.errors import StepFailed
from domain.facts import RecordFacts
from domain.fields import UserId
from domain.rotating import next_turn
from domain.schema import PropertyType
from store.locks import lock_rotation
from store.people import active_user_ids
from store.rotations import keep_rotation

USERS = frozenset({PropertyType.USER})
MOST_USERS = 200


class Share(Authored):
    """A user, and how much they get in proportion to the others."""

    user: UserId
    weight: Annotated[StrictInt, Field(ge=1, le=100)] = 1


class RotateOwnerConfig(ActionConfig):
    """Among whom the records are shared out, and which."""

    users: list[Share] = Field(
        title="Users", description="Among whom, each with a weight.", min_length=1, max_length=MOST_USERS
    )
    property: StrictStr = Field(
        default="owner", title="Property", description="The property that gets the user.", min_length=1
    )
    overwrite: StrictBool = Field(
        default=False, title="Overwrite", description="Also where there is somebody already; else they stay."
    )
    of: Of | None = Field(
        default=None, title="On", description="Associated records to write instead of the enrolled one; may be many."
    )


def _written(config: RotateOwnerConfig) -> WritesProperty:
    return WritesProperty(property=config.property, of=config.of)


def check(config: RotateOwnerConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a property that names no user, and a user who is listed twice."""
    yield from writing.property_findings(_written(config), scope, types=USERS, wanted="a user")
    named = [each.user for each in config.users]
    for n, user in enumerate(named):
        if user in named[:n]:
            yield Finding(path=f"/users/{n}/user", code="wrong_value", message="the user is listed twice")


def objects(config: RotateOwnerConfig) -> Collection[str]:
    """Associated objects that are written."""
    return writing.objects_of(config.of)


def target(config: RotateOwnerConfig) -> Target:
    """The records it writes."""
    return Target(of=config.of)


async def run(context: InsideContext, config: RotateOwnerConfig) -> Outputs:
    """Give every record its user; ``why`` is about the first one, None where they stayed.

    Raises:
        StepFailed: ``broken_reference``, all of the users left.
    """
    call = context.passed.call
    present = await active_user_ids(context.tx)
    weights = {each.user: each.weight for each in config.users if each.user in present}
    if not weights:
        raise StepFailed("broken_reference", "none of the users is active")
    given = await lock_rotation(context.tx, call.workflow_id, call.step, now=call.now)
    reasons: list[str | None] = []

    async def new(record: RecordFacts) -> Json:
        nonlocal given
        current = record.properties.get(config.property)
        if current is not None and not config.overwrite:
            reasons.append(None)
            return current
        turn = next_turn(weights, given)
        given = turn.given
        reasons.append(turn.why)
        return turn.user

    outputs = await writing.write_property(context, _written(config), new)
    await keep_rotation(context.tx, call.workflow_id, call.step, given, now=call.now)
    return {**outputs, "why": reasons[0]}


ACTION = Action(
    name="rotate_owner",
    title="Rotate the owner",
    description="Shares records out among users in turn, evenly or by weight.",
    effect="inside",
    config=RotateOwnerConfig,
    run=run,
    outcomes=(*writing.WRITES, "done also: why, the reason it was this user's turn", "failed: broken_reference"),
    check=check,
    objects=objects,
    target=target,
)
