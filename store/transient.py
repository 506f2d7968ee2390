"""Which database errors pass by themselves: the server is away, or one of two transactions had to yield."""

from __future__ import annotations

import errno
import socket

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

YIELDED = ("40001", "40P01", "55P03")
"""SQLSTATE of serialization failure, deadlock, lock not available (PostgreSQL manual, appendix A)."""

AWAY = ("08", "53", "57P")
"""SQLSTATE classes of lost connections, exhausted resources and shutdown."""


UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN, None})
"""How the system says that nobody is there. asyncio gives no number when it tried several addresses of one host; the
errors of files always have one, and none of these."""


MAYBE_TRANSIENT: tuple[type[Exception], ...] = (DBAPIError, PoolTimeout, OSError)
"""Of which kinds those are that pass by themselves; not all of these kinds do."""


def is_transient(error: BaseException) -> bool:
    """Whether trying the same again later can succeed without anybody mending anything."""
    if isinstance(error, ConnectionError | TimeoutError | PoolTimeout | socket.gaierror):
        # The name of a container is unknown while it is made anew.
        return True
    if isinstance(error, OSError):
        return error.errno in UNREACHABLE
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state:
        return state in YIELDED or state.startswith(AWAY)
    if isinstance(error, InterfaceError):
        # The driver's own; one about a value says the same of it every time.
        return not isinstance(getattr(error.orig, "__cause__", None), ValueError)
    words = str(error.orig).lower()
    return isinstance(error, OperationalError) and ("locked" in words or "busy" in words or "unable to open" in words)
