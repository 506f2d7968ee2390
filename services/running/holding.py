"""Holding a message back until its window opens (rule R8): the claim says until when, and the run asks again then.

A message that was handed over already is not held: what became of it is settled at any hour.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from domain.definition import Definition, PauseDate, Window
from domain.messages import StepAnswer, StepCall
from domain.splitting import spread
from domain.windows import Hold, Quiet, held_until, quiet_of
from services.installation import Installation
from services.running.inside import Inside, Passed
from services.running.visits import open_visit
from store.database import Tx
from store.effects import Effect
from store.schema import Account

WINDOW: TypeAdapter[Window | list[Window] | None] = TypeAdapter(Window | list[Window] | None)
PAUSE_DATES: TypeAdapter[list[PauseDate] | None] = TypeAdapter(list[PauseDate] | None)


def quiet_for(definition: Definition, account: Account) -> Quiet:
    """What messages of a workflow keep to: its own settings, else the account's; an empty list of its own is none."""
    settings, default = definition.settings, _default(account)
    own = quiet_of(settings.window, settings.pause_dates or [])
    return Quiet(
        windows=own.windows if settings.window is not None else default.windows,
        pause_dates=own.pause_dates if settings.pause_dates is not None else default.pause_dates,
    )


def _default(account: Account) -> Quiet:
    pause_dates = PAUSE_DATES.validate_python(account.pause_dates) or []
    return quiet_of(WINDOW.validate_python(account.window), pause_dates)


def hold_of(inst: Installation, inside: Inside, call: StepCall) -> Hold | None:
    """Whether a message is held back as of the minute it would leave, which an outage may have made a late one."""
    now = max(call.now, inst.clock.now())
    late = spread(f"{call.enrollment_id}:{call.step}", inside.definition.settings.spread_minutes)
    return held_until(quiet_for(inside.definition, inside.account), now, inside.zone, late)


async def hold_back(tx: Tx, inst: Installation, passed: Passed, effect: Effect | None) -> StepAnswer | None:
    """Have the run sleep until the message may leave; None: it may leave now, or has left."""
    if effect is not None and effect.state != "retry":
        return None
    hold = hold_of(inst, passed, passed.call)
    if hold is None:
        return None
    detail = f"{hold.until.astimezone(ZoneInfo(passed.zone)):%a %H:%M}"
    await open_visit(tx, passed, detail=f"held until {detail}", wakes_at=hold.until, held_until=hold.until)
    return StepAnswer(kind="wait", wake_at=hold.until, reason=hold.by, detail=detail)
