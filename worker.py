"""The worker process: connects, registers by role, runs the relay, and drains when told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from sqlalchemy.exc import SQLAlchemyError
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorAutoscaling, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.bulk import bulk_activities
from activities.importing import import_activities
from activities.recurrence import recurrence_activities
from activities.registry import action_activities
from activities.steps import step_activities
from activities.thread_mail import giving_up_activities, mail_activities
from assemble import NO_TRACES, assembled, metering, open_client, tracing
from domain import names
from domain.errors import Unavailable
from domain.metering import Meter
from domain.records import Cause
from domain.tracing import Traces
from gateways.activity_ids import ActivityIds, Bind
from gateways.mail_listener import Accepts, ListenAt, Take, listening
from gateways.sdk_runtime import set_up_sdk
from gateways.temporal import SEARCH_ATTRIBUTES
from services.installation import Installation
from services.intake.mail import Envelope, is_channel, take_mail
from services.log_fields import add_log_fields
from services.relaying.housekeeping import clear_old, settle_lost
from services.relaying.relay import Relay
from services.running.lost_runs import end_lost, fail_lost_jobs
from settings import Settings
from workflows.bulk import BulkEnrollment
from workflows.enrollment import Enrollment
from workflows.importing import Import
from workflows.recurrence import Recurrence
from workflows.thread_mail import ThreadMail

Role: TypeAlias = Literal["all", "runs", "email", "sms", "webhook", "relay", "bulk", "inbound"]

DRAIN = timedelta(seconds=10)
CACHED_RUNS = 2000
AT_ONCE = 16
"""Runs of one process that are judged at the same time. More would only wait for the database inside the two seconds a
local activity has, give up and be asked again durably: a burst would cost three times its work. The server's queue is
the place to wait."""

PATIENCE_S = 60
"""How long a starting worker waits for Temporal and its search attributes."""

HOUSE_FIRST_S = 300
"""When a worker keeps house for the first time: not while everybody starts."""

HOUSE_EVERY_S = 3600

PASSED_THROUGH = ("domain", "workflows")
"""Shared by all runs of a process instead of being imported anew for each: they hold no mutable state."""

log = logging.getLogger(__name__)


class NotReady(Exception):
    """Temporal cannot be used; the message says what is missing."""

    is_quotable = True


async def run(settings: Settings, role: Role, stop: asyncio.Event) -> None:
    """Work in this role until ``stop`` is set, then finish what is under way, for at most ``DRAIN``."""
    set_up_sdk(settings.sdk_metrics_address)
    with tracing(settings, f"worker-{role}") as traces, metering(settings) as meter:
        await _work(settings, role, stop, traces, meter)


async def _work(settings: Settings, role: Role, stop: asyncio.Event, traces: Traces, meter: Meter) -> None:
    client = await connect_patiently(settings, traces)
    await wait_for_attributes(client)
    async with assembled(settings, f"worker-{role}", client=client, traces=traces, meter=meter) as (inst, _):
        listen_at = ListenAt.read(settings.inbound_smtp) if settings.inbound_smtp else None
        if role == "inbound" and listen_at is None:
            raise NotReady("A worker of role inbound listens for mail: set FOLLOWTHROUGH_INBOUND_SMTP.")
        per_second = limits(settings)
        await serve(
            inst, client, role, stop,
            history_days=settings.history_days, per_second=per_second, listen_at=listen_at,
        )  # fmt: skip


def limits(settings: Settings) -> dict[str, float]:
    """How many attempts a second each queue may give out; a queue without a limit is absent."""
    wanted = {
        names.QUEUE_EMAIL: settings.mail_per_second,
        names.QUEUE_SMS: settings.sms_per_second,
        names.QUEUE_WEBHOOK: settings.webhook_per_second,
    }
    return {queue: limit for queue, limit in wanted.items() if limit is not None}


async def serve(
    inst: Installation,
    client: Client,
    role: Role,
    stop: asyncio.Event,
    *,
    history_days: int,
    per_second: Mapping[str, float] = MappingProxyType({}),
    listen_at: ListenAt | None = None,
) -> None:
    """Poll the queues of the role, listen, relay and keep house, with everything connected already.

    ``per_second``: as ``limits`` reads them.

    Raises:
        NotReady: it cannot listen for mail where it should.
    """
    async with AsyncExitStack() as stack:
        if listen_at is not None and role in ("all", "inbound"):
            await _listen(stack, inst, listen_at)
        for worker in build_workers(inst, client, role, per_second):
            await stack.enter_async_context(worker)
        keeping = (_relay(inst, stop), keep_house(inst, history_days, stop)) if role in ("all", "relay") else ()
        tasks = [asyncio.create_task(work) for work in keeping]
        stopping = asyncio.create_task(stop.wait())
        log.info("worker_ready", extra={"role": role})
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        for task in tasks:
            await task
        await stopping


def build_workers(inst: Installation, client: Client, role: Role, per_second: Mapping[str, float]) -> list[Worker]:
    """The Temporal workers of a role: one per queue it polls."""

    def channel(queue: str) -> list[Worker]:
        return [_channel_worker(inst, client, queue, per_second.get(queue))]

    makers: dict[Role, Callable[[], list[Worker]]] = {
        "runs": lambda: [_runs_worker(inst, client)],
        "email": lambda: channel(names.QUEUE_EMAIL),
        "sms": lambda: channel(names.QUEUE_SMS),
        "webhook": lambda: channel(names.QUEUE_WEBHOOK),
        "relay": list,
        "inbound": list,
        "bulk": lambda: [_bulk_worker(inst, client)],
    }
    wanted = list(makers) if role == "all" else [role]
    return [worker for name in wanted for worker in makers[name]()]


async def connect_patiently(settings: Settings, traces: Traces = NO_TRACES) -> Client:
    """A connected client; a server that is still starting is waited for.

    Raises:
        NotReady: it does not answer within ``PATIENCE_S``.
    """
    for _ in range(PATIENCE_S * 2):
        try:
            return await open_client(settings, traces)
        except (RPCError, RuntimeError):
            await asyncio.sleep(0.5)
    raise NotReady(f"Temporal at {settings.temporal_address} does not answer; waited {PATIENCE_S} s.")


async def wait_for_attributes(client: Client) -> None:
    """Wait until the namespace knows our search attributes; without them every workflow task would fail.

    Raises:
        NotReady: some are still missing after ``PATIENCE_S``.
    """
    missing: list[str] = []
    for _ in range(PATIENCE_S * 2):
        try:
            answer = await client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace=client.namespace)
            )
            missing = [key.name for key in SEARCH_ATTRIBUTES if key.name not in answer.custom_attributes]
            if not missing:
                return
        except RPCError:
            missing = [key.name for key in SEARCH_ATTRIBUTES]
        await asyncio.sleep(0.5)
    raise NotReady(
        f"Namespace {client.namespace} lacks the search attributes {', '.join(missing)}; waited {PATIENCE_S} s."
        " See docs/operations.md."
    )


async def _listen(stack: AsyncExitStack, inst: Installation, at: ListenAt) -> None:
    try:
        port = await stack.enter_async_context(
            listening(at, inst.reply_address, keeping_mail(inst), taking_mail_for(inst))
        )
    except OSError as taken:
        raise NotReady(f"Mail cannot be listened for at {at.host}:{at.port}: {taken.strerror or taken}.") from taken
    log.info("listening_for_mail", extra={"port": port})


def keeping_mail(inst: Installation) -> Take:
    """What is done with mail that is handed over."""

    async def take(raw: bytes, sender: str, recipients: tuple[str, ...]) -> None:
        await take_mail(inst, raw, Envelope(sent_by=sender, sent_to=recipients), Cause(kind="event"))

    return take


def taking_mail_for(inst: Installation) -> Accepts:
    """Whether an address is that of a channel."""

    async def accepts(address: str) -> bool:
        return await is_channel(inst, address)

    return accepts


async def _relay(inst: Installation, stop: asyncio.Event) -> None:
    await Relay(inst, inst.name).run_forever(stop)


async def keep_house(inst: Installation, history_days: int, stop: asyncio.Event) -> None:
    """Clear what is past its days, settle what nobody answers for, end whose run is over.

    What an error keeps has another hour.
    """
    pause = HOUSE_FIRST_S
    looked_at = ""
    while not await _stopped_within(stop, pause):
        pause = HOUSE_EVERY_S
        try:
            cleared = await clear_old(inst.db, history_days=history_days, now=inst.clock.now())
            log.info("old_rows_cleared", extra=dict(cleared))
            log.info("lost_effects_settled", extra={"effects": await settle_lost(inst)})
        except (SQLAlchemyError, OSError) as error:
            log.warning("old_rows_kept", extra={"error": type(error).__name__})
        try:
            look = await end_lost(inst, after=looked_at)
            looked_at = look.next_after
            log.info("lost_runs_looked_for", extra={"looked_at": look.looked_at, "ended": look.ended})
            failed, not_found = await fail_lost_jobs(inst)
            if failed or not_found:
                log.warning("lost_jobs", extra={"failed": failed, "not_found": not_found})
            if look.not_found:
                log.warning("runs_not_found", extra={"runs": look.not_found, "looked_at": look.looked_at})
        except (SQLAlchemyError, OSError, Unavailable) as error:
            log.warning("lost_runs_not_looked_for", extra={"error": type(error).__name__})


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _runs_worker(inst: Installation, client: Client) -> Worker:
    return Worker(
        client,
        task_queue=names.QUEUE_RUNS,
        workflows=[Enrollment],
        activities=[*step_activities(inst), *_of_queue(inst, names.QUEUE_RUNS)],
        workflow_runner=sandbox(),
        interceptors=[ActivityIds(naming(inst.traces))],
        max_cached_workflows=CACHED_RUNS,
        max_concurrent_workflow_tasks=AT_ONCE,
        max_concurrent_local_activities=AT_ONCE,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=DRAIN,
    )


def _channel_worker(inst: Installation, client: Client, queue: str, per_second: float | None) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        # Kept by the server for all workers of the queue together.
        max_task_queue_activities_per_second=per_second,
        activities=_of_queue(inst, queue),
        interceptors=[ActivityIds(naming(inst.traces))],
        max_concurrent_activities=AT_ONCE,
        disable_eager_activity_execution=True,
        graceful_shutdown_timeout=DRAIN,
    )


def _bulk_worker(inst: Installation, client: Client) -> Worker:
    return Worker(
        client,
        task_queue=names.QUEUE_BULK,
        workflows=[Import, BulkEnrollment, Recurrence, ThreadMail],
        activities=[
            *import_activities(inst),
            *bulk_activities(inst),
            *recurrence_activities(inst),
            *giving_up_activities(inst),
        ],
        workflow_runner=sandbox(),
        interceptors=[ActivityIds(naming(inst.traces))],
        graceful_shutdown_timeout=DRAIN,
    )


def naming(traces: Traces) -> Bind:
    """Names whose activity runs on its span and on every line that is logged meanwhile."""

    def name(**ids: str | int | None) -> None:
        traces.note(**ids)
        add_log_fields(**ids, trace=traces.trace_id())

    return name


def _of_queue(inst: Installation, queue: str) -> Sequence[Callable[..., Any]]:
    mails = mail_activities(inst) if queue == names.QUEUE_EMAIL else []
    return [*action_activities(inst, queue), *mails]


def sandbox() -> SandboxedWorkflowRunner:
    """The sandbox runs live in, also when histories are replayed."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))
