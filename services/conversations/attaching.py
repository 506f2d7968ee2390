"""Says which ticket a conversation is about, where it opened none or belongs to another one."""

from __future__ import annotations

from domain.conversations import TICKET, Thread
from domain.errors import NotFound
from services.conversations.receiving import hold
from services.records.associating import associate
from services.records.records import Write
from store.database import Tx
from store.threads import change_thread, get_thread


async def attach(tx: Tx, write: Write, thread_id: str, ticket_id: str | None) -> Thread:
    """Let a conversation be about a ticket, or none; its contact is associated with the ticket.

    Raises:
        NotFound: there is no such thread or ticket.
        Conflict: the conversation is being changed by others at the same time.
    """
    seen = await get_thread(tx, thread_id)
    if seen is None:
        raise NotFound(f"there is no thread {thread_id}", code="unknown_thread")
    thread, records = await hold(tx, seen, also=[ticket_id] if ticket_id is not None else [])
    if ticket_id == thread.ticket_id:
        return thread
    if ticket_id is not None:
        if ticket_id not in records or records[ticket_id].object != TICKET:
            raise NotFound(f"there is no ticket {ticket_id}")
        if thread.contact_id in records:
            await associate(tx, write, ticket_id, str(thread.contact_id))
    await change_thread(tx, thread.id, ticket_id=ticket_id, opened_ticket=False)
    return thread.model_copy(update={"ticket_id": ticket_id, "opened_ticket": False})
