"""What may stand behind the question mark: the parameters of the route and nothing else.

FastAPI ignores what it does not know, so that a slip of the pen in a filter would answer everything.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from api.deps import Identified
from domain.errors import Invalid
from domain.problems import FieldError


async def only_known(request: Request, _: Identified) -> None:
    """Refuse a request with query parameters that its route does not take; who calls is asked first.

    Raises:
        Invalid: every unknown parameter, with those there are.
    """
    if not request.query_params:
        return
    known = _parameters(request.scope["route"])
    unknown = [name for name in request.query_params if name not in known]
    if not unknown:
        return
    there_are = f"known: {', '.join(known)}" if known else "there are none"
    mistakes = [
        FieldError(
            path=f"query:{name}",
            code="unknown_field",
            message=f"there is no query parameter {name[:63]!r} here; {there_are}",
        )
        for name in unknown
    ]
    raise Invalid("; ".join(mistake.message for mistake in mistakes), errors=mistakes)


async def may_export(request: Request, caller: Identified) -> None:
    """Refuse a table as a file to a caller who may not take files away.

    Raises:
        NotAllowed: ``format=csv`` without the scope ``export``.
    """
    if request.query_params.get("format") == "csv":
        caller.demand("export")


def _parameters(route: APIRoute) -> tuple[str, ...]:
    """The names of the query parameters of a route, those of what it depends on included."""
    found = get_flat_params(route.dependant)
    return tuple(sorted({field.alias for field in found if isinstance(field.field_info, Query)}))
