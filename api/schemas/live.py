"""Requests and answers about the live part of workflows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt, StrictStr

from api.answers import Shown
from api.schemas.records import Body, examples
from domain.base import Instant, Json
from domain.problems import Problem
from services.authoring.live import LiveView


class AnchorPatch(Body):
    """The date of a workflow with a specific date, and the time of day that date begins at."""

    date: StrictStr | None = None
    time: StrictStr | None = None


class SettingsPatch(Body):
    """What to change of the live part of a workflow: fields that are not sent stay, null restores a default."""

    model_config = examples({"timezone": "Europe/Oslo", "spread_minutes": 30})

    timezone: Annotated[StrictStr | None, Field(description="`account`, `record` or an IANA name.")] = None
    window: Annotated[Json, Field(description="When messages may leave: one window, several, or null.")] = None
    pause_dates: Annotated[Json, Field(description="Days without messages.")] = None
    holidays: Annotated[Json, Field(description="The calendar that business days are counted by.")] = None
    spread_minutes: StrictInt | None = None
    turn_off_at: StrictStr | None = None
    anchor: AnchorPatch | None = None


class LiveSettings(Shown):
    """The live part of a workflow since `changed_at`. `version` was the current one then."""

    id: str
    version: int
    settings: Json
    anchor: Json
    changed_at: Instant
    changed_by: Json


class ChangedSettings(LiveSettings):
    """The live part of a workflow as it was just changed; `warnings` keep nobody from anything."""

    warnings: list[Problem]


def changed_settings(view: LiveView) -> ChangedSettings:
    """Live values as answered to who changed them."""
    return ChangedSettings(**dict(live_settings(view)), warnings=list(view.warnings))


def live_settings(view: LiveView) -> LiveSettings:
    """Live values as answered, as they are written in a definition."""
    return LiveSettings(
        id=view.id,
        version=view.version,
        settings=view.settings.model_dump(mode="json", by_alias=True),
        anchor=view.anchor.model_dump(mode="json"),
        changed_at=view.changed_at,
        changed_by=view.changed_by.model_dump(mode="json", include={"kind", "id"}),
    )
