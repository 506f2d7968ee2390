"""Puts the API together: routes, error shape and limits, on one installation."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI
from fastapi_offline import FastAPIOffline

from api import errors
from api.describing import describe
from api.limits import Limits
from api.queries import may_export, only_known
from api.rate_limits import RateLimits, Rates
from api.request_log import RequestLog, is_probe
from api.routes import (
    associations,
    audit,
    automations,
    bulk,
    callbacks,
    changes,
    channels,
    drafts,
    effects,
    emails,
    enrollments,
    events,
    explaining,
    folders,
    hooks,
    imports,
    inbound,
    jobs,
    links,
    lists,
    live,
    notifications,
    objects,
    occurrences,
    outputs,
    people,
    pipelines,
    previews,
    providers,
    recipes,
    records,
    reference,
    reports,
    retrying,
    secrets,
    subscriptions,
    suppressions,
    sweeps,
    system,
    tasks,
    teams,
    texts,
    threads,
    trouble,
    usages,
    workflows,
)
from api.security_headers import SecurityHeaders
from services.installation import Installation

PREFIX = "/api/v1"
VERSION = "0.1.0"
ROUTERS: tuple[APIRouter, ...] = (
    imports.router,
    associations.router,
    records.router,
    events.router,
    hooks.router,
    inbound.router,
    objects.router,
    pipelines.router,
    channels.router,
    threads.router,
    automations.router,
    pipelines.of_records,
    reports.router,
    trouble.router,
    usages.router,
    explaining.router,
    previews.router,
    folders.router,
    workflows.router,
    drafts.router,
    live.router,
    occurrences.router,
    bulk.router,
    enrollments.router,
    effects.router,
    retrying.router,
    outputs.router,
    tasks.router,
    notifications.router,
    people.router,
    audit.router,
    teams.router,
    recipes.router,
    lists.router,
    emails.router,
    subscriptions.router,
    suppressions.router,
    secrets.router,
    jobs.router,
    changes.router,
    sweeps.router,
    reference.router,
    texts.router,
)
"""What only opens with a key."""
PUBLIC: tuple[tuple[str, APIRouter], ...] = (
    # Who calls a webhook may be told to add what it likes to the address.
    (PREFIX, hooks.public),
    (PREFIX, callbacks.public),
    (PREFIX, texts.public),
    (PREFIX, providers.public),
    # Their addresses stand in messages, so they are short, and stay for ever.
    ("", links.public),
    ("", system.router),
)
"""What has its own way to know who calls, or tells nothing: where each stands, and its routes."""

NO_LIMITS = Rates()

DESCRIPTION = """Records, workflows, enrollments and what came of them.

Send `Authorization: Bearer ft_…`. Lists answer `{items, next_cursor}` and take `limit` and `cursor`. Every error is an
`application/problem+json` body. A POST with an `Idempotency-Key` can be repeated for 7 days and does its work once.
An address that calls with no valid key too often is answered 429 with a `Retry-After` of seconds.
Every answer has an `X-Request-Id`, under which the log tells of the request; send one to have your own there.
"""


def create_app(inst: Installation, rates: Rates = NO_LIMITS) -> FastAPI:
    """The app on an open installation; whoever opened it closes it."""
    # Its page needs nothing from the internet, which an installation may not reach.
    app = FastAPIOffline(
        title="Followthrough",
        version=VERSION,
        description=DESCRIPTION,
        docs_url="/docs",
        static_url="/docs/static",
        redoc_url=None,
        openapi_url="/openapi.json",
        # Spans of requests, where the process is traced. What else there is would quote values.
        telemetry={
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": is_probe,
        },
    )
    app.state.installation = inst
    errors.install(app)
    app.add_middleware(Limits)
    app.add_middleware(RateLimits, rates)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX, dependencies=[Depends(only_known), Depends(may_export)])
    for prefix, router in PUBLIC:
        app.include_router(router, prefix=prefix)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    # A middleware like any other would not see what a crash is answered with.
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: RequestLog(SecurityHeaders(build()), PREFIX)  # type: ignore[method-assign]
    return app
