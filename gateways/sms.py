"""Decides which service takes outgoing text messages, from the setting FOLLOWTHROUGH_SMS_URL."""

from __future__ import annotations

from pathlib import Path

from domain.ports import SmsGateway
from gateways.service_url import ServiceUrl
from gateways.sms_outbox import OutboxSms
from gateways.sms_twilio import TwilioAccount, TwilioSms

SETTING = "FOLLOWTHROUGH_SMS_URL"


TOLD_AT = "/api/v1/providers/twilio/events"
"""Where a service that speaks like Twilio tells what became of a message."""


def open_sms(url: str, data_dir: Path, *, public_url: str = "") -> SmsGateway:
    """The gateway that ``url`` names; nothing is connected yet. ``public_url``: where the service reaches us.

    ``outbox:`` keeps messages as files in ``data_dir``; ``twilio://SID:TOKEN@api.twilio.com`` sends them through
    Twilio or a service that speaks like it. ``?scheme=http`` is for one on this machine.

    Raises:
        ValueError: naming the setting, without repeating the token.
    """
    if url == "outbox:":
        return OutboxSms(outbox_folder(data_dir))
    if url.partition(":")[0].lower() != "twilio":
        raise ValueError(f"{SETTING}: must be outbox: or twilio://SID:TOKEN@host")
    parts = ServiceUrl.read(SETTING, url, options=("scheme",))
    if not parts.username or not parts.password:
        raise ValueError(f"{SETTING}: the account is written twilio://SID:TOKEN@host")
    if not parts.username.isalnum():
        raise ValueError(f"{SETTING}: an account id has only letters and digits")
    scheme = parts.choice(SETTING, "scheme", ("https", "http")) or "https"
    # An IPv6 address loses its brackets when it is taken apart.
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    base = f"{scheme}://{host}" if parts.port is None else f"{scheme}://{host}:{parts.port}"
    # A service refuses a message that names an address it cannot call.
    is_reached = public_url.startswith("https://") or scheme == "http"
    told_at = f"{public_url}{TOLD_AT}" if public_url and is_reached else ""
    return TwilioSms(TwilioAccount(base=base, sid=parts.username, token=parts.password, told_at=told_at))


def outbox_folder(data_dir: Path) -> Path:
    """Where ``outbox:`` keeps text messages."""
    return data_dir / "outbox" / "sms"
