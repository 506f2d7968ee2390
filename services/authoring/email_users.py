"""Whether the steps that send an email still can, once it says something else.

What only a workflow knows (its parameters, its steps, the event that let somebody in) is nobody's mistake until a
workflow sends the email; then it is found here before anybody gets nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from domain.base import Frozen
from domain.catalogue import Catalogue
from domain.config_rules import check_email
from domain.configs import config_of, emails_of
from domain.definition import Definition
from domain.emails import KnownEmail, Variables
from domain.examination import Examination
from domain.names import email_key
from domain.steps import ActionStep
from services.catalogue import load_catalogue
from services.installation import Installation
from services.versions import load_content
from store.database import Read
from store.lists import versions_using


class Lacking(Frozen):
    """A step that could not send an email any more: what it would lack, in words."""

    workflow: str
    step: str
    words: str


async def lacking(read: Read, inst: Installation, slug: str, reads: Variables) -> list[Lacking]:
    """Every step that lacks a variable of an email that ``reads`` these: of workflows that are on, or hold somebody."""
    users = await versions_using(read, email_key(slug))
    if not users:
        return []
    catalogue = await load_catalogue(read, inst)
    emails = {**catalogue.emails, slug: KnownEmail(archived=False, reads=reads)}
    catalogue = replace(catalogue, emails=emails)
    found = []
    for workflow, workflow_id, version in users:
        definition = (await load_content(read, workflow_id, version)).definition
        found += [Lacking(workflow=workflow, step=s, words=w) for s, w in _of_version(definition, catalogue, slug)]
    return list(dict.fromkeys(found))


def _of_version(definition: Definition, catalogue: Catalogue, slug: str) -> Iterator[tuple[str, str]]:
    for step in definition.steps_by_id().values():
        if isinstance(step, ActionStep) and slug in emails_of(config_of(catalogue.actions[step.action], step.config)):
            x = Examination(definition=definition, catalogue=catalogue)
            check_email(x, slug, "")
            yield from ((step.id, problem.message) for problem in x.problems)
