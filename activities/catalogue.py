"""Which actions there are: one per file of ``activities/actions``, found by looking, refused loudly when wrong."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import activities.actions
from activities.action import Action
from domain.catalogue import ActionSpec


class WrongAction(Exception):
    """A file of the folder is not an action; the message says which and what to do."""


@cache
def actions() -> Mapping[str, Action[Any]]:
    """Every action by name, in alphabetical order; read once per process.

    Raises:
        WrongAction: a file has no ``ACTION``, its name is another one, or importing it failed.
    """
    return scan(activities.actions.__name__, activities.actions.__path__)


def specs() -> dict[str, ActionSpec]:
    """The same, as validation and the reference read them."""
    return {name: action.spec() for name, action in actions().items()}


def scan(package: str, folders: Iterable[str]) -> Mapping[str, Action[Any]]:
    """Import every module of a package and collect its ``ACTION``; see ``actions`` for what is refused."""
    found: dict[str, Action[Any]] = {}
    # Folder by folder, because asked about several at once it would keep quiet about a name that two of them have.
    for name in sorted(module.name for folder in folders for module in pkgutil.iter_modules([folder])):
        if name in found:
            raise WrongAction(f"{package}.{name} exists twice: keep one file per action")
        found[name] = _action_of(package, name)
    return MappingProxyType(found)


def _action_of(package: str, name: str) -> Action[Any]:
    try:
        module = importlib.import_module(f"{package}.{name}")
    except Exception as error:
        raise WrongAction(f"{package}.{name} cannot be imported: {error}") from error
    action = getattr(module, "ACTION", None)
    if not isinstance(action, Action):
        raise WrongAction(f"{package}.{name} has no ACTION: an action file ends with ACTION = Action(…)")
    if action.name != name:
        raise WrongAction(f"{package}.{name} calls its action {action.name!r}: file and action have one name")
    return action
