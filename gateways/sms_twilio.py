"""Delivers text messages through Twilio, or any service that speaks like it: one form per message.

Source: Twilio's Messages resource, version 2010-04-01. It takes no idempotency key, so a message whose answer was
lost may or may not be on its way.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlencode

import httpx2

from domain.errors import GatewayError, Rejected, Unavailable
from domain.ports import HandOver, Receipt, Sms
from gateways.twilio_signing import is_signed

_TIMEOUT = httpx2.Timeout(connect=10.0, read=30.0, write=10.0, pool=10.0)
# Connecting, writing and reading one after the other; whoever calls must allow for more.
LONGEST_SENDING_S = 60.0

# What says something about our account, which an operator can mend; the recipient must not pay for it.
_ABOUT_THE_ACCOUNT = frozenset({401, 403, 404, 405})
# Twilio's codes for a number of ours that is none, is not the account's, sends no texts, or has too many in its queue.
_ABOUT_OUR_NUMBER = frozenset({21212, 21603, 21606, 21611, 21659, 21660, 21661})
# Nothing was taken: the request came too slowly or too early, or too many came.
_LATER = frozenset({408, 425, 429})
_LONGEST_WORDS = 200

LONGEST_WAIT_S = 4 * 3600.0
"""What a ``Retry-After`` may ask for."""


@dataclass(frozen=True)
class TwilioAccount:
    """``base``: scheme, host and port, ``https://api.twilio.com``.

    ``told_at``: where the service tells what became of a message, empty if it cannot reach us; the key of the message
    is put behind it.
    """

    base: str
    sid: str
    token: str = field(repr=False)
    told_at: str = ""


class TwilioSms:
    """An outgoing SMS service over HTTP."""

    repeatable = False

    def __init__(self, account: TwilioAccount) -> None:
        self.account = account

    def is_from_service(self, url: str, form: Sequence[tuple[str, str]], signature: str) -> bool:
        """Whether a call of ours bears the signature of the account."""
        return is_signed(self.account.token, url, form, signature)

    @asynccontextmanager
    async def prepare(self, sms: Sms) -> AsyncIterator[HandOver]:
        """Build the request and yield the hand-over, which sends it.

        The hand-over raises:
            Rejected: the service refuses this message for good (4xx).
            Unavailable: it cannot be reached, refuses the account or our number, or says later (408, 425, 429, or
                503 with a code or a ``Retry-After``); ``handed_over`` when the request had left and no answer tells
                what became of it: another 5xx is said by a service, or something before it, that broke on the way,
                before or after the message was taken.
        """
        account = self.account
        # A connection of its own: one kept from an earlier message may be dead without showing it, and then the
        # request has left and nobody knows.
        async with httpx2.AsyncClient(
            base_url=account.base,
            auth=(account.sid, account.token),
            timeout=_TIMEOUT,
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
        ) as client:
            request = client.build_request(
                "POST",
                f"/2010-04-01/Accounts/{account.sid}/Messages.json",
                data={"From": sms.sender, "To": sms.to, "Body": sms.text, **self._told_at(sms)},
                headers={"Accept": "application/json"},
            )

            async def hand_over() -> Receipt:
                return await _deliver(client, request)

            yield hand_over

    def _told_at(self, sms: Sms) -> dict[str, str]:
        if not self.account.told_at:
            return {}
        return {"StatusCallback": f"{self.account.told_at}?{urlencode({'key': sms.key})}"}

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Loading the certificates of the machine takes longer than sending a message.
        return httpx2.create_ssl_context(trust_env=False)


async def _deliver(client: httpx2.AsyncClient, request: httpx2.Request) -> Receipt:
    try:
        response = await client.send(request)
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.LocalProtocolError) as unreachable:
        raise Unavailable(f"the SMS service cannot be reached ({type(unreachable).__name__})") from unreachable
    except httpx2.HTTPError as lost:
        raise Unavailable(f"no answer of the SMS service ({type(lost).__name__})", handed_over=True) from lost
    content = _content(response)
    if response.is_success:
        reference = content.get("sid")
        return Receipt(reference=reference if isinstance(reference, str) else None)
    raise _refusal(response, content)


def _refusal(response: httpx2.Response, content: dict[str, object]) -> GatewayError:
    status = response.status_code
    words = f"the SMS service answered {status}"
    if (code := content.get("code")) is not None:
        words += f", code {code}"
    if isinstance(message := content.get("message"), str):
        words += f": {_without_numbers(message)}"
    if status in _LATER or (status == 503 and (code is not None or "Retry-After" in response.headers)):
        return Unavailable(words, retry_after_s=_retry_after(response))
    if 400 <= status < 500 and status not in _ABOUT_THE_ACCOUNT and not _is_about_our_number(code):
        return Rejected(words)
    return Unavailable(words, retry_after_s=_retry_after(response), handed_over=status >= 500)


def _is_about_our_number(code: object) -> bool:
    return isinstance(code, int) and code in _ABOUT_OUR_NUMBER


def _content(response: httpx2.Response) -> dict[str, object]:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds; None for no header and for its rarer form, a date, which would need a clock."""
    value = response.headers.get("Retry-After", "").strip()
    # Longer would leave no time for another attempt.
    return min(float(value), LONGEST_WAIT_S) if re.fullmatch(r"\d{1,7}", value) else None


def _without_numbers(message: str) -> str:
    return re.sub(r"\+?\d[\d\s().-]{4,}\d", "…", message)[:_LONGEST_WORDS]
