"""Sends one email to each recipient, once per visit: marketing a contact agreed to, or a transactional one.

Outside, queue ``ft-email``, one ledger row per visit and recipient. Skipped when there is nobody to write to or no
consent to it; retried for three days while the mail server cannot take it; ``unknown`` when its answer was lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from activities.action import Action, OutsideContext
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.consent import Terms
from domain.email_rules import PREVIEW, SAID_TWICE
from domain.emails import EmailContent
from domain.errors import Rejected, StepError, StepFailed, StepSkipped
from domain.fields import (
    Address,
    EmailSlug,
    FromName,
    LiquidHtml,
    LiquidLine,
    LiquidMjml,
    LiquidText,
    StepReference,
    SubscriptionSlug,
)
from domain.headers import message_id
from domain.lost_answers import OnUnknown, on_unknown
from domain.messages import StepAnswer
from domain.names import QUEUE_EMAIL, effect_key
from domain.plan import Policy
from domain.ports import HandOver, Mail
from domain.recipients import To, is_internal, reads_of
from domain.records import Cause
from services.installation import Installation
from services.intake.statuses import tell_refused
from services.running.carrying import unsubscribe_address, with_reply_address, with_thread, with_tracking, with_way_out
from services.running.composing import compose, sender_of
from services.running.effects import attempt, attempt_each, refuse
from services.running.inside import Inside
from services.running.letters import Letter
from services.running.recipients import BY_EMAIL, Recipient, keep_sample_inside, recipients_of
from services.running.variables import load_variables, roots_of
from store.conversations import thread_of
from store.database import Read
from store.emails import find_current

UNANSWERED = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "OOF, AutoReply"}
"""What keeps programs that answer by themselves from answering a program (RFC 3834; Exchange asks for the other)."""

OWN = ("subject", "preheader", "html", "mjml", "text")
"""Fields of the content that a step says itself, unless it names an email."""


class SendEmailConfig(ActionConfig):
    """What the email says and who it comes from."""

    email: EmailSlug | None = Field(
        default=None, title="Email", description="A reusable email, by slug, instead of content of its own."
    )
    subject: LiquidLine = Field(
        default="", title="Subject", description="The subject line, as a template.", min_length=1
    )
    preheader: LiquidText = Field(
        default="", title="Preheader", description="What mail programs show beside the subject, as a template."
    )
    html: LiquidHtml = Field(default="", title="Content", description="The body as HTML, as a template.", min_length=1)
    mjml: LiquidMjml = Field(
        default="", title="MJML", description="The body as MJML instead of HTML, as a template.", min_length=1
    )
    text: LiquidText = Field(
        default="", title="Plain text", description="The body for readers without HTML; made from the content if empty."
    )
    transactional: bool = Field(
        default=False, title="Transactional", description="An email somebody asked for or needs, not marketing."
    )
    subscription: SubscriptionSlug | None = Field(
        default=None, title="Subscription", description="The subscription type a marketing email belongs to."
    )
    from_name: FromName | None = Field(
        default=None,
        title="Sender name",
        description="Who it comes from; the email's or the account's if empty.",
    )
    from_address: Address | None = Field(
        default=None,
        title="Sender address",
        description="The address it comes from; the email's or the account's if empty.",
    )
    reply_to: Address | None = Field(
        default=None, title="Reply to", description="Where answers go, if not to the sender or as the email says."
    )
    thread: Annotated[str, StepReference("send_email"), Field(json_schema_extra={"x-kind": "step"})] | None = Field(
        default=None,
        title="Thread",
        description="An earlier step whose email this one follows: mail programs show both in one conversation.",
    )
    track_opens: bool | None = Field(
        default=None,
        title="Track opens",
        description="Whether it tells that it is opened; null: as the account says.",
    )
    track_clicks: bool | None = Field(
        default=None, title="Track clicks", description="Whether its links tell that they are followed; likewise."
    )
    on_unknown: OnUnknown | None = Field(
        default=None,
        title="When the answer is lost",
        description="Nobody knows whether it arrived: `leave` it at that and go on, `resend` it, perhaps twice, or "
        "`ask` somebody and wait; null: ask if it is transactional, else leave.",
    )
    to: To = Field(
        default="record",
        title="To",
        description="`record`: the enrolled contact, or the latest contact of the enrolled record; `owner`: its owner; "
        "`{associated: {object: contact, label, match: all or latest}}`; `{addresses: […]}`.",
    )


def check(config: SendEmailConfig, scope: ConfigScope) -> Iterable[Finding]:
    """One content and no more; a marketing email belongs to a subscription type, a transactional one to none."""
    yield from _content_mistakes(config)
    internal = is_internal(config.to)
    if internal and config.subscription is not None:
        words = "an email to owners or fixed addresses belongs to no subscription type"
        yield Finding(path="/subscription", code="wrong_value", message=words)
        return
    if config.subscription is None and not config.transactional and not internal:
        words = "a marketing email names the subscription type it belongs to; or set transactional to true"
        yield Finding(path="/subscription", code="missing_field", message=words)
    if config.subscription is not None and config.transactional:
        words = "a transactional email belongs to no subscription type: nobody can unsubscribe from it"
        yield Finding(path="/subscription", code="wrong_value", message=words)


def _content_mistakes(config: SendEmailConfig) -> Iterator[Finding]:
    if config.email is None:
        yield from _mistakes_of_own(config)
        return
    for name in OWN:
        if getattr(config, name):
            yield Finding(path=f"/{name}", code="wrong_value", message=f"the email says it; leave out {name} or email")


def _mistakes_of_own(config: SendEmailConfig) -> Iterator[Finding]:
    if not config.subject:
        yield Finding(path="/subject", code="missing_field", message="subject is missing, or name an email")
    if not config.mjml and not config.html.strip():
        yield Finding(path="/html", code="missing_field", message="html is missing, or write mjml, or name an email")
    if config.mjml and config.html:
        yield Finding(path="/mjml", code="wrong_value", message="an email is written in exactly one of html and mjml")
    if config.preheader and PREVIEW in config.mjml:
        yield Finding(path="/preheader", code="wrong_value", message=SAID_TWICE)


async def content_of(inst: Installation, config: SendEmailConfig) -> tuple[EmailContent, int | None]:
    """What the email says, with the version of the reusable one; what the step says itself of the sender goes first.

    Raises:
        StepFailed: ``broken_reference``, when the reusable email is gone or archived.
    """
    said = config.model_dump(include={"from_name", "from_address", "reply_to"}, exclude_none=True)
    if config.email is None:
        own = {name: getattr(config, name) for name in OWN if getattr(config, name)}
        if config.mjml:
            # It was examined when it was published, so it becomes something.
            own["html"] = inst.markup.mjml(config.mjml).html
        return EmailContent(**own, **said), None
    async with inst.db.glance() as read:
        found = await find_current(read, config.email)
    if found is None:
        raise StepFailed("broken_reference", f"there is no email {config.email!r} in use")
    return found.content.model_copy(update=said), found.version


def reads(config: SendEmailConfig, scope: ConfigScope) -> Iterable[str]:
    """What decides who gets the email, besides its templates."""
    return reads_of(config.to, scope.object)


def address_of(context: OutsideContext, recipient: Recipient, inside: Inside) -> str:
    """The recipient's address, if it is one."""
    contact, address, inst = recipient.contact(inside), recipient.written(inside), context.inst
    if not address:
        raise StepSkipped("no_address", "the contact has no email address")
    if inst.addresses.problem(address) is not None:
        raise StepSkipped("invalid_address", "the email address is not a valid one")
    if contact is not None:
        domain = address.rpartition("@")[2]
        keep_sample_inside(contact, domain, allowed=inst.sample_mail_domains, stays_here=inst.mail.repeatable)
    return address


@dataclass(frozen=True)
class Script:
    """What the step sends: the content, and the version of the reusable email it is (None: content of its own).

    ``track_opens``, ``track_clicks``: None leaves it to the account.
    """

    content: EmailContent
    email: str | None
    version: int | None
    track_opens: bool | None
    track_clicks: bool | None
    thread: str | None


async def write(
    context: OutsideContext,
    script: Script,
    recipient: Recipient,
    key: str,
    is_marketing: bool,
    read: Read,
    inside: Inside,
    to: str,
) -> Mail:
    """The complete message; its id follows from the effect key, so that every attempt carries the same.

    Raises:
        StepFailed: ``bad_template``, also when nothing is left of the subject.
    """
    content = script.content
    sender = sender_of(content, inside.account)
    roots = roots_of(context.inst.templates, *content.templates)
    way_out = unsubscribe_address(context.inst, inside.account, key) if is_marketing else ""
    variables = await load_variables(
        read, inside, roots, sender=sender, unsubscribe_url=way_out, contact=recipient.contact(inside)
    )
    composed = compose(context.inst, content, variables)
    mail = Mail(
        key=key,
        message_id=message_id(key.replace(":", "."), sender.address),
        sender=sender.address,
        sender_name=sender.name,
        to=to,
        reply_to=content.reply_to,
        subject=composed.subject,
        html=composed.html,
        text=composed.text,
        headers={} if is_marketing else UNANSWERED,
        email=script.email,
        email_version=script.version,
        at=context.call.now,
    )
    if recipient.is_internal:
        return mail
    if way_out:
        mail = with_way_out(mail, way_out)
    account, inst = inside.account, context.inst
    if script.thread is not None:
        mail = with_thread(mail, await thread_of(read, inside.enrollment.passages, script.thread, to))
    mail = with_reply_address(inst, account, mail)
    opens = account.track_opens if script.track_opens is None else script.track_opens
    clicks = account.track_clicks if script.track_clicks is None else script.track_clicks
    return with_tracking(inst, account, mail, opens=opens, clicks=clicks)


@asynccontextmanager
async def watched(inst: Installation, refused: set[str], mail: Mail) -> AsyncIterator[HandOver]:
    """Prepare a message and note the address of which the mail server says that there is none."""
    try:
        async with inst.mail.prepare(mail) as hand_over:
            yield hand_over
    except Rejected as no:
        if no.no_such_address:
            refused.add(mail.to)
        raise


def letter_to(
    context: OutsideContext, config: SendEmailConfig, script: Script, recipient: Recipient, refused: set[str]
) -> Letter[Mail]:
    """What goes to one recipient, and what that one must have agreed to; ``refused`` gets its address if it is none."""
    call, inst = context.call, context.inst
    key = effect_key(call.enrollment_id, call.step, call.n, recipient.name)
    is_marketing = not config.transactional and not recipient.is_internal
    lost = on_unknown(config.on_unknown, transactional=config.transactional)
    return Letter(
        channel="email",
        repeatable=inst.mail.repeatable or lost == "resend",
        objects=roots_of(inst.templates, *script.content.templates),
        address_objects=recipient.address_objects,
        through=recipient.through,
        address=partial(address_of, context, recipient),
        contact=recipient.contact,
        terms=Terms(channel="email", marketing=is_marketing, subscription=config.subscription),
        write=partial(write, context, script, recipient, key, is_marketing),
        prepare=partial(watched, inst, refused),
        key=key if recipient.name is not None else None,
        waits=not recipient.is_internal,
        asks=lost == "ask",
    )


async def run(context: OutsideContext, config: SendEmailConfig) -> StepAnswer:
    """Make one attempt at sending, to each recipient that has none yet."""
    try:
        content, version = await content_of(context.inst, config)
        recipients = await recipients_of(context.inst, context.call, context.definition.object, config.to, BY_EMAIL)
    except StepError as no:
        return await refuse(context.inst, context.call, no)
    script = Script(
        content=content,
        email=config.email,
        version=version,
        track_opens=config.track_opens,
        track_clicks=config.track_clicks,
        thread=config.thread,
    )
    refused = set[str]()
    letters = [letter_to(context, config, script, recipient, refused) for recipient in recipients]
    try:
        if len(letters) == 1 and letters[0].key is None:
            return await attempt(context.inst, context.call, letters[0])
        return await attempt_each(context.inst, context.call, letters)
    finally:
        await tell_refused(context.inst, refused, Cause(kind="enrollment", id=context.call.enrollment_id))


def is_urgent(config: SendEmailConfig) -> bool:
    """Whether somebody waits for it."""
    return config.transactional


ACTION = Action(
    name="send_email",
    title="Send an email",
    description="Sends an email to contacts, the owner or fixed addresses: marketing with consent, or transactional.",
    effect="outside",
    config=SendEmailConfig,
    run=run,
    queue=QUEUE_EMAIL,
    # Longer than all timeouts of a mail gateway together, so that an attempt is never given up while it can answer.
    policy=Policy(start_to_close_s=600, schedule_to_close_s=3 * 86400, first_retry_s=5, max_retry_s=1800),
    outcomes=(
        "done: message, the id of the message; to many: messages, their ids, and how many were sent, skipped, failed",
        "skipped: no_record, no_owner, no_address, invalid_address, bounced, complained, "
        "not_marketing_contact, unsubscribed, not_subscribed, frequency_cap, no_consent",
        "failed: rejected, gave_up, unknown, bad_template, broken_reference",
    ),
    check=check,
    reads=reads,
    is_urgent=is_urgent,
)
