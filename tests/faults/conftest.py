"""Where a site of real processes keeps what the product knows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fixtures.databases import PostgresCluster


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Settings of a site on the database of this session (``--database``), which is empty."""
    yield from _on(request, request.config.getoption("--database"))


@pytest.fixture(params=["sqlite", "postgresql"])
def kept_both(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The same on each kind of database."""
    yield from _on(request, request.param)


def _on(request: pytest.FixtureRequest, kind: str) -> Iterator[dict[str, str]]:
    if kind == "sqlite":
        yield {}
        return
    cluster: PostgresCluster = request.getfixturevalue("postgres_cluster")
    name = cluster.create()
    yield {"database_url": cluster.url(name)}
    cluster.drop(name)
