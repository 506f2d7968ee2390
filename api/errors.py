"""The one shape of an error: RFC 9457 ``application/problem+json``, whatever went wrong and wherever.

The status of each domain error is decided here and nowhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from domain import errors
from domain.base import Frozen
from domain.problems import FieldError
from services.log_fields import bound_fields
from store.transient import MAYBE_TRANSIENT, is_transient

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
"""How long a caller should wait for a first call under the same Idempotency-Key; calls take milliseconds."""

STATUS: Mapping[type[errors.FollowthroughError], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.PreconditionMissing: 428,
    errors.NotAllowed: 403,
    errors.NotAuthenticated: 401,
    errors.TooLarge: 413,
    errors.Invalid: 422,
    errors.RefusedError: 400,
    errors.Unavailable: 503,
}

CODES: Mapping[int, str] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "wrong_content_type",
    500: "internal",
    503: "not_ready",
}


class StillRunning(errors.Conflict):
    """The first call under this Idempotency-Key has not ended; ask again shortly."""

    code = "still_running"


class Problem(Frozen):
    """The body of every answer that is not a success. ``errors`` lists each mistake with its place."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldError, ...]


def problem_response(
    status: int,
    code: str,
    detail: str,
    *,
    problems: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document as a response."""
    body = Problem(
        type=f"urn:followthrough:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=tuple(problems),
    )
    return Response(body.model_dump_json(), status, dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Register the handlers; from then on every error of ``app`` has the one shape."""
    app.add_exception_handler(errors.RefusedError, _refused)
    app.add_exception_handler(errors.Unavailable, _unavailable)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http)
    # Behind the last handler the server hears of the error again, logs it as one of the app, and hangs up.
    for kind in MAYBE_TRANSIENT:
        app.add_exception_handler(kind, _crashed)
    app.add_exception_handler(Exception, _crashed)


def mark_unproven(request: Request) -> None:
    """Note that who calls has proved nothing, whatever the answer says; ``api.rate_limits`` counts such calls."""
    request.state.unproven = True


def _status_of(error: BaseException) -> int:
    return next(STATUS[base] for base in type(error).__mro__ if base in STATUS)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.RefusedError)
    headers: dict[str, str] = {}
    if isinstance(error, (errors.NotAuthenticated, errors.NoSuchAddress)):
        mark_unproven(request)
    if isinstance(error, errors.NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, StillRunning):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    return problem_response(_status_of(error), error.code, str(error), problems=error.errors, headers=headers)


async def _unavailable(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.Unavailable)
    wait_s = max(1, round(error.retry_after_s or RETRY_AFTER_S))
    return problem_response(503, "unavailable", str(error), headers={"Retry-After": str(wait_s)})


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    detail = str(error.detail)
    if error.status_code == 405:
        # Starlette names only the methods of the first route with this path; two routes share most of ours.
        headers["Allow"] = ", ".join(_allowed(request))
        detail = f"{request.method} is not possible here; allowed: {headers['Allow']}"
    elif error.status_code == 404:
        detail = f"nothing lives at {request.url.path}"
    return problem_response(error.status_code, CODES.get(error.status_code, "http"), detail, headers=headers)


def _allowed(request: Request) -> list[str]:
    methods: set[str] = set()
    for method in ("DELETE", "GET", "PATCH", "POST", "PUT"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes):
            methods.add(method)
    return sorted(methods)


async def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [_field_error(request, each) for each in error.errors()]
    detail = problems[0].message if len(problems) == 1 else f"{len(problems)} mistakes in the request"
    return problem_response(422, "invalid", detail, problems=problems)


def _field_error(request: Request, found: Mapping[str, Any]) -> FieldError:
    place, *rest = found["loc"] or ("body",)
    kind = str(found["type"])
    if kind == "json_invalid":
        return FieldError(path="", code="not_json", message=f"the body is not valid JSON: {found['ctx']['error']}")
    if place == "body" and not rest and "json" not in request.headers.get("content-type", ""):
        code = "missing_field" if kind == "missing" else "wrong_content_type"
        return FieldError(path="", code=code, message="send a JSON body with Content-Type: application/json")
    message = str(found["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden" and place == "body" and len(rest) == 1 and (fields := _fields(request)):
        message = f"there is no field {rest[0]!r} here; there are {', '.join(fields)}"
    named = {"missing": "missing_field", "extra_forbidden": "unknown_field"}
    code = named.get(kind, "wrong_type" if kind.endswith(("_type", "_parsing")) else "wrong_value")
    return FieldError(path=_path(str(place), rest), code=code, message=message)


def _fields(request: Request) -> list[str]:
    """The fields a body may have here, where it is described by a model."""
    body = getattr(request.scope.get("route"), "body_field", None)
    described = getattr(getattr(body, "field_info", None), "annotation", None)
    models = [described, *get_args(described)]
    found = next((each for each in models if isinstance(each, type) and issubclass(each, BaseModel)), None)
    return [field.alias or name for name, field in found.model_fields.items()] if found is not None else []


def _path(place: str, rest: Sequence[object]) -> str:
    """``/properties/email`` in the body is a JSON Pointer; ``query:limit`` and ``header:If-Match`` name the rest."""
    if place == "body":
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in rest)
    return f"{place}:{'.'.join(str(part) for part in rest)}"


async def _crashed(_: Request, error: Exception) -> Response:
    if is_transient(error):
        logger.warning("database_away", extra={"error": type(error).__name__})
        detail = "the database cannot answer now; try again"
        return problem_response(503, "unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_S)})
    logger.error("request_failed", exc_info=error)
    request_id = bound_fields().get("request")
    detail = f"something went wrong on our side; the log of the API tells what, under request {request_id}"
    return problem_response(500, "internal", detail)
