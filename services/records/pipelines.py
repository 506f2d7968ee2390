"""Pipelines and their stages: what there is, adding, changing and removing, without leaving a record behind.

A stage is never taken from records that stand in it, and its option stays known for ever, as histories name it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.base import Frozen
from domain.builtin import PIPELINE, STAGE
from domain.conversations import TICKET
from domain.errors import Conflict, Invalid, NotFound
from domain.pipelines import has_stages
from domain.problems import FieldError
from domain.schema import ObjectType, Option, Pipeline, Schema, StatusFromEmail, StatusRule
from store.channels import channels_of_pipeline
from store.database import Read, Tx
from store.locks import lock_schema
from store.pipelines import count_in, delete_pipeline, insert_pipeline, replace_pipeline
from store.schema import load_schema, replace_property
from store.stage_automations import automated_stages


class NewStage(Frozen):
    """A stage of a pipeline, in its place. ``label`` and ``closed`` None: as known; a new one is open."""

    value: str
    label: str | None = None
    closed: bool | None = None


async def add_pipeline(
    tx: Tx,
    object: str,
    value: str,
    stages: Sequence[NewStage],
    *,
    label: str | None = None,
    sets_close_date: bool = True,
    status_from_email: StatusFromEmail | None = None,
    now: datetime,
) -> ObjectType:
    """Add a pipeline behind those there are; answers the object type as it is then.

    Raises:
        NotFound: there is no such object type, or its records have no stages.
        Invalid: something about it; every mistake is listed.
        Conflict: there is one of this value.
    """
    target = _with_stages(await _alone(tx), object)
    if any(each.value == value for each in target.pipelines):
        raise Conflict(f"there is a pipeline {value} for {object} already", code="already_exists")
    rules = status_from_email or StatusFromEmail()
    named = [each.value for each in stages]
    _refuse([*_check_value(value), *_check_stages(target, stages), *_check_rules(target, rules, named)])
    order = max((each.order for each in target.pipelines), default=-1) + 1
    made = Pipeline(
        value=value,
        label=label or value,
        order=order,
        stages=tuple(each.value for each in stages),
        sets_close_date=sets_close_date,
        status_from_email=rules,
    )
    target = await _know_stages(tx, target, stages)
    target = await _know_pipeline(tx, target, made)
    await insert_pipeline(tx, object, made, now=now)
    return target.model_copy(update={"pipelines": (*target.pipelines, made)})


async def change_pipeline(
    tx: Tx,
    object: str,
    value: str,
    *,
    label: str | None = None,
    order: int | None = None,
    stages: Sequence[NewStage] | None = None,
    sets_close_date: bool | None = None,
    status_from_email: StatusFromEmail | None = None,
) -> ObjectType:
    """Give a pipeline another label, place, switch or list of stages; one that is left out of the list is removed.

    Raises:
        NotFound: there is no such pipeline.
        Invalid: something about the stages; every mistake is listed.
        Conflict: records stand in a stage that would be removed.
    """
    target = _with_stages(await _alone(tx), object)
    known = _find(target, value)
    given = {
        "label": label, "order": order, "sets_close_date": sets_close_date, "status_from_email": status_from_email,
    }  # fmt: skip
    changed = known.model_copy(update={name: each for name, each in given.items() if each is not None})
    if stages is not None:
        _refuse(_check_stages(target, stages))
        changed = changed.model_copy(update={"stages": tuple(each.value for each in stages)})
    _refuse(_check_rules(target, changed.status_from_email, changed.stages))
    if stages is not None:
        gone = [each for each in known.stages if each not in changed.stages]
        await _refuse_standing(tx, target, known, gone)
        await _refuse_channels(tx, target, known, gone)
        await _refuse_automated(tx, target, known, gone)
        target = await _know_stages(tx, target, stages)
    target = await _know_pipeline(tx, target, changed)
    await replace_pipeline(tx, object, changed)
    others = [each for each in target.pipelines if each.value != value]
    ordered = sorted([*others, changed], key=lambda each: each.order)
    return target.model_copy(update={"pipelines": tuple(ordered)})


async def remove_pipeline(tx: Tx, object: str, value: str) -> None:
    """Remove a pipeline that no record is in.

    Raises:
        NotFound: there is no such pipeline.
        Conflict: records are in it, or it is the only one.
    """
    target = _with_stages(await _alone(tx), object)
    known = _find(target, value)
    if len(target.pipelines) == 1:
        raise Conflict(f"it is the only pipeline for {object}: records would have no stages", code="in_use")
    await _refuse_standing(tx, target, known, known.stages)
    await _refuse_channels(tx, target, known, None)
    await _refuse_automated(tx, target, known, known.stages)
    await delete_pipeline(tx, object, value)


async def find_pipeline(read: Read, object: str, value: str) -> Pipeline:
    """The pipeline.

    Raises:
        NotFound: there is no such pipeline.
    """
    return _find(_with_stages(await load_schema(read), object), value)


async def _alone(tx: Tx) -> Schema:
    await lock_schema(tx)
    return await load_schema(tx)


def _with_stages(schema: Schema, object: str) -> ObjectType:
    found = schema.object(object)
    if found is None:
        raise NotFound(f"there is no object type {object}", code="unknown_object")
    if not has_stages(found):
        raise NotFound(f"{object} records have no stages, so no pipelines", code="no_pipelines")
    return found


def _find(target: ObjectType, value: str) -> Pipeline:
    found = next((each for each in target.pipelines if each.value == value), None)
    if found is None:
        raise NotFound(f"there is no pipeline {value} for {target.name}", code="unknown_pipeline")
    return found


async def _refuse_standing(tx: Tx, target: ObjectType, pipeline: Pipeline, stages: Sequence[str]) -> None:
    standing = await count_in(tx, target, pipeline.value, stages) if stages else {}
    if standing:
        where = ", ".join(f"{count} in {stage}" for stage, count in sorted(standing.items()))
        words = f"{target.name} records stand there ({where}): move them to another stage first"
        raise Conflict(words, code="in_use")


async def _refuse_automated(tx: Tx, target: ObjectType, pipeline: Pipeline, stages: Sequence[str]) -> None:
    """Keep stages that something runs for."""
    running = await automated_stages(tx, target.name, pipeline.value)
    found = [f"{stage} (workflow {slug})" for stage, slug in sorted(running.items()) if stage in stages]
    if found:
        words = f"steps are attached to {', '.join(found)}: remove those first (DELETE …/stages/{{stage}}/automation)"
        raise Conflict(words, code="in_use")


async def _refuse_channels(tx: Tx, target: ObjectType, pipeline: Pipeline, stages: Sequence[str] | None) -> None:
    """Keep what channels open tickets in; ``stages`` None: the whole pipeline would be gone."""
    if target.name != TICKET:
        return
    used = [
        each["slug"]
        for each in await channels_of_pipeline(tx, pipeline.value)
        if stages is None or each["stage"] in stages
    ]
    if used:
        words = f"tickets are opened there by the channels {', '.join(used)}: let them open tickets elsewhere first"
        raise Conflict(words, code="in_use")


def _check_rules(target: ObjectType, rules: StatusFromEmail, stages: Sequence[str]) -> list[FieldError]:
    mistakes = []
    for name in StatusFromEmail.model_fields:
        rule: StatusRule = getattr(rules, name)
        path = f"/status_from_email/{name}"
        if rule.on and target.name != TICKET:
            words = f"mail moves tickets, not records of {target.name}"
            mistakes.append(FieldError(path=path, code="wrong_value", message=words))
        elif rule.on and rule.stage is None:
            words = "say which stage tickets go to"
            mistakes.append(FieldError(path=f"{path}/stage", code="missing_field", message=words))
        elif rule.stage is not None and rule.stage not in stages:
            words = f"the pipeline has no stage {rule.stage!r}; its stages: {', '.join(stages)}"
            mistakes.append(FieldError(path=f"{path}/stage", code="unknown_option", message=words))
    return mistakes


def _check_value(value: str) -> list[FieldError]:
    if value.strip() and "\x00" not in value:
        return []
    return [FieldError(path="/value", code="wrong_value", message="a pipeline needs a value")]


def _check_stages(target: ObjectType, stages: Sequence[NewStage]) -> list[FieldError]:
    if not stages:
        return [FieldError(path="/stages", code="missing_field", message="a pipeline needs at least one stage")]
    mistakes, seen = [], set[str]()
    for n, each in enumerate(stages):
        known = target.properties[STAGE].option(each.value)
        path = f"/stages/{n}"
        if not each.value.strip() or "\x00" in each.value:
            mistakes.append(FieldError(path=f"{path}/value", code="wrong_value", message="a stage needs a value"))
        elif each.value in seen:
            words = f"{each.value} is there twice"
            mistakes.append(FieldError(path=f"{path}/value", code="duplicate_id", message=words))
        if known is not None and each.closed is not None and each.closed != known.closed:
            is_so = "a closed" if known.closed else "an open"
            words = f"{each.value} is {is_so} stage, and records carry that: use another value"
            mistakes.append(FieldError(path=f"{path}/closed", code="wrong_value", message=words))
        seen.add(each.value)
    return mistakes


def _refuse(mistakes: list[FieldError]) -> None:
    if mistakes:
        raise Invalid("the pipeline cannot be like this", errors=mistakes)


async def _know_stages(tx: Tx, target: ObjectType, stages: Sequence[NewStage]) -> ObjectType:
    """Make the stages options of the property, with their labels."""
    stage = target.properties[STAGE]
    options = {each.value: each for each in stage.options}
    for new in stages:
        old = options.get(new.value)
        last = max((each.order for each in options.values()), default=-1) + 1
        options[new.value] = Option(
            value=new.value,
            label=new.label or (old.label if old else new.value),
            order=old.order if old else last,
            closed=old.closed if old else bool(new.closed),
        )
    return await _replace(tx, target, STAGE, tuple(options.values()))


async def _know_pipeline(tx: Tx, target: ObjectType, pipeline: Pipeline) -> ObjectType:
    known = {each.value: each for each in target.properties[PIPELINE].options}
    known[pipeline.value] = Option(value=pipeline.value, label=pipeline.label, order=pipeline.order)
    return await _replace(tx, target, PIPELINE, tuple(sorted(known.values(), key=lambda each: each.order)))


async def _replace(tx: Tx, target: ObjectType, name: str, options: tuple[Option, ...]) -> ObjectType:
    changed = target.properties[name].model_copy(update={"options": options})
    if changed == target.properties[name]:
        return target
    await replace_property(tx, target.name, changed)
    return target.model_copy(update={"properties": {**target.properties, name: changed}})
