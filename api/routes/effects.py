"""The ledger of effects: what was handed over to whom, what became of it, and deciding where nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from sqlalchemy import RowMapping
from starlette.responses import Response

from api.answers import Answer, answer
from api.deps import Caller, EnrollmentsRead, EnrollmentsWrite, Inst, Reading
from api.describing import refusals
from api.idempotency import OnlyOnce
from api.instants import WrittenInstant
from api.limits import StorableRoute
from api.loading import filter_or_404, names_of
from api.paging import Page, Paged, page
from api.routes.enrollments import Text, delivering
from api.schemas.effects import EffectView, SettleBody, effect_view
from domain.errors import NotFound
from services.installation import Installation
from services.running.decisions import settle_by_hand
from store.database import Read, Tx
from store.decisions import decisions_about
from store.effects import EffectState
from store.ledger import LedgerFilters, list_effects, show_effect

router = APIRouter(prefix="/effects", tags=["effects"], route_class=StorableRoute)

Key = Annotated[str, Path(max_length=140, examples=["0190c6b2-…:hello:1"])]


@router.get("", response_model=Page[EffectView])
async def list_page(
    read: Reading,
    inst: Inst,
    caller: EnrollmentsRead,
    paging: Paged,
    state: Annotated[EffectState | None, Query()] = None,
    workflow: Text = None,
    record: Text = None,
    enrollment: Text = None,
    step: Text = None,
    channel: Annotated[Literal["email", "sms", "webhook"] | None, Query()] = None,
    waiting: Annotated[bool, Query(description="Only those a run waits for a decision about.")] = False,
    since: Annotated[WrittenInstant | None, Query(description="First handed over at or after this instant.")] = None,
) -> Page[EffectView]:
    """Effects, those of the newest enrollments first."""
    await filter_or_404(read, workflow)
    filters = LedgerFilters(
        state=state, workflow=workflow, record=record, enrollment=enrollment, step=step, channel=channel,
        waiting=waiting, since=since,
    )  # fmt: skip
    rows = await list_effects(read, filters, after=paging.after, limit=paging.fetch)
    shown = await _views(read, inst, caller, rows)
    return page(shown, paging, lambda view: view, key=lambda view: view.key)


@router.get("/{effect_key}", response_model=EffectView)
async def show(effect_key: Key, read: Reading, inst: Inst, caller: EnrollmentsRead) -> EffectView:
    """One effect, with what was decided about it."""
    return await _shown(read, inst, caller, effect_key)


@router.post("/{effect_key}/settle", response_model=EffectView, responses=refusals(409))
async def settle(effect_key: Key, body: SettleBody, inst: Inst, caller: EnrollmentsWrite, once: OnlyOnce) -> Response:
    """Decide about an effect that is `unknown`: it arrived, it did not, or it shall be sent once more.

    A run that waits for it goes on by it. Where the run has gone on, ledger, message and figures are set right and the
    run is left alone; it can then not be sent once more. Of two who decide at once the second gets 409.
    """
    told: list[str] = []

    async def work(tx: Tx) -> Answer:
        told.append(await settle_by_hand(tx, effect_key, body.as_, body.note, cause=caller.cause, now=inst.clock.now()))
        return answer(await _shown(tx, inst, caller, effect_key))

    return delivering(inst, await once.run(work), told)


async def _shown(read: Read, inst: Installation, caller: Caller, key: str) -> EffectView:
    row = await show_effect(read, key)
    if row is None:
        raise NotFound(f"there is no effect {key}")
    (view,) = await _views(read, inst, caller, [row])
    return view


async def _views(read: Read, inst: Installation, caller: Caller, rows: Sequence[RowMapping]) -> list[EffectView]:
    names = await names_of(read, caller, rows)
    decided = await decisions_about(read, [row["key"] for row in rows])
    return [effect_view(row, decided, inst.runs.link(row["run_id"]), names) for row in rows]
