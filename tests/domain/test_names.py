"""Ids are built in one place and never collide."""

from __future__ import annotations

import pytest

from domain.names import EnrollmentName, enrollment_run_id, entry_key


@pytest.mark.parametrize(("bound", "id"), [(None, "enrollment:w:c-1:3"), ("o-1", "enrollment:w:c-1:o-1:3")])
def test_a_run_id_says_who_runs_and_how_often_they_entered(bound: str | None, id: str) -> None:
    assert enrollment_run_id(EnrollmentName(workflow_id="w", record_id="c-1", bound_id=bound, n=3)) == id


def test_two_opportunities_of_one_contact_have_two_keys() -> None:
    assert len({entry_key("c", None), entry_key("c", "o-1"), entry_key("c", "o-2")}) == 3
