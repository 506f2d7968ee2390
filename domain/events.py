"""Which events there are, and what one may carry.

An event is a fact about a record at an instant. Its name is one of those the product knows, or ``custom.<name>``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from domain.base import Json
from domain.problems import FieldError

BUILTIN_EVENTS = (
    "form.submitted", "survey.submitted", "page.viewed",
    "email.sent", "email.delivered", "email.opened", "email.clicked", "email.bounced", "email.complained",
    "email.unsubscribed", "sms.sent", "sms.delivered", "sms.failed", "sms.received",
    "message.replied", "message.sent_by_user",
    "meeting.booked", "meeting.cancelled", "meeting.attended", "meeting.no_show",
    "task.completed", "order.paid", "stage.changed",
)  # fmt: skip
"""The names that mean the same in every installation. Forms and surveys carry which one it was as ``form``."""

FORM_SUBMITTED = "form.submitted"
"""A contact filled in a form; ``form`` says which."""

REPLIED = "message.replied"
"""A contact answered. Its property ``message`` names our message; ``machine: true`` says that nobody wrote it."""

SENT_BY_USER = "message.sent_by_user"
"""A colleague wrote to a contact, in the thread of our message, which ``message`` names."""

OPENED, CLICKED = "email.opened", "email.clicked"
"""What a reader did with an email. ``machine: true``: a program did; ``url`` says where a link led."""
UNSUBSCRIBED = "email.unsubscribed"
DELIVERED, BOUNCED, COMPLAINED = "email.delivered", "email.bounced", "email.complained"
"""What became of an email after it left; ``reason`` says why in the words of whoever told."""

SMS_DELIVERED, SMS_FAILED, SMS_RECEIVED = "sms.delivered", "sms.failed", "sms.received"
"""What became of a text message after it left; one that came in carries ``text``, ``from``, ``to`` and ``kind``."""

TASK_COMPLETED = "task.completed"
"""Somebody did what a task asked for; ``task`` is its id, ``type``, ``title`` and ``assignee`` as it stood then."""

STAGE_CHANGED = "stage.changed"
"""A record went from one stage to another: ``pipeline``, ``from``, ``to``, and whether that one is ``closed``; where it
left another pipeline, ``from_pipeline``. Only the product tells it."""

CUSTOM = r"custom\.[a-z][a-z0-9_]*(\.[a-z0-9_]+)*"
NAME_LENGTH = 120
MAX_PROPERTIES_BYTES = 64 * 1024
"""What the properties of one event may weigh as JSON."""

FUTURE = timedelta(minutes=5)
"""How far the clock of a sender may be ahead of ours."""

CALLBACK = "callback.received"
"""Somebody called back the address that a step handed out; nobody can send one any other way. What they said is what it
carries."""

HOOK_PREFIX = "hook:"
"""What the ids of deliveries to hooks begin with among the ids of events; no sender may use it."""

CALLBACK_PREFIX = "callback:"
"""The same for callbacks: the effect key follows, so each address counts once."""

MAIL_PREFIX = "mail:"
"""The same for mail that came in: what tells it from other mail follows."""

TEXT_PREFIX = "text:"
"""The same for text messages that came in: the service's id follows."""

OWN_PREFIXES = (HOOK_PREFIX, CALLBACK_PREFIX, MAIL_PREFIX, TEXT_PREFIX)


def event_name_problem(name: str) -> str | None:
    """Why ``name`` is the name of no event, in words; None when it is one."""
    if name in BUILTIN_EVENTS or (len(name) <= NAME_LENGTH and re.fullmatch(CUSTOM, name)):
        return None
    own = "custom.<name> in lower case letters, digits and underscores"
    return f"there is no event {name[:NAME_LENGTH]!r}; use {own}, or one of {', '.join(BUILTIN_EVENTS)}"


def event_problems(
    name: str, properties: Mapping[str, Json], *, occurred_at: datetime, external_id: str | None, now: datetime
) -> list[FieldError]:
    """Every mistake in what somebody says that happened."""
    found = []
    if (words := event_name_problem(name)) is not None:
        found.append(FieldError(path="/event", code="wrong_value", message=words))
    if name == STAGE_CHANGED:
        words = f"{name} is told by the product itself: change the property stage of the record"
        found.append(FieldError(path="/event", code="wrong_value", message=words))
    size = len(json.dumps(properties, ensure_ascii=False).encode())
    if size > MAX_PROPERTIES_BYTES:
        words = f"the properties are {size} bytes, more than {MAX_PROPERTIES_BYTES}"
        found.append(FieldError(path="/properties", code="wrong_value", message=words))
    if occurred_at > now + FUTURE:
        words = f"it lies more than {FUTURE.seconds // 60} minutes in the future; an event is recorded once it happened"
        found.append(FieldError(path="/occurred_at", code="wrong_value", message=words))
    if external_id is not None and external_id.startswith(OWN_PREFIXES):
        words = f"an event_id cannot begin with {', '.join(map(repr, OWN_PREFIXES))}, which name what came in to us"
        found.append(FieldError(path="/event_id", code="wrong_value", message=words))
    return found + (_reply_problems(properties) if name == REPLIED else [])


def is_about_message(name: str) -> bool:
    """Whether an event may say with its property ``message`` which message of ours it is about."""
    return name in (REPLIED, SENT_BY_USER) or name.startswith(("email.", "sms."))


def is_written_by_hand(properties: Mapping[str, Json]) -> bool:
    """Whether a person did it; an absence note, or a program that looks at mail, says ``machine``."""
    return properties.get("machine") is not True


def _reply_problems(properties: Mapping[str, Json]) -> list[FieldError]:
    found = []
    if not isinstance(properties.get("message") or "", str):
        words = "message is the id of the message that was answered, as text"
        found.append(FieldError(path="/properties/message", code="wrong_type", message=words))
    if not isinstance(properties.get("machine") or False, bool):
        words = "machine is true where no person wrote the reply, else false"
        found.append(FieldError(path="/properties/machine", code="wrong_type", message=words))
    return found
