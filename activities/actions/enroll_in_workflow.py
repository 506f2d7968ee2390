"""Lets the record, or associated ones, into another workflow; whether they enter is decided by that one's own rules.

Inside: the decisions and the visit are one transaction, so asking again enrolls nobody twice. A decision against is no
failure: it is the output ``decision``, and a row like any other entry decision.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from activities.action import Action, InsideContext, Outputs, Target
from domain.base import Json
from domain.catalogue import ActionConfig, ConfigScope, Finding, KnownWorkflow
from domain.conditions import Of, ParameterValue, PropertyValue
from domain.definition import Parameter
from domain.delays import subject_of
from domain.errors import Invalid, StepFailed, StepSkipped
from domain.facts import RecordFacts
from domain.fields import LiquidText, WorkflowSlug
from domain.names import association_key, property_key
from domain.parameters import fits
from domain.reader import join, similar
from domain.records import Cause
from domain.schema import PropertyType
from services.entering.by_hand import check_parameters
from services.entering.enrolling import EnrollRequest, enroll
from services.running.targets import meant_records
from store.workflows import find_workflow

Given: TypeAlias = LiquidText | StrictBool | StrictInt | StrictFloat | PropertyValue | ParameterValue | None

READ_AS: Mapping[PropertyType, str] = {
    PropertyType.NUMBER: "number", PropertyType.BOOL: "bool", PropertyType.MULTI_ENUM: "list",
}  # fmt: skip
"""What a value of a property is for a parameter; of all other types it is text."""


class EnrollInWorkflowConfig(ActionConfig):
    """Which workflow, who enters it, and with which parameters."""

    workflow: WorkflowSlug = Field(title="Workflow", description="The slug of the workflow to enter.", min_length=1)
    of: Of | None = Field(
        default=None, title="Who", description="Associated records that enter instead of the enrolled one; may be many."
    )
    parameters: dict[StrictStr, Given] = Field(
        default={},
        title="Parameters",
        description="Values by name: a template, a number, true or false, {property: name} or {parameter: name}.",
    )
    bind: StrictBool = Field(
        default=True,
        title="Bind",
        description="A contact enters with the record this enrollment is bound to, or that it came through.",
    )


def check(config: EnrollInWorkflowConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Find a workflow that is not there or about other records, and parameters it does not have or that do not fit."""
    object = scope.object if config.of is None else config.of.object
    if scope.schema_.object(object) is None:
        yield Finding(path="/of/object", code="unknown_object", message=f"there is no object type {object!r}")
        return
    if config.of is not None and config.of.match == "none":
        yield Finding(path="/of/match", code="wrong_value", message="nobody can enter among no records")
    if config.workflow == scope.slug:
        words = "this is the workflow itself; use a goto to begin again"
        yield Finding(path="/workflow", code="wrong_value", message=words)
        return
    known = scope.workflows.get(config.workflow)
    if known is None:
        words = f"there is no workflow {config.workflow!r}{similar(config.workflow, scope.workflows)}"
        yield Finding(path="/workflow", code="unknown_workflow", message=words)
        return
    if known.object != object:
        words = f"{config.workflow} is about {known.object} records, not {object}"
        yield Finding(path="/workflow", code="wrong_value", message=words)
    yield from _parameter_findings(config, known, scope)


def _parameter_findings(config: EnrollInWorkflowConfig, known: KnownWorkflow, scope: ConfigScope) -> Iterable[Finding]:
    for name, given in config.parameters.items():
        yield from _reference_findings(given, join("/parameters", name), scope)
    if known.parameters is None:
        return  # What it asks for is found when the step runs.
    declared = {parameter.name: parameter for parameter in known.parameters}
    for name in config.parameters:
        if name not in declared:
            words = f"{config.workflow} has no parameter {name!r}{similar(name, declared)}"
            yield Finding(path=join("/parameters", name), code="unknown_field", message=words)
    for name, parameter in declared.items():
        given = config.parameters.get(name)
        if given is None and parameter.required and parameter.default is None:
            words = f"{config.workflow} needs the parameter {name} (a {parameter.type})"
            yield Finding(path=join("/parameters", name), code="missing_field", message=words)
        elif given is not None and (found := _read_as(given, parameter, scope)) != parameter.type:
            words = f"the parameter {name} is a {parameter.type}, not a {found}"
            yield Finding(path=join("/parameters", name), code="wrong_type", message=words)


def _reference_findings(given: Given, path: str, scope: ConfigScope) -> Iterable[Finding]:
    match given:
        case PropertyValue():
            object = scope.object if given.of is None else given.of.object
            if scope.schema_.property(object, given.property) is None:
                words = f"{object} has no property {given.property!r}"
                yield Finding(path=join(path, "property"), code="unknown_property", message=words)
        case ParameterValue() if given.parameter not in {own.name for own in scope.parameters}:
            words = f"this workflow has no parameter {given.parameter!r}"
            yield Finding(path=join(path, "parameter"), code="unknown_field", message=words)


def _read_as(given: Given, parameter: Parameter, scope: ConfigScope) -> str:
    """What kind of value it will be; what cannot be known, or is told elsewhere, is taken to fit."""
    match given:
        case PropertyValue():
            object = scope.object if given.of is None else given.of.object
            found = scope.schema_.property(object, given.property)
            return READ_AS.get(found.type, "string") if found is not None else parameter.type
        case ParameterValue():
            own = next((each for each in scope.parameters if each.name == given.parameter), parameter)
            return own.type
        case str():
            return "string"
    return parameter.type if fits(parameter, given) else type(given).__name__


def reads(config: EnrollInWorkflowConfig, scope: ConfigScope) -> Iterable[str]:
    """Properties that are given."""
    for given in config.parameters.values():
        if isinstance(given, PropertyValue):
            object = scope.object if given.of is None else given.of.object
            yield property_key(object, given.property)
            if object != scope.object:
                yield association_key(scope.object, object)


def objects(config: EnrollInWorkflowConfig) -> Collection[str]:
    """Associated objects that enter or whose values are given."""
    given = (value.of for value in config.parameters.values() if isinstance(value, PropertyValue))
    return {of.object for of in (config.of, *given) if of is not None}


def target(config: EnrollInWorkflowConfig) -> Target:
    """Who enters is locked like what is written: with it every decision about it."""
    return Target(of=config.of)


async def run(context: InsideContext, config: EnrollInWorkflowConfig) -> Outputs:
    """Decide for each record; ``decision`` and ``enrollment`` are those of the first one."""
    passed, now = context.passed, context.passed.call.now
    facts, enrollment = passed.facts, passed.enrollment
    workflow = await find_workflow(context.tx, config.workflow)
    if workflow is None:
        raise StepFailed("broken_reference", f"there is no workflow {config.workflow!r} any more")
    entering = meant_records(facts, config.of)
    if not entering:
        raise StepSkipped("no_record", f"there is no {config.of.object if config.of else facts.record.object}")
    given = {name: _value(context, value) for name, value in config.parameters.items()}
    try:
        await check_parameters(context.tx, workflow, given)
    except Invalid as wrong:
        raise StepFailed("wrong_value", "; ".join(error.message for error in wrong.errors)) from wrong
    cause = Cause(kind="enrollment", id=enrollment.id, depth=enrollment.depth + 1)
    decided = [
        await enroll(
            context.tx,
            EnrollRequest(
                workflow_id=workflow["id"],
                record_id=record.id,
                bound_id=_bound(context, config, record),
                cause=cause,
                parameters=given,
            ),
            now=now,
        )
        for record in sorted(entering, key=lambda each: each.id)
    ]
    return {
        "decision": decided[0].decision,
        "enrollment": decided[0].enrollment_id,
        "records": len(decided),
        "enrolled": sum(each.decision == "enrolled" for each in decided),
    }


def _bound(context: InsideContext, config: EnrollInWorkflowConfig, entering: RecordFacts) -> str | None:
    """What a contact enters with: what this enrollment is bound to, or the record it was found through."""
    enrollment = context.passed.enrollment
    if not config.bind or entering.object != "contact":
        return None
    return enrollment.bound_id if entering.id == enrollment.record_id else enrollment.record_id


def _value(context: InsideContext, given: Given) -> Json:
    match given:
        case str():
            return context.text(given)
        case PropertyValue():
            source = subject_of(given.of, context.passed.facts)
            return source.properties.get(given.property) if source is not None else None
        case ParameterValue():
            return context.passed.enrollment.parameters.get(given.parameter)
        case _:
            return given


ACTION = Action(
    name="enroll_in_workflow",
    title="Enroll in another workflow",
    description="Lets the record, or associated records, into another workflow, with parameters.",
    effect="inside",
    config=EnrollInWorkflowConfig,
    run=run,
    outcomes=(
        "done: decision (enrolled, or why not) and enrollment of the first record; records and enrolled, how many",
        "skipped: no_record",
        "failed: broken_reference, wrong_value, bad_template",
    ),
    check=check,
    reads=reads,
    objects=objects,
    target=target,
)
