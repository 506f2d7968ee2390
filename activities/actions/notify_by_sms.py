"""Sends users a text message about the record, once per visit and user.

Outside, queue ``ft-sms``, one ledger row per visit and user. The number is the user's ``phone`` in international form,
read with the account's region. Each user has an outcome of their own: one without a number keeps nobody else from being
told.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from activities import noticing
from activities.action import Action, OutsideContext, templates_of
from activities.noticing import OUTCOMES, SentNoticeConfig
from domain.catalogue import ActionConfig, ConfigScope, Finding
from domain.consent import Terms
from domain.errors import StepFailed, StepSkipped
from domain.messages import StepAnswer
from domain.names import QUEUE_SMS
from domain.plan import Policy
from domain.ports import Sms
from domain.sms_text import MOST_SEGMENTS, size_of, too_long
from services.running.addressees import Addressee, still_there
from services.running.inside import Inside
from services.running.letters import Letter
from services.running.variables import Sender, roots_of
from store.database import Read


class NotifyBySmsConfig(SentNoticeConfig):
    """What is said, and to whom."""


def check(config: NotifyBySmsConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Refuse a message to nobody, and one that is too long whatever the record says."""
    yield from noticing.check(config, scope)
    said = f"{config.title}\n{config.body}"
    if "{{" not in said and "{%" not in said and (words := too_long(said, MOST_SEGMENTS)) is not None:
        yield Finding(path="/body", code="wrong_value", message=words)


def number_of(context: OutsideContext, each: Addressee, inside: Inside) -> str:
    """The user's number in E.164."""
    written = still_there(each, inside.record).phone
    if not written:
        raise StepSkipped("no_address", "the user has no phone number")
    number = context.inst.phones.e164(written, inside.account.default_region)
    if number is None:
        raise StepSkipped("invalid_address", "the phone number is not a valid one")
    return number


async def write(
    context: OutsideContext, config: NotifyBySmsConfig, key: str, read: Read, inside: Inside, to: str
) -> Sms:
    """The complete message.

    Raises:
        StepFailed: ``bad_template``; ``wrong_value``, it is too long.
    """
    sender = Sender(name=inside.account.name, address=inside.account.sms_from)
    title, body = await noticing.render(context, config, read, inside, sender)
    text = f"{title}\n{body}" if body else title
    if (words := too_long(text, MOST_SEGMENTS)) is not None:
        raise StepFailed("wrong_value", words)
    return Sms(key=key, sender=sender.address, to=to, text=text, segments=size_of(text).segments, at=context.call.now)


def letter_to(context: OutsideContext, config: NotifyBySmsConfig, each: Addressee) -> Letter[Sms]:
    """What goes to one user."""
    inst, key = context.inst, noticing.key_for(context, each)
    return Letter(
        channel="sms",
        repeatable=inst.sms.repeatable or config.on_unknown == "resend",
        objects=roots_of(inst.templates, *templates_of(config)),
        address_objects=(),
        address=partial(number_of, context, each),
        contact=noticing.nobodys,
        terms=Terms(channel="sms", marketing=False),
        write=partial(write, context, config, key),
        prepare=inst.sms.prepare,
        key=key,
        waits=False,
        asks=config.on_unknown == "ask",
    )


async def run(context: OutsideContext, config: NotifyBySmsConfig) -> StepAnswer:
    """Make one attempt at sending, to each user who has none yet."""
    return await noticing.send_each(context, config, partial(letter_to, context, config))


def is_urgent(config: ActionConfig) -> bool:
    """Colleagues are told before mailings go on."""
    return True


ACTION = Action(
    name="notify_by_sms",
    title="Notify by SMS",
    description="Sends a text message to users, teams, the record's owner or the owner's manager.",
    effect="outside",
    config=NotifyBySmsConfig,
    run=run,
    queue=QUEUE_SMS,
    # An attempt tells many, one after the other, and begins with nobody it has no time for.
    policy=Policy(start_to_close_s=600, schedule_to_close_s=86400, first_retry_s=5, max_retry_s=1800),
    outcomes=(OUTCOMES[0], f"{OUTCOMES[1]}, sms_opted_out", f"{OUTCOMES[2]}, wrong_value (too long)"),
    check=check,
    reads=noticing.reads,
    is_urgent=is_urgent,
    internal=True,
)
