"""The compiled version a run walks: ids, edges, names and policies; no texts, no templates, no conditions."""

from __future__ import annotations

from typing import Literal, TypeAlias

from domain.base import Wire

ENGINE_REV = 1
"""Raised when the run's decisions change; see docs/decisions and tests/replay."""

NAME_LIMIT = 60
"""Characters of a step or workflow name that travel in a plan."""

WARN_BYTES = 64 * 1024
REFUSE_BYTES = 256 * 1024

StepKind: TypeAlias = Literal["action", "delay", "wait", "branch", "value_branch", "split", "goto", "end"]

URGENT = 2
"""The priority of what somebody waits for. Temporal gives out lower numbers first; what says nothing has 3."""

OTHERWISE = "otherwise"
"""The edge a branch or value branch takes when nothing matches."""


class Policy(Wire):
    """Timeouts and retry of an outside action, resolved at publish and frozen with the version. Seconds.

    ``heartbeat_s``: how long after the death of its worker an attempt is taken up by another.
    """

    start_to_close_s: float
    schedule_to_close_s: float
    first_retry_s: float = 1.0
    max_retry_s: float = 3600.0
    heartbeat_s: float = 15.0


class PlanStep(Wire):
    """One step as the run needs it; ``title`` is what Temporal UI calls it.

    ``next`` is where the run goes after it (None: the end of the workflow); ``edges`` maps a branch, case or arm id
    and ``otherwise`` to the first step on that way, already resolved to what follows when the way is empty.
    ``inside`` says whether an action is one local activity (its transaction is the effect) or an activity on ``queue``.
    ``policy`` indexes ``Plan.policies``. ``watches``: a waiting step that asks again when a record it reads changes;
    ``listens``: the event that makes it ask again. ``governs``: the steps that are passed over with an anchored delay
    that is past. ``sends``: an action that writes to people outside. ``priority``: its turn on ``queue``, None as
    any other.
    """

    id: str
    kind: StepKind
    name: str
    title: str = ""
    next: str | None = None
    edges: dict[str, str | None] = {}
    enabled: bool = True
    action: str | None = None
    inside: bool = True
    queue: str | None = None
    policy: int | None = None
    on_error: str = "continue"
    to: str | None = None
    max_visits: int | None = None
    watches: bool = False
    listens: str | None = None
    governs: tuple[str, ...] = ()
    sends: bool = False
    priority: int | None = None
    reason: str | None = None

    @property
    def label(self) -> str:
        """What to call the step where only the plan is at hand."""
        return self.title or self.name

    def way(self, edge: str | None) -> str | None:
        """Where ``edge`` leads, or what follows where there is none; None is the end of the workflow."""
        return self.edges[edge] if edge is not None else self.next

    def way_again(self, edge: str | None) -> str | None:
        """The same for a way that was taken under an older version: what follows, where there is no such way now."""
        return self.edges.get(edge, self.next) if edge is not None else self.next

    def is_used_up(self, n: int) -> bool:
        """Whether a goto that is come to for the ``n``th time lets pass instead of leading elsewhere."""
        return self.max_visits is not None and n > self.max_visits


class Plan(Wire):
    """A published version as the run walks it; the second argument of ``Enrollment``.

    ``goals`` maps ids to names: the run is told which one was reached, Temporal UI shows what it is called.
    """

    workflow_id: str
    slug: str
    name: str
    version: int
    start: str | None
    steps: dict[str, PlanStep]
    goals: dict[str, str] = {}
    policies: tuple[Policy, ...] = ()

    def leads_on(self, step: PlanStep, target: str | None) -> bool:
        """Whether who goes from ``step`` to ``target`` goes on in the order that is written, instead of jumping."""
        if target == step.next or (step.kind != "delay" and target in step.edges.values()):
            return True
        behind = step.next
        while behind is not None and behind != target:
            behind = self.steps[behind].next
        return behind == target

    def is_over_at(self, target: str | None) -> bool:
        """Whether a run that goes to ``target`` has nothing left to do but end."""
        return target is None or (self.steps[target].kind == "end" and self.steps[target].enabled)
