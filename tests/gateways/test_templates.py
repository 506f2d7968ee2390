"""Liquid, made safe."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domain.base import Json
from domain.errors import StepFailed
from gateways.template_budget import BUDGET
from gateways.template_trial import ENOUGH
from gateways.templates import LiquidTemplates
from tests.gateways.template_attacks import ALONE, ATTACKS

CONTACT: dict[str, Json] = {
    "first_name": "Ana",
    "city": None,
    "bio": "<script>alert('x')</script>",
    "birthday": "2027-01-31",
    "last_touched_at": "2027-01-31T09:05:00.000000Z",
    "tags": ["a", "b"],
    "score": 7,
}


def render(source: str, *, html: bool = False, **variables: Json) -> str:
    return LiquidTemplates().render(source, {"contact": CONTACT, **variables}, html=html)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hi {{ contact.first_name }}!", "Hi Ana!"),
        ("{{ contact.city }}|{{ contact.city | upcase }}|{{ contact.city | date: '%Y' }}", "||"),
        ("{{ contact.city | default: 'your town' }}", "your town"),
        ("{{ contact.unheard_of | default: 'there' }} {{ unheard.of | default: 1 }}", "there 1"),
        ("{% if contact.city %}yes{% else %}no{% endif %}", "no"),
        ("{{ contact.birthday | date: '%d.%m.%Y' }}", "31.01.2027"),
        ("{{ contact.last_touched_at | date: '%H:%M' }}", "09:05"),
        ("{{ 0 | date: '%Y-%m-%d' }}", "1970-01-01"),
        ("{{ 'soon' | date: '%Y' }}", "soon"),
        ("{% for tag in contact.tags %}{{ forloop.index }}{{ tag }}{% endfor %}", "1a2b"),
        ("{% for i in (1..3) %}{% cycle 'x', 'y' %}{% endfor %}", "xyx"),
        ("{% increment n %}{% increment n %}", "01"),
        ("{% assign n = contact.score | plus: 1 | times: 2 %}{{ n }}", "16"),
        ("{% capture c %}{{ contact.first_name }}!{% endcapture %}{{ c }}", "Ana!"),
        ("{% raw %}{{ not a tag {% endraw %}", "{{ not a tag "),
        ("{{ contact.tags | join: '+' | replace: '+', ' and ' }}", "a and b"),
        ("{% case contact.first_name %}{% when 'Ana' %}A{% else %}B{% endcase %}", "A"),
        ("{% comment %}nobody reads this{% endcomment %}{% # nor this %}x", "x"),
        ("{{ '<b>' }} {{ contact.bio | strip_html }}", "<b> "),
        ("", ""),
    ],
)
def test_liquid_renders_as_authors_expect(source: str, text: str) -> None:
    assert render(source) == text


def test_html_escapes_values_and_keeps_what_the_author_wrote() -> None:
    assert render("<b>{{ contact.bio }}</b>{{ '<i>' }}", html=True) == (
        "<b>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</b><i>"
    )


@pytest.mark.parametrize(
    "filters", ["append: ''", "prepend: '<b>'", "replace: 'x', 'y'", "upcase", "strip", "escape_once"]
)
def test_no_filter_smuggles_a_value_past_escaping(filters: str) -> None:
    assert "<script" not in render("{{ contact.bio | " + filters + " }}", html=True).lower()


def test_the_filter_that_would_switch_escaping_off_does_not_exist() -> None:
    with pytest.raises(StepFailed, match="safe"):
        render("{{ contact.bio | safe }}", html=True)


def test_text_and_subjects_are_not_escaped() -> None:
    assert render("{{ name }}", name="Müller & Söhne") == "Müller & Söhne"


@pytest.mark.parametrize(
    "source",
    [
        "{{ unheard_of }}",
        "{{ contact.unheard_of }}",
        "{% if contact.unheard_of %}{% endif %}",
        "{{ contact.city.name }}",
        "{{ contact.__class__ }}",
        "{{ contact.tags.append }}",
        "{{ now }}",
        "{{ 'now' | date: '%Y' }}",
        "{{ 'today' | date: '%Y' }}",
        "{{ 5 | divided_by: 0 }}",
        "{{ 'inf' | floor }}",
        "{{ 'x,1' | split: ',' | sum }}",
        "{{ 1 | unheard_of }}",
        "{{ contact.first_name",
        "{% if %}",
        "{% include 'other' %}",
        "{% render 'other' %}",
        "{% unheard_of %}",
        "{% break %}",
        "{{ contact.first_name | truncate: 1, 2, 3, 4 }}",
        "{{ '%00' | url_decode }}",
    ],
)
def test_whatever_goes_wrong_is_a_bad_template(source: str) -> None:
    for html in (False, True):
        with pytest.raises(StepFailed) as failed:
            render(source, html=html)
        assert failed.value.failure == "bad_template"
        assert failed.value.detail


def test_a_mistake_is_told_with_its_line() -> None:
    (problem,) = LiquidTemplates().check("one\ntwo {% if %}\n").problems
    assert problem.message.startswith("Line 2: ")
    assert not problem.unsafe


def test_the_variables_of_a_template_are_its_paths() -> None:
    checked = LiquidTemplates().check(
        "{{ contact.first_name | default: owner.name }}{% for item in steps.hook.items %}{{ item.sku }}{% endfor %}"
        "{% assign mine = event.form %}{{ mine }}{{ steps.hook.items[0].sku }}{{ parameters[contact.key].x }}"
        "{% if enrollment.id == workflow['slug'] %}{{ forloop.index }}{% endif %}"
    )
    assert checked.problems == ()
    assert set(checked.variables) == {
        ("contact", "first_name"),
        ("owner", "name"),
        ("steps", "hook", "items"),
        ("event", "form"),
        ("parameters",),
        ("contact", "key"),
        ("enrollment", "id"),
        ("workflow", "slug"),
        ("forloop", "index"),
    }


def test_variables_inside_branches_and_filter_arguments_are_found() -> None:
    checked = LiquidTemplates().check(
        "{% unless a.b %}{% case c.d %}{% when e.f %}{{ 'x' | append: g.h }}{% endcase %}{% endunless %}"
    )
    assert checked.variables == (("a", "b"), ("c", "d"), ("e", "f"), ("g", "h"))


@pytest.mark.parametrize(
    ("source", "words"),
    [("{{ a | shout }}", "no filter shout"), ("{{ 'now' | date: '%Y' }}", "does not know the present")],
)
def test_what_would_fail_at_every_rendering_is_told_when_saved(source: str, words: str) -> None:
    (problem,) = LiquidTemplates().check(source).problems
    assert words in problem.message
    assert not problem.unsafe


@pytest.mark.parametrize("source", ["{{ contact.", "{% if contact.city", "{% raw %}", "{% ! %}", "{% if a %}"])
def test_a_half_written_draft_is_a_mistake_but_not_unsafe(source: str) -> None:
    (problem,) = LiquidTemplates().check(source).problems
    assert not problem.unsafe


@pytest.mark.parametrize(
    "source",
    [
        "x" * 65_537,
        "é" * 40_000,
        "{{ 'a" + "a" * 2_000 + "' }}",
        "{{" + " " * 150 + "}}",
        "{% for i in (1..1001) %}{% endfor %}",
        "{% for i in (0..contact.score) %}{% endfor %}",
        "{% if true %}{{ 'x' | append: (1..99999999) }}{% endif %}",
        "{% for i in (1..200) %}{% for j in (1..200) %}{% endfor %}{% endfor %}",
    ],
)
def test_what_could_hang_or_explode_is_unsafe(source: str) -> None:
    problems = LiquidTemplates().check(source).problems
    assert any(problem.unsafe for problem in problems)
    with pytest.raises(StepFailed):
        render(source)


def test_a_template_of_the_largest_size_still_works() -> None:
    row = "<tr><td>{{ contact.first_name }}</td></tr>\n"
    source = row * (65_536 // len(row))
    assert LiquidTemplates().check(source).problems == ()
    assert render(source, html=True).count("Ana") == 65_536 // len(row)


def test_one_rendering_leaves_nothing_for_the_next() -> None:
    templates = LiquidTemplates()
    source = "{% increment n %}{% assign a = contact %}{% cycle 'x', 'y' %}"
    assert [templates.render(source, {"contact": CONTACT}, html=False) for _ in range(2)] == ["0x", "0x"]


def test_the_cache_forgets_the_oldest_and_still_renders_it() -> None:
    templates = LiquidTemplates()
    sources = [f"{n} {'.' * 60_000} {{{{ contact.score }}}}" for n in range(40)]
    for source in [*sources, *sources]:
        assert templates.render(source, {"contact": CONTACT}, html=False).endswith(" 7")


@pytest.fixture(scope="module")
def attacked() -> dict[str, dict[str, Any]]:
    """The outcome of every attack, from a process with bounds of its own; those that hang it are missing."""
    command = [sys.executable, "-m", "tests.gateways.template_attacks"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, timeout=110, check=False)
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    return {outcome["name"]: outcome for outcome in outcomes}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_template_hangs_or_explodes(name: str, attacked: dict[str, dict[str, Any]]) -> None:
    assert name in attacked, "this attack, or the one before it, ended the process"
    for outcome in attacked[name]["outcomes"]:
        assert len(outcome) < 400
        assert "MemoryError" not in outcome


def test_ranges_of_any_size_and_place_are_seen_when_saved(attacked: dict[str, dict[str, Any]]) -> None:
    ranges = [outcome for name, outcome in attacked.items() if name.startswith("a range")]
    assert len(ranges) == 11
    assert all(outcome["unsafe"] for outcome in ranges)


@pytest.mark.parametrize("name", ALONE)
def test_what_explodes_by_itself_is_refused_when_saved(name: str, attacked: dict[str, dict[str, Any]]) -> None:
    assert attacked[name]["unsafe"]


def test_looking_into_a_template_is_bounded(attacked: dict[str, dict[str, Any]]) -> None:
    # The step that goes over the budget is charged before it is taken, whatever it would have cost.
    dearest_step = 100_000
    assert all(outcome["work"] < ENOUGH + BUDGET + dearest_step for outcome in attacked.values())


@pytest.mark.parametrize(
    "source",
    [
        "{{ contact.birthday | date: '%d.%m.%Y' }} {{ contact.city | date: contact.first_name }}",
        "{{ contact.score | divided_by: contact.age | times: contact.score | modulo: contact.age | round: 2 }}",
        "{{ contact.tags | split: ',' | first }} {{ contact.tags | sort | uniq | map: 'name' | join: '; ' }}",
        "{{ contact.tags | where: 'kind', 'x' | size }} {{ contact.tags | slice: contact.score, 3 }}",
        "{{ contact.bio | truncatewords: contact.score }} {{ contact.bio | replace: contact.city, contact.bio }}",
        "{% for i in (1..100) %}{% if contact.score == i %}{{ contact.bio }}{% else %}-{% endif %}{% endfor %}",
        "{% for tag in contact.tags limit: contact.score %}{{ tag.name | upcase }}{% endfor %}",
        "{% if contact.score > 1000000000 %}{{ contact.score | times: contact.score }}{% endif %}",
        "{% for i in (1..1000) %}{{ i | times: 2 }},{% endfor %}",
        "{% break %}{% cycle contact.a, contact.b %}{% tablerow x in contact.tags %}x{% endtablerow %}",
        "{% case contact.country %}"
        + "".join(f"{{% when 'C{n}' %}}{{{{ contact.bio | append: '{n}' }}}}" for n in range(200))
        + "{% endcase %}",
        "".join(f"{{% if contact.score > {n} %}}{{{{ contact.bio }}}}{{% endif %}}" for n in range(500)),
        "{{ contact.city }} is {{ contact.bio | escape | strip_html | newline_to_br }}\n" * 800,
    ],
)
def test_nothing_that_can_be_rendered_is_refused_for_the_values_it_is_tried_with(source: str) -> None:
    assert LiquidTemplates().check(source).problems == ()


def test_a_template_is_tried_once() -> None:
    templates = LiquidTemplates()
    assert templates.check("{{ contact.city }}") is templates.check("{{ contact.city }}")
