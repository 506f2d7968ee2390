"""Is it alive, is it ready, what are its numbers. Public, except that ``/metrics`` wants a key from afar."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from api.answers import Shown
from api.deps import Inst, bearer, identify
from api.figures import in_prometheus_format
from services.installation import Installation
from store.figures import count_installation
from store.migrate import is_current
from store.report import count_failed_changes
from store.sweep_failures import count_failures
from store.sweeps import failing_sweeps

router = APIRouter(tags=["operations"])


class Health(Shown):
    """The process answers."""

    status: str


class Readiness(Shown):
    """What a request needs. ``warnings`` do not make it unready."""

    ready: bool
    database: bool
    schema_current: bool
    temporal: bool
    failed_changes: int
    warnings: list[str]


@router.get("/healthz", response_model=Health)
async def alive() -> Health:
    """Whether the process answers."""
    return Health(status="ok")


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
async def ready(inst: Inst) -> Response:
    """Whether database and Temporal answer and the schema is current; 503 when not."""
    found = await _readiness(inst)
    return JSONResponse(found.model_dump(), 200 if found.ready else 503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(
    request: Request, inst: Inst, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Response:
    """Figures in Prometheus format, counted from the database. Any API key will do; on loopback none is needed."""
    if not _is_loopback(request):
        await identify(inst, credentials)
    now = inst.clock.now()
    async with inst.db.read() as read:
        figures = await count_installation(read, now)
    return Response(in_prometheus_format(figures), media_type=CONTENT_TYPE_LATEST)


async def _readiness(inst: Installation) -> Readiness:
    failed, failing, passed = 0, list[str](), dict[str, int]()
    try:
        async with inst.db.read() as read:
            failed = await count_failed_changes(read)
        database, current = True, await asyncio.to_thread(is_current, inst.db.url)
        if current:
            async with inst.db.read() as read:
                failing, passed = await failing_sweeps(read), await count_failures(read)
    except (SQLAlchemyError, OSError):
        database, current = False, False
    temporal = await inst.runs.healthy()
    warnings = [f"{failed} changes were set aside: GET /api/v1/changes?state=failed"] if failed else []
    warnings += [f"what changes by time is not looked at: the sweep {name} fails" for name in failing]
    warnings += [f"{n} passed over by the sweep {name}: GET /api/v1/sweeps/failures" for name, n in passed.items()]
    return Readiness(
        ready=database and current and temporal,
        database=database,
        schema_current=current,
        temporal=temporal,
        failed_changes=failed,
        warnings=warnings,
    )


def _is_loopback(request: Request) -> bool:
    # A proxy on this machine also comes from loopback: whoever it speaks for is named in a header then.
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
