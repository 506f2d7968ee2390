"""The command line's way to the API: where it is, with which key, and what its refusals mean as an exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Self

import httpx2

from commands.installation import read_settings
from commands.output import ExitCode, Failed

TIMEOUT_S = 30.0
UPLOAD_TIMEOUT_S = 600.0
"""The largest file takes about half a minute to take in; a slow line is allowed the rest."""

PAGE = 200
PREFIX = "/api/v1"

WHERE_IT_RUNS = "set FOLLOWTHROUGH_URL to where it runs, like http://127.0.0.1:8080"


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
        return _decoded(self.send("GET", path, params=params))

    def post(self, path: str, body: Any = None) -> Any:
        """The decoded answer of a POST."""
        return _decoded(self.send("POST", path, json=body))

    def put(self, path: str, body: Any) -> Any:
        """The decoded answer of a PUT."""
        return _decoded(self.send("PUT", path, json=body))

    def patch(self, path: str, body: Any) -> Any:
        """The decoded answer of a PATCH."""
        return _decoded(self.send("PATCH", path, json=body))

    def upload(self, path: str, fields: Mapping[str, str], file: tuple[str, BinaryIO]) -> Any:
        """The decoded answer of a multipart POST with one file, streamed from disk."""
        return _decoded(self.send("POST", path, data=dict(fields), files={"file": file}, timeout=UPLOAD_TIMEOUT_S))

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
            answer = self._http.request(method, f"{PREFIX}{path}", **more)
        except httpx2.HTTPError as error:
            why = str(error) or type(error).__name__
            raise Failed(ExitCode.NOT_REACHABLE, _away(self._http.base_url, why)) from None
        if answer.is_success:
            return answer
        raise _failed(answer)


def connect() -> Client:
    """A client of the installation that the environment names, or of the local one.

    Raises:
        Failed: the address or another setting cannot be used, or there is no key.
    """
    url, key = os.environ.get("FOLLOWTHROUGH_URL"), os.environ.get("FOLLOWTHROUGH_API_KEY")
    if not url or not key:
        # Only then the installation's own settings matter; a client elsewhere needs none of them.
        settings = read_settings()
        url = url or settings.local_url
        if not key and settings.local_key_file.is_file():
            key = settings.local_key_file.read_text().strip()
    if not key:
        raise Failed(ExitCode.REFUSED, "no API key: set FOLLOWTHROUGH_API_KEY, or run `followthrough up` here")
    headers = {"Authorization": f"Bearer {key}"}
    return Client(httpx2.Client(base_url=_address(url), headers=headers, timeout=TIMEOUT_S, trust_env=False))


def _address(written: str) -> httpx2.URL:
    """The address of the API.

    Raises:
        Failed: it is none.
    """
    try:
        url = httpx2.URL(written.rstrip("/"))
    except httpx2.InvalidURL as error:
        raise Failed(ExitCode.USAGE, f"FOLLOWTHROUGH_URL={written} is no address ({error}): {WHERE_IT_RUNS}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise Failed(ExitCode.USAGE, f"FOLLOWTHROUGH_URL={written} does not begin with http://host: {WHERE_IT_RUNS}")
    for page in (PREFIX, "/docs"):
        if url.path.endswith(page):
            raise Failed(ExitCode.USAGE, f"FOLLOWTHROUGH_URL={written}: leave out {page}")
    return url


def _decoded(answer: httpx2.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise _stranger(answer) from None


def _failed(answer: httpx2.Response) -> Failed:
    """What a refusal means. Every error of the API is a problem document; what else answers stands before it."""
    if not answer.headers.get("content-type", "").startswith("application/problem+json"):
        return _stranger(answer)
    problem = answer.json()
    code = ExitCode.REFUSED
    if answer.status_code == 404:
        code = ExitCode.NOT_FOUND
    elif answer.status_code in (502, 503, 504):
        code = ExitCode.NOT_REACHABLE
    lines = [f"{error['path'] or '/'}: {error['message']}" for error in problem["errors"]]
    return Failed(code, problem["detail"], lines=lines, problem=problem)


def _stranger(answer: httpx2.Response) -> Failed:
    """What answers is not the API: another program, or a proxy whose API is away."""
    status = f"HTTP {answer.status_code}"
    base = str(answer.url).partition(PREFIX)[0]
    if answer.status_code in (502, 503, 504):
        return Failed(ExitCode.NOT_REACHABLE, _away(base, status))
    return Failed(ExitCode.NOT_REACHABLE, f"{base} answers ({status}) but is not Followthrough's API: {WHERE_IT_RUNS}")


def _away(url: object, why: str) -> str:
    return f"the API at {url} does not answer ({why}): start it with `followthrough up`, or {WHERE_IT_RUNS}"
