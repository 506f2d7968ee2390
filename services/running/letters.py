"""What an outside action has to say about its message, and what is kept of it once it is claimed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from domain.consent import Channel, Terms
from domain.facts import RecordFacts
from domain.messages import StepCall
from domain.ports import HandOver, Mail, Sms
from services.running.inside import Inside, Passed
from services.running.settling import Conclude, keep_fate, key_of
from services.running.summing import settle_fate
from store.database import Read

M = TypeVar("M", Mail, Sms)


@dataclass(frozen=True, kw_only=True)
class Letter(Generic[M]):
    """What an outside action has to say about its message; the rest is the same for every channel.

    ``objects``: associated object types the content reads, ``address_objects`` those the address is found through.
    ``address``: who gets it, judged when preparing and again in the claim (raises StepSkipped or StepFailed);
    ``contact``: the contact it goes to, if it is one, and ``terms`` what that contact has to agree to.
    ``through``: associated object types that are read even where the enrolled or bound record is one.
    ``write``: the complete message for that address. ``key``: its own in the ledger, where it is one message of many;
    ``waits``: hours for messages hold it back. ``repeatable``: one whose answer was lost may be handed over again, as
    the gateway delivers one key once or the step says so; ``asks``: of any other, a person decides.
    """

    channel: Channel
    repeatable: bool
    objects: Collection[str]
    address_objects: Collection[str]
    address: Callable[[Inside], str]
    contact: Callable[[Inside], RecordFacts | None]
    terms: Terms
    write: Callable[[Read, Inside, str], Awaitable[M]]
    prepare: Callable[[M], AbstractAsyncContextManager[HandOver]]
    through: Collection[str] = ()
    key: str | None = None
    waits: bool = True
    asks: bool = False

    def key_for(self, call: StepCall) -> str:
        """The key in the ledger."""
        return self.key or key_of(call)

    @property
    def conclude(self) -> Conclude:
        """What follows its end."""
        return settle_fate if self.key is None else keep_fate


@dataclass(frozen=True, kw_only=True)
class Written(Generic[M]):
    """A message, and the id of the contact it was written for."""

    message: M
    contact_id: str | None


def message_row(passed: Passed, letter: Letter[M], written: Written[M]) -> dict[str, Any]:
    """What is kept of a message that is claimed."""
    message = written.message
    mail: Mail | None = message if isinstance(message, Mail) else None
    return {
        "enrollment_id": passed.enrollment.id,
        "workflow_id": passed.enrollment.workflow_id,
        "step": passed.call.step,
        "record_id": passed.record.id,
        "contact_id": written.contact_id,
        "marketing": letter.terms.marketing,
        "subscription": letter.terms.subscription,
        "channel": letter.channel,
        "sender": message.sender,
        "recipient": message.to,
        "subject": mail.subject if mail else None,
        "html": mail.html if mail else None,
        "text": message.text,
        "segments": message.segments if isinstance(message, Sms) else None,
        "message_id": mail.message_id if mail else None,
        "email": mail.email if mail else None,
        "email_version": mail.email_version if mail else None,
        "links": list(mail.links) if mail is not None else None,
        "reply_token": mail.reply_token if mail else None,
        "thread": list(mail.thread) if mail is not None else None,
    }
