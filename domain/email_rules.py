"""Whether an email can be sent at all: its templates, the variables they read, and its headers.

It belongs to no workflow yet. What only a workflow can tell (its parameters, steps and events, whether a record of a
type is there) is examined where a step names the email.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.config_rules import FIXED_VARIABLES, template_words
from domain.emails import EmailContent
from domain.headers import header_errors, subject_problem
from domain.ports import Addresses, Templates
from domain.problems import FieldError
from domain.reader import similar
from domain.schema import Schema

OF_WORKFLOWS = frozenset({"event", "parameters", "steps"})
"""Variables whose content only a workflow knows."""


PREVIEW = "<mj-preview"
"""Where MJML says what stands beside the subject."""

SAID_TWICE = "the MJML says this in mj-preview; leave out one of them"


def email_errors(content: EmailContent, schema: Schema, templates: Templates, addresses: Addresses) -> list[FieldError]:
    """Every mistake of an email, by the field it stands in."""
    found = []
    if words := subject_problem(content.subject):
        found.append(FieldError(path="/subject", code="wrong_value", message=words))
    if content.mjml is None and not content.html.strip():
        found.append(FieldError(path="/html", code="wrong_value", message="there is nothing to read in it"))
    for name in ("subject", "preheader", "text"):
        found += _template_errors(getattr(content, name), f"/{name}", schema, templates)
    if content.mjml is None:
        found += _template_errors(content.html, "/html", schema, templates)
    elif not content.html:
        pass  # It was not compiled, and its author is told why.
    elif mistakes := [*_template_errors(content.mjml, "/mjml", schema, templates)]:
        found += mistakes
    else:
        # Lines of what was compiled would tell its author nothing.
        for each in _template_errors(content.html, "/mjml", schema, templates):
            found.append(each.model_copy(update={"message": f"the HTML it becomes: {each.message}"}))
    if content.preheader and PREVIEW in (content.mjml or ""):
        found.append(FieldError(path="/preheader", code="wrong_value", message=SAID_TWICE))
    found += header_errors(
        from_name=content.from_name,
        from_address=content.from_address,
        reply_to=content.reply_to,
        addresses=addresses,
    )
    return found


def _template_errors(source: str, path: str, schema: Schema, templates: Templates) -> Iterator[FieldError]:
    checked = templates.check(source)
    for problem in checked.problems:
        code = "template_unsafe" if problem.unsafe else "template_error"
        yield FieldError(path=path, code=code, message=template_words(problem))
    for variable in checked.variables:
        if words := _unknown(variable, schema):
            yield FieldError(path=path, code="unknown_variable", message=words)


def _unknown(variable: tuple[str, ...], schema: Schema) -> str | None:
    """What is wrong with a variable, whatever workflow the email is used in; None when nothing is."""
    root, rest = variable[0], variable[1:]
    if root in OF_WORKFLOWS:
        return None
    known: set[str] | frozenset[str] | None = FIXED_VARIABLES.get(root)
    if root == "record":
        known = {"id"}.union(*(type_.properties for type_ in schema.objects.values()))
    elif (type_ := schema.object(root)) is not None:
        known = {"id", *type_.properties}
    if known is None:
        roots = [*schema.objects, *FIXED_VARIABLES, "record", *OF_WORKFLOWS]
        return f"a template has no variable {root!r}{similar(root, roots)}"
    if rest and rest[0] not in known:
        return f"{root!r} has no {rest[0]!r}{similar(rest[0], known)}"
    return None
