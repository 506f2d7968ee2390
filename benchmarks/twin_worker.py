"""The worker of the twin: its activity writes one message row and the same outbox file as the engine does.

It polls the engine's queues in its place, with the same client, sandbox and settings.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

from sqlalchemy import Column, MetaData, Table, insert
from temporalio import activity
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from assemble import assembled, open_client
from benchmarks.twin import ACTIVITY, Twin
from commands.installation import run_fast
from domain import names
from domain.ports import Mail
from services.installation import Installation
from settings import Settings
from store.ids import new_id
from store.records import get_record
from store.tables import messages
from worker import AT_ONCE, CACHED_RUNS, sandbox

twin_messages = Table(
    "twin_messages",
    MetaData(),
    *(Column(c.name, c.type, primary_key=c.primary_key, unique=c.name == "effect_key") for c in messages.columns),
)
"""The engine's table without its references, which the twin has nothing to point at."""


def sending(inst: Installation) -> Callable[[str, str], Awaitable[str]]:
    """The activity: look the record up, write the row, write the file."""

    @activity.defn(name=ACTIVITY)
    async def send(enrollment_id: str, record_id: str) -> str:
        now = inst.clock.now()
        async with inst.db.read() as read:
            record = await get_record(read, record_id)
        assert record is not None
        mail = Mail(
            key=f"{enrollment_id}:hello:1", message_id=f"{enrollment_id}.hello.1@example.com",
            sender="hello@example.com", to=str(record.properties["email"]), subject="Hello",
            html=f"<p>Hi {record.properties.get('first_name')}</p>", text="Hi", at=now,
        )  # fmt: skip
        async with inst.db.transaction() as tx:
            await tx.run(
                insert(twin_messages).values(
                    id=new_id(now), effect_key=mail.key, enrollment_id=enrollment_id, workflow_id="twin", step="hello",
                    record_id=record_id, channel="email", status="sent", sender=mail.sender, recipient=mail.to,
                    subject=mail.subject, html=mail.html, text=mail.text, message_id=mail.message_id, created_at=now,
                    sent_at=now,
                )
            )  # fmt: skip
        async with inst.mail.prepare(mail) as hand_over:
            await hand_over()
        return "sent"

    return send


async def main() -> None:
    """Poll the engine's queues in its place until told to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    settings = Settings.read()
    client = await open_client(settings)
    async with assembled(settings, "twin", client=client) as (inst, _):
        runs = Worker(
            client,
            task_queue=names.QUEUE_RUNS,
            workflows=[Twin],
            workflow_runner=sandbox(),
            max_cached_workflows=CACHED_RUNS,
            max_concurrent_workflow_tasks=AT_ONCE,
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        )
        email = Worker(
            client,
            task_queue=names.QUEUE_EMAIL,
            activities=[sending(inst)],
            max_concurrent_activities=AT_ONCE,
            disable_eager_activity_execution=True,
        )
        async with runs, email:
            await stop.wait()


if __name__ == "__main__":
    run_fast(main())
    sys.stdout.flush()
    os._exit(0)
