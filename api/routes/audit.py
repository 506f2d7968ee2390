"""The audit log: who changed the set-up, and when."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import RowMapping
from starlette.responses import Response

from api.csv_files import MOST_LINES, SHOWN, Format, csv_answer
from api.deps import Admin, Caller, Reading
from api.instants import WrittenInstant
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.schemas.audit import AuditView, AuthorView
from api.seeing import entry_as_seen
from domain.audit import Kind, What
from domain.base import Json
from store.audit import AuditFilters, page_entries

router = APIRouter(prefix="/audit", tags=["account"], route_class=StorableRoute)

"""Lines of one file; `until` goes on behind them."""
COLUMNS = ("at", "what", "subject", "by", "user", "key", "before", "after")


def read_filters(
    kind: Annotated[Kind | None, Query(description="Only changes of this kind of thing.")] = None,
    what: Annotated[What | None, Query(description="Only changes of this sort.")] = None,
    subject: Annotated[str | None, Query(max_length=400, description="Only of this slug, name, address or id.")] = None,
    user: Annotated[str | None, Query(max_length=36, description="Only by keys of this user.")] = None,
    key: Annotated[str | None, Query(max_length=36, description="Only by this key.")] = None,
    since: Annotated[WrittenInstant | None, Query(description="Only from this instant on.")] = None,
    until: Annotated[WrittenInstant | None, Query(description="Only before this instant.")] = None,
) -> AuditFilters:
    """Which entries are asked for."""
    return AuditFilters(kind=kind, what=what, subject=subject, user=user, key=key, since=since, until=until)


@router.get("", response_model=Page[AuditView], responses=SHOWN)
async def list_entries(
    read: Reading,
    caller: Admin,
    paging: Paged,
    filters: Annotated[AuditFilters, Depends(read_filters)],
    format: Format = "json",
) -> Page[AuditView] | Response:
    """Every change to the set-up with who made it, newest first; none is ever changed or deleted.

    As CSV the newest 10,000 that are asked for, in one file: `limit` and `cursor` do not count.
    """
    if format == "csv":
        found = await page_entries(read, filters, after=None, limit=MOST_LINES)
        return csv_answer("audit", COLUMNS, [_line(_view(caller, row)) for row in found])
    found = await page_entries(read, filters, after=paging.after, limit=paging.fetch)
    return page(found, paging, lambda row: _view(caller, row), key=lambda row: str(row["id"]))


def _view(caller: Caller, row: RowMapping) -> AuditView:
    by = AuthorView(kind=row["by"], **{name: row[name] for name in ("key_id", "key_name", "user_id", "user_name")})
    same = {name: row[name] for name in ("id", "what", "kind", "subject", "before", "after")}
    return entry_as_seen(caller, AuditView(**same, at=row["changed_at"], by=by))


def _line(entry: AuditView) -> list[str | None]:
    who = [entry.by.kind, entry.by.user_name, entry.by.key_name]
    return [entry.at.isoformat(), entry.what, entry.subject, *who, _text(entry.before), _text(entry.after)]


def _text(document: Json) -> str | None:
    return None if document is None else json.dumps(document, ensure_ascii=False, sort_keys=True)
