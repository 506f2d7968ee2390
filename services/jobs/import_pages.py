"""Works through a staged import, a page of rows in one transaction with their outcomes, the counts and the cursor.

So a crash never doubles a row and progress never goes back. What a row names is looked up for the whole page at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.errors import NotFound
from domain.import_checks import check_mapping
from domain.importing import ImportMapping, ImportOptions, RowRead, RowReader, read_mapping
from domain.jobs import TO_DO, JobProgress
from domain.problems import FieldError
from domain.records import Cause
from domain.schema import Schema
from services.installation import Installation
from services.jobs.bulk_records import Bulk, Draft, Planned, plan_records, store_records
from services.jobs.import_lookup import Found, Named, look_up
from services.jobs.jobs import progress_of
from services.records.records import Write
from store.database import Tx
from store.import_rows import first_lines, settle_rows
from store.jobs import Job, JobRow, claim_page, get_job, next_job_rows, update_job
from store.schema import load_account, load_schema

PAGE_ROWS = 100

REASON_CHARS = 500
"""A reason is read in a list; what one row can get wrong would fill a page."""


async def work_page(inst: Installation, job_id: str) -> JobProgress:
    """Import the next rows and tell how far the job is; one that is over or paused stays as it is.

    Raises:
        NotFound: no such job.
    """
    now = inst.clock.now()
    async with inst.db.transaction() as tx:
        job = await get_job(tx, job_id)
        if job is None:
            raise NotFound(f"there is no job {job_id}")
        if job.status not in TO_DO:
            return progress_of(job)
        rows = await next_job_rows(tx, job_id, after=job.cursor, limit=PAGE_ROWS)
        if await claim_page(tx, job, through=job.cursor + len(rows), now=now):
            page = await _open(tx, job, now)
            settled = await page.work(tx, inst, rows) if isinstance(page, _Page) else []
            await settle_rows(tx, settled)
            await _account(tx, job, settled, page if isinstance(page, str) else None, now)
        after = await get_job(tx, job_id)
    assert after is not None
    return progress_of(after)


async def _account(tx: Tx, job: Job, settled: Sequence[JobRow], error: str | None, now: datetime) -> None:
    counts = Counter(job.counts) + Counter(row.outcome for row in settled if row.outcome)
    if error is not None:
        await update_job(tx, job.id, now=now, status="failed", error=error, cursor=job.cursor, finished_at=now)
    elif job.cursor + len(settled) >= job.total:
        await update_job(tx, job.id, now=now, status="done", counts=dict(counts), finished_at=now)
    else:
        await update_job(tx, job.id, now=now, counts=dict(counts))


async def _open(tx: Tx, job: Job, now: datetime) -> _Page | str:
    """What the job was asked to do, against the schema of today; words when the two no longer agree."""
    given = dict(job.input)
    header = [str(name) for name in given.pop("header")]  # type: ignore[union-attr]
    options = ImportOptions.model_validate(given)
    mapping, problems = read_mapping(options.mapping)
    schema = await load_schema(tx)
    problems += check_mapping(mapping, header, schema=schema, object=options.object, key=options.key)
    if problems:
        return "; ".join(problem.message for problem in problems)
    account = await load_account(tx)
    zone = ZoneInfo(account.timezone)
    reader = RowReader(mapping, header, target=schema.objects[options.object], zone=zone)
    return _Page(job, options, mapping, schema, reader, now, account.timezone)


@dataclass(frozen=True)
class _Page:
    """One page of one job."""

    job: Job
    options: ImportOptions
    mapping: ImportMapping
    schema: Schema
    reader: RowReader
    now: datetime
    zone: str

    async def work(self, tx: Tx, inst: Installation, rows: Sequence[JobRow]) -> list[JobRow]:
        """Import the rows; each comes back with its outcome."""
        first = await first_lines(tx, self.job.id, {row.key for row in rows if row.key is not None})
        read = {row.n: self.reader.read(row.cells) for row in rows}  # type: ignore[arg-type]
        refused = {row.n: error for row in rows if (error := self._refusal(row, read[row.n], first)) is not None}
        kept = [row for row in rows if row.n not in refused]
        write = Write(
            schema=self.schema,
            addresses=inst.addresses,
            now=self.now,
            zone=self.zone,
            cause=Cause(kind="import", id=self.job.id),
            wake=self.options.wake,
        )
        named = [Named(row.key or "", read[row.n]) for row in kept]
        found = await look_up(tx, self.options, named, schema=self.schema, now=self.now)
        drafts: list[Draft] = []
        going: list[tuple[JobRow, Found]] = []
        for row, one in zip(kept, found.rows, strict=True):
            if one.errors:
                refused[row.n] = one.errors
                continue
            going.append((row, one))
            drafts.append(Draft(known_id=one.known_id, patch=one.patch, links=one.links))
        target = self.schema.objects[self.options.object]
        leave_out = self.options.on_bad_value == "leave_out"
        bulk = Bulk(object_type=target, drafts=drafts, locked=found.locked, leave_out=leave_out)
        plan = await plan_records(tx, write, bulk)
        if not self.options.dry_run:
            await store_records(tx, write, plan, found.locked)
        settled = {
            row.n: self._settle(row, one, read[row.n], planned) for (row, one), planned in zip(going, plan, strict=True)
        }
        return [settled[row.n] if row.n in settled else _rejected(row, refused[row.n]) for row in rows]

    def _refusal(self, row: JobRow, read: RowRead, first: dict[str, tuple[int, int]]) -> tuple[FieldError, ...] | None:
        if row.key is not None and first[row.key][0] != row.n:
            words = f"line {first[row.key][1]} has the same {self.options.key}"
            return (FieldError(path="", code="duplicate_in_file", message=words),)
        if read.bad and (self.options.on_bad_value == "reject_row" or row.key is None):
            return read.bad
        if row.key is None:
            words = "is too long for a unique value" if read.properties.get(self.options.key) else "is blank"
            return (FieldError(path=f"/properties/{self.options.key}", code="missing_key", message=words),)
        return None

    def _settle(self, row: JobRow, found: Found, read: RowRead, planned: Planned) -> JobRow:
        if planned.fate == "refused":
            return _rejected(row, _with_values(planned.errors, found))
        left_out = (*read.bad, *found.left_out, *_with_values(planned.left_out, found))
        made = None if self.options.dry_run and planned.fate == "created" else planned.record
        values = {"outcome": planned.fate, "record_id": made.id if made else None}
        if left_out:
            values |= {"code": "left_out", "reason": _reason(left_out)}
        return row.model_copy(update=values)


def _with_values(errors: Sequence[FieldError], found: Found) -> tuple[FieldError, ...]:
    """The mistakes with what was written, which the rules of values leave unsaid."""
    told = []
    for error in errors:
        name = error.path.removeprefix("/properties/")
        words = error.message.removeprefix(f"{name}: ")
        shown = f"{_shown(found.patch[name])} {words}" if name in found.patch else words
        told.append(error.model_copy(update={"message": shown}))
    return tuple(told)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _rejected(row: JobRow, errors: Sequence[FieldError]) -> JobRow:
    return row.model_copy(update={"outcome": "rejected", "code": errors[0].code, "reason": _reason(errors)})


def _reason(errors: Sequence[FieldError]) -> str:
    words = "; ".join(f"{error.path.rpartition('/')[2]}: {error.message}".removeprefix(": ") for error in errors)
    return words if len(words) <= REASON_CHARS else words[: REASON_CHARS - 1] + "…"
