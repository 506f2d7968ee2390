"""What an activity raises to Temporal: the type by name, whether and when to try again, and no words about a person.

Messages and causes of errors enter histories. Most may quote a value of a record, so of those only the type's name and
the place in the code travel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError

from domain.errors import GatewayError, Invalid, NotFound, Rejected, StepError, Unavailable

PERMANENT = (Rejected, StepError, Invalid)
"""Errors that asking again cannot change; what is missing may yet be stored, so NotFound is not among them.

Only who records the failure may give up on them: a judgement that failed for good would end its run and leave the
enrollment inside, so it is asked until it is repaired.
"""

QUOTABLE = (GatewayError, NotFound)
"""Errors whose words hold ids and answers of services only."""


@contextmanager
def translated(*, gives_up: bool = False) -> Iterator[None]:
    """Turn whatever an activity raises into an ApplicationError; cancellation passes through.

    ``gives_up``: the run records a failure and goes on, so permanent errors need no further attempt.
    """
    try:
        yield
    except (asyncio.CancelledError, ApplicationError):
        raise
    except Exception as error:  # noqa: BLE001 - the border to Temporal: nothing may pass as it is
        # The traceback stays, the cause does not: its message would be stored too.
        raise translate(error, gives_up=gives_up).with_traceback(error.__traceback__) from None


def translate(error: Exception, *, gives_up: bool = False) -> ApplicationError:
    """The ApplicationError of an error; Unavailable waits as long as it was asked to."""
    name = type(error).__name__
    words = f"{name}: {error}" if isinstance(error, QUOTABLE) else name
    delay = error.retry_after_s if isinstance(error, Unavailable) else None
    return ApplicationError(
        words,
        type=name,
        non_retryable=gives_up and isinstance(error, PERMANENT),
        next_retry_delay=timedelta(seconds=delay) if delay is not None else None,
    )
