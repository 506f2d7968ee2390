"""Writes and reads the addresses that messages carry, with the keys of this installation."""

from __future__ import annotations

from domain.links import Link, Purpose, read_token, write_token
from services.installation import Installation
from store.schema import Account

PATHS: dict[Purpose, str] = {"unsubscribe": "/u/", "open": "/t/o/", "click": "/t/c/", "callback": "/api/v1/callbacks/"}


def link_keys(inst: Installation, account: Account) -> tuple[str, ...]:
    """The keys that links are signed with, the first one, and read with, all of them.

    Those of the settings come first; the one the installation made for itself always reads what it signed once.
    """
    return (*inst.link_keys, *([account.link_key] if account.link_key else []))


def address_of_link(inst: Installation, account: Account, link: Link) -> str:
    """The public address of a link."""
    return f"{inst.public_url}{PATHS[link.purpose]}{write_token(link, link_keys(inst, account))}"


def read_link(inst: Installation, account: Account, token: str, purpose: Purpose) -> Link | None:
    """What a token says; None for one that is not ours."""
    return read_token(token, purpose, link_keys(inst, account))
