"""Recipes: what they ask for is told, and one is installed whole or not at all."""

from __future__ import annotations

from typing import Any

from domain.recipes import Recipe, RecipeParameter
from gateways.recipe_files import RecipeFiles
from tests.api.conftest import Caller

PATH = "/recipes/welcome-message"
RECIPES = RecipeFiles().all()


def answer_to(parameter: RecipeParameter, user: str) -> Any:
    """What somebody might say."""
    if parameter.default is not None:
        return parameter.default
    if parameter.type == "choice":
        return parameter.options[0]
    said = {"number": 5, "user": user, "team": "team", "date": "2030-06-01", "link": "https://example.com/page"}
    return said.get(parameter.type, "Something")


async def answers_to(api: Caller, recipe: Recipe) -> dict[str, Any]:
    """Answers to everything a recipe asks for; the user and the team are there."""
    found = await api.ok("GET", "/users")
    user = found["items"][0]["id"] if found["items"] else None
    if user is None:
        user = (await api.ok("POST", "/users", {"name": "Kim", "email": "kim@example.com"}, status=201))["id"]
        await api.ok("POST", "/teams", {"slug": "team", "members": [{"user": user}]}, status=201)
    return {each.name: answer_to(each, user) for each in recipe.parameters}


async def test_a_recipe_is_listed_shown_and_installed_as_a_draft(api: Caller) -> None:
    listed = (await api.ok("GET", "/recipes?limit=200"))["items"]
    assert [each["slug"] for each in listed] == sorted(each["slug"] for each in listed)
    (found,) = [each for each in listed if each["slug"] == "welcome-message"]
    assert found["parameters"][0]["name"] == "form"
    shown = await api.ok("GET", PATH)
    assert shown["emails"][0]["slug"] == "welcome"
    made = await api.ok("POST", f"{PATH}/install", {"parameters": {"form": "footer"}}, status=201)
    assert (made["subscription_types"], made["emails"]) == (["newsletter"], ["welcome"])
    assert made["workflows"] == [
        {"slug": "welcome-message", "name": "Welcome message", "version": None, "problems": [], "warnings": []}
    ]
    draft = (await api.ok("GET", "/workflows/welcome-message"))["definition"]
    assert draft["managed_by"] == "recipe"
    assert draft["entry"]["triggers"][0]["where"]["value"] == "footer"


async def test_nothing_is_written_over_and_nothing_stays_of_a_refusal(api: Caller) -> None:
    body: dict[str, Any] = {"parameters": {}, "publish": True}
    await api.ok("POST", "/emails", {"slug": "welcome", "subject": "Hi", "html": "<p>Hi</p>"}, status=201)
    refused = await api.problem("POST", f"{PATH}/install", body, status=409)
    assert refused["type"].endswith("slug_taken")
    assert "an email welcome" in refused["detail"]
    assert (await api.ok("GET", "/subscription-types"))["items"] == []
    assert (await api.ok("GET", "/workflows"))["items"] == []


async def test_a_recipe_that_is_there_is_not_installed_again(api: Caller) -> None:
    first = await api.ok("POST", f"{PATH}/install", {"publish": True}, status=201)
    assert first["workflows"][0]["version"] == 1
    refused = await api.problem("POST", f"{PATH}/install", {}, status=409)
    assert "a workflow welcome-message" in refused["detail"]


async def test_what_is_asked_for_and_not_said_is_told(lite: Caller) -> None:
    body = {"parameters": {"form": 5, "from": "x"}}
    refused = await lite.problem("POST", f"{PATH}/install", body, status=422)
    told = [(error["path"], error["code"]) for error in refused["errors"]]
    assert told == [("/parameters/from", "unknown_field"), ("/parameters/form", "wrong_type")]
    for wrong in (None, " ", "two\nlines", "x" * 2001):
        await lite.problem("POST", f"{PATH}/install", {"parameters": {"form": wrong}}, status=422)
    await lite.problem("POST", "/recipes/none/install", {}, status=404)
    await lite.problem("GET", "/recipes/none", status=404)


async def test_installing_is_for_who_may_change_everything(lite: Caller) -> None:
    other = await lite.with_scopes("workflows:read", "workflows:write", "workflows:publish")
    await other.ok("GET", PATH)
    await other.problem("POST", f"{PATH}/install", {}, status=403)


async def test_all_of_them_live_in_one_installation(lite: Caller) -> None:
    for slug, recipe in RECIPES.items():
        body = {"parameters": await answers_to(lite, recipe), "publish": True}
        made = await lite.ok("POST", f"/recipes/{slug}/install", body, status=201)
        told = [(each["slug"], each["problems"], each["warnings"]) for each in made["workflows"]]
        assert told == [(str(each["slug"]), [], []) for each in recipe.workflows]
    shown = (await lite.ok("GET", "/workflows?limit=200"))["items"]
    assert {each["slug"] for each in shown} == {str(w["slug"]) for r in RECIPES.values() for w in r.workflows}
