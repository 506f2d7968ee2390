"""Requests and answers about the ledger of effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import ConfigDict, Field, StrictStr
from sqlalchemy import RowMapping

from api.answers import Shown
from api.schemas.enrollments import RecordPointer, TemporalView
from api.schemas.records import Body, examples
from domain.base import Instant
from domain.lost_answers import Settlement
from domain.telling import tell_effect
from services.telling.asking import DecisionLink, decision_link


class SettleBody(Body):
    """What became of an effect nobody knows the fate of: ``accepted`` it arrived, ``failed`` it did not.

    ``resend``: it shall be handed over once more, which its run, that waits, does.
    """

    model_config = ConfigDict(
        **examples({"as": "accepted", "note": "she thanked us on the phone"}), populate_by_name=True
    )

    as_: Annotated[Settlement, Field(alias="as")]
    note: Annotated[StrictStr | None, Field(max_length=2000, description="Why; it is kept and shown.")] = None


class EffectView(Shown):
    """One effect that the outside world may have noticed, by its key.

    ``attempt`` counts hand-overs; ``reference`` is what the other side calls it. ``waits``: the run of its enrollment
    waits until somebody decides. ``decisions``: what somebody decided before, oldest first.
    """

    key: str
    workflow: str
    enrollment_id: str
    record: RecordPointer
    bound: RecordPointer | None
    step: str
    n: int
    channel: Annotated[str, Field(examples=["email"])]
    state: Annotated[str, Field(examples=["unknown"])]
    failure: str | None
    detail: str | None
    words: str
    attempt: int
    reference: str | None
    message_id: str | None
    waits: bool
    decisions: list[DecisionLink]
    created_at: Instant
    updated_at: Instant
    temporal: TemporalView


def effect_view(row: RowMapping, decided: Sequence[RowMapping], ui_url: str, names: Mapping[str, str]) -> EffectView:
    """A row of the ledger as answered; ``decided``: what was decided about any, ``names`` of records by id."""
    same = (
        "key", "enrollment_id", "step", "n", "channel", "state", "failure", "detail", "attempt", "reference",
        "message_id", "created_at", "updated_at",
    )  # fmt: skip
    bound = row["bound_id"]
    return EffectView(
        **{name: row[name] for name in same},
        workflow=row["slug"],
        record=RecordPointer(object=row["object"], id=row["record_id"], name=names.get(row["record_id"])),
        bound=None if bound is None else RecordPointer(object=row["bound_object"], id=bound, name=names.get(bound)),
        words=tell_effect(row["state"]),
        waits=bool(row["waits"]),
        decisions=[decision_link(each) for each in decided if each["effect_key"] == row["key"]],
        temporal=TemporalView(workflow_id=row["run_id"], ui_url=ui_url),
    )
