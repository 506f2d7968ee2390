"""Messages to hand over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from domain.ports import Mail, Sms

AT = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)


def a_mail(**changes: Any) -> Mail:
    """An email that every server takes, with ``changes``."""
    given: dict[str, Any] = {
        "key": "enrollment:w1:r1:1:hello:1",
        "message_id": "e1.hello.1@crm.example.com",
        "sender": "sales@example.com",
        "sender_name": "Ana of Sales",
        "to": "bob@example.com",
        "subject": "About GTX Pro",
        "html": "<p>Hi Bob</p>",
        "text": "Hi Bob",
        "at": AT,
    }
    return Mail(**{**given, **changes})


def an_sms(**changes: Any) -> Sms:
    """A text message, with ``changes``."""
    given: dict[str, Any] = {
        "key": "enrollment:w1:r1:1:sms:1",
        "sender": "+12025550100",
        "to": "+12025550143",
        "text": "Any questions about GTX Pro?",
        "at": AT,
    }
    return Sms(**{**given, **changes})
