"""Fixtures every room uses, on both databases, and a clean end for processes that loaded the Temporal SDK."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.installation import Installation
from store.database import Database
from tests.fixtures.clock import FixedClock
from tests.fixtures.databases import PostgresCluster, postgres_binaries, prepare
from tests.fixtures.runs import RecordingRuns


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whole sessions run on the database of production."""
    words = "what tests run on that need one database and do not name it; store, services and API run on both anyway"
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite", help=words)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated and seeded file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    prepare(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """A PostgreSQL server of this test process."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: no initdb with its server on PATH or under /usr/lib/postgresql")
    cluster = PostgresCluster(binaries)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture(scope="session")
def postgres_seeded(postgres_cluster: PostgresCluster) -> str:
    """The name of a migrated and seeded database whose rows can be put back."""
    name = postgres_cluster.create()
    prepare(postgres_cluster.url(name))
    postgres_cluster.freeze(name)
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated and seeded SQLite database of this test."""
    path = tmp_path / "followthrough.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_cluster: PostgresCluster, postgres_seeded: str) -> str:
    """A PostgreSQL database as migrated and seeded, whatever the test before did."""
    postgres_cluster.thaw(postgres_seeded)
    return postgres_cluster.url(postgres_seeded)


@pytest.fixture
def app_url(request: pytest.FixtureRequest) -> str:
    """A migrated and seeded database of the kind that this session runs on: ``--database``, SQLite unless said."""
    kind = request.config.getoption("--database")
    url: str = request.getfixturevalue("sqlite_url" if kind == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables, one test on each kind."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/empty.db"
        return
    cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated and seeded database, one test on each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open, migrated and seeded database, one test on each kind."""
    db = Database.open(database_url)
    yield db
    await db.close()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that moves only when the test says so."""
    return FixedClock()


@pytest.fixture
def runs() -> RecordingRuns:
    """What the installation asked Temporal for."""
    return RecordingRuns()


@pytest.fixture
def installation(database: Database, clock: FixedClock, runs: RecordingRuns, tmp_path: Path) -> Installation:
    """A whole installation with real gateways and local outboxes; only Temporal is a stand-in."""
    from tests.fixtures.installations import assemble

    return assemble(database, clock, runs, tmp_path)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Have the collector look at everything between tests only, and never again at what stays for good.

    A full round stops the whole process, for seconds on a busy machine: in the middle of a test a run that is being
    judged then counts as one that hangs.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, NEVER)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Collect what the tests so far left, once it is much."""
    if gc.get_count()[2] >= FULL_ROUND_AFTER:
        gc.collect()


NEVER = 1_000_000
FULL_ROUND_AFTER = 10
"""Rounds of the collector among younger objects, of some 7,000 new ones each."""


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave without the interpreter's teardown once the Temporal SDK was loaded: its threads may abort it.

    The exit status is the one pytest decided on, so a failure stays a failure. A parallel worker leaves as usual:
    its controller has the results by then, and reads nothing from its exit.
    """
    status = config.stash.get(_STATUS, None)
    loaded = "temporalio.bridge" in sys.modules
    if status is None or not loaded or hasattr(config, "workerinput"):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


_STATUS = pytest.StashKey[int]()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remember how the session ended."""
    session.config.stash[_STATUS] = int(exitstatus)
