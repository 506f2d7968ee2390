"""`followthrough recipe …`: ready-made workflows, shown and installed."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from commands.client import connect
from commands.output import AsJson, ExitCode, Failed, show, speaking, table

recipe = typer.Typer(help="Ready-made workflows with their emails.", no_args_is_help=True)

Slug = Annotated[str, typer.Argument(metavar="RECIPE", help="The recipe.")]


@recipe.command("list")
def list_recipes(as_json: AsJson = False) -> None:
    """List what there is to install."""
    with speaking(as_json), connect() as api:
        found = list(api.items("/recipes", at_most=1000))
        rows = [(each["slug"], each["object"], each["summary"]) for each in found]
        show(found, table(rows, ("recipe", "about", "what it does")), as_json=as_json)


@recipe.command("show")
def show_one(slug: Slug, as_json: AsJson = False) -> None:
    """Show what a recipe asks for and what it adds."""
    with speaking(as_json), connect() as api:
        found = api.get(f"/recipes/{quote(slug, safe='')}")
        show(found, _told(found), as_json=as_json)


@recipe.command("install")
def install(
    slug: Slug,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="An answer to what the recipe asks for.")
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Publish and turn on; else they are drafts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Add the workflows of a recipe, their emails and what they need."""
    with speaking(as_json), connect() as api:
        asked = api.get(f"/recipes/{quote(slug, safe='')}")["parameters"]
        body = {"parameters": _answers(settings or [], asked), "publish": publish}
        made = api.post(f"/recipes/{quote(slug, safe='')}/install", body)
        show(made, _added(made), as_json=as_json)


def _answers(settings: list[str], asked: list[Any]) -> dict[str, Any]:
    """``name=value`` each; a number where the recipe asks for one."""
    numbers = {parameter["name"] for parameter in asked if parameter["type"] == "number"}
    found = {}
    for each in settings:
        name, equals, value = each.partition("=")
        if not equals:
            raise Failed(ExitCode.USAGE, f"--set {each}: say NAME=VALUE")
        found[name] = _number(value) if name in numbers else value
    return found


def _number(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _told(found: Any) -> str:
    lines = [f"{found['name']} ({found['origin']})", found["summary"], ""]
    rows = [_asked(each) for each in found["parameters"]]
    if rows:
        lines += [table(rows, ("asks for", "type", "unless told", "what it is")), ""]
    lines += [f"workflow {each['slug']}: {each['name']}, about {each['object']}" for each in found["workflows"]]
    lines += [f"email {each['slug']}: {each['subject']}" for each in found["emails"]]
    needs = found["needs"]
    lines += [f"needs the property {each['object']}.{each['name']} ({each['type']})" for each in needs["properties"]]
    lines += [f"needs the subscription type {each['slug']}" for each in needs["subscription_types"]]
    lines += [f"needs the list {each['slug']}" for each in needs["lists"]]
    return "\n".join(lines)


def _asked(parameter: Any) -> tuple[str, ...]:
    kind = " or ".join(parameter["options"]) or parameter["type"]
    unless_told = "has to be given" if parameter["default"] is None else str(parameter["default"])
    what = ": ".join(filter(None, (parameter["label"], parameter["description"])))
    return parameter["name"], kind, unless_told, what


def _added(made: Any) -> str:
    lines = [f"added the property {each}" for each in made["properties"]]
    lines += [f"added the subscription type {each}" for each in made["subscription_types"]]
    lines += [f"added the list {each}" for each in made["lists"]]
    lines += [f"added the email {each}" for each in made["emails"]]
    for each in made["workflows"]:
        state = f"published as version {each['version']}" if each["version"] is not None else "added as a draft"
        lines.append(f"{each['slug']}: {state}")
        lines += [f"  {told['path'] or '/'}: {told['message']}" for told in [*each["problems"], *each["warnings"]]]
    return "\n".join(lines)
