"""Answers about what failed and what does not go on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy import RowMapping

from api.answers import Shown
from api.schemas.enrollments import EnrollmentView
from domain.base import Instant
from domain.trouble import STUCK, trouble_words


class TroubleGroup(Shown):
    """How many passages of a workflow have one kind of trouble at one step.

    ``class`` is a failure class, or ``retrying``, ``undecided`` and ``overdue`` of those that do not go on (``stuck``).
    ``step`` null: the run has not begun.
    """

    workflow: str
    step: str | None
    class_: Annotated[str, Field(alias="class", examples=["rejected"])]
    stuck: bool
    words: str
    count: int
    oldest: Instant
    newest: Instant


class TroubleList(Shown):
    """Everything that failed and was not retried, and everything that does not go on, by workflow, step and class."""

    items: list[TroubleGroup]


class TroubleItem(Shown):
    """One passage in trouble at one step, since when, with what was said, and its enrollment."""

    step: str | None
    n: int | None
    class_: Annotated[str, Field(alias="class")]
    words: str
    since: Instant
    detail: str | None
    enrollment: EnrollmentView


def trouble_group(row: RowMapping) -> TroubleGroup:
    """A counted row as answered."""
    return TroubleGroup(
        **{"class": row["trouble"]},
        workflow=row["slug"],
        step=row["step"] or None,
        stuck=row["trouble"] in STUCK,
        words=trouble_words(row["trouble"]),
        count=row["total"],
        oldest=row["oldest"],
        newest=row["newest"],
    )


def trouble_item(row: RowMapping, enrollment: EnrollmentView) -> TroubleItem:
    """A listed row as answered."""
    return TroubleItem(
        **{"class": row["trouble_trouble"]},
        step=row["trouble_step"] or None,
        n=row["trouble_n"] or None,
        words=trouble_words(row["trouble_trouble"]),
        since=row["trouble_since"],
        detail=row["trouble_detail"],
        enrollment=enrollment,
    )
