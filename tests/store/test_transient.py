"""What passes by itself, and what somebody must mend."""

from __future__ import annotations

import errno
import socket

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from store.database import Database
from store.transient import is_transient


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        OSError(errno.EHOSTUNREACH, "No route to host"),
        OSError(errno.ENETUNREACH, "Network is unreachable"),
        OSError("Multiple exceptions: [Errno 111] Connect call failed, [Errno 111] Connect call failed"),
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        PoolTimeout("QueuePool limit of size 10 overflow 10 reached"),
    ],
)
def test_a_database_that_is_away_comes_back(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError(errno.ENOENT, "gone"), OSError(errno.ENOSPC, "full"), PermissionError(errno.EACCES, "no")],
)
def test_a_file_that_cannot_be_used_is_nothing_to_wait_for(error: Exception) -> None:
    assert not is_transient(error)


async def test_a_host_whose_name_is_unknown_is_away() -> None:
    db = Database.open("postgresql://u:p@recreated.invalid/d")
    with pytest.raises(OSError) as away:
        async with db.read():
            pass
    assert is_transient(away.value)
    await db.close()
