"""Connections to PostgreSQL: one that is gone is noticed before it is used, a server that is away is known for that.

A server stops and comes back while everything else goes on: nobody starts API or workers anew for that.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

ASKED_AFTER_S = 10.0
"""How long a connection may lie idle and still be used unasked. The driver notices at once when the server ends one;
only what a network between them dropped in silence has to be asked about, and that takes idle minutes."""

_LAID_DOWN = "laid_down"


def notice_the_gone(engine: Engine) -> None:
    """Replace connections that are gone when they are taken from the pool.

    ``pool_pre_ping`` asks the server each time: three more statements for a transaction that has ten.
    """

    def laid_down(_connection: Any, record: Any) -> None:
        record.info[_LAID_DOWN] = time.monotonic()

    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError
        idle_s = time.monotonic() - record.info.get(_LAID_DOWN, time.monotonic())
        if idle_s < ASKED_AFTER_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            raise InvalidatePoolError from None

    event.listen(engine, "checkin", laid_down)
    event.listen(engine, "checkout", taken)


def know_who_is_away(engine: Engine) -> None:
    """A server whose socket file is not there refuses a connection, as one at an address does; no file is missing."""

    def connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        try:
            return dialect.connect(*arguments, **options)
        except FileNotFoundError as error:
            raise ConnectionRefusedError(error.errno, "the server is away, with its socket") from error

    event.listen(engine, "do_connect", connect)
