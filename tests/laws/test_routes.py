"""Every route says who may call it, in one table."""

from __future__ import annotations

from domain.access import SCOPES
from tests.fixtures.access import ANYBODY, JOB, routes, rows
from tests.laws.sources import hold


def test_every_route_has_its_row_in_the_table_of_who_may_call_it() -> None:
    missing = [f"{method} {path} has no row" for method, path in sorted(routes() - set(rows()))]
    hold(missing, "Write the route below the scope that opens it, in tests/fixtures/access.py.")
    gone = [f"{method} {path} is no route any more" for method, path in sorted(set(rows()) - routes())]
    hold(gone, "Take its row out of tests/fixtures/access.py.")


def test_the_table_names_scopes_that_there_are() -> None:
    unknown = {scope for opens in rows().values() for scope in opens} - {*SCOPES, JOB, ANYBODY}
    assert not unknown
