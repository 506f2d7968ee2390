"""Whether a message may go to its contact, asked when it is prepared and again in its claim (engine.md, Consent).

The claim holds the contact locked for writing, as does whoever takes a consent back and whoever claims another message
for the same contact: after the one no message is claimed that needs it, and two cannot both be the last that a cap
allows.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import TypeAdapter

from domain.consent import (
    EMAIL_STATUS,
    Agreed,
    FrequencyCaps,
    Terms,
    contact_zone,
    periods_of,
    refuse_marketing,
    refuse_opted_out,
    refuse_unreachable,
)
from domain.errors import StepSkipped
from domain.facts import RecordFacts
from services.running.inside import Inside
from store.database import Read
from store.schema import Account
from store.suppressions import count_sent, state_of, why_suppressed

CAPS: TypeAdapter[FrequencyCaps | None] = TypeAdapter(FrequencyCaps | None)


async def judge_consent(
    read: Read, inside: Inside, terms: Terms, contact: RecordFacts | None, address: str, *, now: datetime, key: str
) -> None:
    """Refuse a message that its contact did not agree to; ``key``: that of its own effect, which no cap counts.

    ``contact`` None: it goes to an address that is no contact's, which only has to be reachable.

    Raises:
        StepSkipped: with the reason, in the order of the rules.
    """
    subjects = [address, *([contact.id] if contact else [])]
    suppressed = await why_suppressed(read, subjects)
    if terms.channel == "email":
        refuse_unreachable(contact.properties.get(EMAIL_STATUS) if contact else None, suppressed)
    else:
        refuse_opted_out(suppressed)
    if not terms.marketing or contact is None:
        return
    state = await state_of(read, contact.id, terms.subscription) if terms.subscription else None
    allows = inside.account.send_to_not_specified
    refuse_marketing(contact, terms, Agreed(suppressed=suppressed, state=state, allows_unspecified=allows))
    await _refuse_too_many(read, inside.account, terms, contact, now=now, key=key)


async def _refuse_too_many(
    read: Read, account: Account, terms: Terms, contact: RecordFacts, *, now: datetime, key: str
) -> None:
    caps = CAPS.validate_python(account.frequency_caps)
    cap = getattr(caps, terms.channel) if caps else None
    if cap is None:
        return
    for period in periods_of(cap, now, contact_zone(contact, account.timezone)):
        sent = await count_sent(read, contact.id, terms.channel, since=period.since, besides=key)
        if sent >= period.limit:
            raise StepSkipped("frequency_cap", f"the contact was sent {sent} this {period.name}")
