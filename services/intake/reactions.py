"""What becomes of a message with its reader: opened, clicked; by a person or by a program that looks at mail.

The same within a minute is one event, as readers and proxies fetch more than once for one look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from domain.base import Frozen, Instant, Json
from domain.errors import NotFound
from domain.events import CLICKED, OPENED
from domain.machines import is_machine
from services.installation import Installation
from services.intake.answering import Sent, find_contact
from services.intake.events import Happened, KnownAlready, record_event
from services.links import read_link
from services.records.records import Write
from store.database import Read, Tx
from store.events import find_by_external_id
from store.outputs import find_message
from store.schema import load_account

EVENTS: dict[Literal["open", "click"], str] = {"open": OPENED, "click": CLICKED}


class Reaction(Frozen):
    """A message whose pixel or link was fetched; ``index`` and ``url``: which link, and where it leads."""

    sent: Sent
    left_at: Instant | None
    kind: Literal["open", "click"]
    index: int | None = None
    url: str | None = None


async def find_reaction(read: Read, inst: Installation, token: str, kind: Literal["open", "click"]) -> Reaction | None:
    """What an address of a message is about; None when it is none of ours or leads nowhere any more."""
    link = read_link(inst, await load_account(read), token, kind)
    row = await find_message(read, link.key) if link is not None else None
    if link is None or row is None:
        return None
    sent = Sent(**{name: row[name] for name in Sent.model_fields})
    if kind == "open":
        return Reaction(sent=sent, left_at=row["claimed_at"], kind=kind)
    links, index = row["links"] or [], link.index
    if index is None or index >= len(links):
        return None
    return Reaction(sent=sent, left_at=row["claimed_at"], kind=kind, index=index, url=links[index])


async def record_reaction(tx: Tx, write: Write, reaction: Reaction, headers: Mapping[str, str]) -> bool:
    """Write that a message was opened or a link of it followed; False when that is known, or the contact is gone."""
    machine = is_machine(headers, left_at=reaction.left_at, now=write.now)
    once = _once(reaction, machine=machine, minute=f"{write.now:%Y%m%d%H%M}")
    if await find_by_external_id(tx, once) is not None:
        return False
    contact = await find_contact(tx, reaction.sent)
    if contact is None:
        return False
    carried: dict[str, Json] = {"message": reaction.sent.id, "machine": machine}
    if reaction.url is not None:
        carried["url"] = reaction.url
    happened = Happened(name=EVENTS[reaction.kind], properties=carried, external_id=once)
    try:
        async with tx.savepoint():
            await record_event(tx, write, contact.id, happened)
    except (KnownAlready, NotFound):
        return False
    return True


def _once(reaction: Reaction, *, machine: bool, minute: str) -> str:
    which = "" if reaction.index is None else f":{reaction.index}"
    return f"{reaction.kind}:{reaction.sent.id}{which}:{'machine' if machine else 'person'}:{minute}"
