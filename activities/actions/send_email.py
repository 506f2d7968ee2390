"""Sends one email to the record's contact, once per visit: marketing it agreed to, or a transactional one.

Outside, queue ``ft-email``, one ledger row per visit. Skipped when there is nobody to write to or no consent to it;
retried for three days while the mail server cannot take it; ``unknown`` when its answer was lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Literal

from pydantic import Field

from activities.action import Action, OutsideContext, templates_of
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.consent import Terms
from domain.errors import StepFailed, StepSkipped
from domain.fields import LiquidHtml, LiquidText, SubscriptionSlug
from domain.messages import StepAnswer
from domain.names import QUEUE_EMAIL
from domain.plan import Policy
from domain.ports import Mail
from gateways.text import text_of
from services.running.carrying import unsubscribe_address, with_way_out
from services.running.effects import Letter, attempt
from services.running.inside import Inside
from services.running.recipients import contact_objects, contact_of, keep_sample_inside
from services.running.settling import key_of
from services.running.variables import Sender, load_variables, roots_of
from store.database import Read


class SendEmailConfig(ActionConfig):
    """What the email says and who it comes from."""

    subject: LiquidText = Field(title="Subject", description="The subject line, as a template.", min_length=1)
    html: LiquidHtml = Field(title="Content", description="The body as HTML, as a template.", min_length=1)
    text: LiquidText = Field(
        default="", title="Plain text", description="The body for readers without HTML; made from the content if empty."
    )
    transactional: bool = Field(
        default=False, title="Transactional", description="An email somebody asked for or needs, not marketing."
    )
    subscription: SubscriptionSlug | None = Field(
        default=None, title="Subscription", description="The subscription type a marketing email belongs to."
    )
    from_name: str | None = Field(
        default=None, title="Sender name", description="Who it comes from; the account's sender if empty."
    )
    from_address: str | None = Field(
        default=None, title="Sender address", description="The address it comes from; the account's if empty."
    )
    reply_to: str | None = Field(default=None, title="Reply to", description="Where answers go, if not to the sender.")
    to: Literal["record"] = Field(
        default="record", title="To", description="The enrolled contact, or the latest contact of the enrolled record."
    )


def check(config: SendEmailConfig, scope: ConfigScope) -> Iterable[Finding]:
    """A marketing email belongs to a subscription type, a transactional one to none."""
    if config.subscription is None and not config.transactional:
        words = "a marketing email names the subscription type it belongs to; or set transactional to true"
        yield Finding(path="/subscription", code="missing_field", message=words)
    if config.subscription is not None and config.transactional:
        words = "a transactional email belongs to no subscription type: nobody can unsubscribe from it"
        yield Finding(path="/subscription", code="wrong_value", message=words)


def address_of(context: OutsideContext, inside: Inside) -> str:
    """The contact's address, if it is one."""
    contact = contact_of(inside)
    address = contact.properties.get("email")
    if not isinstance(address, str) or not address:
        raise StepSkipped("no_address", "the contact has no email address")
    if context.inst.addresses.problem(address) is not None:
        raise StepSkipped("invalid_address", "the email address is not a valid one")
    inst = context.inst
    domain = address.rpartition("@")[2]
    keep_sample_inside(contact, domain, allowed=inst.sample_mail_domains, stays_here=inst.mail.repeatable)
    return address


async def write(context: OutsideContext, config: SendEmailConfig, read: Read, inside: Inside, to: str) -> Mail:
    """The complete message; its id follows from the effect key, so that every attempt carries the same.

    Raises:
        StepFailed: ``bad_template``, also when nothing is left of the subject.
    """
    templates, key = context.inst.templates, key_of(context.call)
    sender = Sender(
        name=config.from_name or inside.account.mail_from_name,
        address=config.from_address or inside.account.mail_from,
    )
    roots = roots_of(templates, *templates_of(config))
    inst, way_out = context.inst, ""
    if not config.transactional:
        way_out = unsubscribe_address(inst, inside.account, key)
    variables = await load_variables(read, inside, roots, sender=sender, unsubscribe_url=way_out)
    # A line break in a value must not become a header.
    subject = " ".join(templates.render(config.subject, variables, html=False).split())
    if not subject:
        raise StepFailed("bad_template", "the subject rendered to nothing")
    html = templates.render(config.html, variables, html=True)
    text = templates.render(config.text, variables, html=False) if config.text else text_of(html)
    mail = Mail(
        key=key,
        message_id=f"{key.replace(':', '.')}@{sender.address.rpartition('@')[2]}",
        sender=sender.address,
        sender_name=sender.name,
        to=to,
        reply_to=config.reply_to,
        subject=subject,
        html=html,
        text=text,
        at=context.call.now,
    )
    return with_way_out(mail, way_out) if way_out else mail


async def run(context: OutsideContext, config: SendEmailConfig) -> StepAnswer:
    """Make one attempt at sending."""
    templates = context.inst.templates
    letter = Letter(
        channel="email",
        repeatable=context.inst.mail.repeatable,
        objects=roots_of(templates, *templates_of(config)),
        address_objects=contact_objects(context.definition.object),
        address=partial(address_of, context),
        contact=contact_of,
        terms=Terms(channel="email", marketing=not config.transactional, subscription=config.subscription),
        write=partial(write, context, config),
        prepare=context.inst.mail.prepare,
    )
    return await attempt(context.inst, context.call, letter)


ACTION = Action(
    name="send_email",
    title="Send an email",
    description="Sends an email to the record's contact: marketing it agreed to, or a transactional one.",
    effect="outside",
    config=SendEmailConfig,
    run=run,
    queue=QUEUE_EMAIL,
    # Longer than all timeouts of a mail gateway together, so that an attempt is never given up while it can answer.
    policy=Policy(start_to_close_s=600, schedule_to_close_s=3 * 86400, first_retry_s=5, max_retry_s=1800),
    outcomes=(
        "done: message, the id of the message",
        "skipped: no_record, no_address, invalid_address, bounced, complained, not_marketing_contact, unsubscribed, "
        "not_subscribed, frequency_cap, no_consent",
        "failed: rejected, gave_up, unknown, bad_template",
    ),
    check=check,
)
