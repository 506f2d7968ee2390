"""Lays the files of local outboxes beside the ledger: whatever was accepted has one, and the other way round."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from functools import partial
from itertools import islice

from domain.ports import KeptFiles
from domain.verification import Finding
from services.telling.verifying import Row, Verifying
from store.effects import CLOSED
from store.verification import ledger_page, ledger_rows, messages_of

NO_EFFECT = ("test:",)
"""What the keys of files begin with that no run wrote: test sends."""


async def verify_files(verifying: Verifying, files: KeptFiles, channels: Collection[str]) -> AsyncIterator[Finding]:
    """What has no twin among accepted messages and files of these channels, which have files."""
    async for finding in _effects(verifying, files, channels):
        yield finding
    for channel in sorted(channels):
        keys = (key for key in files.keys(channel) if not key.startswith(NO_EFFECT))
        while page := list(islice(keys, verifying.page)):
            suspects = await _judged(verifying, page)
            for finding in await _twice(verifying, suspects):
                yield finding
            verifying.tell(f"files of {channel}", len(page))


async def _effects(verifying: Verifying, files: KeptFiles, channels: Collection[str]) -> AsyncIterator[Finding]:
    after = ""
    while True:
        async with verifying.inst.db.read() as read:
            rows = await ledger_page(read, after=after, limit=verifying.page)
        # A file is written before the ledger says accepted, so what is not there now never was.
        for finding in _without_file([row for row in rows if row["channel"] in channels], files):
            yield finding
        verifying.tell("effects beside their files", len(rows))
        if len(rows) < verifying.page:
            return
        after = rows[-1]["key"]


def _without_file(rows: Sequence[Row], files: KeptFiles) -> Iterator[Finding]:
    for row in rows:
        if row["state"] == "accepted" and not files.has(row["channel"], row["key"]):
            about = {"enrollment": row["enrollment_id"], "step": row["step"], "detail": row["channel"]}
            yield Finding(odd="effect_without_file", what=row["key"], **about)


async def _twice(verifying: Verifying, suspects: Sequence[Finding]) -> Sequence[Finding]:
    return await verifying.twice(suspects, partial(_judged, verifying, [each.what for each in suspects]))


async def _judged(verifying: Verifying, keys: Collection[str]) -> list[Finding]:
    """Files of effects that are not known as accepted; those whose attempt may be under way are left alone."""
    async with verifying.inst.db.read() as read:
        rows = {row["key"]: row for row in await ledger_rows(read, keys)}
        # The ledger forgets after its days, messages stay.
        written = await messages_of(read, set(keys) - set(rows))
    found = []
    for key in keys:
        row = rows.get(key)
        if row is None and key not in written:
            found.append(Finding(odd="file_without_effect", what=key, detail="not in the ledger"))
        if row is not None and row["state"] != "accepted" and _is_over(verifying, row):
            about = {"enrollment": row["enrollment_id"], "step": row["step"], "detail": row["state"]}
            found.append(Finding(odd="file_without_effect", what=key, **about))
    return found


def _is_over(verifying: Verifying, row: Row) -> bool:
    return row["state"] in CLOSED or row["updated_at"] < verifying.oldest_attempt
