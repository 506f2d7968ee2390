"""Callbacks: a step hands out an address, a wait goes on when somebody calls it, and what they said are its outputs."""

from __future__ import annotations

import re

from domain.base import Json
from domain.configs import config_of, variables_of
from domain.events import CALLBACK, CALLBACK_PREFIX
from domain.examination import Examination
from domain.facts import EventFacts
from domain.names import effect_key
from domain.operators import is_number
from domain.reader import join
from domain.steps import ActionStep, Step, WaitEvent
from domain.webhooks import LONGEST_TEXT

VARIABLE = "callback"
"""``{{ callback.url }}`` in the templates of a step is the address it hands out."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


def callback_id(enrollment_id: str, step: str, n: int) -> str:
    """The id of the event that the address of a visit leads to; so that it happens once."""
    return f"{CALLBACK_PREFIX}{effect_key(enrollment_id, step, n)}"


def outputs_of(event: EventFacts) -> dict[str, Json]:
    """What a wait that went on by an event gives later steps: of a callback, its plain fields."""
    if event.name != CALLBACK:
        return {}
    return {name: value for name, value in event.properties.items() if _NAME.fullmatch(name) and _is_plain(value)}


def check_callback(x: Examination, awaited: WaitEvent, path: str) -> None:
    """Tell when a wait for a callback does not say of which step, or that one hands out no address."""
    steps = x.definition.steps_by_id()
    if awaited.of is not None:
        what = "an address is handed out by a step of this enrollment; remove of"
        x.tell(join(path, "of"), "wrong_value", what)
    if awaited.step is None:
        what = "say which step hands out the address, as step: its id"
        x.tell(join(path, "step"), "missing_field", what)
    elif awaited.step in steps and not _hands_out(x, steps[awaited.step]):
        what = f"the step {awaited.step!r} hands out no address; write {{{{ {VARIABLE}.url }}}} into a send_webhook"
        x.tell(join(path, "step"), "wrong_value", what)


def _hands_out(x: Examination, step: Step) -> bool:
    spec = x.catalogue.actions.get(step.action) if isinstance(step, ActionStep) else None
    if spec is None or not isinstance(step, ActionStep):
        return False
    if VARIABLE not in spec.variables:
        return False
    try:
        config = config_of(spec, {**step.config})
    except ValueError:
        return True  # It has a problem of its own, which is told.
    return any(path[0] == VARIABLE for path in variables_of(config, x.catalogue.templates) if path)


def _is_plain(value: Json) -> bool:
    return is_number(value) or isinstance(value, bool) or (isinstance(value, str) and len(value) <= LONGEST_TEXT)
