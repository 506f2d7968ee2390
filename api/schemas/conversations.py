"""Requests and answers about channels, their conversations, and what is written in them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StrictStr, model_validator

from api.answers import Shown
from api.schemas.records import EXAMPLE_ID, Body, Id, examples
from domain.base import Instant, Json, Properties
from domain.conversations import Author, Channel, ChannelKind, Direction, Sending, Thread, ThreadMessage
from services.conversations.chatting import LONGEST_TEXT
from services.conversations.mailing import SentFrom

Slug = Annotated[StrictStr, Field(min_length=1, max_length=63, examples=["support"])]
Name = Annotated[StrictStr, Field(min_length=1, max_length=200, pattern=r"\S")]
Value = Annotated[StrictStr, Field(min_length=1, max_length=200)]
ForeignId = Annotated[
    StrictStr, Field(min_length=1, max_length=200, description="What the other side calls it.", examples=["c-4711"])
]
Text = Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_TEXT, pattern=r"\S")]
Subject = Annotated[StrictStr, Field(max_length=500)]
Filled = Annotated[
    dict[str, Json], Field(description="Properties that each ticket gets.", examples=[{"priority": "high"}])
]


class ChannelBody(Body):
    """A new channel. ``pipeline`` null: the first one of tickets; ``stage`` null: its first open one."""

    model_config = examples({"slug": "support", "kind": "email", "address": "support@example.com"})

    slug: Slug
    kind: ChannelKind
    name: Name | None = None
    address: Annotated[
        StrictStr | None,
        Field(min_length=1, max_length=320, description="Of `email`: the address; of `form`: the form's name."),
    ] = None
    pipeline: Value | None = None
    stage: Value | None = None
    opens_tickets: StrictBool = True
    properties: Filled = {}


class ChannelPatch(Body):
    """What to change; fields not sent stay. One that is not ``active`` takes nothing in."""

    model_config = examples({"opens_tickets": False})

    name: Name | None = None
    pipeline: Value | None = None
    stage: Value | None = None
    opens_tickets: StrictBool | None = None
    properties: Filled | None = None
    active: StrictBool | None = None


class ChannelView(Shown):
    """A place where contacts reach us. ``opens_tickets``: each new conversation opens a ticket."""

    slug: str
    kind: ChannelKind
    name: str
    address: str | None
    pipeline: str
    stage: str | None
    opens_tickets: bool
    properties: Properties
    active: bool
    created_at: Instant


class WriterBody(Body):
    """A contact, by ``id`` or by one unique property; one that cannot be found by it is made."""

    id: Id | None = None
    by: Annotated[
        dict[str, StrictStr] | None, Field(min_length=1, max_length=1, examples=[{"email": "ana@example.com"}])
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> WriterBody:
        if (self.id is None) == (self.by is None):
            raise ValueError("name the contact by exactly one of id and by")
        return self


class ChannelMessageBody(Body):
    """What was written in a conversation of a chat, a messenger or another program.

    ``contact`` null: a visitor nobody knows; ``user``: a colleague answered there. The same ``id`` again is the same
    message.
    """

    model_config = examples(
        {
            "conversation": "c-4711",
            "id": "m-1",
            "text": "Where is my order?",
            "contact": {"by": {"email": "ana@example.com"}},
        }
    )

    conversation: ForeignId
    id: ForeignId | None = None
    text: Text
    subject: Subject = ""
    contact: WriterBody | None = None
    user: Id | None = None

    @model_validator(mode="after")
    def _one_writer(self) -> ChannelMessageBody:
        if self.contact is not None and self.user is not None:
            raise ValueError("either the contact wrote or a user did")
        return self


class ThreadPatch(Body):
    """Which ticket a conversation is about; null: none."""

    model_config = examples({"ticket": EXAMPLE_ID})

    ticket: Id | None


class AnswerBody(Body):
    """What a colleague answers by mail. ``html`` null: made of the text.

    ``sent_from``: from whose record it is written; only mail from the ticket moves it.
    """

    model_config = examples({"text": "It is on its way.", "user": EXAMPLE_ID})

    text: Text
    html: Annotated[StrictStr | None, Field(min_length=1, max_length=200_000)] = None
    subject: Subject | None = None
    user: Id
    sent_from: SentFrom = "ticket"


class ThreadBody(Body):
    """A mail that begins a conversation: from a ticket to its contact, or from a contact's record."""

    model_config = examples(
        {
            "channel": "support",
            "ticket": EXAMPLE_ID,
            "subject": "Your order",
            "text": "It is on its way.",
            "user": EXAMPLE_ID,
        }
    )

    channel: Slug
    ticket: Id | None = None
    contact: Id | None = None
    subject: Subject
    text: Text
    html: Annotated[StrictStr | None, Field(min_length=1, max_length=200_000)] = None
    user: Id

    @model_validator(mode="after")
    def _from_one(self) -> ThreadBody:
        if (self.ticket is None) == (self.contact is None):
            raise ValueError("name exactly one of ticket and contact")
        return self


class ThreadView(Shown):
    """A conversation. ``opened_ticket``: its ticket was created from it; ``external_id``: the other side's name."""

    id: str
    channel: str
    contact_id: str | None
    ticket_id: str | None
    opened_ticket: bool
    subject: str
    external_id: str | None
    created_at: Instant
    last_at: Instant


class ThreadMessageView(Shown):
    """What somebody wrote in a conversation.

    ``author``: `contact`, `user` (a colleague, through us), `personal_mailbox` (a colleague, from elsewhere),
    `forwarded` and `reply_to_forwarded` (nobody's answer), `automatic` (no person wrote it), `other` (somebody who has
    no part in it). ``address``: who wrote it, or whom it went to. ``mail`` is the id of the mail that came in,
    ``status`` what became of one that went out. ``effect``: what it did to the ticket.
    """

    id: str
    thread_id: str
    direction: Direction
    author: Author
    contact_id: str | None
    user_id: str | None
    address: str | None
    subject: str
    text: str
    message_id: str | None
    external_id: str | None
    mail: str | None
    status: Sending | None
    detail: str | None
    effect: str | None
    created_at: Instant


class ThreadMessageAnswer(ThreadMessageView):
    """A message as it is kept. ``duplicate``: it came before, and nothing was done; ``ticket_id``: of its thread."""

    duplicate: bool
    ticket_id: str | None


def channel_view(channel: Channel) -> ChannelView:
    """A channel as it is shown."""
    return ChannelView(**{name: getattr(channel, name) for name in ChannelView.model_fields})


def thread_view(thread: Thread) -> ThreadView:
    """A conversation as it is shown."""
    return ThreadView(**{name: getattr(thread, name) for name in ThreadView.model_fields})


def message_view(message: ThreadMessage) -> ThreadMessageView:
    """A message as it is shown."""
    return ThreadMessageView(**{name: getattr(message, name) for name in ThreadMessageView.model_fields})


def message_answer(message: ThreadMessage, thread: Thread, *, duplicate: bool = False) -> ThreadMessageAnswer:
    """A message as it is answered."""
    return ThreadMessageAnswer(
        **message_view(message).model_dump(), duplicate=duplicate, ticket_id=thread.ticket_id
    )  # fmt: skip
