"""A successful answer, before it becomes HTTP: kept as data so that it can be stored and given again."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

JSON_TYPE = "application/json"


class Shown(BaseModel):
    """Base of every answer's body: no field has a default, so a forgotten one is an error and the schema is honest."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(BaseModel):
    """Status, headers and JSON text of a success; ``body`` is empty for 204.

    ``kept`` is stored instead of ``body`` for an answer to a repeated call, where the body holds a secret.
    """

    model_config = ConfigDict(frozen=True)

    status: int
    headers: dict[str, str]
    body: str
    kept: str | None = None

    def response(self) -> Response:
        """The answer as HTTP."""
        return Response(self.body, self.status, self.headers, JSON_TYPE if self.body else None)


def answer(
    body: BaseModel | None,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    kept: BaseModel | None = None,
) -> Answer:
    """An answer with ``body`` as JSON; None answers 204 without a body."""
    if body is None:
        return Answer(status=204, headers=dict(headers or {}), body="")
    stored = None if kept is None else kept.model_dump_json()
    return Answer(status=status, headers=dict(headers or {}), body=body.model_dump_json(), kept=stored)
