"""What `followthrough verify` says: each kind with its meaning, few of many written out, all of them counted."""

from __future__ import annotations

import pytest

from commands.verifying import KEPT, SHOWN, TOLD_EVERY, Results
from domain.verification import MEANINGS, Finding


def test_each_kind_is_told_with_what_it_means_and_what_to_do() -> None:
    results = Results()
    for odd in MEANINGS:
        results.keep(Finding(odd=odd, what=f"what of {odd}", detail="accepted"))
    text, kinds = results.text(), {each["kind"]: each for each in results.document()["kinds"]}
    for odd, meaning in MEANINGS.items():
        assert all(part in text for part in (f"{odd}: 1", meaning.says, meaning.do, f"what of {odd}"))
        assert kinds[odd] == {"kind": odd, "count": 1, "repaired": 0, **meaning.model_dump()}


def test_however_many_there_are_they_are_counted_and_few_are_kept() -> None:
    results = Results()
    for n in range(KEPT + 5):
        results.keep(Finding(odd="effect_without_file", what=str(n)))
    assert results.counts["effect_without_file"] == KEPT + 5
    assert len(results.document()["findings"]) == KEPT
    assert f"and {KEPT + 5 - SHOWN} more" in results.text()


def test_how_far_it_is_is_said_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    results = Results()
    for _ in range(25):
        results.tell("effects", TOLD_EVERY // 10)
    assert capsys.readouterr().err.splitlines() == ["10000 effects …", "20000 effects …"]
    assert results.document() == {
        "agrees": True,
        "looked_at": {"effects": 25_000},
        "kinds": [],
        "findings": [],
        "caught_up": None,
    }
    assert "everything has its twin" in results.text()
