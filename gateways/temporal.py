"""Temporal as the services see it: starting runs, signalling them, telling whether it answers. No workflow classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NoReturn

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState, WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    ResetActivityRequest,
)
from temporalio.client import Client, Plugin
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.converter import DataConverter
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain import names
from domain.base import Json
from domain.errors import Unavailable
from domain.ports import NotFoundRun, RunEnd, RunStart

CALL_TIMEOUT = timedelta(seconds=5)

WORKFLOW = SearchAttributeKey.for_keyword(names.ATTRIBUTE_WORKFLOW)
RECORD = SearchAttributeKey.for_keyword(names.ATTRIBUTE_RECORD)
OBJECT = SearchAttributeKey.for_keyword(names.ATTRIBUTE_OBJECT)
OPPORTUNITY = SearchAttributeKey.for_keyword(names.ATTRIBUTE_OPPORTUNITY)
VERSION = SearchAttributeKey.for_int(names.ATTRIBUTE_VERSION)

SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (WORKFLOW, RECORD, OBJECT, OPPORTUNITY, VERSION)
"""What a namespace must know before workers start; a missing one makes workflow tasks fail in a loop."""

ENDS: dict[int, RunEnd] = {
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED: "completed",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED: "failed",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED: "cancelled",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED: "terminated",
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT: "timed out",
}
"""The states a run does not come back from. Any other, one a newer server knows included, says that it goes on."""


SUMMARIES = {
    "import": "Import",
    "enrollment": "Bulk enrollment",
    "unenrollment": "Bulk unenrollment",
    "move": "Move to a new version",
    "retry": "Retry",
}
"""What Temporal UI calls the run of a job, before its id."""


async def connect(
    address: str, namespace: str, converter: DataConverter, *, plugins: Sequence[Plugin] = (), lazy: bool = False
) -> Client:
    """A client that speaks the product's models, as ``payload_codec.converter`` writes them down."""
    return await Client.connect(
        address, namespace=namespace, data_converter=converter, plugins=list(plugins), lazy=lazy
    )


class TemporalRuns:
    """Starts and signals runs; every call may be repeated."""

    def __init__(self, client: Client, ui_url: str) -> None:
        self._client = client
        self._ui_url = ui_url.rstrip("/")

    async def start(self, run: RunStart) -> None:
        """Start the run; one that runs or has finished under this id is the same one, unless it begins ``anew``."""
        who = names.who(run.object, run.record_id, run.bound_object, run.bound_id)
        reuse, conflict = WorkflowIDReusePolicy.REJECT_DUPLICATE, WorkflowIDConflictPolicy.USE_EXISTING
        if run.anew:
            reuse, conflict = WorkflowIDReusePolicy.ALLOW_DUPLICATE, WorkflowIDConflictPolicy.TERMINATE_EXISTING
        try:
            await self._client.start_workflow(
                names.WORKFLOW_TYPE,
                args=[run.start, run.plan],
                id=run.run_id,
                task_queue=names.QUEUE_RUNS,
                id_reuse_policy=reuse,
                id_conflict_policy=conflict,
                static_summary=f"{run.name} v{run.version} · {who}",
                search_attributes=_attributes(run),
                rpc_timeout=CALL_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            _unavailable(error)

    async def signal(self, run_id: str, name: str, payload: Mapping[str, Json]) -> bool:
        """Signal the run; False when it is over or not there."""
        try:
            await self._client.get_workflow_handle(run_id).signal(name, dict(payload), rpc_timeout=CALL_TIMEOUT)
        except (RPCError, RuntimeError) as error:
            if not _is_over(error):
                _unavailable(error)
            return False
        return True

    async def end_of(self, run_id: str) -> RunEnd | NotFoundRun | None:
        """How the newest run under this id ended; one that was reset or continued as new goes on in a newer one."""
        found = await self._describe(run_id)
        return "not found" if found is None else ENDS.get(found.workflow_execution_info.status)

    async def try_again(self, run_id: str) -> bool:
        """Reset the wait of activities between two attempts; one that is under way is left alone."""
        found = await self._describe(run_id)
        waiting = [each for each in found.pending_activities if _is_between_tries(each)] if found is not None else []
        run = WorkflowExecution(workflow_id=run_id)
        for each in waiting:
            asked = ResetActivityRequest(namespace=self._client.namespace, execution=run, id=each.activity_id)
            try:
                await self._client.workflow_service.reset_activity(asked, timeout=CALL_TIMEOUT)
            except (RPCError, RuntimeError) as error:
                if not _is_over(error):
                    _unavailable(error)
        return bool(waiting)

    async def _describe(self, run_id: str) -> DescribeWorkflowExecutionResponse | None:
        """What the server says of a run; None when it knows none."""
        asked = DescribeWorkflowExecutionRequest(
            namespace=self._client.namespace, execution=WorkflowExecution(workflow_id=run_id)
        )
        try:
            return await self._client.workflow_service.describe_workflow_execution(asked, timeout=CALL_TIMEOUT)
        except (RPCError, RuntimeError) as error:
            if not _is_over(error):
                _unavailable(error)
            return None

    async def start_job(self, kind: str, job_id: str) -> None:
        """Start the run that works through a job; one that was ended in Temporal starts anew where the job stands."""
        try:
            await self._client.start_workflow(
                names.JOB_WORKFLOWS[kind],
                job_id,
                id=names.job_run_id(kind, job_id),
                task_queue=names.QUEUE_BULK,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"{SUMMARIES[kind]} {job_id}",
                rpc_timeout=CALL_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            _unavailable(error)

    async def start_mail(self, message_id: str) -> None:
        """Start the run that sends a mail; one that has run did so."""
        try:
            await self._client.start_workflow(
                names.THREAD_MAIL_WORKFLOW_TYPE,
                message_id,
                id=names.thread_mail_run_id(message_id),
                task_queue=names.QUEUE_BULK,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"Email {message_id}",
                rpc_timeout=CALL_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            _unavailable(error)

    async def start_recurrence(self, workflow_id: str, slug: str, *, changed: bool) -> None:
        """Start the run that opens the occurrences of a workflow, or find it there; ``changed``: it has to look again.

        One that ended, or was ended, starts anew: the database knows how far it came.
        """
        signal: dict[str, Any] = {"start_signal": names.SIGNAL_CHANGED, "start_signal_args": [{}]} if changed else {}
        try:
            await self._client.start_workflow(
                names.RECURRENCE_WORKFLOW_TYPE,
                workflow_id,
                id=names.recurrence_run_id(workflow_id),
                task_queue=names.QUEUE_BULK,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"Schedule of {slug}",
                rpc_timeout=CALL_TIMEOUT,
                **signal,
            )
        except (RPCError, RuntimeError) as error:
            _unavailable(error)

    async def healthy(self) -> bool:
        """Whether the server answers within the call timeout."""
        try:
            return bool(await self._client.service_client.check_health(timeout=CALL_TIMEOUT))
        except (RPCError, RuntimeError):
            return False

    def link(self, run_id: str) -> str:
        """The page of the run in Temporal UI."""
        return f"{self._ui_url}/namespaces/{self._client.namespace}/workflows/{run_id}"


def _is_between_tries(activity: PendingActivityInfo) -> bool:
    is_waiting = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    return bool(is_waiting and activity.attempt > 1)


def _is_over(error: RPCError | RuntimeError) -> bool:
    """Whether the run is not there any more; a namespace that is not there says nothing about a run."""
    if not isinstance(error, RPCError) or error.status != RPCStatusCode.NOT_FOUND:
        return False
    return "namespace" not in error.message.lower()


def _attributes(run: RunStart) -> TypedSearchAttributes:
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(WORKFLOW, run.slug),
        SearchAttributePair(RECORD, run.record_id),
        SearchAttributePair(OBJECT, run.object),
        SearchAttributePair(VERSION, run.version),
    ]
    if run.bound_id is not None:
        pairs.append(SearchAttributePair(OPPORTUNITY, run.bound_id))
    return TypedSearchAttributes(pairs)


def _unavailable(error: RPCError | RuntimeError) -> NoReturn:
    if isinstance(error, RPCError):
        raise Unavailable(f"Temporal did not take the call ({error.status.name.lower()})") from error
    # A lazy client whose first connection fails raises nothing more specific.
    if not str(error).startswith("Failed client connect"):
        raise error
    raise Unavailable("Temporal cannot be connected to") from error
