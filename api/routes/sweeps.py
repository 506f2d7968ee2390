"""Whom sweeps stepped past because deciding about them failed: look, and mend the cause."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api.answers import Shown
from api.deps import Admin, Reading
from api.limits import StorableRoute
from api.paging import Page, Paged, page
from domain.base import Instant
from domain.errors import Invalid
from store.sweep_failures import SweepFailure, list_failures

router = APIRouter(prefix="/sweeps", tags=["operations"], route_class=StorableRoute)


class SweepFailureView(Shown):
    """One whom time concerned and about whom nothing could be decided yet."""

    sweep: Annotated[str, Field(description="`trigger:` workflow `:` trigger, or `leaving:` workflow `:` version.")]
    item: Annotated[str, Field(description="Record, and behind a colon what is bound to it; or the enrollment.")]
    since: Annotated[Instant, Field(description="What changed for it by time from here on is still to be decided.")]
    error: str
    tries: int
    retry_at: Instant


@router.get("/failures", response_model=Page[SweepFailureView])
async def list_sweep_failures(read: Reading, _: Admin, paging: Paged) -> Page[SweepFailureView]:
    """Whom sweeps stepped past, with the error of the last try and when the next one is."""
    after = None
    if paging.after is not None:
        name, found, item = paging.after.partition(" ")
        if not found:
            raise Invalid("this cursor belongs to another list")
        after = (name, item)
    rows = await list_failures(read, after=after, limit=paging.fetch)
    return page(rows, paging, _view, key=lambda each: f"{each.name} {each.item}")


def _view(each: SweepFailure) -> SweepFailureView:
    return SweepFailureView(sweep=each.name, **each.model_dump(exclude={"name"}))
