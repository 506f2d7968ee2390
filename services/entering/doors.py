"""Whether a workflow lets records in at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from store.database import Row


def lets_in(workflow: Row | Mapping[str, Any], now: datetime) -> bool:
    """Whether records may enter: it is on, and its time has not come, whoever turns it off for good a little later."""
    return bool(workflow["is_on"]) and (workflow["turn_off_at"] is None or now < workflow["turn_off_at"])
