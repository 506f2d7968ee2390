"""Which database errors pass by themselves: the server is away, or one of two transactions had to yield."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

YIELDED = ("40001", "40P01", "55P03")
"""SQLSTATE of serialization failure, deadlock, lock not available (PostgreSQL manual, appendix A)."""

AWAY = ("08", "53", "57P")
"""SQLSTATE classes of lost connections, exhausted resources and shutdown."""


def is_transient(error: BaseException) -> bool:
    """Whether trying the same again later can succeed without anybody mending anything."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state:
        return state in YIELDED or state.startswith(AWAY)
    if isinstance(error, InterfaceError):
        return True
    words = str(error.orig).lower()
    return isinstance(error, OperationalError) and ("locked" in words or "busy" in words or "unable to open" in words)
