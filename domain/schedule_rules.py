"""Whether a scheduled workflow says when it happens and whom it lets in, and nothing that contradicts either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from domain.definition import Schedule
from domain.examination import Examination
from domain.triggers import FilterTrigger
from domain.zones import is_zone

Every: TypeAlias = Literal["day", "week", "month", "year"]

FIELDS = ("weekdays", "days", "nth_weekday", "month", "day")

NEEDED: Mapping[Every, tuple[tuple[str, ...], ...]] = {
    "day": (),
    "week": (("weekdays",),),
    "month": (("days", "nth_weekday"),),
    "year": (("month",), ("day",)),
}
"""Of each group one field and no other of it: all that the schedule may have besides its time and zone."""

EXAMPLES: Mapping[str, str] = {
    "weekdays": "weekdays: [thu]",
    "days": "days: [1, 15, last]",
    "nth_weekday": "nth_weekday: {nth: 2, weekday: mon}",
    "month": "month: 3",
    "day": "day: 31",
}


def check_schedule(x: Examination) -> None:
    """The schedule and the triggers of a scheduled workflow; other types are looked at elsewhere."""
    if x.definition.type != "scheduled":
        return
    if x.definition.schedule is not None:
        _check_days(x, x.definition.schedule)
    elif not x.spoiled("/schedule"):
        x.tell("/schedule", "missing_field", 'say when it happens, as {every: week, weekdays: [thu], at: "09:00"}')
    _check_triggers(x)


def _check_days(x: Examination, schedule: Schedule) -> None:
    _check_zone(x, schedule)
    if x.spoiled("/schedule/every"):
        return
    every = schedule.every
    groups = NEEDED[every]
    given = [name for name in FIELDS if getattr(schedule, name) is not None]
    for group in groups:
        named = [name for name in group if name in given]
        if not named and not any(x.spoiled(f"/schedule/{name}") for name in group):
            ways = " or ".join(EXAMPLES[name] for name in group)
            x.tell(f"/schedule/{group[0]}", "missing_field", f"a schedule with every: {every} needs {ways}")
        for surplus in named[1:]:
            words = f"a schedule names its days by {named[0]} or by {surplus}, not by both; remove one"
            x.tell(f"/schedule/{surplus}", "wrong_value", words)
    allowed = {name for group in groups for name in group}
    for name in given:
        if name not in allowed:
            x.tell(f"/schedule/{name}", "wrong_value", f"a schedule with every: {every} has no {name!r}; remove it")
        elif getattr(schedule, name) == []:
            x.tell(f"/schedule/{name}", "wrong_value", f"{name} names no day; write for example {EXAMPLES[name]}")


def _check_zone(x: Examination, schedule: Schedule) -> None:
    if schedule.timezone is not None and not is_zone(schedule.timezone):
        words = f"{schedule.timezone!r} is no time zone; write a name such as Europe/Oslo, or leave it out"
        x.tell("/schedule/timezone", "wrong_zone", f"{words} for the account's")


def _check_triggers(x: Examination) -> None:
    triggers = x.definition.entry.triggers
    for i, trigger in enumerate(triggers):
        if not isinstance(trigger, FilterTrigger) and not x.spoiled(f"/entry/triggers/{i}"):
            words = (
                f"a scheduled workflow lets in whoever matches a filter when it happens; {trigger.on!r} tells of a"
                " moment: write a filter, or use a standard workflow for it"
            )
            x.tell(f"/entry/triggers/{i}/on", "wrong_value", words)
    if not triggers and not x.spoiled("/entry/triggers"):
        words = "a scheduled workflow needs a filter trigger: it says who enters when it happens"
        x.tell("/entry/triggers", "missing_field", words)
