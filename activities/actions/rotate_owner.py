"""Hands records out among users in turn, evenly by weight, also when many enrollments come at the same instant.

Inside: one row per step, locked until the visit is stored, keeps what everybody is owed. So a turn is taken with its
visit or not at all, and ``why`` in the visit says why it was this user's. Users who left or are away are passed over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from pydantic import Field, StrictBool, StrictStr

from activities import writing
from activities.action import Action, InsideContext, Outputs, Target
from activities.writing import WritesProperty
from domain.base import Authored, Json
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import Of
from domain.errors import StepFailed, StepSkipped
from domain.facts import RecordFacts
from domain.fields import TeamSlug, UserId
from domain.rotating import next_turn
from domain.schema import PropertyType
from domain.teams import Weight
from services.records.people import present_among, weights_of_team
from store.locks import lock_rotation
from store.rotations import keep_rotation

USERS = frozenset({PropertyType.USER})
MOST_USERS = 200


class Share(Authored):
    """A user, and how much they get in proportion to the others."""

    user: UserId
    weight: Weight = 1


class RotateOwnerConfig(ActionConfig):
    """Among whom the records are shared out, and which."""

    users: list[Share] = Field(
        default=[], title="Users", description="Among whom, each with a weight; or a team.", max_length=MOST_USERS
    )
    team: TeamSlug | None = Field(
        default=None, title="Team", description="The slug of a team, whoever its members are by then; or users."
    )
    when_nobody: Literal["skip", "any"] = Field(
        default="skip", title="When everybody is away", description="Skip the step, or share out among all of them."
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
    """Find a property that names no user, a user who is listed twice, and neither or both of users and team."""
    yield from writing.property_findings(_written(config), scope, types=USERS, wanted="a user")
    if not config.users and config.team is None:
        yield Finding(path="/users", code="missing_field", message="name users, or a team")
    if config.users and config.team is not None:
        yield Finding(path="/team", code="wrong_value", message="name users or a team, not both")
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
        StepFailed: ``broken_reference``, a turn is due and all of the users left, or there is no such team.
        StepSkipped: ``no_owner``, a turn is due and all of them are away.
    """
    call = context.passed.call
    rotation = await lock_rotation(context.tx, call.workflow_id, call.step, now=call.now)
    among: tuple[dict[str, int], int] | None = None
    reasons: list[str | None] = []

    async def new(record: RecordFacts) -> Json:
        nonlocal rotation, among
        current = record.properties.get(config.property)
        if current is not None and not config.overwrite:
            reasons.append(None)
            return current
        # Only now: where everybody keeps whom they have, nobody need be there to take a turn.
        among = among or await _who(context, config)
        weights, away = among
        if not weights:
            raise StepSkipped("no_owner", f"everybody is away, all {away}")
        turn = next_turn(weights, rotation, away=away)
        rotation = turn.after
        reasons.append(turn.why)
        return turn.user

    outputs = await writing.write_property(context, _written(config), new)
    await keep_rotation(context.tx, call.workflow_id, call.step, rotation, now=call.now)
    return {**outputs, "why": reasons[0]}


async def _who(context: InsideContext, config: RotateOwnerConfig) -> tuple[dict[str, int], int]:
    """Among whom by weight, nobody where all are away; and how many are."""
    named = {each.user: each.weight for each in config.users}
    if config.team is not None:
        named = await weights_of_team(context.tx, config.team)
    zone = context.passed.account.timezone
    found = await present_among(context.tx, named, account_zone=zone, now=context.passed.call.now)
    if not found.active:
        raise StepFailed("broken_reference", "none of the users is active")
    away = len(found.active) - len(found.there)
    return (found.active if config.when_nobody == "any" and not found.there else found.there), away


ACTION = Action(
    name="rotate_owner",
    title="Rotate the owner",
    description="Shares records out among users or the members of a team in turn, evenly or by weight.",
    effect="inside",
    config=RotateOwnerConfig,
    run=run,
    outcomes=(
        *writing.WRITES,
        "done also: why, the reason it was this user's turn",
        "skipped: no_owner",
        "failed: broken_reference",
    ),
    check=check,
    objects=objects,
    target=target,
)
