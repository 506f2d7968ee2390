"""What mail services tell of the messages they carry: signed, told perhaps twice, and in whatever order.

A call may tell thousands of things, and is repeated as a whole when its answer comes late or is none. So each thing is
a transaction of its own, what is known is passed over without one, and a repeated call goes on where the first ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence

from domain.base import Frozen, Json
from domain.errors import Invalid, NoSuchAddress, NotAuthenticated
from domain.mail_parts import is_same_domain, is_same_mailbox
from domain.problems import FieldError
from domain.provider_events import ProviderReport, read_reports
from domain.provider_signing import NAMES, SECRETS, Provider, ProviderCall, signed_at, signed_inside
from domain.records import Cause
from services.installation import Installation
from services.intake.answering import Sent, unsubscribe_elsewhere
from services.intake.statuses import Told, advance, note
from services.records.records import begin_write
from store import providers as rows
from store.database import Row
from store.outputs import BEFORE, get_message
from store.secrets import load_secrets

AT_ONCE = 4
"""Messages of one call that are worked on together; more would keep connections from everybody else."""


class Taken(Frozen):
    """What came of a call: how many things were ``new``, ``known`` already, about no message of ours (``unmatched``),
    or nothing that matters here (``ignored``).
    """

    new: int = 0
    known: int = 0
    unmatched: int = 0
    ignored: int = 0


async def take_call(inst: Installation, provider: Provider, call: ProviderCall, cause: Cause) -> Taken:
    """Do what follows from a call of a mail service.

    Raises:
        NoSuchAddress: no key of this service is kept.
        NotAuthenticated: it is not signed with that, too long ago, or with a token that opened another body.
        Invalid: the body is not what this service sends.
        Conflict: a contact is being merged, or changes its address, at the same time; everything else is done.
    """
    document, unreadable = _read(call.body)
    if provider == "mailgun":
        call = signed_inside(call, document)
    await _verify(inst, provider, call)
    if unreadable is not None:
        raise Invalid(unreadable, errors=[FieldError(path="", code="not_json", message=unreadable)])
    reports, ignored = read_reports(provider, document)
    async with inst.db.read() as read:
        named = await rows.find_named(read, {report.message_id for report in reports})
    wanted: dict[str, list[ProviderReport]] = {}
    unmatched = 0
    for report in reports:
        message = named.get(report.message_id)
        if message is None or not _is_meant(report, message["recipient"]):
            unmatched += 1
        elif not _is_known(message, report):
            wanted.setdefault(message["id"], []).append(report)
    new = await _take_all(inst, provider, call, wanted, cause)
    return Taken(new=new, unmatched=unmatched, ignored=ignored, known=len(reports) - new - unmatched)


async def _take_all(
    inst: Installation,
    provider: Provider,
    call: ProviderCall,
    wanted: Mapping[str, Sequence[ProviderReport]],
    cause: Cause,
) -> int:
    """Do what follows, several messages at a time, each in the order it is told of; answers how much was new.

    Raises:
        Conflict: of one it cannot be done at this moment; of all others it is.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(message_id: str, reports: Sequence[ProviderReport]) -> int:
        async with turns:
            return sum([await _take(inst, provider, call, each, message_id, cause) for each in reports])

    made = await asyncio.gather(*(one(*each) for each in wanted.items()), return_exceptions=True)
    for each in made:
        if isinstance(each, BaseException):
            raise each
    return sum(each for each in made if isinstance(each, int))


async def _verify(inst: Installation, provider: Provider, call: ProviderCall) -> None:
    name, now = SECRETS[provider], inst.clock.now()
    async with inst.db.read() as read:
        secret = (await load_secrets(read, [name], now=now)).get(name)
    if secret is None:
        raise NoSuchAddress(f"nothing is taken from {NAMES[provider]}: there is no secret {name}")
    try:
        at = signed_at(provider, call, secret.values, now=now)
    except ValueError as wrong:
        raise NotAuthenticated(f"the secret {name} verifies nothing: {wrong}") from None
    if at is None:
        raise NotAuthenticated(f"this is not signed by whom the secret {name} belongs to, or too long ago")
    if provider == "mailgun":
        async with inst.db.transaction() as tx:
            if not await rows.take_token(tx, _once(provider, "token", call.id), call.digest, now=now):
                raise NotAuthenticated("the token of this signature came with another body before")


def _is_meant(report: ProviderReport, recipient: str) -> bool:
    """Whether something is told of whom the message went to."""
    if report.recipient is None:
        return True
    if report.told == "complained":
        # Who complains may have been made unreadable (RFC 6590); the message itself says whose it is.
        return is_same_domain(report.recipient, recipient)
    return is_same_mailbox(report.recipient, recipient)


def _is_known(message: Row, report: ProviderReport) -> bool:
    """Whether nothing can follow any more; what is not known here may be so by now."""
    if message["effect_state"] not in ("accepted", None) or report.told == "unsubscribed":
        return False
    if report.told == "noted":
        return message["detail"] == report.detail or message["status"] not in BEFORE["delivered"]
    return message["status"] not in BEFORE[report.told]


async def _take(
    inst: Installation, provider: Provider, call: ProviderCall, report: ProviderReport, message_id: str, cause: Cause
) -> bool:
    """Do what follows from one thing; False when it was known."""
    source = NAMES[provider]
    async with inst.db.transaction() as tx:
        write = await begin_write(tx, inst, cause)
        message = await get_message(tx, message_id)
        assert message is not None, "messages stay"
        match report.told:
            case "noted":
                await note(tx, write, message, report.detail or report.told)
            case "unsubscribed":
                # Whoever subscribed again since is not taken out by what is told late.
                once = _once(provider, "event", report.id or call.id or call.digest, report.message_id)
                if not await rows.note_event(tx, once, now=write.now):
                    return False
                sent = Sent(**{name: message[name] for name in Sent.model_fields})
                await unsubscribe_elsewhere(tx, write, sent, source)
            case fate:
                detail = None if fate == "delivered" else report.detail
                told = Told(fate=fate, detail=detail, source=source, at=report.at)
                return (await advance(tx, write, message, told)).is_new
    return True


def _once(provider: Provider, *which: str) -> str:
    return hashlib.sha256("\n".join((provider, *which)).encode()).hexdigest()


def _read(body: bytes) -> tuple[Json, str | None]:
    """The body, or why it is no JSON, which is told once the call is verified."""
    try:
        return json.loads(body, parse_constant=_refused), None
    except (ValueError, RecursionError):
        return None, "the body is not valid JSON"


def _refused(constant: str) -> Collection[str]:
    raise ValueError(f"{constant} is no JSON")
