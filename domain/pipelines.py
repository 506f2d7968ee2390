"""Pipelines: which stages a record may stand in, and what follows from standing in one.

A stage is an option of the property ``stage`` and means the same in every pipeline that has it; a pipeline is an option
of the property ``pipeline`` with an order of its own. Closing stamps the close date where the pipeline says so, and
reopening clears it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from domain.base import Frozen, Json, Properties, utc_text
from domain.builtin import CLOSE_DATES, IS_CLOSED, PIPELINE, STAGE, STAGE_ENTERED_AT
from domain.instants import local_date
from domain.problems import FieldError
from domain.schema import ObjectType, Pipeline, PropertyDefinition, PropertyType


class StageMove(Frozen):
    """A record that came into a stage, went from one to another, or left the last one.

    ``left_pipeline``: where it stood before; ``closes``: the stage it came into is a closed one.
    """

    pipeline: str | None
    left: str | None
    entered: str | None
    left_pipeline: str | None = None
    closes: bool = False

    @property
    def told(self) -> dict[str, Json] | None:
        """What its event carries; None for one that only began or ended to stand somewhere, which is none."""
        if self.left is None or self.entered is None:
            return None
        elsewhere = {"from_pipeline": self.left_pipeline} if self.left_pipeline != self.pipeline else {}
        return {"pipeline": self.pipeline, "from": self.left, "to": self.entered, "closed": self.closes, **elsewhere}


def has_stages(object_type: ObjectType) -> bool:
    """Whether records of the type stand in stages, and the product keeps what follows."""
    is_closed = object_type.property(IS_CLOSED)
    return object_type.property(STAGE) is not None and is_closed is not None and is_closed.read_only


def pipeline_of(object_type: ObjectType, properties: Mapping[str, Json]) -> Pipeline | None:
    """The pipeline a record is in: the one it names, else the first; None where the type has none."""
    named = properties.get(PIPELINE)
    found = next((each for each in object_type.pipelines if each.value == named), None)
    return found or next(iter(object_type.pipelines), None)


def stage_move(object_type: ObjectType, before: Mapping[str, Json], after: Mapping[str, Json]) -> StageMove | None:
    """What a write changes about where a record stands; None when it stays."""
    if not has_stages(object_type):
        return None
    left, entered = before.get(STAGE), after.get(STAGE)
    if (before.get(PIPELINE), left) == (after.get(PIPELINE), entered) or (left is None and entered is None):
        return None
    pipeline, was_in = pipeline_of(object_type, after), pipeline_of(object_type, before)
    option = object_type.properties[STAGE].option(entered) if isinstance(entered, str) else None
    return StageMove(
        pipeline=pipeline.value if pipeline else None,
        left=left if isinstance(left, str) else None,
        entered=entered if isinstance(entered, str) else None,
        left_pipeline=was_in.value if was_in else None,
        closes=option is not None and option.closed,
    )


def settle_stage(
    object_type: ObjectType,
    before: Mapping[str, Json],
    after: Properties,
    *,
    written: Collection[str],
    now: datetime,
    zone: str,
) -> list[FieldError]:
    """Complete ``after`` by what follows from its stage; answers why it cannot stand there.

    ``written``: properties the write names, which are left as it says. ``zone``: the account's, for dates.
    """
    if not has_stages(object_type):
        return []
    stage, pipeline = after.get(STAGE), pipeline_of(object_type, after)
    if stage is None:
        for name in (IS_CLOSED, STAGE_ENTERED_AT):
            after.pop(name, None)
        return []
    if pipeline is not None:
        after[PIPELINE] = pipeline.value
        if stage not in pipeline.stages and {PIPELINE, STAGE} & {*written}:
            return [_not_there(object_type, pipeline, str(stage))]
    option = object_type.properties[STAGE].option(str(stage))
    is_closed = option is not None and option.closed
    after[IS_CLOSED] = is_closed
    if object_type.property(STAGE_ENTERED_AT) is not None and stage_move(object_type, before, after) is not None:
        after[STAGE_ENTERED_AT] = utc_text(now)
    close_date = CLOSE_DATES.get(object_type.name)
    if close_date is not None and close_date not in written:
        sets = pipeline is None or pipeline.sets_close_date
        _stamp(object_type.properties[close_date], before, after, sets=sets, now=now, zone=zone)
    return []


def _stamp(
    close_date: PropertyDefinition,
    before: Mapping[str, Json],
    after: Properties,
    *,
    sets: bool,
    now: datetime,
    zone: str,
) -> None:
    was, is_closed = before.get(IS_CLOSED) is True, after[IS_CLOSED] is True
    if is_closed and not was and sets:
        is_day = close_date.type is PropertyType.DATE
        after[close_date.name] = local_date(now, zone).isoformat() if is_day else utc_text(now)
    elif was and not is_closed:
        after.pop(close_date.name, None)


def _not_there(object_type: ObjectType, pipeline: Pipeline, stage: str) -> FieldError:
    words = f"the {object_type.name} pipeline {pipeline.value} has no stage {stage!r}; its stages: {_list(pipeline)}"
    return FieldError(path=f"/properties/{STAGE}", code="unknown_option", message=words)


def _list(pipeline: Pipeline) -> str:
    return ", ".join(pipeline.stages)
