"""The OpenAPI document: every operation says how it answers when it cannot do what was asked.

What follows from the parameters of an operation is added here for all of them; a route names only what its own work
can run into, with ``refusals``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import errors
from api.rate_limits import target_of

WORDS: Mapping[int, str] = {
    401: "No key, or an unknown one.",
    403: "The key lacks the scope.",
    404: "What the address, the filter or the body names does not exist.",
    409: "It contradicts what is stored, or the first call under this Idempotency-Key still runs.",
    412: "If-Match names a state that is no longer the current one.",
    413: "The body is over its limit.",
    422: "The request is wrong; `errors` lists every mistake.",
    428: "If-Match is missing.",
    429: "Too many calls without proof of who calls came from this address; `Retry-After` says when to try again.",
}
"""What each refusal means, for every operation that documents it."""

PROBLEM = "ProblemDocument"
"""What the shape of all refusals is called; a ``Problem`` is a mistake in a definition."""

RETRY_AFTER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}

KEY_OR_NOT = "/metrics"
"""Wants a key from afar and none on the machine itself."""

MAKES = frozenset({("put", "/api/v1/workflows/{slug}")})
"""Operations that make what their address names, if it does not exist."""


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that can refuse with these statuses."""
    return {status: {"description": WORDS[status]} for status in statuses}


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of an app whose errors have the one shape; made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        problem = errors.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas[PROBLEM] = problem
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _add_refusals(method, path, operation)
        for operation in document["paths"].get(KEY_OR_NOT, {}).values():
            operation["security"].append({})
        app.openapi_schema = document
    return app.openapi_schema


def _add_refusals(method: str, path: str, operation: dict[str, Any]) -> None:
    content = {errors.MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{PROBLEM}"}}}
    responses = operation["responses"]
    responses.pop("422", None)  # FastAPI's own, of another shape
    for status in (
        *_implied(method, path, operation),
        *(int(s) for s in responses if s.isdecimal() and int(s) in WORDS),
    ):
        responses[str(status)] = {"description": WORDS[status], "content": content}
        if status == 429:
            responses["429"]["headers"] = RETRY_AFTER
    responses["default"] = {"description": "Any refusal or failure.", "content": content}
    operation["responses"] = dict(sorted(responses.items()))


def _implied(method: str, path: str, operation: Mapping[str, Any]) -> list[int]:
    """The refusals that follow from what an operation takes."""
    names = {(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", ())}
    places = {place for place, _ in names}
    has_body = "requestBody" in operation
    implied = {
        401: "security" in operation,
        403: "security" in operation,
        404: ("path" in places and (method, path) not in MAKES) or ("query", "workflow") in names,
        409: ("header", "Idempotency-Key") in names,
        412: ("header", "If-Match") in names,
        413: has_body,
        422: bool(names) or has_body or "security" in operation,
        429: target_of(path) is not None,
    }
    return [status for status, holds in implied.items() if holds]
