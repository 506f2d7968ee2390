"""Every error the product raises on purpose, translated once at each border.

FollowthroughError
├── RefusedError            the caller asked for something that cannot be done (API: 4xx)
│   ├── NotFound            404
│   ├── Conflict            409
│   ├── PreconditionFailed  412   stale If-Match
│   ├── PreconditionMissing 428
│   ├── NotAllowed          403
│   ├── NotAuthenticated    401
│   ├── TooLarge            413
│   └── Invalid             422   carries every problem found
├── StepError               a step cannot have its effect (a visit outcome, never a crash)
│   ├── StepSkipped         the run goes on, with a reason of rule R11
│   └── StepFailed          the run follows on_error, with a failure class
└── GatewayError            what an outside service answered
    ├── Rejected            for good: the other side said no
    └── Unavailable         for now: try again, perhaps not before ``retry_after_s``
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.problems import FieldError


class FollowthroughError(Exception):
    """Base of all errors raised on purpose."""


class RefusedError(FollowthroughError):
    """The request cannot be carried out; ``code`` names why for machines, the message for people."""

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)
        if code is not None:
            self.code = code


class NotFound(RefusedError):
    """No such thing, or not visible to the caller."""

    code = "not_found"


class NoSuchAddress(NotFound):
    """A public address that is none of ours: who calls it has proved nothing."""


class Conflict(RefusedError):
    """The request contradicts what is stored."""

    code = "conflict"


class PreconditionFailed(RefusedError):
    """If-Match names a state that is no longer the current one."""

    code = "stale"


class PreconditionMissing(RefusedError):
    """The request needs If-Match."""

    code = "if_match_required"


class NotAllowed(RefusedError):
    """The key lacks a scope."""

    code = "missing_scope"


class NotAuthenticated(RefusedError):
    """No key, or an unknown one."""

    code = "not_authenticated"


class TooLarge(RefusedError):
    """The body is over the limit of its route."""

    code = "too_large"


class Invalid(RefusedError):
    """The content is wrong; ``errors`` holds every problem with its path."""

    code = "invalid"


class StepError(FollowthroughError):
    """Base of what can happen to a step besides success."""


class StepSkipped(StepError):
    """The step has nothing to do for this record; ``reason`` is from the closed list of rule R11."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class StepFailed(StepError):
    """The step cannot succeed; ``failure`` is a failure class (``domain.messages.FailureClass``)."""

    def __init__(self, failure: str, detail: str) -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure = failure
        self.detail = detail


class GatewayError(FollowthroughError):
    """Base of what a gateway raises. Messages never contain an address."""


class Rejected(GatewayError):
    """The other side refused for good; trying again cannot help. ``no_such_address``: as there is no such recipient."""

    def __init__(self, message: str, *, no_such_address: bool = False) -> None:
        super().__init__(message)
        self.no_such_address = no_such_address


class Unavailable(GatewayError):
    """The other side cannot take it now.

    ``handed_over`` is true when the content may already have left (an answer lost after the final dot):
    the effect is then unknown, not retried.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, handed_over: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.handed_over = handed_over
