"""Whether head, triggers, goals and exit fit together; what is not built yet is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from domain.condition_rules import PARAMETER_TYPES, Subject, check_condition, check_of
from domain.definition import Parameter
from domain.events import event_name_problem
from domain.examination import Examination
from domain.hooks import pointer_problem
from domain.reader import join, similar
from domain.schema import PropertyDefinition
from domain.triggers import ChangedTrigger, CreatedTrigger, EventTrigger, FilterTrigger, Trigger, WebhookTrigger
from domain.value_rules import check_literal


def check_head(x: Examination) -> None:
    """Object, type, and what belongs to certain types only."""
    d = x.definition
    x.known_object(d.object, "/object")
    owners = (("schedule", d.schedule, ("scheduled",)), ("anchor", d.anchor, ("specific_date", "date_property")))
    for name, value, types in owners:
        if value is not None and d.type not in types and not x.spoiled("/type"):
            x.tell(f"/{name}", "wrong_value", f"a {d.type} workflow has no {name!r}; remove it")
    if d.managed_by == "pipeline" and d.slug not in x.catalogue.managed:
        what = "no pipeline has it: leave this out, or attach its steps to a stage"
        x.tell("/managed_by", "wrong_value", what)
    if d.allow_multiple_opportunities is not None and d.object != "contact":
        what = f"only contact workflows have this field; remove it from a workflow of {d.object}"
        x.tell("/allow_multiple_opportunities", "wrong_value", what)
    _unique(x, "/parameters", "name", (p.name for p in d.parameters))
    for i, parameter in enumerate(d.parameters):
        _check_default(x, parameter, f"/parameters/{i}/default")
        if parameter.required and parameter.default is None and d.entry.triggers:
            what = f"a trigger cannot give {parameter.name!r}; give it a default, or do not require it"
            x.tell(f"/parameters/{i}/required", "wrong_value", what)


def check_entry(x: Examination) -> None:
    """Triggers, suppression and re-entry."""
    entry = x.definition.entry
    _unique(x, "/entry/triggers", "id", (t.id for t in entry.triggers))
    for i, trigger in enumerate(entry.triggers):
        _check_trigger(x, trigger, f"/entry/triggers/{i}")
    known = [t.id for t in entry.triggers]
    for i, name in enumerate(entry.re_entry.triggers):
        if name not in known:
            words = f"there is no trigger {name!r}{similar(name, known)}"
            x.tell(f"/entry/re_entry/triggers/{i}", "wrong_value", words)
    if entry.while_active == "again" and not (entry.re_entry.allowed and entry.re_entry.triggers):
        words = "entering again at the end needs re_entry with allowed: true and the triggers that may let in again"
        x.tell("/entry/while_active", "wrong_value", words)
    _check_removal(x, entry.remove_from)
    if entry.suppress is not None:
        check_condition(x, entry.suppress, "/entry/suppress", Subject(x.definition.object))


def _check_removal(x: Examination, remove_from: str | list[str]) -> None:
    """Every workflow named must exist, and be another one."""
    for i, slug in enumerate(() if isinstance(remove_from, str) else remove_from):
        path = f"/entry/remove_from/{i}"
        if slug == x.definition.slug:
            x.tell(path, "wrong_value", "a workflow removes from others; take its own slug out")
        elif slug not in x.catalogue.workflows:
            near = similar(slug, x.catalogue.workflows)
            x.tell(path, "unknown_workflow", f"there is no workflow {slug!r}{near}")


def check_exit(x: Examination) -> None:
    """Goals and the other reasons to leave."""
    leave = x.definition.exit
    subject = Subject(x.definition.object)
    _unique(x, "/exit/goals", "id", (g.id for g in leave.goals))
    for i, goal in enumerate(leave.goals):
        check_condition(x, goal.where, f"/exit/goals/{i}/where", subject)
        steps = x.definition.steps_by_id()
        if goal.go_to is not None and goal.go_to not in steps:
            words = f"there is no step {goal.go_to!r}{similar(goal.go_to, steps)}"
            x.tell(f"/exit/goals/{i}/go_to", "unknown_step", words)
    if leave.when is not None:
        check_condition(x, leave.when, "/exit/when", subject)


def _check_trigger(x: Examination, trigger: Trigger, path: str) -> None:
    match trigger:
        case EventTrigger():
            _check_event(x, trigger, path)
        case WebhookTrigger():
            _check_webhook(x, trigger, path)
        case FilterTrigger() | CreatedTrigger() | ChangedTrigger():
            object = _subject(x, trigger.object, join(path, "object"))
            if object is None:
                return
            if isinstance(trigger, ChangedTrigger):
                _check_changed(x, trigger, object, path)
            if trigger.where is not None:
                check_condition(x, trigger.where, join(path, "where"), Subject(object, "trigger"))
        case _ as never:
            assert_never(never)


def _subject(x: Examination, named: str | None, path: str) -> str | None:
    """The object type a trigger is about; None when that is unknown or cannot be."""
    own = x.definition.object
    if named is None or named == own:
        return own if not x.spoiled(path) else None
    if own != "contact":
        what = f"only a contact workflow is entered through another object; leave this out to mean {own}"
        x.tell(path, "wrong_value", what)
        return None
    return named if x.known_object(named, path) else None


def _check_event(x: Examination, trigger: EventTrigger, path: str) -> None:
    own = x.definition.object
    if (words := event_name_problem(trigger.event)) is not None:
        x.tell(join(path, "event"), "wrong_value", words)
    if trigger.of is not None:
        check_of(x, trigger.of, join(path, "of"), Subject(own, "trigger"))
        if trigger.of.match is not None:
            what = "every event of an associated record fires; remove match"
            x.tell(join(path, "of", "match"), "wrong_value", what)
    if trigger.where is not None:
        check_condition(x, trigger.where, join(path, "where"), Subject(own, "trigger", at_event=True))


def _check_webhook(x: Examination, trigger: WebhookTrigger, path: str) -> None:
    own = x.definition.object
    if len(trigger.find) != 1:
        what = "name one unique property to find the record by, as {email: /customer/email}"
        x.tell(join(path, "find"), "wrong_value", what)
    for name, pointer in trigger.find.items():
        found = x.known_property(own, name, join(path, "find", name))
        if found is not None and not found.unique:
            x.tell(join(path, "find", name), "wrong_value", f"{own} records are not unique by {name!r}")
        _check_pointer(x, pointer, join(path, "find", name))
    for name, pointer in trigger.set.items():
        found = x.known_property(own, name, join(path, "set", name))
        if found is not None and found.read_only:
            x.tell(join(path, "set", name), "wrong_value", f"{name!r} cannot be written")
        _check_pointer(x, pointer, join(path, "set", name))
    if trigger.where is not None:
        check_condition(x, trigger.where, join(path, "where"), Subject(own, "trigger", at_event=True))


def _check_pointer(x: Examination, pointer: str, path: str) -> None:
    if (words := pointer_problem(pointer)) is not None:
        x.tell(path, "wrong_value", words)
    elif not pointer:
        x.tell(path, "wrong_value", "'' is all of the body, which is no value; write for example /customer/email")


def _check_changed(x: Examination, trigger: ChangedTrigger, object: str, path: str) -> None:
    definition = x.known_property(object, trigger.property, join(path, "property"))
    for name, values in (("from", trigger.from_), ("to", trigger.to)):
        if values == []:
            x.tell(join(path, name), "wrong_value", f"{name!r} lists no value; leave it out for any value")
        for i, value in enumerate(values or ()):
            if definition is not None and value is not None:
                check_literal(x, definition, value, join(path, name, i))


def _check_default(x: Examination, parameter: Parameter, path: str) -> None:
    if parameter.default is not None:
        kind = PARAMETER_TYPES[parameter.type]
        check_literal(x, PropertyDefinition(name=parameter.name, type=kind, label=""), parameter.default, path)


def _unique(x: Examination, path: str, key: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for i, name in enumerate(ids):
        if name and name in seen:
            x.tell(join(path, i, key), "duplicate_id", f"{name!r} is used twice; give this one another {key}")
        seen.add(name)
