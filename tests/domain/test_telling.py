"""How what happened is told to people: no reason stays a name of the program."""

from __future__ import annotations

from typing import get_args

from domain import messages
from domain.instants import no_day_words
from domain.telling import SKIPS, tell_visit


def test_every_reason_to_skip_has_words() -> None:
    assert set(get_args(messages.SkipReason)) <= SKIPS.keys()


def test_what_was_past_names_its_instant() -> None:
    when = "Mon 2 Mar 2020 11:00 (UTC)"
    assert tell_visit("skipped", "skipped_past", when) == f"skipped: its time, {when}, had passed"
    assert tell_visit("skipped", "skipped_past", None) == "skipped: its time had passed"
    assert tell_visit("done", "past", when) == f"went on at once: its time, {when}, had passed"


def test_a_day_out_of_reach_is_told_with_the_days_there_are() -> None:
    assert no_day_words("9999-12-31") == "'9999-12-31' is not a day of the calendar from 1000-01-02 to 9999-12-30"


def test_the_same_words_are_not_said_twice() -> None:
    words = "the contact is not a marketing contact"
    assert tell_visit("skipped", "not_marketing_contact", words) == f"skipped: {words}"
