"""What happens where a message was handed over and nobody knows whether it arrived, and how that is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

OnUnknown: TypeAlias = Literal["leave", "resend", "ask"]
"""``leave``: the step failed as ``unknown``, the run goes on; ``resend``: again, perhaps twice; ``ask``: it waits."""

Settlement: TypeAlias = Literal["accepted", "failed", "resend"]
"""What a person decides about it: it arrived, it did not and shall not, it shall be handed over once more."""

ASKED = "nobody knows whether it arrived; waiting for a decision of whoever may write enrollments"
"""What the visit says as long as nobody decided."""

REPORTED = "its answer was lost, and the service reported that it took the message"
"""The same once the service told what became of it."""

SETTLED: Mapping[Settlement, str] = {
    "accepted": "decided that it arrived",
    "failed": "decided that it did not arrive",
    "resend": "decided to send it once more",
}


def on_unknown(said: OnUnknown | None, *, transactional: bool) -> OnUnknown:
    """What a step does: as it says, else what is transactional asks and all else is left as it is."""
    return said if said is not None else ("ask" if transactional else "leave")


def settled_words(settlement: Settlement, who: str, note: str | None) -> str:
    """``decided that it arrived, through the API key …: she called``."""
    return f"{SETTLED[settlement]}, {who}" + (f": {note}" if note else "")
