"""The command line's way to the API: where it is, with which key, and what its refusals mean as an exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Self

import httpx2

from commands.output import ExitCode, Failed

TIMEOUT_S = 30.0
UPLOAD_TIMEOUT_S = 600.0
"""The largest file takes about half a minute to take in; a slow line is allowed the rest."""

PAGE = 200


class Client:
    """A session with the API. Every refusal is raised as ``Failed`` with the exit code it means."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int | None) -> Any:
        """The decoded answer of a GET."""
        params = {name: value for name, value in query.items() if value is not None}
        return self.send("GET", path, params=params).json()

    def post(self, path: str, body: Any = None) -> Any:
        """The decoded answer of a POST."""
        return self.send("POST", path, json=body).json()

    def patch(self, path: str, body: Any) -> Any:
        """The decoded answer of a PATCH."""
        return self.send("PATCH", path, json=body).json()

    def upload(self, path: str, fields: Mapping[str, str], file: tuple[str, BinaryIO]) -> Any:
        """The decoded answer of a multipart POST with one file, streamed from disk."""
        return self.send("POST", path, data=dict(fields), files={"file": file}, timeout=UPLOAD_TIMEOUT_S).json()

    def items(self, path: str, *, at_most: int, **query: str | int | None) -> Iterator[Any]:
        """The items of a list, page by page, up to ``at_most``."""
        cursor: str | None = None
        while at_most > 0:
            page = self.get(path, limit=min(PAGE, at_most), cursor=cursor, **query)
            yield from page["items"]
            at_most -= len(page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def send(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """One call; a success, whatever its status.

        Raises:
            Failed: refused, not found or not reachable.
        """
        try:
            answer = self._http.request(method, f"/api/v1{path}", **more)
        except httpx2.HTTPError as error:
            raise Failed(ExitCode.NOT_REACHABLE, f"the API at {self._http.base_url} does not answer: {error}") from None
        if answer.is_success:
            return answer
        raise _failed(answer)


def connect() -> Client:
    """A client of the installation that the environment names, or of the local one."""
    url, key = os.environ.get("FOLLOWTHROUGH_URL"), os.environ.get("FOLLOWTHROUGH_API_KEY")
    if not url or not key:
        # Only then the installation's own settings matter; a client elsewhere needs none of them.
        from settings import Settings

        settings = Settings.read()
        url = url or settings.local_url
        if not key and settings.local_key_file.is_file():
            key = settings.local_key_file.read_text().strip()
    if not key:
        raise Failed(ExitCode.REFUSED, "no API key: set FOLLOWTHROUGH_API_KEY, or run `followthrough up` here")
    headers = {"Authorization": f"Bearer {key}"}
    return Client(httpx2.Client(base_url=url.rstrip("/"), headers=headers, timeout=TIMEOUT_S, trust_env=False))


def _failed(answer: httpx2.Response) -> Failed:
    try:
        problem = answer.json()
        detail, errors = str(problem["detail"]), list(problem["errors"])
    except (ValueError, KeyError, TypeError):
        problem, detail, errors = None, f"HTTP {answer.status_code}", []
    code = ExitCode.REFUSED
    if answer.status_code == 404:
        code = ExitCode.NOT_FOUND
    elif answer.status_code in (502, 503, 504):
        code = ExitCode.NOT_REACHABLE
    lines = [f"{error['path'] or '/'}: {error['message']}" for error in errors]
    return Failed(code, detail, lines=lines, problem=problem)
