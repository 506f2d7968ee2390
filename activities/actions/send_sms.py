"""Sends one text message to the record's contact, once per visit.

Outside, queue ``ft-sms``, one ledger row per visit. The number is the contact's ``phone`` in international form, read
with the account's region. Skipped when there is no valid number or the contact opted out.
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
from domain.fields import LiquidText
from domain.headers import has_templates
from domain.lost_answers import OnUnknown, on_unknown
from domain.messages import StepAnswer
from domain.names import QUEUE_SMS
from domain.plan import Policy
from domain.ports import Sms
from domain.sms_senders import sender_problem
from domain.sms_text import MOST_SEGMENTS, size_of, too_long
from services.running.effects import attempt
from services.running.inside import Inside
from services.running.letters import Letter
from services.running.recipients import contact_objects, contact_of, keep_sample_inside
from services.running.settling import key_of
from services.running.variables import Sender, load_variables, roots_of
from store.database import Read


class SendSmsConfig(ActionConfig):
    """What the message says and which number it comes from."""

    text: LiquidText = Field(title="Text", description="The message, as a template.", min_length=1)
    from_number: str | None = Field(
        default=None, title="Sender number", description="The number it comes from; the account's if empty."
    )
    max_segments: int = Field(
        default=MOST_SEGMENTS,
        title="Longest",
        description="The most segments the text may take: 160 plain characters are one, 153 each of several; 70 and 67 "
        "where one of them is beyond the alphabet of plain messages.",
        ge=1,
        le=MOST_SEGMENTS,
    )
    transactional: bool = Field(
        default=False,
        title="Transactional",
        description="A message somebody asked for or needs: neither frequency caps nor unsubscribing hold it back.",
    )
    on_unknown: OnUnknown | None = Field(
        default=None,
        title="When the answer is lost",
        description="Nobody knows whether it arrived: `leave` it at that and go on, `resend` it, perhaps twice, or "
        "`ask` somebody and wait; null: ask if it is transactional, else leave.",
    )
    to: Literal["record"] = Field(
        default="record", title="To", description="The enrolled contact, or the latest contact of the enrolled record."
    )


def check(config: SendSmsConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a sender that is none, and a text that is empty or too long whatever the record says."""
    if config.from_number is not None and (words := sender_problem(config.from_number)) is not None:
        yield Finding(path="/from_number", code="wrong_value", message=words)
    if not config.text.strip():
        yield Finding(path="/text", code="wrong_value", message="the text is empty")
    if has_templates(config.text):
        return
    if (words := too_long(config.text, config.max_segments)) is not None:
        yield Finding(path="/text", code="wrong_value", message=words)


def number_of(context: OutsideContext, inside: Inside) -> str:
    """The contact's number in E.164, if messages may go there."""
    contact = contact_of(inside)
    if contact.properties.get("sms_opted_out") is True:
        raise StepSkipped("sms_opted_out", "the contact does not want text messages")
    written = contact.properties.get("phone")
    if not isinstance(written, str) or not written:
        raise StepSkipped("no_address", "the contact has no phone number")
    number = context.inst.phones.e164(written, inside.account.default_region)
    if number is None:
        raise StepSkipped("invalid_address", "the phone number is not a valid one")
    keep_sample_inside(contact, "", allowed=(), stays_here=context.inst.sms.repeatable)
    return number


async def write(context: OutsideContext, config: SendSmsConfig, read: Read, inside: Inside, to: str) -> Sms:
    """The complete message.

    Raises:
        StepFailed: ``bad_template``, also when nothing is left of the text; ``wrong_value``, it is too long.
    """
    templates = context.inst.templates
    sender = Sender(name=inside.account.name, address=config.from_number or inside.account.sms_from)
    variables = await load_variables(read, inside, roots_of(templates, config.text), sender=sender)
    text = templates.render(config.text, variables, html=False)
    if not text.strip():
        raise StepFailed("bad_template", "the text rendered to nothing")
    if (words := too_long(text, config.max_segments)) is not None:
        raise StepFailed("wrong_value", words)
    segments = size_of(text).segments
    return Sms(
        key=key_of(context.call), sender=sender.address, to=to, text=text, segments=segments, at=context.call.now
    )


async def run(context: OutsideContext, config: SendSmsConfig) -> StepAnswer:
    """Make one attempt at sending."""
    lost = on_unknown(config.on_unknown, transactional=config.transactional)
    letter = Letter(
        channel="sms",
        repeatable=context.inst.sms.repeatable or lost == "resend",
        asks=lost == "ask",
        objects=roots_of(context.inst.templates, *templates_of(config)),
        address_objects=contact_objects(context.definition.object),
        address=partial(number_of, context),
        contact=contact_of,
        terms=Terms(channel="sms", marketing=not config.transactional),
        write=partial(write, context, config),
        prepare=context.inst.sms.prepare,
    )
    return await attempt(context.inst, context.call, letter)


def is_urgent(config: SendSmsConfig) -> bool:
    """Whether somebody waits for it."""
    return config.transactional


ACTION = Action(
    name="send_sms",
    title="Send a text message",
    description="Sends an SMS to the record's contact.",
    effect="outside",
    config=SendSmsConfig,
    run=run,
    queue=QUEUE_SMS,
    policy=Policy(start_to_close_s=120, schedule_to_close_s=86400, first_retry_s=5, max_retry_s=1800),
    outcomes=(
        "done: message, the id of the message",
        "skipped: no_record, no_address, invalid_address, sms_opted_out, unsubscribed, frequency_cap, no_consent",
        "failed: rejected, gave_up, unknown, bad_template, wrong_value (too long)",
    ),
    check=check,
    is_urgent=is_urgent,
)
