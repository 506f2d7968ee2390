"""Answers about mail that came in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.answers import Shown
from domain.base import Instant
from domain.incoming_mail import InboundKind
from services.intake.mail import Taken
from store.inbound import InboundMail

Kind = Annotated[InboundKind, Field(examples=["reply"])]


class InboundAnswer(Shown):
    """What came of a mail. ``answers`` is the message of ours it is about; a duplicate came before and counts once."""

    status: Literal["accepted", "duplicate"]
    id: str
    kind: Kind
    answers: str | None
    record_id: str | None
    event_id: str | None
    thread_id: str | None


class InboundView(Shown):
    """A mail that came in.

    ``kind``: `reply` (the contact's answer), `sent_by_user` (a colleague wrote in the thread), `automatic` (no person
    wrote it), `bounced` (the address is no good), `soft_bounced` (the message came back), `complained`, `report` (what
    else a mail server tells), `opened` (it began a conversation), `forwarded` (somebody handed another mail on),
    `other` (about a message of ours, but not from or about its recipient), `unmatched`.
    ``message_id`` is its own id, ``answers`` the message of ours it is about. ``text`` is cut.
    """

    id: str
    kind: Kind
    sender: str | None
    subject: str
    text: str
    message_id: str | None
    answers: str | None
    record_id: str | None
    event_id: str | None
    thread_id: str | None
    detail: str | None
    received_at: Instant


def inbound_answer(taken: Taken) -> InboundAnswer:
    """What came of a mail, as it is answered."""
    named = {name: getattr(taken.mail, name) for name in InboundAnswer.model_fields if name != "status"}
    return InboundAnswer(status="accepted" if taken.is_new else "duplicate", **named)


def inbound_view(mail: InboundMail) -> InboundView:
    """A mail as it is shown."""
    return InboundView(**{name: getattr(mail, name) for name in InboundView.model_fields})
