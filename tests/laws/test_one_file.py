"""An action is one file and one test: put into a copy of the tree, everything that knows actions knows it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.laws.sources import ROOMS, ROOT

ACTION = '''"""Greets somebody."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field, StrictStr

from activities.action import Action, InsideContext, Outputs
from domain.catalogue import ActionConfig, ConfigScope, Finding


class GreetConfig(ActionConfig):
    """Whom to greet."""

    whom: StrictStr = Field(title="Whom", description="The one who is greeted.")


def check(config: GreetConfig, scope: ConfigScope) -> Iterable[Finding]:
    """Nobody greets nobody."""
    if config.whom == "nobody":
        yield Finding(path="/whom", code="wrong_value", message="greet somebody")


async def run(context: InsideContext, config: GreetConfig) -> Outputs:
    """Greet."""
    return {"greeted": config.whom}


ACTION = Action(
    name="greet", title="Greet", description="Greets.", effect="inside", config=GreetConfig, run=run, outcomes=(),
    check=check,
)
'''

TEST = '''"""greet: done."""

from __future__ import annotations

from services.installation import Installation
from tests.activities.calls import act
from tests.builders import make_record, stand_at_action


async def test_it_greets(installation: Installation) -> None:
    contact = await make_record(installation, "contact", {"city": "Oslo"})
    standing = await stand_at_action(installation, contact, "greet", {"whom": "Ann"})

    assert (await act(standing, "greet")).outcome == "done"
    assert (await standing.visit())["result"] == {"greeted": "Ann"}
'''

ASKED = """
import json
from docs.build import pages
from activities.catalogue import specs
from domain.validation import examine
from tests.domain.builders import CATALOGUE

def codes(**config):
    step = {"id": "a", "kind": "action", "action": "greet", "config": config}
    found = examine({"slug": "w", "name": "W", "object": "contact", "steps": [step]}, CATALOGUE)
    return [[each.path, each.code] for each in found.problems]

print(json.dumps({
    "schema": specs()["greet"].json_schema(),
    "page": pages(specs())["docs/actions.md"],
    "right": codes(whom="Ann"), "nobody": codes(whom="nobody"), "missing": codes(), "unknown": codes(whom="Ann", hat=1),
}))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "copy"
    for folder in (*ROOMS, "docs", "tests", "migrations", "examples"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.py"), ROOT / "pyproject.toml"):
        shutil.copy(file, copy)
    yield copy
    shutil.rmtree(copy)


def _python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, env={"PYTHONPATH": str(tree), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_an_action_is_known_everywhere_by_one_file_and_one_test(tree: Path) -> None:
    (tree / "activities/actions/greet.py").write_text(ACTION)
    (tree / "tests/activities/actions/test_greet.py").write_text(TEST)

    answer = _python(tree, "-c", ASKED)

    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["schema"]["properties"]["whom"]["title"] == "Whom"
    assert "## greet" in told["page"]
    assert "The one who is greeted." in told["page"]
    assert told["right"] == []
    assert told["nobody"] == [["/steps/0/config/whom", "wrong_value"]]
    assert told["missing"] == [["/steps/0/config/whom", "missing_field"]]
    assert told["unknown"] == [["/steps/0/config/hat", "unknown_field"]]
    tests = ["tests/activities/test_catalogue.py", "tests/activities/actions/test_greet.py"]
    proved = _python(tree, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests, "-k", "not postgresql")
    assert proved.returncode == 0, proved.stdout


def test_without_its_test_an_action_is_refused(tree: Path) -> None:
    (tree / "activities/actions/greet.py").write_text(ACTION)

    proved = _python(
        tree, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "tests/activities/test_catalogue.py",
        "-k", "has_a_test_of_its_name",
    )  # fmt: skip

    assert proved.returncode == 1, proved.stdout
    assert "greet" in proved.stdout
