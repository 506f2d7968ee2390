"""The only caller of activities: how each is asked, how long, and what happens when it does not answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from domain import names
    from domain.messages import EndCall, FailureCall, StepAnswer, StepCall, Whereabouts, WhereCall
    from domain.plan import Plan, PlanStep, Policy

A = TypeVar("A", StepAnswer, Whereabouts)

LOCAL_LIMIT = timedelta(seconds=2)
LOCAL_TRIES = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=2)
DURABLE_TRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=60))
DURABLE_ATTEMPT = timedelta(seconds=30)
DURABLE_BEAT = timedelta(seconds=10)
"""How long after the death of its worker a question is taken up by another."""

MAIL_ATTEMPT = timedelta(minutes=10)
MAIL_PATIENCE = timedelta(days=3)
MAIL_TRIES = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=30))

T = TypeVar("T")

DECIDERS = {
    "delay": names.PLAN_DELAY,
    "branch": names.DECIDE_BRANCH,
    "value_branch": names.DECIDE_VALUE,
    "split": names.DECIDE_SPLIT,
    "wait": names.SETTLE_WAIT,
}


def activity_of(step: PlanStep) -> str:
    """Which activity a step asks."""
    if step.kind == "action" and step.action is not None:
        return names.action_activity(step.action)
    return DECIDERS[step.kind]


async def ask(activity: str, call: StepCall | EndCall | FailureCall, summary: str) -> StepAnswer:
    """Ask a judgement."""
    return await _ask(activity, call, StepAnswer, summary)


async def find_place(enrollment_id: str) -> Whereabouts:
    """Ask where the enrollment stands, and for the plan of its version."""
    return await _ask(names.FIND_PLACE, WhereCall(enrollment_id=enrollment_id), Whereabouts, "Go on in another version")


async def _ask(activity: str, call: StepCall | EndCall | FailureCall | WhereCall, answers: type[A], summary: str) -> A:
    """Ask twice in this worker, then durably without limit.

    A local activity that retried for ever would hold its workflow task and stop healthy runs, so after two tries the
    same activity with the same argument is scheduled as a normal one. A run that is cancelled does not ask again.
    """
    try:
        answer: A = await workflow.execute_local_activity(
            activity,
            call,
            result_type=answers,
            schedule_to_close_timeout=LOCAL_LIMIT,
            retry_policy=LOCAL_TRIES,
            summary=summary,
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        answer = await workflow.execute_activity(
            activity,
            call,
            result_type=answers,
            task_queue=names.QUEUE_RUNS,
            start_to_close_timeout=DURABLE_ATTEMPT,
            retry_policy=DURABLE_TRIES,
            summary=summary,
        )
    return answer


async def ask_surely(activity: str, call: object, answers: type[T], *, summary: str) -> T:
    """Ask durably, without limit, whatever is asked rarely enough for its events not to matter."""
    answer: T = await workflow.execute_activity(
        activity,
        call,
        result_type=answers,
        start_to_close_timeout=DURABLE_ATTEMPT,
        heartbeat_timeout=DURABLE_BEAT,
        retry_policy=DURABLE_TRIES,
        summary=summary,
    )
    return answer


async def send_mail(message_id: str) -> str | None:
    """Have a mail sent that a colleague wrote; what became of it, None when no attempt within days came to an end."""
    try:
        fate: str = await workflow.execute_activity(
            names.SEND_THREAD_MAIL,
            message_id,
            result_type=str,
            task_queue=names.QUEUE_EMAIL,
            start_to_close_timeout=MAIL_ATTEMPT,
            schedule_to_close_timeout=MAIL_PATIENCE,
            heartbeat_timeout=DURABLE_BEAT,
            retry_policy=MAIL_TRIES,
            summary="Send what was written",
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return None
    return fate


def hand_out(plan: Plan, step: PlanStep, call: StepCall) -> workflow.ActivityHandle[StepAnswer]:
    """Give an outside action to its channel's queue; its policy was frozen with the version."""
    policy = (
        plan.policies[step.policy]
        if step.policy is not None
        else Policy(start_to_close_s=60, schedule_to_close_s=259200)
    )
    return workflow.start_activity(
        activity_of(step),
        call,
        result_type=StepAnswer,
        task_queue=step.queue,
        start_to_close_timeout=timedelta(seconds=policy.start_to_close_s),
        schedule_to_close_timeout=timedelta(seconds=policy.schedule_to_close_s),
        heartbeat_timeout=timedelta(seconds=policy.heartbeat_s),
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=policy.first_retry_s),
            maximum_interval=timedelta(seconds=policy.max_retry_s),
        ),
        summary=step.label,
        priority=Priority(priority_key=step.priority),
    )


def failure_of(error: ActivityError, call: StepCall) -> FailureCall:
    """What to record when an outside action did not come to an end by itself."""
    cause = error.cause
    detail = getattr(cause, "type", None) or type(cause).__name__
    # The call is as old as the first attempt; what is judged and written now is as of now.
    late = call.model_copy(update={"now": workflow.now()})
    return FailureCall(call=late, failure="gave_up", detail=str(detail))
