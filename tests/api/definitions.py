"""Definitions the API tests publish."""

from __future__ import annotations

from typing import Any


def follow_up(slug: str = "follow-up", **more: Any) -> dict[str, Any]:
    """Contacts that are leads get a task; an opportunity can be bound."""
    return {
        "slug": slug,
        "name": "Follow up",
        "object": "contact",
        "type": "standard",
        "entry": {
            "triggers": [
                {"id": "t1", "on": "filter", "where": {"property": "lifecycle_stage", "op": "is", "value": "lead"}}
            ]
        },
        "steps": [
            {"id": "call", "kind": "action", "action": "create_task", "config": {"title": "Call"}},
            {"id": "gap", "kind": "delay", "for": {"days": 2}},
        ],
        **more,
    }
