"""Sends users an email about the record, once per visit and user: mail of the house, to which nobody has to agree.

Outside, queue ``ft-email``, one ledger row per visit and user. It is not tracked, has no way to unsubscribe, and
neither hours nor caps hold it back. Each user has an outcome of their own: one who is not there any more, or whose
address is no good, keeps nobody else from being told.
"""

from __future__ import annotations

from functools import partial

from activities import noticing
from activities.action import Action, OutsideContext, templates_of
from activities.noticing import OUTCOMES, SentNoticeConfig
from domain.catalogue import ActionConfig
from domain.consent import Terms
from domain.errors import StepSkipped
from domain.headers import message_id
from domain.messages import StepAnswer
from domain.names import QUEUE_EMAIL
from domain.notices import html_of
from domain.plan import Policy
from domain.ports import Mail
from services.running.addressees import Addressee, still_there
from services.running.inside import Inside
from services.running.letters import Letter
from services.running.variables import Sender, roots_of
from store.database import Read

BY_A_PROGRAM = {"Auto-Submitted": "auto-generated"}
"""Keeps absence notes from being written (RFC 3834)."""


class NotifyByEmailConfig(SentNoticeConfig):
    """What is said, and to whom."""


def address_of(context: OutsideContext, each: Addressee, inside: Inside) -> str:
    """The user's address, if it is one."""
    address = still_there(each, inside.record).email
    if context.inst.addresses.problem(address) is not None:
        raise StepSkipped("invalid_address", "the email address is not a valid one")
    return address


async def write(
    context: OutsideContext, config: NotifyByEmailConfig, key: str, read: Read, inside: Inside, to: str
) -> Mail:
    """The complete message; its id follows from the effect key, so that every attempt carries the same."""
    account = inside.account
    sender = Sender(name=account.mail_from_name, address=account.mail_from)
    subject, body = await noticing.render(context, config, read, inside, sender)
    text = body or subject
    return Mail(
        key=key,
        message_id=message_id(key.replace(":", "."), sender.address),
        sender=sender.address,
        sender_name=sender.name,
        to=to,
        subject=subject,
        html=html_of(text),
        text=text,
        headers=BY_A_PROGRAM,
        at=context.call.now,
    )


def letter_to(context: OutsideContext, config: NotifyByEmailConfig, each: Addressee) -> Letter[Mail]:
    """What goes to one user."""
    inst, key = context.inst, noticing.key_for(context, each)
    return Letter(
        channel="email",
        repeatable=inst.mail.repeatable or config.on_unknown == "resend",
        objects=roots_of(inst.templates, *templates_of(config)),
        address_objects=(),
        address=partial(address_of, context, each),
        contact=noticing.nobodys,
        terms=Terms(channel="email", marketing=False),
        write=partial(write, context, config, key),
        prepare=inst.mail.prepare,
        key=key,
        waits=False,
        asks=config.on_unknown == "ask",
    )


async def run(context: OutsideContext, config: NotifyByEmailConfig) -> StepAnswer:
    """Make one attempt at sending, to each user who has none yet."""
    return await noticing.send_each(context, config, partial(letter_to, context, config))


def is_urgent(config: ActionConfig) -> bool:
    """Colleagues are told before mailings go on."""
    return True


ACTION = Action(
    name="notify_by_email",
    title="Notify by email",
    description="Sends an email to users, teams, the record's owner or the owner's manager.",
    effect="outside",
    config=NotifyByEmailConfig,
    run=run,
    queue=QUEUE_EMAIL,
    # As that of send_email: longer than all timeouts of a mail gateway together.
    policy=Policy(start_to_close_s=600, schedule_to_close_s=3 * 86400, first_retry_s=5, max_retry_s=1800),
    outcomes=(OUTCOMES[0], f"{OUTCOMES[1]}, bounced, complained", OUTCOMES[2]),
    check=noticing.check,
    reads=noticing.reads,
    is_urgent=is_urgent,
    internal=True,
)
