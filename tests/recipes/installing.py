"""What tests of recipes do again and again: install one, let somebody in, and look at what they got."""

from __future__ import annotations

from typing import Any

from tests.fixtures.running import Running
from tests.runs.walking import entered, way

__all__ = ["event", "installed", "only", "outbox", "person", "way"]


async def installed(ft: Running, slug: str, **answers: Any) -> list[str]:
    """Install and publish a recipe; the slugs of its workflows. Nothing about it is even worth a warning."""
    made = await ft.call("POST", f"/recipes/{slug}/install", {"parameters": answers, "publish": True}, expect=201)
    assert [(each["problems"], each["warnings"]) for each in made["workflows"]] == [([], [])] * len(made["workflows"])
    return [each["slug"] for each in made["workflows"]]


async def person(ft: Running, name: str, *, subscribed: str | None = "newsletter", **properties: Any) -> str:
    """A marketing contact, subscribed to a type; the id."""
    address = f"{name.lower()}@example.com"
    marketing = {"marketing_status": "marketing", **properties}
    contact = await ft.create("contact", email=address, first_name=name, **marketing)
    if subscribed is not None:
        said: Any = {"subscriptions": {subscribed: "subscribed"}}
        await ft.call("PUT", f"/records/contact/{contact}/subscriptions", said)
    return contact


async def event(ft: Running, contact: str, name: str, **properties: Any) -> None:
    """Something that happens to a contact."""
    body: Any = {"event": name, "record": {"object": "contact", "id": contact}, "properties": properties}
    await ft.call("POST", "/events", body)


async def only(ft: Running, slug: str) -> Any:
    """The one enrollment of a workflow."""
    (found,) = await entered(ft, slug)
    return found


def outbox(ft: Running, channel: str = "email") -> list[str]:
    """The subjects (of text messages the texts) of what left, in order."""
    return [each.get("subject") or each["text"] for each in ft.outbox(channel)]
