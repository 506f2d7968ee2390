"""What publishing makes of a definition: the plan a run walks, and what triggers and running enrollments read."""

from __future__ import annotations

from collections.abc import Iterator

from domain.anchors import anchor_of
from domain.base import Frozen
from domain.catalogue import ActionSpec, Catalogue, ConfigScope
from domain.conditions import Of
from domain.configs import config_of, emails_of, variables_of
from domain.definition import ChangedTrigger, CreatedTrigger, Definition, EventTrigger, FilterTrigger, Trigger
from domain.graph import Graph, Place, draw
from domain.leaving import leaving_conditions, staying_triggers
from domain.names import (
    MESSAGE_QUEUES,
    association_key,
    email_key,
    event_key,
    goal_key,
    object_key,
    property_key,
    time_key,
)
from domain.plan import NAME_LIMIT, REFUSE_BYTES, URGENT, WARN_BYTES, Plan, PlanStep, Policy
from domain.problems import Problem
from domain.reading import keys_read
from domain.steps import (
    ActionStep,
    BranchStep,
    DelayStep,
    EndStep,
    GotoStep,
    Step,
    UntilAnchor,
    UntilProperty,
    ValueBranchStep,
    WaitStep,
    walk,
)
from domain.timing import reads_time
from domain.titles import title
from domain.zones import ZONE_PROPERTY


class Interests(Frozen):
    """Keys of the candidate index (``domain.names``).

    ``triggers``: (trigger id, key) pairs. ``run``: what an enrollment of the version reads in any role but entry.
    """

    triggers: tuple[tuple[str, str], ...]
    run: frozenset[str]


def compile_plan(definition: Definition, catalogue: Catalogue, *, workflow_id: str, version: int) -> Plan:
    """The plan of a definition without problems.

    Raises:
        KeyError: an action the catalogue does not know; validation would have said so.
    """
    graph = draw(definition)
    policies: list[Policy] = []
    steps = {place.step.id: _plan_step(graph, place, catalogue, policies) for place in graph.places.values()}
    start = graph.places[graph.start].step.id if graph.start else None
    return Plan(
        workflow_id=workflow_id,
        slug=definition.slug,
        name=definition.name[:NAME_LIMIT],
        version=version,
        start=start,
        steps=steps,
        goals={goal.id: (goal.name or goal.id)[:NAME_LIMIT] for goal in definition.exit.goals},
        policies=tuple(policies),
    )


def size_problem(plan: Plan) -> Problem | None:
    """A plan that is too large to travel, as a problem."""
    size = plan_bytes(plan)
    if size <= REFUSE_BYTES:
        return None
    return Problem(path="/steps", code="plan_too_large", message=_too_large(size, REFUSE_BYTES))


def size_warning(plan: Plan) -> Problem | None:
    """A plan that is large enough to make every run slower, but may be published."""
    size = plan_bytes(plan)
    if not WARN_BYTES < size <= REFUSE_BYTES:
        return None
    return Problem(path="/steps", code="plan_too_large", message=_too_large(size, WARN_BYTES))


def plan_bytes(plan: Plan) -> int:
    """What the plan weighs in a history."""
    return len(plan.model_dump_json(exclude_defaults=True).encode())


def _too_large(size: int, limit: int) -> str:
    return (
        f"the steps make a plan of {size // 1024} KiB, more than {limit // 1024} KiB; "
        "split the workflow in two or shorten names"
    )


def interests(definition: Definition, catalogue: Catalogue) -> Interests:
    """What the triggers read, and what an enrollment of this version reads."""
    # On schedule whoever matches enters when it happens: no change and no passing of time lets anybody in.
    judged = () if definition.type == "scheduled" else definition.entry.triggers
    triggers = sorted({(t.id, key) for t in judged for key in _trigger_keys(t, definition)})
    run: set[str] = set()
    conditions = [(condition, definition.object) for condition in leaving_conditions(definition)]
    conditions += [(trigger.where, trigger.object or definition.object) for trigger in staying_triggers(definition)]
    for condition, about in conditions:
        run |= keys_read(condition, about)
        if reads_time(condition):
            run.add(time_key())
    for goal in definition.exit.goals:
        run |= {goal_key(key) for key in keys_read(goal.where, definition.object)}
    if definition.settings.timezone == "record":
        run.add(property_key(definition.object, ZONE_PROPERTY))
    if definition.anchor is not None and definition.anchor.property is not None:
        run.update(_read_through(anchor_of(definition.anchor), definition.anchor.property, definition.object))
    for step, _ in walk(definition.steps, ""):
        run.update(_step_keys(step, definition, catalogue))
    return Interests(triggers=tuple(triggers), run=frozenset(run))


def _plan_step(graph: Graph, place: Place, catalogue: Catalogue, policies: list[Policy]) -> PlanStep:
    def named(path: str | None) -> str | None:
        return graph.places[path].step.id if path is not None else None

    step = place.step
    made = PlanStep(
        id=step.id,
        kind=step.kind,
        name=(step.name or step.id)[:NAME_LIMIT],
        title=title(step, catalogue),
        next=None if isinstance(step, EndStep) and step.enabled else named(place.next),
        edges={edge: named(path) for edge, path in place.edges.items()},
        enabled=step.enabled,
    )
    match step:
        case ActionStep():
            return made.model_copy(update=_action(step, catalogue.actions[step.action], policies))
        case DelayStep():
            words = {"past": step.if_past, "missing": step.if_missing}
            jumps = {edge: word for edge, word in words.items() if word in graph.by_id}
            watches = isinstance(step.until, UntilProperty | UntilAnchor)
            return made.model_copy(
                update={"watches": watches, "governs": place.governs, "edges": {**jumps, **made.edges}}
            )
        case WaitStep():
            heard = step.for_event.event if step.for_event else None
            return made.model_copy(update={"watches": True, "listens": heard})
        case GotoStep():
            return made.model_copy(update={"to": step.to, "max_visits": step.max_visits})
        case EndStep():
            return made.model_copy(update={"reason": step.reason or None})
        case _:
            return made


def _action(step: ActionStep, spec: ActionSpec, policies: list[Policy]) -> dict[str, object]:
    how: dict[str, object] = {"action": step.action, "on_error": step.on_error, "inside": spec.effect == "inside"}
    if spec.effect == "inside":
        return how
    if spec.policy is not None and spec.policy not in policies:
        policies.append(spec.policy)
    policy = None if spec.policy is None else policies.index(spec.policy)
    priority = URGENT if spec.is_urgent(config_of(spec, step.config)) else None
    return {
        **how,
        "queue": spec.queue,
        "policy": policy,
        "sends": spec.queue in MESSAGE_QUEUES and not spec.internal,
        "priority": priority,
    }


def _trigger_keys(trigger: Trigger, definition: Definition) -> Iterator[str]:
    if isinstance(trigger, EventTrigger):
        yield event_key(trigger.event)
    if not isinstance(trigger, FilterTrigger | CreatedTrigger | ChangedTrigger):
        return
    subject = trigger.object or definition.object
    if isinstance(trigger, ChangedTrigger):
        yield property_key(subject, trigger.property)
        return
    yield object_key(subject)
    if isinstance(trigger, FilterTrigger):
        yield from keys_read(trigger.where, subject)
        if reads_time(trigger.where):
            yield time_key()
        if subject != definition.object:
            # Somebody enters as well when linked to a record that matches already.
            yield association_key(subject, definition.object)


def _step_keys(step: Step, definition: Definition, catalogue: Catalogue) -> Iterator[str]:
    match step:
        case BranchStep():
            for branch in step.branches:
                yield from keys_read(branch.where, definition.object)
        case ValueBranchStep(property=str(name)):
            yield from _read_through(step.of, name, definition.object)
        case DelayStep(until=UntilProperty() as until):
            yield from _read_through(until.of, until.property, definition.object)
        case WaitStep():
            yield from _wait_keys(step, definition)
        case ActionStep():
            yield from _config_keys(step, definition, catalogue)
        case _:
            return


def _wait_keys(step: WaitStep, definition: Definition) -> Iterator[str]:
    if step.for_event is not None:
        yield event_key(step.for_event.event)
        if step.for_event.of is not None:
            yield association_key(definition.object, step.for_event.of.object)
    for condition in (step.until_true, step.for_event.where if step.for_event else None):
        if condition is not None:
            yield from keys_read(condition, definition.object)
    if step.timeout is not None and isinstance(step.timeout.until, UntilProperty):
        yield from _read_through(step.timeout.until.of, step.timeout.until.property, definition.object)


def _read_through(of: Of | None, name: str, object: str) -> Iterator[str]:
    yield property_key(of.object if of else object, name)
    if of is not None and of.object != object:
        yield association_key(object, of.object)


def _config_keys(step: ActionStep, definition: Definition, catalogue: Catalogue) -> Iterator[str]:
    spec = catalogue.actions[step.action]
    config = config_of(spec, step.config)
    scope = ConfigScope(schema_=catalogue.schema, object=definition.object, bound_objects=definition.bound_objects())
    yield from spec.reads(config, scope)
    emails = emails_of(config)
    yield from (email_key(slug) for slug in emails)
    read = {variable for slug in emails for variable in catalogue.emails[slug].reads}
    for variable in read | variables_of(config, catalogue.templates):
        root, rest = variable[0], variable[1:]
        if root == "owner":
            yield property_key(definition.object, "owner")
        elif rest and (root == "record" or catalogue.schema.object(root) is not None):
            yield property_key(definition.object if root == "record" else root, rest[0])
