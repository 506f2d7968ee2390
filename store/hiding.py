"""Keeps values out of what database errors say: their texts end in logs and rows that outlive the data."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

QUOTING = "22"
"""SQLSTATE class of data exceptions: their first line quotes the value (PostgreSQL manual, appendix A)."""


def hide_values(engine: AsyncEngine) -> None:
    """From now on no error raised on ``engine`` says a value; parameters are hidden by ``hide_parameters`` already."""
    event.listen(engine.sync_engine, "handle_error", _hide)


def _hide(context: ExceptionContext) -> None:
    for error in _chain(context.sqlalchemy_exception or context.original_exception):
        if error.args and isinstance(error.args[0], str):
            error.args = (_without_values(error, error.args[0]), *error.args[1:])
        if isinstance(getattr(error, "detail", None), str):
            error.detail = None  # type: ignore[attr-defined]


def _chain(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or getattr(at, "orig", None)


def _without_values(error: BaseException, text: str) -> str:
    """The first line, as PostgreSQL's next ones quote rows; less of it where already that quotes."""
    quotes = any(isinstance(each, ValueError) or _state(each).startswith(QUOTING) for each in _chain(error))
    line = text.partition("\n")[0]
    return f"{line.partition(': ')[0]} (the value is not shown)" if quotes else line


def _state(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "")
