"""Every route says who may call it and what it writes into the audit log, each in one table."""

from __future__ import annotations

from domain.access import SCOPES
from domain.audit import KINDS, WHATS, kind_of
from tests.fixtures.access import ANYBODY, JOB, routes, rows
from tests.fixtures.auditing import AUDITED, BY_COMMAND, audited, not_audited
from tests.laws.sources import hold


def test_every_route_has_its_row_in_the_table_of_who_may_call_it() -> None:
    missing = [f"{method} {path} has no row" for method, path in sorted(routes() - set(rows()))]
    hold(missing, "Write the route below the scope that opens it, in tests/fixtures/access.py.")
    gone = [f"{method} {path} is no route any more" for method, path in sorted(set(rows()) - routes())]
    hold(gone, "Take its row out of tests/fixtures/access.py.")


def test_the_table_names_scopes_that_there_are() -> None:
    unknown = {scope for opens in rows().values() for scope in opens} - {*SCOPES, JOB, ANYBODY}
    assert not unknown


def test_every_route_that_changes_something_is_audited_or_says_why_not() -> None:
    changing = {row for row in routes() if row[0] not in ("GET", "HEAD")}
    missing = [f"{method} {path}" for method, path in sorted(changing - set(audited()) - not_audited())]
    hold(
        missing,
        "Write the change down with services.auditing.audited() and the route into tests/fixtures/auditing.py: AUDITED "
        "(tests/api/test_audit.py then wants to see it done), or NOT_AUDITED with the reason.",
    )
    gone = [f"{method} {path} changes nothing" for method, path in sorted((set(audited()) | not_audited()) - changing)]
    hold(gone, "Take it out of tests/fixtures/auditing.py.")
    both = [f"{method} {path} is in both" for method, path in sorted(set(audited()) & not_audited())]
    hold(both, "A route is audited or it is not.")


def test_every_change_that_the_audit_log_knows_is_made_by_a_route_or_a_command() -> None:
    assert set(AUDITED.values()) | BY_COMMAND == set(WHATS)
    assert {kind_of(what) for what in WHATS} == set(KINDS)
