"""set_subscription: state, source and legal basis; and who said no keeps it."""

from __future__ import annotations

import pytest

from activities.actions.set_subscription import ACTION
from domain.base import Json
from domain.facts import SubscriptionState
from domain.records import Cause
from services.installation import Installation
from services.records.subscriptions import Grounds, create_type, set_subscriptions
from store.changes import Stamp
from store.subscriptions import load_states
from store.tables import subscription_history
from tests.activities.calls import act
from tests.activities.properties import SCOPE, mistakes
from tests.builders import make_record, stand_at_action


async def _say(inst: Installation, contact: str, state: SubscriptionState) -> None:
    stamp = Stamp(now=inst.clock.now(), cause=Cause(kind="api"))
    async with inst.db.transaction() as tx:
        await set_subscriptions(tx, contact, {"newsletter": state}, stamp, Grounds(source="checkout"))


@pytest.fixture
async def newsletter(installation: Installation) -> None:
    stamp = Stamp(now=installation.clock.now(), cause=Cause(kind="api"))
    async with installation.db.transaction() as tx:
        await create_type(tx, "newsletter", stamp, name=None, description="")


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"subscription": "newsletter", "state": "subscribed"}, []),
        ({"subscription": "retired", "state": "unsubscribed"}, []),
        ({"subscription": "retired", "state": "subscribed"}, [("/subscription", "unknown_subscription")]),
        ({"subscription": "other", "state": "subscribed"}, [("/subscription", "unknown_subscription")]),
        ({"subscription": "newsletter", "state": "subscribed", "of": {"object": "company"}}, [("/of", "wrong_value")]),
    ],
)
def test_a_mistake_is_found_when_it_is_saved(config: dict[str, Json], found: list[tuple[str, str]]) -> None:
    scope = SCOPE.model_copy(update={"subscription_types": {"newsletter": False, "retired": True}})
    assert mistakes(ACTION, config, scope) == found


@pytest.mark.usefixtures("newsletter")
async def test_the_state_is_written_with_the_workflow_as_its_source(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    config: dict[str, Json] = {"subscription": "newsletter", "state": "subscribed", "legal_basis": "consent"}
    standing = await stand_at_action(installation, contact, "set_subscription", config)

    assert await act(standing, "set_subscription") == await act(standing, "set_subscription")

    rows = await standing.rows(subscription_history)
    assert [(row["state"], row["source"], row["legal_basis"], row["cause_id"]) for row in rows] == [
        ("subscribed", "workflow", "consent", standing.enrollment.id)
    ]
    assert (await standing.visit())["result"] == {"before": "not_specified", "after": "subscribed", "records": 1}


@pytest.mark.usefixtures("newsletter")
@pytest.mark.parametrize(("resubscribe", "outcome"), [(False, "skipped"), (True, "done")])
async def test_who_unsubscribed_is_subscribed_again_only_where_it_is_meant(
    installation: Installation, resubscribe: bool, outcome: str
) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    await _say(installation, contact.id, "unsubscribed")
    config: dict[str, Json] = {"subscription": "newsletter", "state": "subscribed", "resubscribe": resubscribe}
    standing = await stand_at_action(installation, contact, "set_subscription", config)

    answer = await act(standing, "set_subscription")

    async with installation.db.read() as read:
        state = (await load_states(read, [contact.id]))[contact.id]["newsletter"]
    assert answer.outcome == outcome
    assert (answer.reason, state) == (
        ("unsubscribed", "unsubscribed") if outcome == "skipped" else (None, "subscribed")
    )


async def test_a_type_that_is_not_there_fails_the_step(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    config: dict[str, Json] = {"subscription": "gone", "state": "subscribed"}
    standing = await stand_at_action(installation, contact, "set_subscription", config)

    answer = await act(standing, "set_subscription")

    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")
