"""What recipes ask for: an answer of each type is taken as it is, and anything else is told with its place."""

from __future__ import annotations

import pytest

from domain.base import Json
from domain.errors import Invalid
from domain.recipes import Recipe, fill


def asking(type: str, **more: Json) -> Recipe:
    """A recipe that asks for one thing and is named by it."""
    parameter = {"name": "it", "label": "It", "type": type, **more}
    parts = {"slug": "one", "name": "One", "summary": "One", "origin": "nowhere", "parameters": [parameter]}
    return Recipe.model_validate({**parts, "workflows": [{"slug": "one", "name": "${it}"}]}, strict=False)


CHOICE: dict[str, Json] = {"options": ["early", "late"]}


@pytest.mark.parametrize(
    ("recipe", "answer"),
    [
        (asking("text"), "Some words"),
        (asking("number"), 4.5),
        (asking("date"), "2027-02-28"),
        (asking("link"), "https://example.com/a?b=c&d=e#f"),
        (asking("choice", **CHOICE), "late"),
    ],
)
def test_an_answer_is_put_in_as_it_is(recipe: Recipe, answer: Json) -> None:
    assert fill(recipe, {"it": answer}).workflows == [{"slug": "one", "name": answer}]


@pytest.mark.parametrize(
    ("recipe", "answer", "words"),
    [
        (asking("text"), " ", "It is a text"),
        (asking("text"), "two\nlines", "It has no line breaks"),
        (asking("number"), "4", "It is a number"),
        (asking("number"), True, "It is a number"),
        (asking("date"), "2027-02-29", "It is a date: '2027-02-29' is not a day of the calendar"),
        (asking("date"), "28.02.2027", "It is a date"),
        (asking("link"), "www.example.com", "It is the address of a page"),
        (asking("link"), "javascript:alert(1)", "It is the address of a page"),
        (asking("link"), 'https://example.com/" onclick="x', "It is the address of a page"),
        (asking("link"), "https://", "It is the address of a page"),
        (asking("choice", **CHOICE), "Late", "It is early or late"),
    ],
)
def test_what_is_no_answer_is_told(recipe: Recipe, answer: Json, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        fill(recipe, {"it": answer})
    (error,) = refused.value.errors
    assert (error.path, error.code) == ("/parameters/it", "wrong_type")
    assert error.message.startswith(words)
