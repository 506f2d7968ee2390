"""Writes what a contact agrees to, with the workflow as the source of the consent.

Inside: state, history and visit are one transaction. Who unsubscribed is not subscribed again by a workflow unless it
says so (``resubscribe``): that person said no.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pydantic import Field, StrictBool, StrictStr

from activities import writing
from activities.action import Action, InsideContext, Outputs, Target
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.conditions import Of
from domain.errors import Invalid, StepFailed, StepSkipped
from domain.facts import SubscriptionState
from domain.names import subscription_key
from domain.reader import similar
from services.records.subscriptions import OBJECT, Grounds, set_subscriptions
from store.subscriptions import load_states

SOURCE = "workflow"


class SetSubscriptionConfig(ActionConfig):
    """Which subscription type gets which state."""

    subscription: StrictStr = Field(title="Subscription", description="The slug of a subscription type.", min_length=1)
    state: SubscriptionState = Field(title="State", description="What the contact agrees to from now on.")
    legal_basis: StrictStr | None = Field(
        default=None, title="Legal basis", description="Why messages may be sent, for the history.", max_length=200
    )
    resubscribe: StrictBool = Field(
        default=False, title="Resubscribe", description="Subscribe also those who unsubscribed."
    )
    of: Of | None = Field(
        default=None, title="Who", description="Associated contacts instead of the enrolled one; may be many."
    )


def check(config: SetSubscriptionConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a type that is not there or out of use, and records that cannot subscribe."""
    yield from writing.of_findings(config.of, scope)
    object = scope.object if config.of is None else config.of.object
    if object != OBJECT:
        words = f"contacts subscribe, not {object} records: name associated ones with of"
        yield Finding(path="/of", code="wrong_value", message=words)
    archived = scope.subscription_types.get(config.subscription)
    if archived is None:
        words = f"there is no subscription type {config.subscription!r}"
        near = similar(config.subscription, scope.subscription_types)
        yield Finding(path="/subscription", code="unknown_subscription", message=words + near)
    elif archived and config.state == "subscribed":
        words = f"subscription type {config.subscription!r} is archived: nobody subscribes to it any more"
        yield Finding(path="/subscription", code="unknown_subscription", message=words)


def reads(config: SetSubscriptionConfig, scope: ConfigScope) -> Iterable[str]:
    """The type that is set."""
    yield subscription_key(config.subscription)


def objects(config: SetSubscriptionConfig) -> Collection[str]:
    """Associated contacts."""
    return writing.objects_of(config.of)


def target(config: SetSubscriptionConfig) -> Target:
    """Who agrees."""
    return Target(of=config.of)


async def run(context: InsideContext, config: SetSubscriptionConfig) -> Outputs:
    """Write the state of everybody meant; ``before`` is that of the first one."""
    ids = [record.id for record in writing.records_or_skip(context, config.of)]
    states = await load_states(context.tx, ids)
    before = {id: states.get(id, {}).get(config.subscription, "not_specified") for id in ids}
    keeps_no = config.state == "subscribed" and not config.resubscribe
    willing = [id for id in ids if not (keeps_no and before[id] == "unsubscribed")]
    if not willing:
        raise StepSkipped("unsubscribed", f"the contact unsubscribed from {config.subscription}")
    grounds = Grounds(source=SOURCE, legal_basis=config.legal_basis)
    stamp = writing.write_of(context).stamp
    for id in willing:
        try:
            await set_subscriptions(context.tx, id, {config.subscription: config.state}, stamp, grounds)
        except Invalid as gone:
            raise StepFailed("broken_reference", str(gone)) from gone
    return {"before": before[willing[0]], "after": config.state, "records": len(willing)}


ACTION = Action(
    name="set_subscription",
    title="Set a subscription",
    description="Subscribes the contact to a type of messages, or unsubscribes it; the source is the workflow.",
    effect="inside",
    config=SetSubscriptionConfig,
    run=run,
    outcomes=(
        "done: before, after (of the first contact) and records, the number of contacts",
        "skipped: no_record, unsubscribed (the contact said no, and resubscribe is off)",
        "failed: broken_reference",
    ),
    check=check,
    reads=reads,
    objects=objects,
    target=target,
)
