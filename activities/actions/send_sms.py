"""Sends one text message to each recipient, once per visit: contacts, the owner of the record, or fixed numbers.

Outside, queue ``ft-sms``, one ledger row per visit and recipient. A number is read in international form, with the
account's region. Skipped when there is no valid number or the contact opted out.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from pydantic import Field

from activities.action import Action, OutsideContext, templates_of
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.consent import Terms
from domain.errors import StepError, StepFailed, StepSkipped
from domain.fields import LiquidText
from domain.headers import has_templates
from domain.lost_answers import OnUnknown, on_unknown
from domain.messages import StepAnswer
from domain.names import QUEUE_SMS, effect_key
from domain.plan import Policy
from domain.ports import Sms
from domain.recipients import TextTo, ToNumbers, reads_of
from domain.sms_numbers import number_problem, sender_problem
from domain.sms_text import MOST_SEGMENTS, size_of, too_long
from services.running.effects import attempt, attempt_each, refuse
from services.running.inside import Inside
from services.running.letters import Letter
from services.running.recipients import BY_TEXT, Recipient, keep_sample_inside, recipients_of
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
    to: TextTo = Field(
        default="record",
        title="To",
        description="`record`: the enrolled contact, or the latest contact of the enrolled record; `owner`: its owner; "
        "`{associated: {object: contact, label, match: all or latest}}`; `{numbers: [+4722123456]}`.",
    )


def check(config: SendSmsConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find senders and numbers that are none, and a text that is empty or too long whatever the record says."""
    if config.from_number is not None and (words := sender_problem(config.from_number)) is not None:
        yield Finding(path="/from_number", code="wrong_value", message=words)
    if not config.text.strip():
        yield Finding(path="/text", code="wrong_value", message="the text is empty")
    if isinstance(config.to, ToNumbers):
        for i, number in enumerate(config.to.numbers):
            if (wrong := number_problem(number)) is not None:
                yield Finding(path=f"/to/numbers/{i}", code="wrong_value", message=wrong)
    if has_templates(config.text):
        return
    if (words := too_long(config.text, config.max_segments)) is not None:
        yield Finding(path="/text", code="wrong_value", message=words)


def reads(config: SendSmsConfig, scope: ConfigScope) -> Iterable[str]:
    """What decides who gets the message, besides its template."""
    return reads_of(config.to, scope.object)


def number_of(context: OutsideContext, recipient: Recipient, inside: Inside) -> str:
    """The recipient's number in E.164, if messages may go there."""
    contact = recipient.contact(inside)
    if contact is not None and contact.properties.get("sms_opted_out") is True:
        raise StepSkipped("sms_opted_out", "the contact does not want text messages")
    written = recipient.written(inside)
    if not written:
        raise StepSkipped("no_address", f"the {'user' if contact is None else 'contact'} has no phone number")
    number = context.inst.phones.e164(written, inside.account.default_region)
    if number is None:
        raise StepSkipped("invalid_address", "the phone number is not a valid one")
    if contact is not None:
        keep_sample_inside(contact, "", allowed=(), stays_here=context.inst.sms.repeatable)
    return number


async def write(
    context: OutsideContext,
    config: SendSmsConfig,
    recipient: Recipient,
    key: str,
    read: Read,
    inside: Inside,
    to: str,
) -> Sms:
    """The complete message.

    Raises:
        StepFailed: ``bad_template``, also when nothing is left of the text; ``wrong_value``, it is too long.
    """
    templates = context.inst.templates
    sender = Sender(name=inside.account.name, address=config.from_number or inside.account.sms_from)
    roots, contact = roots_of(templates, config.text), recipient.contact(inside)
    variables = await load_variables(read, inside, roots, sender=sender, contact=contact)
    text = templates.render(config.text, variables, html=False)
    if not text.strip():
        raise StepFailed("bad_template", "the text rendered to nothing")
    if (words := too_long(text, config.max_segments)) is not None:
        raise StepFailed("wrong_value", words)
    segments = size_of(text).segments
    return Sms(key=key, sender=sender.address, to=to, text=text, segments=segments, at=context.call.now)


def letter_to(context: OutsideContext, config: SendSmsConfig, recipient: Recipient) -> Letter[Sms]:
    """What goes to one recipient, and what that one must have agreed to."""
    call, inst = context.call, context.inst
    key = effect_key(call.enrollment_id, call.step, call.n, recipient.name)
    lost = on_unknown(config.on_unknown, transactional=config.transactional)
    return Letter(
        channel="sms",
        repeatable=inst.sms.repeatable or lost == "resend",
        asks=lost == "ask",
        objects=roots_of(inst.templates, *templates_of(config)),
        address_objects=recipient.address_objects,
        through=recipient.through,
        address=partial(number_of, context, recipient),
        contact=recipient.contact,
        terms=Terms(channel="sms", marketing=not config.transactional and not recipient.is_internal),
        write=partial(write, context, config, recipient, key),
        prepare=inst.sms.prepare,
        key=key if recipient.name is not None else None,
        waits=not recipient.is_internal,
    )


async def run(context: OutsideContext, config: SendSmsConfig) -> StepAnswer:
    """Make one attempt at sending, to each recipient that has none yet."""
    try:
        found = await recipients_of(context.inst, context.call, context.definition.object, config.to, BY_TEXT)
    except StepError as no:
        return await refuse(context.inst, context.call, no)
    letters = [letter_to(context, config, recipient) for recipient in found]
    if len(letters) == 1 and letters[0].key is None:
        return await attempt(context.inst, context.call, letters[0])
    return await attempt_each(context.inst, context.call, letters)


def is_urgent(config: SendSmsConfig) -> bool:
    """Whether somebody waits for it."""
    return config.transactional


ACTION = Action(
    name="send_sms",
    title="Send a text message",
    description="Sends an SMS to contacts, the owner or fixed numbers.",
    effect="outside",
    config=SendSmsConfig,
    run=run,
    queue=QUEUE_SMS,
    # An attempt at many goes from one to the next, and begins with nobody it has no time for.
    policy=Policy(start_to_close_s=600, schedule_to_close_s=86400, first_retry_s=5, max_retry_s=1800),
    outcomes=(
        "done: message, the id of the message; to many: messages, their ids, and how many were sent, skipped, failed",
        "skipped: no_record, no_owner, no_address, invalid_address, sms_opted_out, unsubscribed, "
        "frequency_cap, no_consent",
        "failed: rejected, gave_up, unknown, bad_template, wrong_value (too long), broken_reference",
    ),
    check=check,
    reads=reads,
    is_urgent=is_urgent,
)
