"""What mail services tell of an email of ours, each in its own words, read as one of a few things.

Opens and clicks are not read: messages tell of those themselves, whoever carries them.

Sources: SendGrid's Event Webhook reference, Mailgun's webhook payloads (``event-data``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from domain.base import Frozen, Instant, Json
from domain.errors import Invalid
from domain.mail_parts import storable
from domain.mail_reports import is_hard
from domain.problems import FieldError
from domain.provider_signing import Provider

Told: TypeAlias = Literal["delivered", "bounced", "complained", "unsubscribed", "noted"]
"""``bounced``: the address is no good. ``noted``: the message came back, or waits, and the address may be good."""

CUSTOM = "followthrough_message"
"""The name under which a service that carries an argument for us tells it back."""

LONGEST_DETAIL = 500
LONGEST_ID = 400
LONGEST_OWN_ID = 150
LONGEST_ADDRESS = 320
LATEST = 4_102_444_800
"""The year 2100, in seconds since 1970: who says more means another unit."""

_DROPPED: Mapping[str, Told] = {
    "bounced address": "bounced",
    "invalid": "bounced",
    "spam reporting address": "complained",
}
"""Why SendGrid sends nothing to an address that it knows."""

_FAILED: Mapping[str, Told] = {"suppress-bounce": "bounced", "suppress-complaint": "complained"}
"""Why Mailgun does not."""

_STANDARD: Mapping[str, Told] = {
    "email.delivered": "delivered",
    "email.bounced": "bounced",
    "email.delayed": "noted",
    "email.complained": "complained",
    "email.unsubscribed": "unsubscribed",
}


class ProviderReport(Frozen):
    """One thing that is told. ``message_id`` without brackets, ``recipient`` in lower case.

    ``detail``: why, in the words of the service; ``id``: of this event there; ``at``: when it happened, by their clock.
    """

    told: Told
    message_id: str
    recipient: str | None = None
    detail: str | None = None
    id: str | None = None
    at: Instant | None = None


def read_reports(provider: Provider, document: Json) -> tuple[list[ProviderReport], int]:
    """What a call tells, and how much it says besides that is nothing to us.

    Raises:
        Invalid: the body is not what this service sends.
    """
    found = [_READ[provider](each) for each in _events(provider, document)]
    reports = [each for each in found if each is not None]
    return reports, len(found) - len(reports)


def _events(provider: Provider, document: Json) -> list[dict[str, Json]]:
    match provider, document:
        case "sendgrid", list():
            if all(isinstance(each, dict) for each in document):
                return [each for each in document if isinstance(each, dict)]
        case "mailgun", {"event-data": dict() as event}:
            return [event]
        case "standard", {"type": str(), "data": dict()}:
            assert isinstance(document, dict)
            return [document]
    wanted = {
        "sendgrid": "a list of events",
        "mailgun": "an object with signature and event-data",
        "standard": 'an object such as {"type": "email.bounced", "data": {"message_id": …}}',
    }
    message = f"the body is {wanted[provider]}"
    raise Invalid(message, errors=[FieldError(path="", code="wrong_type", message=message)])


def _from_sendgrid(event: Mapping[str, Json]) -> ProviderReport | None:
    told: Told | None
    match event.get("event"):
        case "delivered":
            told = "delivered"
        case "bounce":
            told = "noted" if event.get("type") == "blocked" else "bounced"
        case "dropped":
            told = _DROPPED.get(_text(event, "reason").lower(), "noted")
        case "deferred":
            told = "noted"
        case "spamreport":
            told = "complained"
        case "unsubscribe" | "group_unsubscribe":
            told = "unsubscribed"
        case _:
            told = None
    why = [_text(event, "status"), _text(event, "reason") or _text(event, "response")]
    message_id = _text(event, CUSTOM) or _text(event, "smtp-id")
    report = _report(told, event.get("event"), message_id, _text(event, "email"), why)
    return _dated(report, event.get("timestamp"), _text(event, "sg_event_id"))


def _from_mailgun(event: Mapping[str, Json]) -> ProviderReport | None:
    told: Told | None
    match event.get("event"):
        case "delivered" | "complained" | "unsubscribed" as said:
            told = said
        case "failed":
            told = _failure(event)
        case "rejected":
            told = "noted"
        case _:
            told = None
    status = _part(event, "delivery-status")
    why = [
        _text(event, "reason"),
        str(status.get("code") or ""),
        _text(status, "message") or _text(status, "description"),
    ]
    message_id = _text(_part(_part(event, "message"), "headers"), "message-id")
    report = _report(told, event.get("event"), message_id, _text(event, "recipient"), why)
    return _dated(report, event.get("timestamp"), _text(event, "id"))


def _failure(event: Mapping[str, Json]) -> Told:
    """What a message means that Mailgun could not deliver; where its severity is temporary it is tried again."""
    if event.get("severity") != "permanent":
        return "noted"
    reason, status = _text(event, "reason"), _part(event, "delivery-status")
    if reason in _FAILED:
        return _FAILED[reason]
    kind = _text(status, "bounce-type")
    if kind:
        return "bounced" if kind == "hard" else "noted"
    return "bounced" if reason == "bounce" or is_hard(_text(status, "enhanced-code")) else "noted"


def _from_standard(event: Mapping[str, Json]) -> ProviderReport | None:
    told, data = _STANDARD.get(_text(event, "type")), _part(event, "data")
    if told is None:
        return None
    if not _text(data, "message_id"):
        message = "data.message_id names the message: the Message-ID of the email"
        raise Invalid(message, errors=[FieldError(path="/data/message_id", code="missing_field", message=message)])
    if told == "bounced" and data.get("permanent") is False:
        told = "noted"
    kind = _text(event, "type").removeprefix("email.")
    return _report(told, kind, _text(data, "message_id"), _text(data, "recipient"), [_text(data, "reason")])


_READ: Mapping[Provider, Callable[[Mapping[str, Json]], ProviderReport | None]] = {
    "sendgrid": _from_sendgrid,
    "mailgun": _from_mailgun,
    "standard": _from_standard,
}


def _report(told: Told | None, said: Json, message_id: str, recipient: str, why: list[str]) -> ProviderReport | None:
    """None where it is nothing to us, or about no message that could be ours."""
    message_id = message_id.strip("<> ")
    if told is None or not 0 < len(message_id) <= LONGEST_ID:
        return None
    because = " ".join(dict.fromkeys(part for part in why if part))
    words = f"{said}: {because}" if because else str(said)
    recipient = recipient[:LONGEST_ADDRESS].lower()
    return ProviderReport(told=told, message_id=message_id, recipient=recipient or None, detail=words[:LONGEST_DETAIL])


def _dated(report: ProviderReport | None, stamp: Json, id: str) -> ProviderReport | None:
    """The same with its id, and when it happened: in seconds since 1970."""
    if report is None:
        return None
    named = id if 0 < len(id) <= LONGEST_OWN_ID else None
    return report.model_copy(update={"id": named, "at": _instant(stamp)})


def _instant(stamp: Json) -> datetime | None:
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not 0 < stamp < LATEST:
        return None
    return datetime.fromtimestamp(stamp, UTC)


def _text(event: Mapping[str, Json], name: str) -> str:
    value = event.get(name)
    return storable(" ".join(value.split())) if isinstance(value, str) else ""


def _part(event: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    value = event.get(name)
    return value if isinstance(value, dict) else {}
