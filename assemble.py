"""Puts the parts of an installation together from its settings; the composition roots share it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from temporalio.client import Client, Plugin

from activities.catalogue import specs
from domain.metering import Meter, NoMeter
from domain.tracing import NoTraces, Traces
from gateways.addresses import EmailValidatorAddresses
from gateways.clock import SystemClock
from gateways.dkim_signing import DkimSigner
from gateways.holiday_calendars import PublicHolidays
from gateways.mail import open_mail
from gateways.markup import EmailMarkup
from gateways.payload_codec import converter
from gateways.phones import LibPhones
from gateways.recipe_files import RecipeFiles
from gateways.sms import open_sms
from gateways.templates import LiquidTemplates
from gateways.temporal import TemporalRuns, connect
from gateways.webhooks import HttpWebhooks
from services.installation import Installation
from settings import Settings
from store.database import Database

NO_TRACES = NoTraces()
NO_METER = NoMeter()


@asynccontextmanager
async def assembled(
    settings: Settings, role: str, *, client: Client | None = None, traces: Traces = NO_TRACES, meter: Meter = NO_METER
) -> AsyncIterator[tuple[Installation, Client]]:
    """An installation and its Temporal client, closed with the block. A client not given connects on first use.

    ``role`` names the process in leases, together with its pid, so that no two processes share a name.
    """
    client = client or await open_client(settings, traces, lazy=True)
    mail = open_mail(settings.mail_url.get_secret_value(), settings.data_dir, signer=_signer(settings))
    db = Database.open(settings.database_url, traceparent=traces.here)
    try:
        yield (
            Installation(
                db=db,
                clock=SystemClock(),
                runs=TemporalRuns(client, settings.temporal_ui_url),
                phones=LibPhones(),
                addresses=EmailValidatorAddresses(),
                templates=LiquidTemplates(),
                markup=EmailMarkup(),
                holidays=PublicHolidays(),
                mail=mail,
                sms=open_sms(settings.sms_url.get_secret_value(), settings.data_dir, public_url=settings.public_url),
                webhooks=HttpWebhooks(settings.webhook_allow),
                actions=specs(),
                recipes=RecipeFiles(),
                name=_process(role),
                sample_mail_domains=settings.sample_mail_domains,
                public_url=settings.public_url,
                link_keys=settings.keys_for_links,
                reply_address=settings.reply_address,
                takes_bounces=settings.bounces_to == "reply_address",
                traces=traces,
                meter=meter,
            ),
            client,
        )
    finally:
        await mail.close()
        await db.close()


@contextmanager
def tracing(settings: Settings, role: str) -> Iterator[Traces]:
    """Where the spans of this process go, if anywhere; what is left is handed over at the end of the block."""
    if not settings.traces_url:
        yield NO_TRACES
        return
    # Most installations are not traced, and need neither the libraries nor the time to load them.
    from gateways.traced_runs import create_tracer_provider
    from gateways.tracing import OpenTelemetryTraces

    traces = OpenTelemetryTraces.open(settings.traces_url, _process(role), create_tracer_provider)
    try:
        yield traces
    finally:
        traces.close()


@contextmanager
def metering(settings: Settings) -> Iterator[Meter]:
    """What counts the work of this process, and where it can be read while the block lasts, if anywhere.

    Raises:
        OSError: it cannot be listened there.
    """
    if not settings.metrics_address:
        yield NO_METER
        return
    from gateways.metrics import serving

    host, _, port = settings.metrics_address.rpartition(":")
    with serving(host.strip("[]"), int(port)) as (meter, _):
        yield meter


def _process(role: str) -> str:
    return f"{role}:{os.uname().nodename}:{os.getpid()}"


async def open_client(settings: Settings, traces: Traces = NO_TRACES, *, lazy: bool = False) -> Client:
    """A client of Temporal; a lazy one connects on first use. Within ``tracing`` its calls and workers are traced.

    Raises:
        RPCError, RuntimeError: it does not answer; never when lazy.
        ValueError: naming the setting that cannot be used.
    """
    plugins: Sequence[Plugin] = ()
    if traces is not NO_TRACES:
        from gateways.traced_runs import client_plugins

        plugins = client_plugins(traces.note)
    speaks = converter(settings.payload_keys)
    return await connect(settings.temporal_address, settings.temporal_namespace, speaks, plugins=plugins, lazy=lazy)


def _signer(settings: Settings) -> DkimSigner | None:
    if settings.dkim_key_file is None:
        return None
    return DkimSigner.open(settings.dkim_domain, settings.dkim_selector, settings.dkim_key_file)
