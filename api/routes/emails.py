"""Reusable emails: written, versioned, previewed, tried."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.answers import Answer, Shown, answer
from api.deps import Caller, Inst, MessagesSend, Reading, WorkflowsRead, WorkflowsWrite
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.routes.enrollments import ask_of
from api.schemas.emails import (
    EmailAudience,
    EmailBody,
    EmailPatch,
    EmailPreviewBody,
    EmailTestBody,
    EmailVersionView,
    EmailView,
    FullEmailVersionView,
    FullEmailView,
    email_version_view,
    full_version_view,
)
from api.schemas.enrollments import EnrollBody
from api.schemas.usages import EvenIfUsed
from domain.emails import Email
from domain.usages import Thing
from services.auditing import audited
from services.authoring import emails as services
from services.authoring.email_trials import EmailPreview, TestSent, preview_email, send_tests
from services.authoring.usages import hold_unused
from services.installation import Installation
from store import emails as rows
from store.changes import Stamp
from store.database import Read, Tx

router = APIRouter(prefix="/emails", tags=["emails"], route_class=StorableRoute)

Slug = Annotated[str, Path(max_length=63, examples=["welcome"])]


class TestAnswer(Shown):
    """What became of a test, by address."""

    __test__ = False

    items: list[TestSent]


@router.get("", response_model=Page[EmailView])
async def list_emails(read: Reading, _: WorkflowsRead, paging: Paged) -> Page[EmailView]:
    """Reusable emails, archived ones included, in order of creation."""
    found = await rows.page_emails(read, after=paging.after, limit=paging.fetch)
    return page(found, paging, _view, key=lambda each: each.id)


@router.post("", status_code=201, response_model=FullEmailView)
async def create_email(body: EmailBody, inst: Inst, caller: WorkflowsWrite, once: OnlyOnce) -> Response:
    """Write an email that steps can send by its slug. One that could not be sent is refused with every mistake."""

    async def work(tx: Tx) -> Answer:
        stamp = Stamp(now=inst.clock.now(), cause=caller.cause)
        async with audited(tx, caller.author, "email.created", body.slug, now=stamp.now):
            made = await services.create_email(tx, inst, body.slug, body.content, stamp, name=body.name)
        return answer(await _full(tx, made), 201, headers={"Location": f"/api/v1/emails/{made.slug}"})

    return await once.run(work)


@router.get("/{slug}", response_model=FullEmailView)
async def show_email(slug: Slug, read: Reading, _: WorkflowsRead) -> FullEmailView:
    """An email with what its current version says, and the workflows that send it."""
    return await _full(read, await services.email_or_404(read, slug))


@router.patch("/{slug}", response_model=FullEmailView, responses=refusals(409))
async def change_email(
    slug: Slug, body: EmailPatch, inst: Inst, caller: WorkflowsWrite, even_if_used: EvenIfUsed = False
) -> Response:
    """Change it: other content is a new version, which every step sends from then on. An archived one is not sent.

    One that workflows send is not archived, unless `even_if_used` says so: their steps fail from then on.
    """
    async with inst.db.transaction() as tx:
        stamp = Stamp(now=inst.clock.now(), cause=caller.cause)
        async with audited(tx, caller.author, "email.changed", slug, now=stamp.now):
            if body.archived and not even_if_used:
                await services.email_or_404(tx, slug)
                await hold_unused(tx, inst, Thing(kind="email", name=slug), what="archived")
            made = await services.change_email(
                tx, inst, slug, stamp, content=body.content, name=body.name, archived=body.archived
            )
        shown = await _full(tx, made)
    return answer(shown).response()


@router.get("/{slug}/versions", response_model=Page[EmailVersionView])
async def list_versions(slug: Slug, read: Reading, _: WorkflowsRead, paging: Paged) -> Page[EmailVersionView]:
    """The versions of an email, newest first."""
    email = await services.email_or_404(read, slug)
    before = paging.number
    found = await rows.page_versions(read, email.id, before=before, limit=paging.fetch)
    return page(found, paging, email_version_view, key=lambda each: str(each.version))


@router.get("/{slug}/versions/{version}", response_model=FullEmailVersionView)
async def show_version(
    slug: Slug, version: Annotated[int, Path(ge=1, le=2**31 - 1)], read: Reading, _: WorkflowsRead
) -> FullEmailVersionView:
    """A version with everything it says."""
    email = await services.email_or_404(read, slug)
    return full_version_view(await services.version_or_404(read, email, version))


@router.post("/{slug}/preview", response_model=EmailPreview)
async def preview(slug: Slug, body: EmailPreviewBody, inst: Inst, caller: WorkflowsRead, once: OnlyOnce) -> Response:
    """The email as a record would get it; `problems` says what is in the way. A record needs records:read as well."""

    async def work() -> Answer:
        _, shown = await _rendered(inst, caller, slug, body)
        return answer(shown)

    return await once.run_long(work)


@router.post("/{slug}/test", response_model=TestAnswer)
async def send_test(slug: Slug, body: EmailTestBody, inst: Inst, caller: MessagesSend, once: OnlyOnce) -> Response:
    """Send the email to colleagues as a test, marked as one; it is no message of any record and counts nowhere.

    It leaves through the mail service that real messages leave through. A record needs records:read as well.
    """

    async def work() -> Answer:
        email, shown = await _rendered(inst, caller, slug, body)
        sent = await send_tests(inst, email, shown, body.to, now=inst.clock.now())
        return answer(TestAnswer(items=sent))

    return await once.run_long(work)


async def _rendered(inst: Installation, caller: Caller, slug: str, body: EmailAudience) -> tuple[Email, EmailPreview]:
    ask = None
    async with inst.db.read() as read:
        email = await services.email_or_404(read, slug)
        version = await services.version_or_404(read, email, body.version)
    if body.record is not None:
        caller.demand("records:read")
        asked = EnrollBody(
            record=body.record, opportunity_id=body.opportunity_id, bound=body.bound, parameters=body.parameters
        )
        async with inst.db.transaction() as tx:
            ask = await ask_of(tx, inst, caller, asked)
    async with inst.db.read() as read:
        return email, await preview_email(read, inst, version, ask)


async def _full(read: Read, email: Email) -> FullEmailView:
    version = await services.version_or_404(read, email)
    used_by = await services.users_of(read, email.slug)
    return FullEmailView(**{**dict(version.content), **dict(_view(email))}, used_by=used_by)


def _view(email: Email) -> EmailView:
    return EmailView(**{name: getattr(email, name) for name in EmailView.model_fields})
