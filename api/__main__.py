"""Composition root of the API process: settings in, a listening server until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from uvicorn.loops.auto import auto_loop_factory

from api.app import create_app
from api.rate_limits import Rates
from assemble import assembled, metering, tracing
from domain.access import SCOPES
from domain.audit import INSTALLATION
from domain.metering import Meter
from domain.tracing import Traces
from gateways.sdk_runtime import set_up_sdk
from services.installation import Installation
from services.records.keys import add_key
from settings import Settings

logger = logging.getLogger(__name__)

GRACE_S = 5
"""How long requests under way may take once the process is told to stop."""


def serve(settings: Settings) -> None:
    """Listen until SIGINT or SIGTERM."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    set_up_sdk(settings.sdk_metrics_address)
    with tracing(settings, "api") as traces, metering(settings) as meter:
        await _answer(settings, traces, meter)


async def _answer(settings: Settings, traces: Traces, meter: Meter) -> None:
    async with assembled(settings, "api", traces=traces, meter=meter) as (inst, _):
        await accept_bootstrap_key(inst, settings)
        server = _Server(listening(inst, settings))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
        await server.serve()


def listening(inst: Installation, settings: Settings) -> uvicorn.Config:
    """How the API is served."""
    rates = Rates(refused_per_minute=settings.refused_per_minute, link_opens_per_minute=settings.link_opens_per_minute)
    return uvicorn.Config(
        create_app(inst, rates),
        host=settings.api_host,
        port=settings.api_port,
        timeout_graceful_shutdown=GRACE_S,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        # On its own the server would believe whoever calls from this machine, or what another variable names.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
    )


class _Server(uvicorn.Server):
    """Leaves signals to its root: uvicorn raises them again at its end, before the database could be closed."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


async def accept_bootstrap_key(inst: Installation, settings: Settings) -> None:
    """Make the key of the settings a key of this installation, with every scope; again changes nothing.

    One that was revoked stays revoked: whoever ended it meant it, and the settings may only be old.
    """
    if settings.bootstrap_key is None:
        return
    async with inst.db.transaction() as tx:
        key, _ = await add_key(
            tx,
            INSTALLATION,
            "bootstrap",
            scopes=SCOPES,
            secret=settings.bootstrap_key.get_secret_value(),
            now=inst.clock.now(),
        )
    if key.revoked_at is not None:
        logger.warning("bootstrap_key_is_revoked", extra={"key": key.prefix})


if __name__ == "__main__":
    serve(Settings.read())
