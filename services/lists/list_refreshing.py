"""Has the lists whose members change only because time passes filled anew, once a minute each."""

from __future__ import annotations

from datetime import timedelta

from services.installation import Installation
from services.lists.lists import lists_with_time, refresh_list
from store.lists import last_filled
from store.locks import lock_lists

EVERY = timedelta(minutes=1)


async def refresh_due_lists(inst: Installation) -> int:
    """Ask for every such list that was not filled for ``EVERY``; how many. The filling is the relay's, in pages."""
    now = inst.clock.now()
    async with inst.db.read() as read:
        filled = {each.id: await last_filled(read, each.id) for each in await lists_with_time(read)}
    count = 0
    for list_id, at in filled.items():
        if at is not None and at > now - EVERY:
            continue
        async with inst.db.transaction() as tx:
            # One process asks; the others find it done.
            for kept in await lock_lists(tx, [list_id], write=True):
                if await last_filled(tx, list_id) == at:
                    count += await refresh_list(tx, kept, now=now)
    return count
