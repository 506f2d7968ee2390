"""The page about security names tests that there are, and every dependency."""

from __future__ import annotations

import re

from tests.laws.sources import ROOT, hold

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def _attackers() -> list[str]:
    """The rows of the table of who attacks."""
    table = PAGE.split("## Who attacks")[1].split("\n## ")[0]
    return [line for line in table.splitlines() if line.startswith("|")][2:]


def test_every_test_named_there_exists() -> None:
    named = set(re.findall(r"tests/[\w/]+\.py", PAGE))
    assert len(named) > 20
    hold(sorted(name for name in named if not (ROOT / name).is_file()), "docs/security.md names a test that is gone.")
    empty = [name for name in sorted(named) if not re.search(r"^(async )?def test_", (ROOT / name).read_text(), re.M)]
    hold(empty, "docs/security.md names a file as a proof in which nothing is tested.")


def test_nothing_is_said_to_stand_in_the_way_without_a_test() -> None:
    rows = _attackers()
    assert len(rows) > 10
    hold([row for row in rows if "`tests/" not in row], "Each row of docs/security.md names the test that proves it.")


def test_every_dependency_says_what_it_is_for() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    listed = text.split("[project.scripts]")[0]
    names = re.findall(r'"([A-Za-z0-9._-]+)(?:\[[\w,]+\])?[><=]', listed.split("dependencies = [")[1])
    assert len(names) > 25
    table = PAGE.split("## Dependencies")[1]
    hold([name for name in names if f"`{name}`" not in table], "docs/security.md says what each dependency is for.")
