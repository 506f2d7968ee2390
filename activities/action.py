"""What an action is: one descriptor per file of ``activities/actions``, from which everything else is derived.

Validation, the form, the reference and the worker's registration read it; the run knows its name only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from domain.base import Json
from domain.catalogue import ActionConfig, ActionSpec, ConfigScope, Effect, Finding, never
from domain.conditions import Of
from domain.configs import marked
from domain.definition import Definition
from domain.fields import Liquid
from domain.messages import EndReason, StepAnswer, StepCall
from domain.names import QUEUE_RUNS
from domain.plan import Policy
from services.installation import Installation
from services.running.inside import Passed
from store.database import Tx

C = TypeVar("C", bound=ActionConfig)

Outputs: TypeAlias = Mapping[str, Json]
"""What a step produced, kept with its visit: ``{"task": "<id>"}``."""


@dataclass(frozen=True, kw_only=True)
class InsideContext:
    """What an inside action works with: the open transaction, behind the gate, and its templates' variables."""

    tx: Tx
    inst: Installation
    passed: Passed
    variables: Mapping[str, Json]

    def text(self, source: str) -> str:
        """Render a plain text template.

        Raises:
            StepFailed: ``bad_template``.
        """
        return self.inst.templates.render(source, self.variables, html=False)


@dataclass(frozen=True, kw_only=True)
class OutsideContext:
    """What an outside action works with: the call, and the version it belongs to. It opens its own transactions."""

    inst: Installation
    call: StepCall
    definition: Definition


async def _no_more() -> None:
    """Nothing else is to be done."""


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """What an inside action answers that takes its own enrollment out: its visit is done, and then it ends.

    ``then`` is what takes it out where others are taken out by it too, such as the end of a record; the enrollment has
    ended by then, in the same transaction.
    """

    outputs: Outputs
    reason: EndReason
    detail: str | None = None
    then: Callable[[], Awaitable[None]] = _no_more


@dataclass(frozen=True)
class Target:
    """Records an inside action writes: the enrolled one, or those ``of`` names; and those each of ``also`` names.

    ``deletes``: they will be gone, which ends what is bound to them for others, so those are locked as well.
    """

    of: Of | None = None
    also: tuple[Of | None, ...] = ()
    deletes: bool = False


InsideRun: TypeAlias = Callable[[InsideContext, C], Awaitable[Outputs | Leaving]]
"""Has the effect within the transaction; raises StepSkipped or StepFailed, and then nothing it wrote stays."""

OutsideRun: TypeAlias = Callable[[OutsideContext, C], Awaitable[StepAnswer]]
"""Makes one attempt at the effect; raises Unavailable to be asked again."""


def _nothing(config: Any, scope: ConfigScope) -> Iterable[Any]:
    return ()


def _no_objects(config: Any) -> Collection[str]:
    return ()


def _no_target(config: Any) -> Target | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Action(Generic[C]):
    """One action. ``outcomes`` are words for the reference; an outside action has a queue of its own and a policy.
    ``internal``: what it sends stays in the house. ``events``: names of those about what it made, which know its step.
    ``variables``: what only its own templates may read, which it then has to provide.

    ``check``, ``reads`` and ``is_urgent`` are those of ``domain.catalogue.ActionSpec``. ``objects``: associated object
    types an inside action reads besides its templates; ``target``: the records it writes, which are locked before
    anything else.
    """

    name: str
    title: str
    description: str
    effect: Effect
    config: type[C]
    run: InsideRun[C] | OutsideRun[C]
    outcomes: tuple[str, ...]
    queue: str = QUEUE_RUNS
    variables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    policy: Policy | None = None
    check: Callable[[C, ConfigScope], Iterable[Finding]] = _nothing
    reads: Callable[[C, ConfigScope], Iterable[str]] = _nothing
    objects: Callable[[C], Collection[str]] = _no_objects
    target: Callable[[C], Target | None] = _no_target
    is_urgent: Callable[[C], bool] = never
    internal: bool = False
    events: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a descriptor that could not run."""
        if (self.effect == "outside") != (self.policy is not None):
            raise ValueError(f"action {self.name}: exactly the outside actions have a policy")
        if (self.effect == "outside") == (self.queue == QUEUE_RUNS):
            raise ValueError(f"action {self.name}: exactly the outside actions have a queue of their own")

    def spec(self) -> ActionSpec:
        """The part of the descriptor that validation and the reference read."""
        return ActionSpec(
            name=self.name,
            title=self.title,
            description=self.description,
            effect=self.effect,
            config=self.config,
            queue=self.queue,
            policy=self.policy,
            outcomes=self.outcomes,
            check=self.check,  # type: ignore[arg-type]  # called with a config of self.config only
            reads=self.reads,  # type: ignore[arg-type]
            variables=self.variables,
            is_urgent=self.is_urgent,  # type: ignore[arg-type]
            internal=self.internal,
            events=self.events,
        )


def templates_of(config: ActionConfig) -> tuple[str, ...]:
    """The template sources of a config: every text marked as Liquid."""
    return tuple(text for _, marker, text in marked(config) if isinstance(marker, Liquid) and text)
