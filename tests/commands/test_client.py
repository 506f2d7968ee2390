"""What a person is told whose address of the API leads nowhere, or somewhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner, Result

from cli import app


def report(url: str, **environment: str) -> Result:
    """A command against that address. Whatever goes wrong is one line on stderr."""
    known = {"FOLLOWTHROUGH_URL": url, "FOLLOWTHROUGH_API_KEY": "ft_any"}
    result = CliRunner().invoke(app, ["report", "follow-up"], env={**known, **environment})
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8080", "localhost", "ftp://example.com", "http://", "http://127.0.0.1:port", "http://[::1"],
)
def test_an_address_that_is_none_is_told_with_the_variable_and_an_example(url: str) -> None:
    told = report(url)
    assert told.exit_code == 2
    assert f"FOLLOWTHROUGH_URL={url} " in told.stderr
    assert "like http://127.0.0.1:8080" in told.stderr


@pytest.mark.parametrize("page", ["/api/v1", "/docs"])
def test_an_address_with_a_page_of_the_api_is_told_what_to_leave_out(page: str) -> None:
    told = report(f"http://127.0.0.1:8080{page}/")
    assert told.exit_code == 2
    assert f"leave out {page}" in told.stderr


def test_where_nothing_listens_one_is_told_how_to_start_it_or_point_elsewhere() -> None:
    told = report("http://127.0.0.1:9")
    assert told.exit_code == 4
    for expected in ("http://127.0.0.1:9 does not answer", "`followthrough up`", "FOLLOWTHROUGH_URL"):
        assert expected in told.stderr


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (200, "<!doctype html>", "text/html"),
        (301, "", "text/html"),
        (404, "File not found", "text/plain"),
        (404, '{"detail": "Not Found", "errors": []}', "application/json"),
    ],
)
def test_another_program_at_the_address_is_not_taken_for_the_api(
    httpserver: HTTPServer, status: int, body: str, content_type: str
) -> None:
    httpserver.expect_request("/api/v1/workflows/follow-up/report").respond_with_data(body, status, None, content_type)
    told = report(httpserver.url_for("/"))
    assert told.exit_code == 4
    assert f"answers (HTTP {status}) but is not Followthrough's API" in told.stderr
    assert "FOLLOWTHROUGH_URL" in told.stderr


def test_a_proxy_whose_api_is_away_is_told_as_such(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/v1/workflows/follow-up/report").respond_with_data("Bad Gateway", 502)
    told = report(httpserver.url_for(""))
    assert told.exit_code == 4
    assert "does not answer (HTTP 502)" in told.stderr


def test_settings_that_cannot_be_used_are_told_where_the_address_comes_from_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FOLLOWTHROUGH_URL", raising=False)
    monkeypatch.setenv("FOLLOWTHROUGH_API_PORT", "many")
    result = CliRunner().invoke(app, ["report", "follow-up"], env={"FOLLOWTHROUGH_DATA_DIR": str(tmp_path)})
    assert result.exit_code == 2
    assert "FOLLOWTHROUGH_API_PORT" in result.stderr
