"""Every name two processes must agree on: ids, queues, activities, signals, attributes. Built and parsed only here."""

from __future__ import annotations

from domain.base import Frozen

WORKFLOW_TYPE = "Enrollment"
IMPORT_WORKFLOW_TYPE = "Import"
BULK_WORKFLOW_TYPE = "BulkEnrollment"
RECURRENCE_WORKFLOW_TYPE = "Recurrence"
THREAD_MAIL_WORKFLOW_TYPE = "ThreadMail"

QUEUE_RUNS = "ft-runs"
QUEUE_EMAIL = "ft-email"
QUEUE_SMS = "ft-sms"
QUEUE_WEBHOOK = "ft-webhook"
MESSAGE_QUEUES = frozenset({QUEUE_EMAIL, QUEUE_SMS})
"""The queues of actions that write to people outside."""
QUEUE_BULK = "ft-bulk"

PLAN_DELAY = "plan_delay"
DECIDE_BRANCH = "decide_branch"
DECIDE_VALUE = "decide_value"
DECIDE_SPLIT = "decide_split"
ARM_WAIT = "arm_wait"
SETTLE_WAIT = "settle_wait"
END_ENROLLMENT = "end_enrollment"
RECORD_FAILURE = "record_failure"
FIND_PLACE = "find_place"
IMPORT_PAGE = "import_page"
ENROLLMENT_PAGE = "enrollment_page"
SEND_THREAD_MAIL = "send_thread_mail"
GIVE_UP_THREAD_MAIL = "give_up_thread_mail"
NEXT_OCCURRENCE = "next_occurrence"
OPEN_OCCURRENCE = "open_occurrence"

SIGNAL_LEAVE = "leave"
SIGNAL_RECORD_CHANGED = "record_changed"
SIGNAL_EVENT_HAPPENED = "event_happened"
SIGNAL_MOVED = "moved"
SIGNAL_PAUSE = "pause"
SIGNAL_RESUME = "resume"
SIGNAL_CHANGED = "changed"

ATTRIBUTE_WORKFLOW = "FtWorkflow"
ATTRIBUTE_RECORD = "FtRecord"
ATTRIBUTE_OBJECT = "FtObject"
ATTRIBUTE_OPPORTUNITY = "FtOpportunity"
ATTRIBUTE_VERSION = "FtVersion"

NO_BOUND = "-"


def action_activity(action: str) -> str:
    """The activity name of an action: ``send_email`` -> ``action.send_email``."""
    return f"action.{action}"


def entry_key(record_id: str, bound_id: str | None) -> str:
    """The key an enrollment is unique under (rule E1): the record, or the record and what it is bound to."""
    return record_id if bound_id is None else f"{record_id}:{bound_id}"


class EnrollmentName(Frozen):
    """The parts of a Temporal workflow id of an enrollment."""

    workflow_id: str
    record_id: str
    bound_id: str | None
    n: int


def enrollment_run_id(name: EnrollmentName) -> str:
    """``enrollment:{workflow}:{record}[:{bound}]:{n}``; ``n`` counts the entries under the key, so no id repeats."""
    parts = ["enrollment", name.workflow_id, name.record_id, *([name.bound_id] if name.bound_id else []), str(name.n)]
    return ":".join(parts)


def who(object: str, record_id: str, bound_object: str | None, bound_id: str | None) -> str:
    """Who runs, as Temporal UI shows it: ``contact 7f3a… · opportunity 91bc…``. Ids, which are nobody's name."""
    bound = f" · {bound_object or 'bound to'} {bound_id}" if bound_id is not None else ""
    return f"{object} {record_id}{bound}"


JOB_WORKFLOWS = {
    "import": IMPORT_WORKFLOW_TYPE,
    "enrollment": BULK_WORKFLOW_TYPE,
    "unenrollment": BULK_WORKFLOW_TYPE,
    "move": BULK_WORKFLOW_TYPE,
    "retry": BULK_WORKFLOW_TYPE,
}
"""The Temporal workflow type that works through a job, by the job's kind."""


def job_run_id(kind: str, job_id: str) -> str:
    """The Temporal workflow id of a job: ``import:7f3a…``, ``bulk:91bc…``."""
    return f"{'bulk' if kind == 'enrollment' else kind}:{job_id}"


def thread_mail_run_id(message_id: str) -> str:
    """The Temporal workflow id of what sends a mail that a colleague wrote: ``mail:7f3a…``."""
    return f"mail:{message_id}"


def recurrence_run_id(workflow_id: str) -> str:
    """The Temporal workflow id of what opens the occurrences of a scheduled workflow: ``recurrence:7f3a…``."""
    return f"recurrence:{workflow_id}"


def effect_key(enrollment_id: str, step: str, n: int, recipient: str | None = None) -> str:
    """The ledger key of an outside effect: one per visit, stable over retries, continue-as-new and reset.

    ``recipient``: a short name for one of many, such as an id.
    """
    return f"{enrollment_id}:{step}:{n}" + (f":{recipient}" if recipient is not None else "")


def recipient_of(key: str) -> str | None:
    """Which of many a ledger key is about; None: it is the only one of its visit."""
    return key.split(":", 3)[3] if key.count(":") > 2 else None


# Interest keys: what a trigger or a version reads, as rows of the candidate index.


def property_key(object: str, property: str) -> str:
    """A property is read: ``contact.email``."""
    return f"{object}.{property}"


def object_key(object: str) -> str:
    """Any record of the object appearing is of interest: ``contact.*`` (every filter examines a creation)."""
    return f"{object}.*"


def association_key(object: str, other: str) -> str:
    """Associations from one object to another are read: ``contact~opportunity``."""
    return f"{object}~{other}"


def event_key(event: str) -> str:
    """An event is read: ``event:form.submitted``."""
    return f"event:{event}"


def list_key(slug: str) -> str:
    """Membership of a list is read: ``list:customers``."""
    return f"list:{slug}"


def goal_key(key: str) -> str:
    """A goal reads what ``key`` names: ``goal:contact.city``. Also of who is through, whom nothing else concerns."""
    return f"goal:{key}"


def time_key() -> str:
    """Time is read: the answer may change though nobody changes anything."""
    return "time"


def subscription_key(slug: str) -> str:
    """The state for a subscription type is read: ``subscription:newsletter``."""
    return f"subscription:{slug}"


def email_key(slug: str) -> str:
    """A reusable email is sent: ``email:welcome``."""
    return f"email:{slug}"


def trigger_sweep(workflow_id: str, trigger: str) -> str:
    """The sweep that lets in whoever a trigger fires for by time: ``trigger:7f3a…:t1``."""
    return f"trigger:{workflow_id}:{trigger}"


def leaving_sweep(workflow_id: str, version: int) -> str:
    """The sweep for those inside a version who have a reason to leave by time: ``leaving:7f3a…:3``."""
    return f"leaving:{workflow_id}:{version}"


def workflow_key(slug: str) -> str:
    """What a record did in a workflow is read: ``workflow:welcome``."""
    return f"workflow:{slug}"
