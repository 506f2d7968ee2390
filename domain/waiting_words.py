"""Decides how it reads that a record stands in a step: for what it waits, until when, and why until then."""

from __future__ import annotations

from datetime import datetime

from domain.steps import DelayStep, Step, WaitStep
from domain.titles import until_what
from domain.value_words import clock_words
from domain.words import duration_words


def waiting_words(
    step: Step | None, *, wakes_at: datetime | None, zone: str | None, is_held: bool, detail: str | None
) -> str:
    """``waiting until Wed 25 Nov 2026 09:00 (Europe/Oslo): 7 days before the date at 09:00``.

    ``zone``: in which the instant was planned, None of a visit that never was. ``is_held``: a message of the step is
    held back. ``detail``: what the visit says itself.
    """
    when = clock_words(wakes_at, zone or "UTC") if wakes_at is not None else None
    if when is not None and is_held:
        # The detail says until when as well, shorter; what follows it is worth a word.
        return _with(f"waiting: its message is held back until {when}", (detail or "").partition("; ")[2])
    if isinstance(step, WaitStep):
        return _with(_wait(step, when), detail)
    if when is None:
        return _with("waiting", detail)
    why = _why(step)
    return _with(f"waiting until {when}" + (f": {why}" if why else ""), detail)


def hold_words(*, is_paused: bool, held_at: datetime | None, resumes_at: datetime | None, zone: str) -> str | None:
    """What keeps somebody from going on besides the step: ``paused``; None where nothing does.

    ``is_paused``: alone; ``held_at``: since when the run waits to be resumed; ``resumes_at``: when it goes on of those
    who were held.
    """
    if is_paused:
        return "paused alone, until it is resumed"
    if held_at is not None:
        return f"held since {clock_words(held_at, zone)}, until its workflow is resumed"
    if resumes_at is not None:
        return f"goes on {clock_words(resumes_at, zone)}: its workflow was resumed, and those it held go on one by one"
    return None


def _with(words: str, detail: str | None) -> str:
    return f"{words} ({detail})" if detail else words


def _why(step: Step | None) -> str | None:
    """What the end of a delay is counted by; None where the step is not known."""
    if not isinstance(step, DelayStep):
        return None
    if step.until is not None:
        return until_what(step.until)
    if step.for_ is None:
        return None
    length = duration_words(step.for_)
    return f"{length} after it came here" + (", of which days are business days" if step.business_days else "")


def _wait(step: WaitStep, when: str | None) -> str:
    if step.for_event is not None:
        until = f", at the latest until {when}" if when is not None else ""
        return f"waiting for the event {step.for_event.event}{until}"
    # A condition that compares with the time may be looked at before the time of the wait is over.
    return "waiting until its condition holds" + (f", looked at again {when} at the latest" if when is not None else "")
