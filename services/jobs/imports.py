"""Takes an upload in: checks it against its mapping and splits it into rows in the database while it streams.

The rows are worked on later, page by page (``services.jobs.import_pages``). An upload that is refused or breaks off
leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.base import Json
from domain.csv_rows import CsvRow, CsvRows
from domain.errors import Invalid, NotFound
from domain.import_checks import check_mapping
from domain.importing import ImportOptions, RowReader, read_mapping
from domain.jobs import JobKind
from domain.schema import ObjectType, Schema
from domain.values import UNIQUE_CHARS, unique_form
from services.installation import Installation
from store.database import Tx
from store.import_rows import delete_job
from store.jobs import Job, JobRow, get_job, insert_job, insert_job_rows, update_job
from store.schema import load_account, load_schema

KIND: JobKind = "import"
SCOPE = "records:write"
ROWS_PER_COMMIT = 400
"""Each commit is short: an upload lasts as long as its sender likes, and SQLite has one writer."""

Accept = Callable[[Tx, Job], Awaitable[None]]

UNFINISHED = "the upload did not arrive completely"


async def stage(
    inst: Installation, upload: AsyncIterator[bytes], options: ImportOptions, accept: Accept | None = None
) -> Job:
    """Store the rows of an upload as a queued job; ``services.jobs.jobs.begin`` starts the work on it.

    ``accept`` joins the transaction that makes the job ready; when it raises, as when ``upload`` does, nothing is left.

    Raises:
        Invalid: mapping, header or file are wrong; every mistake of mapping and header is listed, a mistake in the
            file is told with its line.
        TooLarge: the file is over 100 MiB.
    """
    staging = await _open(inst, options)
    rows = CsvRows()
    try:
        async for piece in upload:
            await staging.take(rows, list(rows.feed(piece)))
        await staging.take(rows, list(rows.finish()))
        return await staging.finish(accept)
    except (Exception, asyncio.CancelledError):
        await staging.undo()
        raise


async def _open(inst: Installation, options: ImportOptions) -> _Staging:
    async with inst.db.read() as read:
        schema = await load_schema(read)
        account = await load_account(read)
    if schema.object(options.object) is None:
        raise NotFound(f"there is no object type {options.object}", code="unknown_object")
    return _Staging(inst, options, schema, ZoneInfo(account.timezone))


class _Staging:
    """One upload on its way into the database."""

    def __init__(self, inst: Installation, options: ImportOptions, schema: Schema, zone: ZoneInfo) -> None:
        self._inst = inst
        self._options = options
        self._schema = schema
        self._zone = zone
        self._job: Job | None = None
        self._reader: RowReader | None = None
        self._waiting: list[CsvRow] = []
        self._count = 0

    async def take(self, rows: CsvRows, new: list[CsvRow]) -> None:
        if self._reader is None and rows.header is not None:
            await self._begin(rows.header)
        self._waiting += new
        while len(self._waiting) >= ROWS_PER_COMMIT:
            await self._store(ROWS_PER_COMMIT)

    async def finish(self, accept: Accept | None) -> Job:
        assert self._job is not None, "a file without a header was refused"
        await self._store(len(self._waiting))
        async with self._inst.db.transaction() as tx:
            await update_job(tx, self._job.id, now=self._now(), status="queued", error=None, total=self._count)
            job = await get_job(tx, self._job.id)
            assert job is not None
            if accept is not None:
                await accept(tx, job)
        return job

    async def undo(self) -> None:
        if self._job is not None:
            async with self._inst.db.transaction() as tx:
                await delete_job(tx, self._job.id)

    async def _begin(self, header: tuple[str, ...]) -> None:
        options = self._options
        mapping, problems = read_mapping(options.mapping)
        if mapping.columns:
            problems += check_mapping(mapping, header, schema=self._schema, object=options.object, key=options.key)
        if problems:
            raise Invalid("the file cannot be imported with this mapping", errors=problems)
        self._reader = RowReader(mapping, header, target=self._target(), zone=self._zone)
        given: dict[str, Json] = {**options.model_dump(mode="json"), "header": list(header)}
        async with self._inst.db.transaction() as tx:
            self._job = await insert_job(tx, kind=KIND, scope=SCOPE, input=given, now=self._now())
            # Until the last row is stored the job says so, also if this process is killed.
            await update_job(tx, self._job.id, now=self._now(), status="failed", error=UNFINISHED)

    async def _store(self, count: int) -> None:
        assert self._job is not None
        page, self._waiting = self._waiting[:count], self._waiting[count:]
        rows = [
            JobRow(job_id=self._job.id, n=self._count + n, line=row.line, cells=list(row.cells), key=self._key(row))
            for n, row in enumerate(page, start=1)
        ]
        self._count += len(rows)
        async with self._inst.db.transaction() as tx:
            await insert_job_rows(tx, rows)

    def _key(self, row: CsvRow) -> str | None:
        assert self._reader is not None
        value = self._reader.key(row.cells, self._options.key)
        if value is None:
            return None
        form = unique_form(self._target().properties[self._options.key].type, value)
        # A longer one is no value of a unique property; the row is refused when it is worked on.
        return form if len(form) <= UNIQUE_CHARS else None

    def _target(self) -> ObjectType:
        return self._schema.objects[self._options.object]

    def _now(self) -> datetime:
        return self._inst.clock.now()
