"""Changes that were set aside because judging them failed again and again: look, mend the cause, retry."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import Answer, Shown, answer
from api.deps import Admin, Inst, Reading
from api.idempotency import OnlyOnce
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from api.schemas.outputs import FailedChangeView, view_of
from domain.errors import NotFound
from store.database import Tx
from store.intake import failed_changes, retry_change

router = APIRouter(prefix="/changes", tags=["operations"], route_class=StorableRoute)


class Retried(Shown):
    """The change waits to be judged again."""

    id: str
    state: Literal["waiting"]


@router.get("", response_model=Page[FailedChangeView])
async def list_changes(
    read: Reading, _: Admin, paging: Paged, state: Annotated[Literal["failed"], Query()] = "failed"
) -> Page[FailedChangeView]:
    """Changes set aside, oldest first, with the error of their last judgement."""
    after = paging.seq or 0
    rows = await failed_changes(read, after=after, limit=paging.fetch)
    return page(rows, paging, lambda row: view_of(FailedChangeView, row), key=lambda row: str(row["seq"]))


@router.post("/{change_id}/retry", status_code=202, response_model=Retried)
async def retry(change_id: Annotated[str, Path(max_length=36)], inst: Inst, _: Admin, once: OnlyOnce) -> Response:
    """Let a change be judged again, from its first try."""

    async def work(tx: Tx) -> Answer:
        if not await retry_change(tx, change_id):
            raise NotFound(f"there is no failed change {change_id}")
        return answer(Retried(id=change_id, state="waiting"), 202)

    return await once.run(work)
