"""What is written beside the code agrees with it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from activities.catalogue import specs
from docs.build import pages
from tests.laws.sources import ROOT, hold


@pytest.mark.parametrize("page", sorted(pages(specs())), ids=str)
def test_the_generated_reference_is_not_stale(page: str) -> None:
    written = ROOT / page
    assert written.is_file(), f"{page} is missing: run `make docs` and commit it."
    assert written.read_text() == pages(specs())[page], f"{page} is stale: run `make docs` and commit it."


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-extras.lock", "requirements-dev.lock"])
def test_lock_files_name_packages_and_hashes_and_no_place_to_get_them(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.findall(r"^-", text, flags=re.MULTILINE), "options belong to the machine that installs"
    pinned = re.findall(r"^[A-Za-z0-9_.\-\[\]]+==\S+", text, flags=re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^\S", text, flags=re.MULTILINE)), "every line pins one version"


@pytest.mark.parametrize(
    ("smaller", "larger"), [("requirements", "requirements-extras"), ("requirements-extras", "requirements-dev")]
)
def test_each_lock_holds_the_one_below_it(smaller: str, larger: str) -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[A-Za-z0-9_.\-]+==[^ ;\\]+", (ROOT / name).read_text(), flags=re.MULTILINE))

    hold(pins(f"{smaller}.lock") - pins(f"{larger}.lock"), "Run `make lock`: all files pin one version each.")


def _documents() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False)
    found = listed.stdout.split() if listed.returncode == 0 else [str(p.relative_to(ROOT)) for p in ROOT.glob("*.md")]
    return [ROOT / name for name in found if (ROOT / name).is_file()]


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{document.relative_to(ROOT)} -> {target}"
        for document in _documents()
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text())
        if "://" not in target and not target.startswith("mailto:")
        if not (document.parent / target).exists()
    ]
    hold(broken, "A link leads to a file of the repository.")


def test_every_setting_is_documented() -> None:
    from settings import Settings

    text = (ROOT / "docs" / "operations.md").read_text()
    missing = [name for name in Settings.model_fields if f"`{name.upper()}`" not in text]
    hold(missing, "docs/operations.md has a row for every setting.")
