"""Definition files: what is written is read back, and no reader takes a text for something else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definition import load_definition
from domain.documents import to_document
from domain.errors import Invalid, TooLarge
from domain.identities import give_ids
from gateways.yaml_files import read_definition, read_document, write_definition, write_document
from tests.domain.builders import EXAMPLE, action, delay, look, with_steps

FILE = """\
slug: new-opportunity-follow-up
name: New opportunity follow-up
object: contact
entry:
  triggers:
    - {id: t1, on: filter, object: opportunity, where: {property: stage, op: is, value: Engaging}}
steps:
  - {id: mon9, kind: delay, until: {weekdays: [mon], time: "09:00"}}
  - {id: day, kind: delay, until: {date: 2027-01-31, time: 17:30}}
  - id: land
    kind: value_branch
    property: country
    cases: [{id: c1, values: [NO, SE], steps: []}]
"""


def test_on_and_no_and_times_and_dates_are_what_they_look_like() -> None:
    read: Any = read_definition(FILE)
    assert read["entry"]["triggers"][0]["on"] == "filter"
    assert read["steps"][1]["until"] == {"date": "2027-01-31", "time": "17:30"}
    assert read["steps"][2]["cases"][0]["values"] == ["NO", "SE"]
    assert look(read).problems == ()


def test_times_and_words_older_readers_misread_are_written_in_quotes() -> None:
    definition = look(read_definition(FILE)).definition
    assert definition is not None
    written = write_definition(definition)
    for text in ('time: "09:00"', 'time: "17:30"', 'date: "2027-01-31"', '- "NO"', "- SE", '"on": filter'):
        assert text in written


def test_defaults_are_left_out_and_fields_are_in_the_order_of_the_models() -> None:
    turned = {key: EXAMPLE[key] for key in reversed(EXAMPLE)}
    definition = look({**turned, "description": "", "folder": ""}).definition
    assert definition is not None
    document = to_document(definition)
    assert list(document) == ["slug", "name", "object", "allow_multiple_opportunities", "entry", "exit", "steps"]


def test_push_then_pull_gives_the_same_bytes() -> None:
    definition = look(EXAMPLE).definition
    assert definition is not None
    written = write_definition(definition)
    pushed = look(read_definition(written)).definition
    assert pushed == definition
    assert pushed is not None
    assert write_definition(pushed) == written


def test_texts_of_several_lines_and_odd_ones_survive() -> None:
    html = "<p>Hi {{ contact.first_name }},</p>\n\n  <p>…</p>\n"
    odd = [
        "yes",
        "n",
        "0x1F",
        "1_000",
        "1e3",
        "12:30:45",
        "~",
        "",
        " a ",
        "#no",
        "a: b",
        "- x",
        "é",
        "\t",
        "a\r\nb",
        "'",
    ]
    steps = [action("hello", "send_email", subject=odd[3], html=html), delay()]
    document = give_ids(with_steps(*steps, description="\n".join(odd)))
    assert read_document(write_document(document)) == document
    assert read_document(write_document({"odd": [*odd]})) == {"odd": odd}


BOMB = "\n".join(f"k{i}: &k{i} [{','.join([f'*k{i - 1}' if i else 'x'] * 9)}]" for i in range(9))
"""Nine lines that stand for hundreds of millions of values."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(["on", "NO", "17:30", "null"])
SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | TEXTS
LISTS = st.lists(SCALARS, max_size=4)
OBJECTS = st.dictionaries(TEXTS, SCALARS | LISTS, max_size=3)
VALUES = SCALARS | LISTS | OBJECTS | st.lists(OBJECTS, max_size=3)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_every_document_is_read_back_as_it_was_written(document: dict[str, Any]) -> None:
    written = write_document(document)
    assert read_document(written) == document
    assert write_document(read_document(written)) == written


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("slug: [", "line 1"),
        ("slug: a\nslug: b\n", "line 2"),
        ("- a\n- b\n", "object"),
        ("1: x\n", "key 1"),
        ("a: .inf\n", "finite"),
        ("a: !!python/object:os.system x\n", "line 1"),
        ("a: !!set {b}\n", "neither"),
        ("", "object"),
        ("a: &a [x, *a]\n", "references"),
        (BOMB, "references"),
        ("[" * 500, "deeply"),
    ],
)
def test_what_is_no_definition_file_is_refused_with_the_place(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        read_definition(text)


def test_a_file_over_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        read_definition("a: " + "x" * 1024 * 1024)


def test_a_stored_definition_is_read_back() -> None:
    definition = look(EXAMPLE).definition
    assert definition is not None
    assert load_definition(to_document(definition)) == definition
