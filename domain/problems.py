"""How a mistake in something a person wrote is told: where, which kind, in words."""

from __future__ import annotations

from typing import Literal, TypeAlias

from domain.base import Frozen

ProblemCode: TypeAlias = Literal[
    "unknown_field",
    "missing_field",
    "wrong_type",
    "wrong_value",
    "duplicate_id",
    "unknown_step",
    "unreachable",
    "endless_loop",
    "unknown_object",
    "unknown_property",
    "unknown_option",
    "unknown_user",
    "unknown_team",
    "unknown_list",
    "unknown_workflow",
    "unknown_subscription",
    "unknown_email",
    "unknown_secret",
    "unknown_action",
    "unknown_variable",
    "wrong_operator",
    "zero_duration",
    "wrong_zone",
    "delay_not_allowed_here",
    "not_bound",
    "negation_without_time",
    "template_error",
    "template_unsafe",
    "plan_too_large",
    "not_available",
]


class Problem(Frozen):
    """One mistake in a definition: the step it stands in (if any), a JSON Pointer into the document, a code, words."""

    step: str | None = None
    path: str
    code: ProblemCode
    message: str


class FieldError(Frozen):
    """One mistake in a request body, as the problem document's ``errors`` lists it."""

    path: str
    code: str
    message: str
