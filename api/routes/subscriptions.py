"""Subscription types, and what contacts agreed to be sent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Admin, Inst, Reading, RecordsRead, RecordsWrite, SetUpRead
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.loading import record_or_404
from api.paging import Page, Paged, page
from api.routes.records import RecordId
from api.schemas.enrollments import cause_pointer
from api.schemas.subscriptions import (
    PastSubscriptionView,
    SubscriptionsBody,
    SubscriptionsView,
    SubscriptionView,
    TypeBody,
    TypePatch,
    TypeView,
)
from domain.facts import NOT_SPECIFIED
from domain.records import StoredRecord
from domain.subscriptions import Consent, PastConsent, SubscriptionType
from services.auditing import audited
from services.records import subscriptions as services
from services.records.suppressing import is_unsubscribed_from_all, take_marketing_again, unsubscribe_from_all
from store import subscriptions as rows
from store.changes import Stamp
from store.database import Read, Tx

router = APIRouter(route_class=StorableRoute)

Slug = Annotated[str, Path(max_length=63, examples=["newsletter"])]
MANY = 1000
"""More types than anybody keeps apart."""


@router.get("/subscription-types", response_model=Page[TypeView], tags=["subscriptions"])
async def list_types(read: Reading, _: SetUpRead, paging: Paged) -> Page[TypeView]:
    """Subscription types, archived ones included, in order of creation."""
    found = await rows.page_types(read, after=paging.after, limit=paging.fetch)
    return page(found, paging, _type_view, key=lambda each: each.id)


@router.post("/subscription-types", status_code=201, response_model=TypeView, tags=["subscriptions"])
async def create_type(body: TypeBody, inst: Inst, caller: Admin, once: OnlyOnce) -> Response:
    """Add a type of messages that contacts subscribe to."""

    async def work(tx: Tx) -> Answer:
        stamp = Stamp(now=inst.clock.now(), cause=caller.cause)
        async with audited(tx, caller.author, "subscription_type.created", body.slug, now=stamp.now):
            made = await services.create_type(
                tx, body.slug, stamp, name=body.name, description=body.description, kind=body.kind
            )
        return answer(_type_view(made), 201, headers={"Location": f"/api/v1/subscription-types/{made.slug}"})

    return await once.run(work)


@router.get("/subscription-types/{slug}", response_model=TypeView, tags=["subscriptions"])
async def show_type(slug: Slug, read: Reading, _: SetUpRead) -> TypeView:
    """One subscription type."""
    return _type_view(await services.type_or_404(read, slug))


@router.patch("/subscription-types/{slug}", response_model=TypeView, tags=["subscriptions"])
async def change_type(slug: Slug, body: TypePatch, inst: Inst, caller: Admin) -> Response:
    """Rename a type, describe it otherwise, or archive it. What contacts agreed to stays."""
    async with inst.db.transaction() as tx:
        stamp = Stamp(now=inst.clock.now(), cause=caller.cause)
        async with audited(tx, caller.author, "subscription_type.changed", slug, now=stamp.now):
            changed = await services.change_type(tx, slug, stamp, **body.model_dump(exclude_none=True))
    return answer(_type_view(changed)).response()


@router.get("/records/contact/{record_id}/subscriptions", response_model=SubscriptionsView, tags=["subscriptions"])
async def show_subscriptions(record_id: RecordId, read: Reading, _: RecordsRead) -> SubscriptionsView:
    """What a contact agreed to be sent, for every type."""
    return await _subscriptions(read, await record_or_404(read, services.OBJECT, record_id))


@router.put(
    "/records/contact/{record_id}/subscriptions",
    response_model=SubscriptionsView,
    responses=refusals(409),
    tags=["subscriptions"],
)
async def set_subscriptions(record_id: RecordId, body: SubscriptionsBody, inst: Inst, caller: RecordsWrite) -> Response:
    """Write down what a contact agrees to. A state that differs is a change that workflows see."""
    async with inst.db.transaction() as tx:
        contact = await record_or_404(tx, services.OBJECT, record_id)
        stamp = Stamp(now=inst.clock.now(), cause=caller.cause)
        grounds = services.Grounds(source=body.source, legal_basis=body.legal_basis)
        async with audited(tx, caller.author, "consent.changed", record_id, now=stamp.now):
            if body.unsubscribed_from_all:
                await unsubscribe_from_all(tx, record_id, stamp, grounds)
            elif body.unsubscribed_from_all is False:
                await take_marketing_again(tx, record_id)
            if body.subscriptions:
                await services.set_subscriptions(tx, record_id, body.subscriptions, stamp, grounds)
        shown = await _subscriptions(tx, contact)
    return answer(shown).response()


@router.get(
    "/records/contact/{record_id}/subscriptions/history",
    response_model=Page[PastSubscriptionView],
    tags=["subscriptions"],
)
async def list_history(record_id: RecordId, read: Reading, _: RecordsRead, paging: Paged) -> Page[PastSubscriptionView]:
    """Every consent a contact gave and took back, newest first."""
    await record_or_404(read, services.OBJECT, record_id)
    found = await rows.page_history(read, record_id, after=paging.after, limit=paging.fetch)
    return page(found, paging, _past_view, key=lambda each: each.id)


async def _subscriptions(read: Read, contact: StoredRecord) -> SubscriptionsView:
    known = await rows.consents_of(read, contact.id)
    types = await rows.page_types(read, limit=MANY)
    return SubscriptionsView(
        items=[_view(type_, known.get(type_.slug)) for type_ in types],
        unsubscribed_from_all=await is_unsubscribed_from_all(read, contact),
    )


def _view(type_: SubscriptionType, consent: Consent | None) -> SubscriptionView:
    return SubscriptionView(
        subscription=type_.slug,
        name=type_.name,
        archived=type_.archived,
        state=consent.state if consent else NOT_SPECIFIED,
        source=consent.source if consent else None,
        legal_basis=consent.legal_basis if consent else None,
        changed_at=consent.changed_at if consent else None,
        cause=cause_pointer(consent.cause.kind, consent.cause.id) if consent else None,
    )


def _past_view(past: PastConsent) -> PastSubscriptionView:
    same = {name: getattr(past, name) for name in PastSubscriptionView.model_fields if name != "cause"}
    return PastSubscriptionView(**same, cause=cause_pointer(past.cause.kind, past.cause.id))


def _type_view(type_: SubscriptionType) -> TypeView:
    return TypeView(**{name: getattr(type_, name) for name in TypeView.model_fields})
