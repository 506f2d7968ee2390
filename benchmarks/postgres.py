"""A PostgreSQL server of one side of a comparison: what it is asked, and what it costs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.places import Missing, tree_cpu_seconds
from tests.fixtures.databases import SUPERUSER, PostgresCluster, postgres_binaries


class Cluster:
    """A server in a temporary folder, with one database."""

    def __init__(self, binaries: Path, server: PostgresCluster) -> None:
        self._binaries = binaries
        self._server = server
        self.folder = server.folder
        self.name = server.create()
        self.url = server.url(self.name)
        self.environment = {"PGHOST": str(server.folder), "PGUSER": SUPERUSER}
        """For programs that find their server as libpq does."""

    def number(self, sql: str) -> int:
        """The one number that a query answers."""
        return int(self._psql(sql))

    def tidy(self) -> None:
        """Do at once what autovacuum does within minutes."""
        self._psql("VACUUM (ANALYZE)")

    def _psql(self, sql: str) -> str:
        where = ["-h", str(self.folder), "-U", SUPERUSER, "-d", self.name]
        command = [str(self._binaries / "psql"), *where, "-XAtc", sql]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=self.folder).stdout

    def bytes(self) -> int:
        """The size of the database with its indexes; not of the log written ahead."""
        return self.number("SELECT pg_database_size(current_database())")

    def cpu_seconds(self) -> float:
        """User and system time of the server and everybody it started."""
        return tree_cpu_seconds(int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0]))


@contextmanager
def postgres() -> Iterator[Cluster]:
    """A new server with an empty database, gone with the block.

    Raises:
        Missing: PostgreSQL is not installed on this machine.
    """
    binaries = postgres_binaries()
    if binaries is None:
        raise Missing(
            "PostgreSQL: its programs (initdb, postgres, psql) are neither on PATH nor in /usr/lib/postgresql"
        )
    server = PostgresCluster(binaries)
    try:
        server.start()
        yield Cluster(binaries, server)
    finally:
        server.stop()
