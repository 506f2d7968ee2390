"""Conversations with contacts: where they come in, what of them is written by whom, and what that does to a ticket.

The rules of status are those of HubSpot's ticket pipelines; where two of them meet, a closed ticket that is answered
opens again in the first open stage, whatever its pipeline says of answers.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypeAlias

from domain.base import Frozen, Instant, Properties
from domain.schema import Pipeline

TICKET = "ticket"

ChannelKind: TypeAlias = Literal["email", "form", "chat", "messenger", "api"]
"""Where a conversation comes in; the same words as the property ``source`` of a ticket."""

ADDRESSED: frozenset[ChannelKind] = frozenset({"email", "form"})
"""Kinds that what comes in is found by an address of: of mail, or the name of a form."""

Author: TypeAlias = Literal[
    "contact", "user", "personal_mailbox", "forwarded", "reply_to_forwarded", "automatic", "other"
]
"""Who wrote something, as far as it matters to a ticket: ``user`` is a colleague who wrote through us, and
``personal_mailbox`` one who wrote elsewhere; what is ``forwarded``, or answers what was, stands for nobody's answer;
``other``: somebody who has no part in the conversation."""

Direction: TypeAlias = Literal["in", "out"]

Sending: TypeAlias = Literal["queued", "handed_over", "sent", "delivered", "bounced", "failed", "unknown"]
"""What became of a mail of ours, in the words of other messages; ``handed_over``: nobody has answered for it yet."""

UNDER_WAY: tuple[Sending, ...] = ("queued", "handed_over")
"""It is still to be sent, or tried again."""

NO_SUBJECT = "(no subject)"
LONGEST_SUBJECT = 500


class Channel(Frozen):
    """A place where contacts reach us. ``address``: the address of mail, or the name of a form; else None.

    ``opens_tickets``: each new conversation opens a ticket in ``pipeline``, in ``stage`` (None: its first open one),
    with ``properties``. One that is not ``active`` takes nothing in.
    """

    id: str
    slug: str
    kind: ChannelKind
    name: str
    address: str | None = None
    pipeline: str
    stage: str | None = None
    opens_tickets: bool = True
    properties: Properties = {}
    active: bool = True
    created_at: Instant


class Thread(Frozen):
    """One conversation with a contact. ``opened_ticket``: the ticket was created from it.

    ``token``: what our address for its answers holds. ``external_id``: what the other side calls it.
    """

    id: str
    channel: str
    contact_id: str | None
    ticket_id: str | None
    opened_ticket: bool = False
    subject: str
    token: str
    external_id: str | None = None
    created_at: Instant
    last_at: Instant


class ThreadMessage(Frozen):
    """What somebody wrote in a thread.

    ``message_id``: of a mail, without brackets; ``external_id``: what the other side calls it. ``mail``: the mail that
    came in. ``status`` and ``detail``: what became of one that we sent. ``effect``: what it did to the ticket, in
    words.
    """

    id: str
    thread_id: str
    direction: Direction
    author: Author
    contact_id: str | None = None
    user_id: str | None = None
    address: str | None = None
    subject: str = ""
    text: str
    html: str | None = None
    message_id: str | None = None
    external_id: str | None = None
    mail: str | None = None
    status: Sending | None = None
    detail: str | None = None
    effect: str | None = None
    created_at: Instant


class Standing(Frozen):
    """Where a ticket stands. ``closed``: the closed stages there are; ``was_reopened``: it was closed before."""

    stage: str | None
    closed: frozenset[str]
    was_reopened: bool = False

    @property
    def is_closed(self) -> bool:
        """Whether the ticket is closed."""
        return self.stage in self.closed


def first_open_stage(pipeline: Pipeline, closed: Collection[str]) -> str | None:
    """The first stage of a pipeline that is open; None when all are closed."""
    return next((each for each in pipeline.stages if each not in closed), None)


def stage_after_answer(
    pipeline: Pipeline, ticket: Standing, *, author: Author, by_mail: bool, in_first_thread: bool
) -> str | None:
    """Where a ticket goes when something is written in a thread of it; None: it stays.

    ``in_first_thread``: in the thread the ticket was created from.
    """
    if author != "contact":
        return None
    if ticket.is_closed:
        return first_open_stage(pipeline, ticket.closed)
    rule = pipeline.status_from_email.replied
    counts = by_mail and (in_first_thread or ticket.was_reopened)
    return rule.stage if rule.on and counts else None


def stage_after_sent(pipeline: Pipeline, *, from_ticket: bool) -> str | None:
    """Where a ticket goes when a colleague mails its contact; None: it stays, as for mail from the contact's record."""
    rule = pipeline.status_from_email.sent
    return rule.stage if rule.on and from_ticket else None


def person_names(written: str) -> dict[str, str]:
    """First and last name of how a sender is called, as far as that can be told: ``Ana Berg`` or ``Berg, Ana``."""
    last, comma, first = written.strip().strip("\"'").partition(",")
    if comma and first.strip() and len(last.split()) == 1:
        return {"first_name": first.strip(), "last_name": last.strip()}
    words = written.strip().strip("\"'").split()
    if not words or "@" in written:
        return {}
    return {"first_name": words[0]} if len(words) == 1 else {"first_name": " ".join(words[:-1]), "last_name": words[-1]}
