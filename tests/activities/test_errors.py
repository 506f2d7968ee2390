"""Which failures of an activity are final, and what they tell Temporal."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.errors import translated
from activities.steps import step_activities
from domain import names
from domain.base import Json
from domain.errors import Invalid, NotFound, Rejected, StepFailed, Unavailable
from services.installation import Installation
from tests.activities.calls import act
from tests.builders import STEP, make_record, stand_at_action

FINAL = (Invalid("no"), StepFailed("wrong_value", "no"), Rejected("no"))


@pytest.mark.parametrize("error", [*FINAL, NotFound("no"), Unavailable("no"), KeyError("no")])
def test_a_failure_is_final_only_where_somebody_records_it(error: Exception) -> None:
    for gives_up in (False, True):
        with pytest.raises(ApplicationError) as told, translated(gives_up=gives_up):
            raise error
        assert told.value.non_retryable == (gives_up and error in FINAL)
        assert told.value.type == type(error).__name__


async def test_a_judgement_that_cannot_be_made_is_asked_again(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {})
    past: Json = {"date": "2000-01-01", "time": "09:00"}
    lost: Json = {"id": STEP, "kind": "delay", "until": past, "if_past": "somewhere"}
    standing = await stand_at_action(installation, contact, "create_task", {}, steps=[lost])
    planning = next(a for a in step_activities(installation) if a.__name__ == "judge_step")
    definition = planning.__temporal_activity_definition  # type: ignore[attr-defined]
    assert definition.name == names.PLAN_DELAY

    with pytest.raises(ApplicationError) as told:
        await ActivityEnvironment().run(planning, standing.call())
    assert (told.value.type, told.value.non_retryable) == ("StepFailed", False)


class _Broken:
    """Templates nobody can render."""

    def __getattr__(self, name: str) -> Any:
        raise Invalid("no")


@pytest.mark.parametrize(("action", "is_final"), [("send_email", True), ("create_task", False)])
async def test_only_an_outside_action_is_given_up(installation: Installation, action: str, is_final: bool) -> None:
    broken: Any = _Broken()
    contact = await make_record(installation, "contact", {"email": "ana@example.com"})
    texts: dict[str, Json] = {"subject": "Hi", "html": "Hi"} if is_final else {"title": "Hi"}
    standing = await stand_at_action(dataclasses.replace(installation, templates=broken), contact, action, texts)

    with pytest.raises(ApplicationError) as told:
        await act(standing, action)
    assert (told.value.type, told.value.non_retryable) == ("Invalid", is_final)
