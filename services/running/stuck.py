"""Somebody inside whose step waits between two attempts: it can be tried at once.

The other side did not take it, or the attempt broke off before it could write down what it came to.
"""

from __future__ import annotations

from domain.enrollments import Enrollment
from domain.errors import Conflict, Invalid
from domain.problems import FieldError
from store.database import Read
from store.enrollments import get_enrollment
from store.moving import effects_of, marks_of

TRIED_AGAIN = "tried_again"
"""The answer where nobody begins anew: what waits is tried now."""

BETWEEN_TRIES = frozenset({"retry", "handed_over"})


async def find_stuck(read: Read, enrollment_id: str, step: str | None) -> Enrollment | None:
    """The enrollment, if it is inside and something of its step may wait to be tried again; None when it is over.

    Of an attempt that said nothing only its run knows whether it broke off or is under way.

    Raises:
        Conflict: it is inside, and nothing of it waits to be tried again.
        Invalid: it stands in another step than ``step``.
    """
    found = await get_enrollment(read, enrollment_id)
    if found is None or found.status == "ended":
        return None
    if step not in (None, found.step):
        words = f"it is inside, at the step {found.step!r}; to go on at another one move it there"
        raise Invalid(words, errors=[FieldError(path="/step", code="wrong_value", message=words)])
    marks = (await marks_of(read, [found.id])).get(found.id, [])
    standing = {(mark.step, mark.n) for mark in marks if mark.outcome is None}
    ledger = (await effects_of(read, [found.id])).get(found.id, {})
    states = {state for visit in standing for state in ledger.get(visit, {}).values()}
    if not BETWEEN_TRIES.isdisjoint(states):
        return found
    asked = "somebody has to decide what became of its message" if "unknown" in states else "nothing of it failed"
    raise Conflict(f"it is inside, at the step {found.step!r}, and {asked}", code="nothing_to_retry")
