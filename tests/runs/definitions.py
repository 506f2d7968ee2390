"""Definitions the run tests publish: the one of the format's documentation, with delays a test can wait for."""

from __future__ import annotations

from typing import Any


def follow_up(slug: str, *, wait: dict[str, int], **parts: Any) -> dict[str, Any]:
    """The follow-up on an opportunity that becomes Engaging."""
    return {
        "slug": slug,
        "name": "New opportunity follow-up",
        "object": "contact",
        "type": "standard",
        "allow_multiple_opportunities": True,
        "entry": {"triggers": [engaging()]},
        "exit": {"goals": [won()]},
        "steps": [
            email("hello", "About {{ opportunity.product }}"),
            {"id": "gap", "kind": "delay", "for": wait},
            {
                "id": "big",
                "kind": "branch",
                "branches": [
                    {
                        "id": "large",
                        "name": "Large deal",
                        "where": of_opportunity("close_value", "gte", 5000),
                        "steps": [task("call", "Call about {{ opportunity.product }}")],
                    }
                ],
                "otherwise": [email("again", "Any questions about {{ opportunity.product }}?")],
            },
            {
                "id": "mark",
                "kind": "action",
                "action": "set_property",
                "config": {"property": "last_touched_at", "value": {"now": {}}},
            },
        ],
        **parts,
    }


def by_hand(slug: str, steps: list[dict[str, Any]], **parts: Any) -> dict[str, Any]:
    """A contact workflow without triggers."""
    return {"slug": slug, "name": slug, "object": "contact", "type": "standard", "steps": steps, **parts}


def engaging() -> dict[str, Any]:
    """The trigger of the follow-up."""
    return {
        "id": "t1",
        "on": "filter",
        "object": "opportunity",
        "where": {"property": "stage", "op": "is", "value": "Engaging"},
    }


def won() -> dict[str, Any]:
    """The goal of the follow-up."""
    return {"id": "won", "name": "Won", "where": of_opportunity("stage", "is", "Won")}


def of_opportunity(property: str, op: str, value: Any) -> dict[str, Any]:
    """A condition on the bound opportunity."""
    return {"property": property, "op": op, "value": value, "of": {"object": "opportunity"}}


def email(step: str, subject: str) -> dict[str, Any]:
    """An email step."""
    return {
        "id": step,
        "kind": "action",
        "action": "send_email",
        "config": {"subject": subject, "html": "<p>Hi {{ contact.first_name }}</p>", "transactional": True},
    }


def task(step: str, title: str, **config: Any) -> dict[str, Any]:
    """A task step."""
    return {"id": step, "kind": "action", "action": "create_task", "config": {"title": title, **config}}


def gap(step: str = "gap", **length: int) -> dict[str, Any]:
    """A delay by a length."""
    return {"id": step, "kind": "delay", "for": length}


def anchored(step: str, at: str | None = None, **offset: int) -> dict[str, Any]:
    """A delay that counts from the date of a dated workflow."""
    return {"id": step, "kind": "delay", "until": {"anchor": offset, **({"time": at} if at else {})}}
