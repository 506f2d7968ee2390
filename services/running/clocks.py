"""By what the delays and timeouts of an enrollment are counted: its zone, and the days on which people work."""

from __future__ import annotations

from datetime import date, datetime

from domain.business_days import IsFree, no_holidays
from domain.definition import Definition, HolidayCalendar
from domain.delays import Clock
from services.installation import Installation
from services.running.inside import Inside, Passed
from store.database import Tx
from store.schema import Account
from store.visits import entered_at


async def clock_of(tx: Tx, inst: Installation, passed: Passed) -> Clock:
    """The clock of a visit: asked again it counts from the moment the step was entered (rule R3)."""
    began = (await entered_at(tx, passed.call) if passed.call.turn else None) or passed.call.now
    return clock_since(inst, passed, began, now=passed.call.now)


def clock_since(inst: Installation, inside: Inside, began: datetime, *, now: datetime) -> Clock:
    """The clock of a step that was entered at ``began``."""
    is_free = free_days(inst, inside.definition, inside.account)
    return Clock(entered_at=began, now=now, zone=inside.zone, is_free=is_free, anchor_at=inside.anchor_at)


def free_days(inst: Installation, definition: Definition, account: Account) -> IsFree:
    """Whether nobody works on a day: by the workflow's calendar, else by the account's."""
    own = definition.settings.holidays
    calendar = own or (HolidayCalendar.model_validate(account.holidays) if account.holidays is not None else None)
    if calendar is None:
        return no_holidays
    country, subdivision, dates = calendar.country, calendar.subdivision, frozenset(calendar.dates)

    def is_free(day: date) -> bool:
        if day.isoformat() in dates:
            return True
        return country is not None and inst.holidays.is_holiday(country, subdivision, day)

    return is_free
