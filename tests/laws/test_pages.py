"""The pages that teach the format show only what validation accepts, and name what really exists."""

from __future__ import annotations

import re
from typing import Any

import pytest

from domain.definition import WorkflowSettings
from domain.errors import StepFailed
from gateways import template_budget, template_source
from gateways.templates import LiquidTemplates
from gateways.yaml_files import read_document
from tests.domain.builders import action, look, with_steps
from tests.laws.sources import ROOT, hold

WORKFLOWS = (ROOT / "docs" / "workflows.md").read_text(encoding="utf-8")
TEMPLATES = (ROOT / "docs" / "templates.md").read_text(encoding="utf-8")


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def _with_template(text: str) -> dict[str, Any]:
    """A workflow in which everything a template may name exists, and a step that has this one."""
    trigger = {"id": "t1", "on": "event", "event": "form.submitted"}
    steps = (action("call", "create_task", title="Call"), action("note", "create_task", title="Note", body=text))
    return with_steps(*steps, entry={"triggers": [trigger]}, parameters=[{"name": "offer"}])


@pytest.mark.parametrize("text", _blocks(WORKFLOWS, "yaml"), ids=lambda text: text.split("\n", 1)[0])
def test_a_workflow_of_the_page_has_no_problem(text: str) -> None:
    assert look(read_document(text)).problems == ()


def test_the_page_shows_every_type_step_and_trigger() -> None:
    shown = "\n".join(_blocks(WORKFLOWS, "yaml"))
    kinds = ["action", "delay", "wait", "branch", "value_branch", "split", "goto", "end"]
    wanted = [f"kind: {kind}" for kind in kinds]
    wanted += [f"type: {type}" for type in ("scheduled", "specific_date", "date_property")]
    wanted += [f"on: {on}" for on in ("filter", "event", "created", "changed", "webhook")]
    hold([each for each in wanted if not re.search(rf"{each}\b", shown)], "docs/workflows.md has an example of each.")
    named = {*WorkflowSettings.model_fields} - set(re.findall(r"`(\w+)`", WORKFLOWS))
    hold(named, "docs/workflows.md names every setting.")


@pytest.mark.parametrize("text", _blocks(TEMPLATES, "liquid"))
def test_a_template_of_the_page_has_no_problem(text: str) -> None:
    assert look(_with_template(text)).problems == ()


def test_the_page_names_the_filters_and_tags_there_are() -> None:
    env = LiquidTemplates()._environments[False]
    filters, tags = (re.findall(r"`(\w+)`", part) for part in _lists())
    assert sorted(filters) == sorted(env.filters)
    # What the engine calls its own parts, and what it reads before there are tags.
    assert set(tags) == {*env.tags} - {"#", "content", "illegal", "output"} | {"raw"}


def _lists() -> tuple[str, str]:
    filters = re.search(r"^Filters: (.*?)\n\n", TEMPLATES, flags=re.MULTILINE | re.DOTALL)
    tags = re.search(r"^Tags: (.*?)\n\n", TEMPLATES, flags=re.MULTILINE | re.DOTALL)
    assert filters is not None
    assert tags is not None
    return filters.group(1), tags.group(1)


def test_the_page_names_the_limits_there_are() -> None:
    b, s = template_budget, template_source
    numbers = (b.LARGEST_OUTPUT_BYTES, b.LARGEST_VALUE, b.LONGEST_LIST, b.LONGEST_RANGE, b.MOST_NAMES, s.LONGEST_TAG)
    limits = TEMPLATES.split("## Limits")[1]
    hold([n for n in numbers if not re.search(rf"\b{n:,}\b", limits)], "docs/templates.md names every limit.")
    assert f"{s.LARGEST_SOURCE_BYTES // 1024} KiB" in limits


@pytest.mark.parametrize(
    "text",
    ["{{ contact.nickname | default: 'x' }}", "{{ settings.key }}", "{{ parameters.other }}", "{{ owner.phone }}"],
)
def test_an_unknown_variable_is_a_problem_whatever_its_default(text: str) -> None:
    assert [p.code for p in look(_with_template(text)).problems] == ["unknown_variable"]


def test_what_a_step_did_not_give_needs_a_default() -> None:
    templates = LiquidTemplates()
    variables: dict[str, Any] = {"steps": {"call": {}}}
    assert templates.render("{{ steps.call.task | default: 'none' }}", variables, html=False) == "none"
    with pytest.raises(StepFailed, match="bad_template"):
        templates.render("{{ steps.call.task }}", variables, html=False)
