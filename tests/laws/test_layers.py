"""Who may import whom (docs/concepts.md, Rooms)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.laws.sources import ROOMS, ROOT, ROOTS, hold, modules

OUTSIDE = frozenset(sys.stdlib_module_names) | {"__future__"}

OURS = {
    "domain": {"domain"},
    "workflows": {"workflows", "domain"},
    "store": {"store", "domain", "migrations"},
    "gateways": {"gateways", "domain"},
    "services": {"services", "domain", "store"},
    "activities": {"activities", "domain", "store", "gateways", "services"},
    "api": {"api", "domain", "store", "services", "gateways", "activities"},
}

CLIENT_LIBRARIES = {
    "aiosmtpd",
    "aiosmtplib",
    "cryptography",
    "css_inline",
    "dkim",
    "email_validator",
    "holidays",
    "httpcore2",
    "httpx2",
    "liquid",
    "mrml",
    "opentelemetry",
    "prometheus_client",
    "phonenumbers",
    "ruamel",
    "temporalio",
}

THEIRS = {
    "domain": {"pydantic", "pydantic_core", "annotated_types"},
    "workflows": {"temporalio", "pydantic"},
    "store": {"sqlalchemy", "alembic", "pydantic", "pydantic_core", "asyncpg", "aiosqlite"},
    "gateways": {"pydantic", *CLIENT_LIBRARIES},
    "services": {"pydantic", "pydantic_core"},
    "activities": {"pydantic", "temporalio"},
    "api": {"fastapi", "fastapi_offline", "starlette", "pydantic", "pydantic_core", "pydantic_settings", "sqlalchemy",
            "prometheus_client", "uvicorn", "python_multipart"},
}  # fmt: skip

TEMPORAL_PARTS = {
    "workflows": ("temporalio.workflow", "temporalio.common", "temporalio.exceptions"),
    "activities": ("temporalio.activity", "temporalio.exceptions"),
}

API_ROOTS = {"api/__main__.py"}
"""The only module of the API that reads settings and builds gateways."""


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    known = {*ROOMS, *ROOTS, "examples", "migrations", "tests", "benchmarks"}
    broken = [
        f"{module.path}:{line} imports {name}"
        for module in modules(room)
        for line, name in module.imports()
        if (first := name.partition(".")[0]) in known - OURS[room] and module.path not in API_ROOTS
        if first in known
    ]
    hold(broken, f"{room} may import {', '.join(sorted(OURS[room]))} only; move the code or pass the value in.")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_uses_only_the_libraries_that_are_its_business(room: str) -> None:
    ours = {*ROOMS, *ROOTS, "examples", "migrations", "tests", "benchmarks"}
    broken = [
        f"{module.path}:{line} imports {name}"
        for module in modules(room)
        for line, name in module.imports()
        if name.partition(".")[0] not in OUTSIDE | ours | THEIRS[room] and module.path not in API_ROOTS
    ]
    hold(broken, f"{room} may use {', '.join(sorted(THEIRS[room]))}; other knowledge enters through domain/ports.py.")


@pytest.mark.parametrize("room", sorted(TEMPORAL_PARTS))
def test_temporal_is_used_through_its_small_door(room: str) -> None:
    allowed = TEMPORAL_PARTS[room]
    broken = [
        f"{module.path}:{line} imports {name}"
        for module in modules(room)
        for line, name in module.imports()
        if name.startswith("temporalio") and not any(name == part or name.startswith(f"{part}.") for part in allowed)
    ]
    hold(broken, f"{room} may use {', '.join(allowed)} of temporalio only.")


def test_each_gateway_knows_one_outside_library() -> None:
    broken = [
        f"{module.path} imports {', '.join(sorted(used))}"
        for module in modules("gateways")
        if len(used := {name.partition(".")[0] for _, name in module.imports()} & CLIENT_LIBRARIES) > 1
    ]
    hold(broken, "One outside service per gateway file.")


def test_the_api_takes_only_the_catalogue_from_activities() -> None:
    broken = [
        f"{module.path}:{line} imports {name}"
        for module in modules("api")
        for line, name in module.imports()
        if name.startswith("activities") and not name.startswith("activities.catalogue")
    ]
    hold(broken, "The API reads what actions exist, never how they run.")


def test_import_linter_agrees_also_about_indirect_imports() -> None:
    found = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr
