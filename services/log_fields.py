"""Which ids everything logged belongs to: bound around a piece of work, and read by whatever writes the line.

Whoever calls sees them too: a service that logs need not be handed the id of the request it works for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

Fields = Mapping[str, str | int]

_bound: ContextVar[Fields] = ContextVar("log_fields", default=MappingProxyType({}))


@contextmanager
def log_fields(**ids: str | int | None) -> Iterator[None]:
    """Within it every line has these ids beside those bound already. Ids only: never an address, name or value."""
    token = _bound.set(_with(ids))
    try:
        yield
    finally:
        _bound.reset(token)


def add_log_fields(**ids: str | int | None) -> None:
    """The same from here to the end of the block that surrounds it: for what is learnt on the way."""
    _bound.set(_with(ids))


def bound_fields() -> Fields:
    """The ids that a line written here belongs to."""
    return _bound.get()


def _with(ids: Mapping[str, str | int | None]) -> Fields:
    return {**_bound.get(), **{name: value for name, value in ids.items() if value is not None}}
