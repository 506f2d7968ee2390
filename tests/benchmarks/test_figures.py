"""The closing table tells each figure beside what it is held against."""

from __future__ import annotations

from benchmarks.figures import Figure, table


def test_a_figure_stands_beside_what_it_is_held_against_with_the_ratio() -> None:
    lines = table(
        [Figure("journeys", 25.8, "/s", "twin (aim 0.8)", 31.6), Figure("memory", 1234.5, "MiB")]
    ).splitlines()
    assert [line.split("  ") for line in (" ".join(line.split()) for line in lines[3:])] == [
        ["journeys 25.8 /s twin (aim 0.8) 31.6 /s 0.816"],
        ["memory 1,234 MiB"],
    ]


def test_a_run_that_measured_nothing_has_no_table() -> None:
    assert table([]) == ""
