"""The example workflows can be published as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateways.yaml_files import read_document
from tests.domain.builders import look

FILES = sorted((Path(__file__).parents[2] / "examples" / "workflows").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_has_no_problem(path: Path) -> None:
    assert look(read_document(path.read_text(encoding="utf-8"))).problems == ()
