"""Who gets a message and who does not: each no with its reason, in order, in the claim as well, caps at once."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from domain.base import Json
from domain.facts import SubscriptionState
from domain.ports import HandOver, Mail
from domain.records import Cause, StoredRecord
from gateways.mail_outbox import read_outbox
from services.installation import Installation
from services.records.merging import merge_records
from services.records.records import Write, create_record, delete_record, update_record
from services.records.subscriptions import Grounds, create_type, set_subscriptions
from services.records.suppressing import (
    lift_suppression,
    suppress_address,
    take_marketing_again,
    unsubscribe_from_all,
)
from store import tables
from store.changes import Stamp
from store.database import Tx
from store.schema import load_schema, update_account
from tests.activities.calls import act
from tests.builders import Standing, make_record, stand_at_action
from tests.fixtures.clock import FixedClock

NEWS: dict[str, Json] = {"subject": "News", "html": "<p>News</p>", "subscription": "newsletter"}
RECEIPT: dict[str, Json] = {"subject": "Your receipt", "html": "<p>Paid</p>", "transactional": True}
ADDRESS = "ana@example.com"
ANA: dict[str, Json] = {"email": ADDRESS, "marketing_status": "marketing"}
GROUNDS = Grounds(source="test")


async def writing(tx: Tx, inst: Installation) -> Write:
    return Write(
        schema=await load_schema(tx),
        addresses=inst.addresses,
        now=inst.clock.now(),
        zone="UTC",
        cause=Cause(kind="api"),
    )


async def stamp(inst: Installation) -> Stamp:
    return Stamp(now=inst.clock.now(), cause=Cause(kind="api"))


@pytest.fixture
async def site(installation: Installation) -> Installation:
    """An installation with a newsletter."""
    async with installation.db.transaction() as tx:
        await create_type(tx, "newsletter", await stamp(installation), name=None, description="")
    return installation


async def say(inst: Installation, contact: StoredRecord, state: SubscriptionState) -> None:
    async with inst.db.transaction() as tx:
        await set_subscriptions(tx, contact.id, {"newsletter": state}, await stamp(inst), GROUNDS)


async def subscriber(inst: Installation, **properties: Json) -> StoredRecord:
    contact = await make_record(inst, "contact", {**ANA, **properties})
    await say(inst, contact, "subscribed")
    return contact


async def told(inst: Installation, contact: StoredRecord, config: dict[str, Json] = NEWS) -> tuple[str, str | None]:
    standing = await standing_of(inst, contact, config)
    answer = await act(standing, "send_email")
    return answer.outcome, answer.reason


_NAMES = iter(range(1_000_000))


async def standing_of(inst: Installation, contact: StoredRecord, config: dict[str, Json] = NEWS) -> Standing:
    return await stand_at_action(inst, contact, "send_email", config, slug=f"w{next(_NAMES)}")


async def test_marketing_goes_to_a_marketing_contact_who_subscribed(site: Installation, tmp_path: Path) -> None:
    contact = await subscriber(site)
    assert await told(site, contact) == ("done", None)
    (mail,) = read_outbox(tmp_path / "outbox" / "email")
    assert (mail["to"], mail["subject"]) == (ADDRESS, "News")


@pytest.mark.parametrize("status", [None, "non_marketing"])
async def test_who_is_no_marketing_contact_gets_only_what_is_transactional(
    site: Installation, status: str | None
) -> None:
    contact = await subscriber(site, marketing_status=status)
    assert await told(site, contact) == ("skipped", "not_marketing_contact")
    assert await told(site, contact, RECEIPT) == ("done", None)


async def test_who_never_said_yes_or_no_gets_it_only_where_the_account_allows(site: Installation) -> None:
    contact = await make_record(site, "contact", ANA)
    assert await told(site, contact) == ("skipped", "not_subscribed")
    async with site.db.transaction() as tx:
        await update_account(tx, send_to_not_specified=True)
    assert await told(site, contact) == ("done", None)
    await say(site, contact, "unsubscribed")
    assert await told(site, contact) == ("skipped", "unsubscribed")
    assert await told(site, contact, RECEIPT) == ("done", None)


async def test_unsubscribing_from_all_beats_every_subscription_until_it_is_taken_back(site: Installation) -> None:
    contact = await subscriber(site)
    async with site.db.transaction() as tx:
        assert await unsubscribe_from_all(tx, contact.id, await stamp(site), GROUNDS)
        assert not await unsubscribe_from_all(tx, contact.id, await stamp(site), GROUNDS)
    await say(site, contact, "subscribed")
    assert await told(site, contact) == ("skipped", "unsubscribed")
    async with site.db.transaction() as tx:
        await create_type(tx, "offers", await stamp(site), name=None, description="")
        await update_account(tx, send_to_not_specified=True)
    assert await told(site, contact, {**NEWS, "subscription": "offers"}) == ("skipped", "unsubscribed")
    assert await told(site, contact, RECEIPT) == ("done", None)
    async with site.db.transaction() as tx:
        assert await take_marketing_again(tx, contact.id)
    assert await told(site, contact) == ("done", None)


@pytest.mark.parametrize("reason", ["bounced", "complained"])
@pytest.mark.parametrize("config", [NEWS, RECEIPT])
async def test_an_address_that_is_suppressed_gets_nothing_whoever_has_it(
    site: Installation, reason: Any, config: dict[str, Json]
) -> None:
    contact = await subscriber(site)
    async with site.db.transaction() as tx:
        assert await suppress_address(tx, await writing(tx, site), "Ana@Example.com", reason)
        assert not await suppress_address(tx, await writing(tx, site), ADDRESS, reason)
    assert await told(site, contact, config) == ("skipped", reason)
    # Whoever comes with that address later, by whatever way, is nobody to write to either.
    async with site.db.transaction() as tx:
        await delete_record(tx, await writing(tx, site), contact.id)
    again = await subscriber(site)
    assert again.properties.get("email_status") is None
    assert await told(site, again, config) == ("skipped", reason)
    other = await make_record(site, "contact", {"marketing_status": "marketing"})
    async with site.db.transaction() as tx:
        merged = await merge_records(tx, await writing(tx, site), "contact", again.id, other.id)
    assert await told(site, merged, config) == ("skipped", reason)
    async with site.db.transaction() as tx:
        assert await lift_suppression(tx, await writing(tx, site), ADDRESS, [reason]) == 1
    assert await told(site, merged, config) == ("done", None)


async def test_the_status_of_a_contact_follows_its_address(site: Installation) -> None:
    contact = await make_record(site, "contact", ANA)

    async def status() -> Any:
        async with site.db.read() as read:
            row = await read.one(tables.records.select().where(tables.records.c.id == contact.id))
        assert row is not None
        return row["properties"].get("email_status")

    for reason in ("complained", "bounced"):
        async with site.db.transaction() as tx:
            await suppress_address(tx, await writing(tx, site), ADDRESS, reason)  # type: ignore[arg-type]
    assert await status() == "complained"
    async with site.db.transaction() as tx:
        await lift_suppression(tx, await writing(tx, site), ADDRESS, ["complained"])
    assert await status() == "bounced"
    async with site.db.transaction() as tx:
        await lift_suppression(tx, await writing(tx, site), ADDRESS, ["bounced"])
    assert await status() == "ok"


async def test_who_unsubscribed_from_all_stays_so_through_a_merge_and_another_address(site: Installation) -> None:
    contact = await subscriber(site)
    async with site.db.transaction() as tx:
        await unsubscribe_from_all(tx, contact.id, await stamp(site), GROUNDS)
        await update_record(tx, await writing(tx, site), contact.id, {"email": "new@example.com"})
    await say(site, contact, "subscribed")
    assert await told(site, contact) == ("skipped", "unsubscribed")
    other = await subscriber(site, email="bo@example.com")
    async with site.db.transaction() as tx:
        merged = await merge_records(tx, await writing(tx, site), "contact", contact.id, other.id)
    await say(site, merged, "subscribed")
    assert await told(site, merged) == ("skipped", "unsubscribed")


async def test_the_first_no_in_order_is_told(site: Installation) -> None:
    """Every reason at once, taken away one after the other."""
    async with site.db.transaction() as tx:
        await update_account(tx, frequency_caps={"email": {"day": 1}})
    contact = await subscriber(site)
    assert await told(site, contact) == ("done", None)
    async with site.db.transaction() as tx:
        await unsubscribe_from_all(tx, contact.id, await stamp(site), GROUNDS)
        await suppress_address(tx, await writing(tx, site), ADDRESS, "bounced")
        await update_record(tx, await writing(tx, site), contact.id, {"marketing_status": "non_marketing"})
    told_ = []
    told_.append(await told(site, contact))
    async with site.db.transaction() as tx:
        await lift_suppression(tx, await writing(tx, site), ADDRESS, ["bounced"])
    told_.append(await told(site, contact))
    async with site.db.transaction() as tx:
        await update_record(tx, await writing(tx, site), contact.id, {"marketing_status": "marketing"})
    told_.append(await told(site, contact))
    async with site.db.transaction() as tx:
        await take_marketing_again(tx, contact.id)
    told_.append(await told(site, contact))
    await say(site, contact, "not_specified")
    told_.append(await told(site, contact))
    await say(site, contact, "subscribed")
    told_.append(await told(site, contact))
    reasons = ["bounced", "not_marketing_contact", "unsubscribed", "unsubscribed", "not_subscribed", "frequency_cap"]
    assert told_ == [("skipped", reason) for reason in reasons]
    assert await told(site, contact, RECEIPT) == ("done", None)


async def test_a_cap_counts_marketing_by_the_days_and_weeks_of_the_contact(
    site: Installation, clock: FixedClock
) -> None:
    async with site.db.transaction() as tx:
        await update_account(tx, frequency_caps={"email": {"day": 1, "week": 2}})
    contact = await subscriber(site, timezone="Pacific/Auckland")
    # Monday noon there, thirteen hours ahead.
    clock.set(datetime(2027, 2, 28, 23, tzinfo=UTC))
    assert await told(site, contact, RECEIPT) == ("done", None)
    assert await told(site, contact) == ("done", None)
    assert await told(site, contact) == ("skipped", "frequency_cap")
    # Still Monday in London, Tuesday there.
    clock.set(datetime(2027, 3, 1, 11, 30, tzinfo=UTC))
    assert await told(site, contact) == ("done", None)
    clock.advance(timedelta(days=3))
    assert await told(site, contact) == ("skipped", "frequency_cap")
    # Sunday noon in London, Monday there.
    clock.set(datetime(2027, 3, 7, 12, tzinfo=UTC))
    assert await told(site, contact) == ("done", None)


async def test_what_reached_nobody_does_not_count(site: Installation) -> None:
    async with site.db.transaction() as tx:
        await update_account(tx, frequency_caps={"email": {"day": 1}})
    contact = await subscriber(site)
    assert await told(site, contact, {**NEWS, "from_address": "nobody at all"}) == ("failed", "rejected")
    assert await told(site, contact) == ("done", None)


async def test_what_was_sent_to_the_merged_counts_for_who_stays(site: Installation) -> None:
    async with site.db.transaction() as tx:
        await update_account(tx, frequency_caps={"email": {"day": 1}})
    old, stays = await subscriber(site), await subscriber(site, email="bo@example.com")
    assert await told(site, old) == ("done", None)
    async with site.db.transaction() as tx:
        merged = await merge_records(tx, await writing(tx, site), "contact", old.id, stays.id)
    assert merged.id == stays.id
    assert await told(site, merged) == ("skipped", "frequency_cap")


async def test_a_message_that_is_handed_over_again_does_not_count_against_itself(site: Installation) -> None:
    async with site.db.transaction() as tx:
        await update_account(tx, frequency_caps={"email": {"day": 1}})
    contact = await subscriber(site)

    class Breaks:
        """A mail server at which the process ends between handing over and the answer."""

        repeatable = True

        @asynccontextmanager
        async def prepare(self, mail: Mail) -> AsyncIterator[HandOver]:
            async def hand_over() -> Any:
                raise RuntimeError("the process ends")

            yield hand_over

    standing = await standing_of(dataclasses.replace(site, mail=Breaks()), contact)
    with pytest.raises(ApplicationError, match="RuntimeError"):
        await act(standing, "send_email")
    (effect,) = await standing.rows(tables.effects)
    assert effect["state"] == "handed_over"
    # Of a second message the first counts, as it may have arrived.
    assert await told(site, contact) == ("skipped", "frequency_cap")
    answer = await act(dataclasses.replace(standing, inst=site), "send_email")
    assert (answer.outcome, answer.reason) == ("done", None)


async def test_a_consent_taken_back_after_the_message_was_prepared_stops_it(site: Installation) -> None:
    contact = await subscriber(site)

    class Meanwhile:
        """A mail server that takes so long to connect that the contact unsubscribes."""

        repeatable = True

        @asynccontextmanager
        async def prepare(self, mail: Mail) -> AsyncIterator[HandOver]:
            await say(site, contact, "unsubscribed")
            async with site.mail.prepare(mail) as hand_over:
                yield hand_over

    standing = await standing_of(dataclasses.replace(site, mail=Meanwhile()), contact)
    answer = await act(standing, "send_email")
    assert (answer.outcome, answer.reason) == ("skipped", "unsubscribed")
    assert await standing.rows(tables.messages) == []


class _Together:
    """A mail server at which everybody has connected before anybody claims."""

    repeatable = True

    def __init__(self, parties: int) -> None:
        self.barrier = asyncio.Barrier(parties)
        self.first = True

    @asynccontextmanager
    async def prepare(self, mail: Mail) -> AsyncIterator[HandOver]:
        await self.barrier.wait()

        async def hand_over() -> Any:
            from domain.ports import Receipt

            return Receipt()

        yield hand_over


@pytest.mark.parametrize("through", ["contact", "opportunity"])
async def test_workflows_that_claim_for_one_contact_at_once_do_not_exceed_the_cap(
    site: Installation, through: str
) -> None:
    async with site.db.transaction() as tx:
        await update_account(tx, frequency_caps={"email": {"day": 2}})
    contact = await subscriber(site)
    together = dataclasses.replace(site, mail=_Together(6))
    records = [contact] * 6
    if through == "opportunity":
        records = [await make_record(site, "opportunity", {"name": f"deal {n}"}, contact) for n in range(6)]
    standings = [await standing_of(together, record) for record in records]
    answers = await asyncio.gather(*(act(standing, "send_email") for standing in standings))
    outcomes = sorted((answer.outcome, answer.reason or "") for answer in answers)
    assert outcomes == [("done", "")] * 2 + [("skipped", "frequency_cap")] * 4


async def test_a_text_message_has_caps_of_its_own(site: Installation) -> None:
    async with site.db.transaction() as tx:
        await update_account(tx, frequency_caps={"sms": {"day": 1}})
    contact = await subscriber(site, phone="+1 201 555 0123")

    async def text(**config: Json) -> tuple[str, str | None]:
        standing = await stand_at_action(site, contact, "send_sms", {"text": "Hi", **config}, slug=f"s{next(_NAMES)}")
        answer = await act(standing, "send_sms")
        return answer.outcome, answer.reason

    assert await told(site, contact) == ("done", None)
    assert await text() == ("done", None)
    assert await text() == ("skipped", "frequency_cap")
    assert await text(transactional=True) == ("done", None)
    async with site.db.transaction() as tx:
        await unsubscribe_from_all(tx, contact.id, await stamp(site), GROUNDS)
    assert await text() == ("skipped", "unsubscribed")


async def test_who_was_made_anew_under_an_address_that_wants_nothing_gets_no_marketing(site: Installation) -> None:
    contact = await subscriber(site)
    async with site.db.transaction() as tx:
        await unsubscribe_from_all(tx, contact.id, await stamp(site), GROUNDS)
        await delete_record(tx, await writing(tx, site), contact.id)
        again = await create_record(tx, await writing(tx, site), "contact", ANA)
    await say(site, again, "subscribed")
    assert await told(site, again) == ("skipped", "unsubscribed")


async def test_what_bounced_is_the_address_and_not_the_person(site: Installation) -> None:
    contact = await subscriber(site)
    async with site.db.transaction() as tx:
        await suppress_address(tx, await writing(tx, site), ADDRESS, "bounced")
    assert await told(site, contact, RECEIPT) == ("skipped", "bounced")
    async with site.db.transaction() as tx:
        same = await update_record(tx, await writing(tx, site), contact.id, {"email": ADDRESS.upper(), "score": 1})
        assert same.properties["email_status"] == "bounced"
        right = await update_record(tx, await writing(tx, site), contact.id, {"email": "ana.right@example.com"})
    assert right.properties["email_status"] == "ok"
    assert await told(site, right, RECEIPT) == ("done", None)
    # Whoever has the old address next is not written to.
    async with site.db.transaction() as tx:
        other = await create_record(tx, await writing(tx, site), "contact", {"email": ADDRESS})
    assert await told(site, other, RECEIPT) == ("skipped", "bounced")


async def test_a_merge_brings_no_bounce_to_a_good_address(site: Installation) -> None:
    old = await subscriber(site)
    good = await make_record(site, "contact", {"email": "ana.good@example.com", "marketing_status": "marketing"})
    async with site.db.transaction() as tx:
        await suppress_address(tx, await writing(tx, site), ADDRESS, "bounced")
        merged = await merge_records(tx, await writing(tx, site), "contact", old.id, good.id)
    assert await told(site, merged, RECEIPT) == ("done", None)


async def test_a_merge_that_brings_the_address_brings_what_is_known_of_it(site: Installation) -> None:
    old = await subscriber(site)
    nameless = await make_record(site, "contact", {"external_id": "1"})
    async with site.db.transaction() as tx:
        await suppress_address(tx, await writing(tx, site), ADDRESS, "bounced")
        merged = await merge_records(tx, await writing(tx, site), "contact", old.id, nameless.id)
    assert (merged.properties["email"], merged.properties["email_status"]) == (ADDRESS, "bounced")
