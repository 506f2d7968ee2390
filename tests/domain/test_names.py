"""Ids are built and parsed in one place and never collide."""

from __future__ import annotations

import pytest

from domain.names import EnrollmentName, enrollment_run_id, entry_key, parse_enrollment_run_id


@pytest.mark.parametrize("bound", [None, "o-1"])
def test_a_run_id_says_who_runs_and_how_often_they_entered(bound: str | None) -> None:
    name = EnrollmentName(workflow_id="w", record_id="c-1", bound_id=bound, n=3)
    assert parse_enrollment_run_id(enrollment_run_id(name)) == name


@pytest.mark.parametrize("value", ["", "enrollment:w", "import:w:c:1", "enrollment:w:c:o:1:2", "enrollment:w:c:x"])
def test_other_ids_are_refused(value: str) -> None:
    with pytest.raises(ValueError):
        parse_enrollment_run_id(value)


def test_two_opportunities_of_one_contact_have_two_keys() -> None:
    assert len({entry_key("c", None), entry_key("c", "o-1"), entry_key("c", "o-2")}) == 3
