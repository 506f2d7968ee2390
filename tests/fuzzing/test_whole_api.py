"""Whatever is sent to whichever route, it answers as its reference says: no failure, no status that is not documented.

schemathesis reads the reference, as a client would, and sends what fits it and what does not: values at and over each
limit, missing and foreign fields, wrong types, wrong keys. What it finds is repeated with the command it prints.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Client

from tests.fixtures.clock import FixedClock
from tests.fixtures.serving import serving

ROOT = Path(__file__).parents[2]
PARTS = 4
"""Programs that each go through a part of the routes. One with several threads trips over a fault of Python 3.11."""

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "ignored_auth",
)  # fmt: skip
"""All but those on methods: `POST /records/{object}/import` and `GET /records/{object}/{record_id}` share addresses."""

NOT_HERE = frozenset({("delete", "/api/v1/api-keys/{key_id}")})
"""It would end the key that the others are called with."""

NAME = "sample"
"""What everything that has a name is called, so that addresses with one lead to something."""


def populate(api: Client) -> dict[str, str]:
    """One of each kind; what the parameters of paths are called, and a value of each that exists."""

    def made(path: str, body: Any, method: str = "POST") -> Any:
        answer = api.request(method, f"/api/v1{path}", json=body)
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json() if answer.content else None

    contact = made("/records/contact", {"properties": {"email": "ana@example.com", "first_name": "Ana"}})["id"]
    company = made("/records/company", {"properties": {"name": "Fjord"}})["id"]
    made(f"/records/contact/{contact}/associations/company/{company}", None, "PUT")
    user = made("/users", {"name": "Kim", "email": "kim@example.com"})["id"]
    made("/teams", {"slug": NAME, "members": [{"user": user}]})
    made("/lists", {"slug": NAME, "object": "contact"})
    made("/emails", {"slug": NAME, "subject": "Hi", "html": "<p>Hi {{ contact.first_name }}</p>"})
    made("/subscription-types", {"slug": NAME})
    made("/channels", {"slug": NAME, "kind": "chat"})
    step = {"id": NAME, "kind": "delay", "for": {"days": 2}}
    made("/workflows", {"slug": NAME, "name": "Sample", "object": "contact", "steps": [step]})
    made(f"/workflows/{NAME}/publish", {})
    body = {"record": {"object": "contact", "id": contact}}
    taken = made(f"/workflows/{NAME}/enrollments", body)["enrollment_id"]
    job = made(f"/workflows/{NAME}/enrollments/bulk", {"ids": [contact]})["id"]
    return {
        "object": "contact", "object2": "company", "record_id": contact, "other_id": company, "slug": NAME,
        "user_id": user, "enrollment_id": taken, "job_id": job, "step": NAME, "property": "first_name",
    }  # fmt: skip


def parts(reference: dict[str, Any], known: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The reference in parts, with values that exist for the parameters of paths.

    Its word for any other answer is taken out: each status has to be named.
    """
    for operations in reference["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("default")
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" and parameter["name"] in known:
                    parameter["schema"] = {"anyOf": [{"const": known[parameter["name"]]}, parameter["schema"]]}
    paths = [
        (path, {method: each for method, each in operations.items() if (method, path) not in NOT_HERE})
        for path, operations in reference["paths"].items()
    ]
    for n in range(PARTS):
        yield {**reference, "paths": dict(paths[n::PARTS])}


def fuzz(folder: Path, url: str, *options: str) -> None:
    """Send everything to a populated API, and fail with what was found."""
    with serving(url, FixedClock(), folder) as (address, key):
        with Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, trust_env=False) as api:
            known = populate(api)
            reference = api.get("/openapi.json").json()
        running = []
        for n, part in enumerate(parts(reference, known)):
            written = folder / f"part-{n}.json"
            written.write_text(json.dumps(part))
            running.append((n, _start(folder, written, address, key, *options)))
        failed = [n for n, process in running if process.wait() != 0]
        told = "\n".join((folder / f"part-{n}.log").read_text()[-8000:] for n in failed)
        assert not failed, told.replace(key, "ft_…")


def _start(folder: Path, written: Path, address: str, key: str, *options: str) -> subprocess.Popen[bytes]:
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", str(written), "--url", address,
        "-H", f"Authorization: Bearer {key}", "--checks", ",".join(CHECKS), "--continue-on-failure", "--no-shrink",
        "--no-color", "--warnings", "off", "--seed", "1", *options,
    ]  # fmt: skip
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks", "PYTHONPATH": str(ROOT)}
    with written.with_suffix(".log").open("wb") as log:
        return subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )


@pytest.mark.timeout(900)
def test_every_route_answers_as_its_reference_says(sqlite_url: str, tmp_path: Path) -> None:
    fuzz(tmp_path, sqlite_url, "--phases", "coverage,fuzzing", "--max-examples", "3")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_route_answers_as_its_reference_says_to_whatever_is_drawn(database_url: str, tmp_path: Path) -> None:
    fuzz(tmp_path, database_url, "--phases", "coverage,fuzzing,stateful", "--max-examples", "100")
