"""Whether an action exists and its config can work: fields, templates, users, and what the action itself checks."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from domain.catalogue import ConfigScope
from domain.configs import marked
from domain.examination import Examination
from domain.fields import (
    EmailAddress,
    EmailReference,
    Liquid,
    SecretReference,
    SenderName,
    StepReference,
    SubscriptionReference,
    TeamReference,
    UserReference,
)
from domain.headers import address_problem, name_problem, subject_problem
from domain.output_rules import giving_steps
from domain.ports import Compiled, TemplateProblem
from domain.provider_signing import KEYS
from domain.reader import Reader, join, similar
from domain.steps import ActionStep
from domain.triggers import EventTrigger, WebhookTrigger
from domain.value_rules import check_user

FIXED_VARIABLES: Mapping[str, frozenset[str]] = {
    "owner": frozenset({"id", "name", "email"}),
    "sender": frozenset({"name", "address"}),
    "message": frozenset({"unsubscribe_url"}),
    "workflow": frozenset({"name", "slug", "version"}),
    "enrollment": frozenset({"id", "n", "started_at"}),
}
"""Variables that are the same in every workflow, and what they have."""

NO_VARIABLES: Mapping[str, frozenset[str]] = {}

MOST_TEMPLATE_WORK = 5_000_000
"""What looking into all templates of one definition may take, in units of ``TemplateCheck.work``: some seconds.

More than any definition of the largest size needs whose templates have no loops.
"""


def check_action(x: Examination, step: ActionStep, path: str) -> None:
    """Tell every problem of an action step's own part."""
    spec = x.catalogue.actions.get(step.action)
    if spec is None:
        near = similar(step.action, x.catalogue.actions)
        x.tell(join(path, "action"), "unknown_action", f"there is no action {step.action!r}{near}")
        return
    place = join(path, "config")
    reader = Reader()
    config = reader.model(spec.config, {**step.config}, place, partial=True)
    for problem in reader.problems:
        x.tell(problem.path, problem.code, problem.message)
    if config is None:
        return
    for below, marker, text in marked(config):
        match marker:
            case Liquid():
                if marker.line and text:
                    _tell_if(x, subject_problem(text), place + below)
                if marker.mjml and text:
                    check_mjml(x, text, place + below)
                else:
                    check_template(x, text, place + below, more=spec.variables)
            case UserReference():
                check_user(x, text, place + below)
            case TeamReference():
                x.known_team(text, place + below)
            case SecretReference():
                _check_secret(x, text, place + below)
            case SubscriptionReference():
                _check_subscription(x, text, place + below)
            case EmailReference():
                check_email(x, text, place + below)
            case StepReference(action):
                _check_step(x, step, text, action, place + below)
            case SenderName():
                _tell_if(x, name_problem(text), place + below)
            case EmailAddress():
                _tell_if(x, address_problem(text, x.catalogue.addresses), place + below)
    if not reader.problems:
        scope = ConfigScope(
            schema_=x.catalogue.schema,
            object=x.definition.object,
            bound_objects=x.definition.bound_objects(),
            slug=x.definition.slug,
            parameters=tuple(x.definition.parameters),
            workflows=x.catalogue.workflows,
            lists=x.catalogue.lists,
            dynamic_lists=x.catalogue.dynamic_lists,
            subscription_types=x.catalogue.subscription_types,
            users=x.catalogue.users,
            steps=giving_steps(x.definition),
        )
        for finding in spec.check(config, scope):
            x.tell(place + finding.path, finding.code, finding.message)


def _check_secret(x: Examination, name: str, place: str) -> None:
    if name in KEYS:
        x.tell(place, "unknown_secret", f"{name!r} is the key of a mail service, which no step may use")
    elif name not in x.catalogue.secrets:
        x.tell(place, "unknown_secret", f"there is no secret {name!r}{similar(name, x.catalogue.secrets - KEYS)}")


def _check_subscription(x: Examination, slug: str, path: str) -> None:
    """Tell whether a marketing message may belong to a subscription type."""
    if x.known_subscription(slug, path) and slug in x.catalogue.internal_types:
        x.tell(path, "wrong_value", f"subscription type {slug!r} is internal: no marketing belongs to it")


def _check_step(x: Examination, step: ActionStep, id: str, action: str, path: str) -> None:
    """Tell when there is no such step, or when it does something else."""
    named = x.definition.steps_by_id().get(id)
    if named is None:
        x.tell(path, "unknown_step", f"there is no step {id!r}{similar(id, x.definition.steps_by_id())}")
    elif id == step.id or not isinstance(named, ActionStep) or named.action != action:
        x.tell(path, "wrong_value", f"name another step with {action}, not {id!r}")


def check_email(x: Examination, slug: str, path: str) -> None:
    """Tell when there is no such email, or when it reads what this workflow does not have."""
    known = x.catalogue.emails.get(slug)
    if known is None:
        near = similar(slug, [each for each, email in x.catalogue.emails.items() if not email.archived])
        x.tell(path, "unknown_email", f"there is no email {slug!r}{near}")
    elif known.archived:
        x.tell(path, "unknown_email", f"email {slug!r} is archived")
    else:
        for variable in known.reads:
            _check_variable(x, variable, path)


def _tell_if(x: Examination, words: str | None, path: str) -> None:
    if words is not None:
        x.tell(path, "wrong_value", words)


def check_template(
    x: Examination, source: str, path: str, *, more: Mapping[str, Collection[str]] = NO_VARIABLES
) -> None:
    """Tell what is wrong with a template and which of its variables do not exist; ``more``: those that do only here."""
    if x.template_work > MOST_TEMPLATE_WORK:
        x.tell(path, "template_unsafe", "the templates of this workflow take too long together; use fewer loops")
        return
    checked = x.catalogue.templates.check(source)
    x.template_work += checked.work
    for problem in checked.problems:
        x.tell(path, "template_unsafe" if problem.unsafe else "template_error", template_words(problem))
    for variable in sorted(set(checked.variables)):
        if variable[0] not in more or (variable[1:] and variable[1] not in more[variable[0]]):
            _check_variable(x, variable, path)


def check_mjml(x: Examination, source: str, path: str) -> None:
    """Tell what is wrong with MJML, with the templates in it, and with what it becomes."""
    before = len(x.problems)
    made = x.catalogue.markup.mjml(source) if x.catalogue.markup is not None else Compiled()
    for problem in made.problems:
        x.tell(path, "template_unsafe" if problem.unsafe else "template_error", problem.message)
    check_template(x, source, path)
    if len(x.problems) > before or not made.html:
        return
    # Lines of what was compiled would tell its author nothing.
    for problem in x.catalogue.templates.check(made.html).problems:
        words = f"the HTML it becomes: {template_words(problem)}"
        x.tell(path, "template_unsafe" if problem.unsafe else "template_error", words)


def template_words(problem: TemplateProblem) -> str:
    """A mistake of a template in words."""
    return f"{problem.variable}: {problem.message}" if problem.variable else problem.message


def _check_variable(x: Examination, variable: tuple[str, ...], path: str) -> None:
    root, rest = variable[0], variable[1:]
    if root == "event" and any(isinstance(t, EventTrigger | WebhookTrigger) for t in x.definition.entry.triggers):
        return  # It carries whatever its sender gave it.
    known = _members(x, root)
    if known is None:
        roots = [*x.catalogue.schema.objects, *FIXED_VARIABLES, "record", "parameters", "steps"]
        x.tell(path, "unknown_variable", f"a template has no variable {root!r}{similar(root, roots)}")
    elif rest and rest[0] not in known:
        x.tell(path, "unknown_variable", f"{root!r} has no {rest[0]!r}{similar(rest[0], known)}")


def _members(x: Examination, root: str) -> Collection[str] | None:
    """What may follow a variable; None when there is no such variable."""
    if root == "parameters":
        return [parameter.name for parameter in x.definition.parameters]
    if root == "steps":
        return x.definition.steps_by_id()
    found = x.catalogue.schema.object(x.definition.object if root == "record" else root)
    if found is not None:
        return {"id", *found.properties}
    return FIXED_VARIABLES.get(root)
