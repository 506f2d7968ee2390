"""What Temporal keeps of runs, read for verifying: which of them go on, and what each asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain import names
from domain.errors import Unavailable
from domain.messages import EnrollmentStart, StepAnswer, StepCall
from domain.verification import Asked, History

PAGE = 200
CONTINUED = 100
"""Histories of one run that are read; one continued more often is not read to its start."""

OPEN = f"WorkflowType = '{names.WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'"

NOT_ABOUT_VISITS = frozenset({names.END_ENROLLMENT, names.RECORD_FAILURE, names.FIND_PLACE})


class TemporalHistories:
    """Reads page by page; of a run only what it asked for is kept."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def open_runs(self) -> AsyncIterator[Sequence[str]]:
        """The ids of the runs of enrollments that go on, as the server's list has them."""
        found = self._client.list_workflows(OPEN, page_size=PAGE)
        while True:
            try:
                await found.fetch_next_page(page_size=PAGE)
            except (RPCError, RuntimeError) as error:
                raise Unavailable("Temporal does not list its runs now") from error
            yield [run.id for run in found.current_page or ()]
            if not found.next_page_token:
                return

    async def read(self, run_id: str) -> History | None:
        """What the run asked for, from its newest history back to the first one."""
        asked: list[Asked] = []
        was_reset, execution = False, ""
        for _ in range(CONTINUED):
            one = await self._read(run_id, execution)
            if one is None and not execution:
                return None
            if one is None:
                break
            asked = [*one.asked, *asked]
            was_reset = was_reset or one.was_reset
            execution = one.continued_from
            if not execution:
                return History(asked=tuple(asked), is_whole=not one.begins_midway, was_reset=was_reset)
        return History(asked=tuple(asked), is_whole=False, was_reset=was_reset)

    async def _read(self, run_id: str, execution: str) -> _Reading | None:
        handle = self._client.get_workflow_handle(run_id, run_id=execution or None)
        reading = _Reading(self._client)
        try:
            async for event in handle.fetch_history_events(page_size=PAGE):
                await reading.take(event)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND and "namespace" not in error.message.lower():
                return None
            raise Unavailable("Temporal does not give its histories now") from error
        except RuntimeError as error:
            raise Unavailable("Temporal cannot be connected to") from error
        return reading


class _Reading:
    """One history while it is read."""

    def __init__(self, client: Client) -> None:
        self._converter = client.data_converter
        self._asked: dict[int, Asked] = {}
        self.continued_from = ""
        self.was_reset = False
        self.begins_midway = False

    @property
    def asked(self) -> list[Asked]:
        """What it asked for so far."""
        return list(self._asked.values())

    async def take(self, event: HistoryEvent) -> None:
        """Look at one event."""
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                started = event.workflow_execution_started_event_attributes
                self.continued_from = started.continued_execution_run_id
                self.begins_midway = await self._begins_midway(started.input.payloads)
            case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                cause = event.workflow_task_failed_event_attributes.cause
                self.was_reset |= cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                await self._scheduled(event)
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                await self._completed(event)

    async def _begins_midway(self, arguments: Sequence[Payload]) -> bool:
        """Whether the run was started again behind steps that it did under a history which is gone."""
        [start] = await self._converter.decode([*arguments[:1]], [EnrollmentStart])
        state = start.state
        return state is not None and bool(state.counts.keys() - {state.step})

    async def _scheduled(self, event: HistoryEvent) -> None:
        about = event.activity_task_scheduled_event_attributes
        if about.activity_type.name in NOT_ABOUT_VISITS:
            return
        [call] = await self._converter.decode(about.input.payloads, [StepCall])
        self._asked[event.event_id] = Asked(activity=about.activity_type.name, step=call.step, n=call.n, settled=False)

    async def _completed(self, event: HistoryEvent) -> None:
        about = event.activity_task_completed_event_attributes
        asked = self._asked.get(about.scheduled_event_id)
        if asked is None:
            return
        [answer] = await self._converter.decode(about.result.payloads, [StepAnswer])
        self._asked[about.scheduled_event_id] = asked.model_copy(update={"settled": _is_settled(answer)})


def _is_settled(answer: StepAnswer) -> bool:
    """Whether it says what became of the step; the last one of a workflow is answered that the enrollment is over."""
    return answer.kind == "go" or (answer.kind == "left" and answer.outcome != "left")
