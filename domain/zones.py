"""Which time zone a workflow's clock times are meant in."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.definition import Definition


def zone_of(definition: Definition, account_zone: str) -> str:
    """The IANA name of the workflow's zone: its own, or the account's."""
    zone = definition.settings.timezone
    return account_zone if zone == "account" else zone


def is_zone(name: str) -> bool:
    """Whether the name is a time zone of the IANA database."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
