"""The catalogue: every file is an action, every action has its test, and what is wrong is refused loudly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import activities.actions
import tests.activities.actions
from activities.catalogue import WrongAction, actions, scan, specs
from activities.registry import action_activities
from domain.names import QUEUE_EMAIL, QUEUE_RUNS, QUEUE_SMS
from services.installation import Installation
from services.telling.reference import render_actions

ACTION_FILE = """
from activities.action import Action
from domain.catalogue import ActionConfig

class PokeConfig(ActionConfig):
    pass

async def run(context, config):
    return {}

ACTION = Action(name="%s", title="Poke", description="Pokes.", effect="inside", config=PokeConfig, run=run, outcomes=())
"""


def _names(package: str, prefix: str = "") -> set[str]:
    files = Path(package).glob(f"{prefix}*.py")
    return {file.stem.removeprefix(prefix) for file in files if not file.stem.startswith("__")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    package = tmp_path / "poked"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "poked"]:
        del sys.modules[name]


def test_every_file_of_the_folder_is_in_the_catalogue_and_has_a_test_of_its_name() -> None:
    assert set(actions()) == _names(activities.actions.__path__[0])
    assert set(actions()) == _names(tests.activities.actions.__path__[0], "test_")


def test_the_catalogue_is_in_order_and_cannot_be_changed() -> None:
    assert list(actions()) == sorted(actions())
    with pytest.raises(TypeError):
        actions()["more"] = actions()["send_email"]  # type: ignore[index]


def test_a_file_dropped_into_the_folder_is_an_action(folder: Path) -> None:
    (folder / "poke.py").write_text(ACTION_FILE % "poke")

    assert list(scan("poked", [str(folder)])) == ["poke"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no ACTION"),
        (ACTION_FILE % "push", "one name"),
        ("import nothing_of_this_name", "cannot be imported"),
    ],
)
def test_a_file_that_is_no_action_is_refused(folder: Path, content: str, words: str) -> None:
    (folder / "poke.py").write_text(content)

    with pytest.raises(WrongAction, match=words):
        scan("poked", [str(folder)])


def test_two_folders_with_one_name_are_refused(folder: Path) -> None:
    (folder / "poke.py").write_text(ACTION_FILE % "poke")
    other = folder / "other"
    other.mkdir()
    (other / "poke.py").write_text(ACTION_FILE % "poke")

    with pytest.raises(WrongAction, match="twice"):
        scan("poked", [str(folder), str(other)])


@pytest.mark.parametrize("name", sorted(actions()))
def test_every_field_of_a_config_has_a_title_and_a_description(name: str) -> None:
    fields = specs()[name].config.model_fields
    bare = [field for field, info in fields.items() if not (info.title and info.description)]
    assert bare == []


@pytest.mark.parametrize(
    ("queue", "one"),
    [(QUEUE_RUNS, "action.create_task"), (QUEUE_EMAIL, "action.send_email"), (QUEUE_SMS, "action.send_sms")],
)
def test_a_queue_registers_its_own_actions(installation: Installation, queue: str, one: str) -> None:
    made = {each.__temporal_activity_definition.name for each in action_activities(installation, queue)}  # type: ignore[attr-defined]

    own = {f"action.{name}" for name, spec in specs().items() if spec.queue == queue}
    assert one in made
    assert made == own | ({"record_failure"} if queue == QUEUE_RUNS else set())


def test_the_reference_names_every_action_and_every_field() -> None:
    page = render_actions(specs())

    named = [
        name
        for name, spec in specs().items()
        if f"## {name}" in page and all(f in page for f in spec.config.model_fields)
    ]
    assert named == list(specs())
