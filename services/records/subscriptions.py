"""Subscription types, and what contacts agree to: each change of state is a change of the record that workflows see."""

from __future__ import annotations

import re
from collections.abc import Mapping

from domain.base import Frozen, Json
from domain.definition import SLUG
from domain.errors import Conflict, Invalid, NotFound
from domain.facts import NOT_SPECIFIED, SubscriptionState
from domain.problems import FieldError
from domain.reader import join, similar
from domain.records import StoredRecord
from domain.subscriptions import Consent, SubscriptionKind, SubscriptionType, is_stricter
from store import subscriptions as rows
from store.changes import Stamp, append_change
from store.database import Read, Tx
from store.ids import new_id
from store.locks import lock_records
from store.suppressions import move_sent_to, move_suppressions

OBJECT = "contact"
"""Who can subscribe."""


class Grounds(Frozen):
    """Where a consent was given, and why messages may be sent."""

    source: str | None = None
    legal_basis: str | None = None


async def type_or_404(read: Read, slug: str) -> SubscriptionType:
    """The subscription type of this slug.

    Raises:
        NotFound: there is none.
    """
    found = (await rows.find_types(read, [slug])).get(slug)
    if found is None:
        raise NotFound(f"there is no subscription type {slug}")
    return found


async def create_type(
    tx: Tx,
    slug: str,
    stamp: Stamp,
    *,
    name: str | None,
    description: str,
    kind: SubscriptionKind = "marketing",
) -> SubscriptionType:
    """Add a subscription type.

    Raises:
        Invalid: the slug is none.
        Conflict: the slug is taken.
    """
    if not re.fullmatch(SLUG, slug):
        words = "a subscription type needs a slug: 1 to 63 lower case letters, digits and hyphens"
        raise Invalid(words, errors=[FieldError(path="/slug", code="wrong_value", message=words)])
    now = stamp.now
    made = SubscriptionType(
        id=new_id(now), slug=slug, name=name or slug, description=description, kind=kind, archived=False,
        created_at=now, updated_at=now,
    )  # fmt: skip
    if not await rows.insert_type(tx, made):
        raise Conflict(f"there is a subscription type {slug} already", code="slug_taken")
    return made


async def change_type(tx: Tx, slug: str, stamp: Stamp, **values: str | bool) -> SubscriptionType:
    """Change name, description or kind, archive a type or take it back into use. States stay what they are.

    Raises:
        NotFound: there is no such type.
    """
    known = await type_or_404(tx, slug)
    if known.model_copy(update=values) == known:
        return known
    await rows.change_type(tx, known.id, now=stamp.now, **values)
    # Read anew: somebody else may have changed the rest of it while this one waited.
    return await type_or_404(tx, slug)


async def set_subscriptions(
    tx: Tx, record_id: str, wanted: Mapping[str, SubscriptionState], stamp: Stamp, grounds: Grounds
) -> None:
    """Write what a contact agrees to, by slug; types that are not named stay. The record is locked first.

    States that differ are one change of kind ``subscription``. The same state again on other grounds is kept in the
    history and wakes nobody; without grounds it is nothing.

    Raises:
        NotFound: there is no such contact.
        Invalid: a type is unknown, or archived and to be subscribed to; every mistake is listed.
    """
    record = (await lock_records(tx, [record_id], write=True)).get(record_id)
    if record is None or record.deleted_at is not None or record.object != OBJECT:
        raise NotFound(f"there is no {OBJECT} {record_id}")
    types = await rows.find_types(tx, wanted)
    if mistakes := await _mistakes(tx, wanted, types):
        raise Invalid("; ".join(mistake.message for mistake in mistakes), errors=mistakes)
    known = await rows.consents_of(tx, record_id)
    given = {
        slug: Consent(
            subscription=slug,
            state=state,
            source=grounds.source,
            legal_basis=grounds.legal_basis,
            cause=stamp.cause,
            changed_at=stamp.now,
        )
        for slug, state in sorted(wanted.items())
    }
    said = {slug: each for slug, each in given.items() if _is_news(each, known.get(slug))}
    await _write(tx, record, known, said, types, stamp)


async def inherit_subscriptions(tx: Tx, source: StoredRecord, target: StoredRecord, stamp: Stamp) -> None:
    """Let a record have what another one that is merged into it agreed to; of two states the stricter one counts.

    Both are locked. Whoever unsubscribed anywhere is unsubscribed; the history of both is the survivor's.
    """
    theirs, ours = await rows.consents_of(tx, source.id), await rows.consents_of(tx, target.id)
    await rows.move_history(tx, source.id, target.id)
    await move_suppressions(tx, source.id, target.id)
    await move_sent_to(tx, source.id, target.id)
    await rows.forget_consents(tx, source.id)
    stricter = {slug: each for slug, each in sorted(theirs.items()) if is_stricter(each.state, _state(ours, slug))}
    said = {s: c.model_copy(update={"cause": stamp.cause, "changed_at": stamp.now}) for s, c in stricter.items()}
    await _write(tx, target, ours, said, await rows.find_types(tx, said), stamp)


async def _write(
    tx: Tx,
    record: StoredRecord,
    known: Mapping[str, Consent],
    said: Mapping[str, Consent],
    types: Mapping[str, SubscriptionType],
    stamp: Stamp,
) -> None:
    if not said:
        return
    before = {slug: _state(known, slug) for slug in said}
    await rows.put_consents(tx, record.id, [(types[slug], each) for slug, each in said.items()], before)
    moved = [slug for slug, each in said.items() if each.state != before[slug]]
    if moved:
        detail: dict[str, Json] = {
            "subscriptions": [*moved],
            "before": {slug: before[slug] for slug in moved},
            "after": {slug: said[slug].state for slug in moved},
        }
        await append_change(tx, record, "subscription", stamp, detail=detail)


async def _mistakes(
    read: Read, wanted: Mapping[str, SubscriptionState], types: Mapping[str, SubscriptionType]
) -> list[FieldError]:
    found = []
    for slug, state in wanted.items():
        path = join("/subscriptions", slug)
        if slug not in types:
            words = f"there is no subscription type {slug[:63]!r}{similar(slug, await rows.known_types(read))}"
            found.append(FieldError(path=path, code="unknown_subscription", message=words))
        elif types[slug].archived and state == "subscribed":
            words = f"subscription type {slug!r} is archived: nobody subscribes to it any more"
            found.append(FieldError(path=path, code="wrong_value", message=words))
    return found


def _is_news(given: Consent, known: Consent | None) -> bool:
    if given.state != (known.state if known else NOT_SPECIFIED):
        return True
    grounds = (given.source, given.legal_basis)
    return grounds != (None, None) and (known is None or grounds != (known.source, known.legal_basis))


def _state(known: Mapping[str, Consent], slug: str) -> SubscriptionState:
    return known[slug].state if slug in known else NOT_SPECIFIED
