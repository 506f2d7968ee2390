"""One enrollment as a durable run: a clock and a mailbox. It walks the plan; every judgement is an activity's.

Handlers only fill the mailbox; the loop is the only actor. ``walking`` holds the steps, ``sleeping`` those that last,
``conversation`` what every step needs to ask and to obey.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import FailureError, is_cancelled_exception

from workflows.conversation import Conversation
from workflows.turns import Elsewhere, Over
from workflows.walking import onward

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.messages import (
        EnrollmentStart,
        EventHappened,
        Leave,
        Moved,
        Pause,
        RecordChanged,
        Resume,
    )
    from domain.plan import ENGINE_REV, Plan

CANCELLED = "cancelled in Temporal"
"""Detail of an end that somebody asked Temporal for."""


@workflow.defn(name=names.WORKFLOW_TYPE)
class Enrollment:
    """The durable passage of one record through one version of a workflow."""

    @workflow.init
    def __init__(self, start: EnrollmentStart, plan: Plan) -> None:
        if start.engine_rev > ENGINE_REV:
            # A task failure, retried until a worker that knows this engine takes it: deploy workers before the API.
            raise RuntimeError(f"this worker knows engine {ENGINE_REV}, the run needs {start.engine_rev}")
        self._run = Conversation(start, plan)

    @workflow.run
    async def run(self, start: EnrollmentStart, plan: Plan) -> str:
        """Walk the plan to its end; the result is why the run ended. Who cancels it unenrolls the record."""
        try:
            while True:
                try:
                    await onward(self._run)
                except Elsewhere as elsewhere:
                    await self._run.move(elsewhere.move)
        except Over as over:
            self._run.show(over)
            return over.reason
        except (asyncio.CancelledError, FailureError) as error:
            # A worker that lets go of a run cancels its tasks too, without anybody having asked for an end.
            if self._run.mail.says_cancel and is_cancelled_exception(error):
                last = asyncio.ensure_future(self._unenroll())
                # The request is seen a moment before it interrupts: it may still be on its way, and comes once.
                with suppress(asyncio.CancelledError):
                    await asyncio.shield(last)
                await last
            raise

    @workflow.signal(name=names.SIGNAL_LEAVE)
    def leave(self, message: Leave) -> None:
        """The enrollment was ended in the database."""
        self._run.mail.put(message)

    @workflow.signal(name=names.SIGNAL_RECORD_CHANGED)
    def record_changed(self, message: RecordChanged) -> None:
        """A record the workflow reads changed."""
        self._run.mail.put(message)

    @workflow.signal(name=names.SIGNAL_EVENT_HAPPENED)
    def event_happened(self, message: EventHappened) -> None:
        """An event the workflow waits for happened."""
        self._run.mail.put(message)

    @workflow.signal(name=names.SIGNAL_MOVED)
    def moved(self, message: Moved) -> None:
        """The enrollment goes on at another step: a goal that jumps, or an operator."""
        self._run.mail.put(message)

    @workflow.signal(name=names.SIGNAL_PAUSE)
    def pause(self, message: Pause) -> None:
        """The enrollment was paused; the run is held at its next question."""
        self._run.mail.put(message)
        self._run.show(None)

    @workflow.signal(name=names.SIGNAL_RESUME)
    def resume(self, message: Resume) -> None:
        """Whoever is held asks again."""
        self._run.mail.put(message)
        self._run.show(None)

    @workflow.signal(dynamic=True)
    def unknown(self, name: str, args: Sequence[RawValue]) -> None:
        """A signal of another engine: noted, so that it does not vanish silently."""
        self._run.mail.put_unknown(name)

    async def _unenroll(self) -> None:
        """End the enrollment before a cancelled run ends."""
        try:
            await self._run.end("unenrolled", CANCELLED)
        except Over as over:
            self._run.show(over)
