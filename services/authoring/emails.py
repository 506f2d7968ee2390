"""What a person does to reusable emails: write one, change it, archive it. Each change of content is a new version.

An email that could not be sent is not stored at all: steps send whatever version is the current one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from domain.definition import SLUG
from domain.email_rules import email_errors
from domain.emails import Email, EmailContent, EmailVersion, Variables
from domain.errors import Conflict, Invalid, NotFound
from domain.names import email_key
from domain.problems import FieldError
from services.authoring.email_users import lacking
from services.installation import Installation
from store import emails as rows
from store.changes import Stamp
from store.database import Read, Tx
from store.ids import new_id
from store.lists import workflows_using
from store.locks import lock_email, lock_schema
from store.schema import load_schema

WRONG = "the email cannot be sent like this"


async def email_or_404(read: Read, slug: str) -> Email:
    """The email of this slug.

    Raises:
        NotFound: there is none.
    """
    found = await rows.find_email(read, slug)
    if found is None:
        raise NotFound(f"there is no email {slug}")
    return found


async def version_or_404(read: Read, email: Email, version: int | None = None) -> EmailVersion:
    """A version of an email; None: the current one.

    Raises:
        NotFound: it has no such version.
    """
    number = email.version if version is None else version
    found = await rows.get_version(read, email.id, number)
    if found is None:
        raise NotFound(f"email {email.slug} has no version {number}")
    return found


async def users_of(read: Read, slug: str) -> list[str]:
    """Slugs of the workflows that send this email: they are on, or somebody is inside."""
    return await workflows_using(read, email_key(slug))


async def create_email(
    tx: Tx, inst: Installation, slug: str, content: EmailContent, stamp: Stamp, *, name: str | None
) -> Email:
    """Write a new email and its first version.

    Raises:
        Invalid: the slug or the content is wrong; every mistake is listed.
        Conflict: the slug is taken.
    """
    # Nobody removes a property that it reads before it is there to be seen.
    await lock_schema(tx)
    mistakes = []
    if not re.fullmatch(SLUG, slug):
        words = "an email needs a slug: 1 to 63 lower case letters, digits and hyphens"
        mistakes.append(FieldError(path="/slug", code="wrong_value", message=words))
    content = _compiled(inst, content, mistakes)
    reads = await _examined(tx, inst, content, mistakes)
    now = stamp.now
    made = Email(
        id=new_id(now), slug=slug, name=name or slug, archived=False, version=1, created_at=now, updated_at=now
    )  # fmt: skip
    if not await rows.insert_email(tx, made):
        raise Conflict(f"there is an email {slug} already", code="slug_taken")
    await _write_version(tx, made, content, reads, stamp)
    return made


async def change_email(
    tx: Tx,
    inst: Installation,
    slug: str,
    stamp: Stamp,
    *,
    content: Mapping[str, Any],
    name: str | None = None,
    archived: bool | None = None,
) -> Email:
    """Change what an email says (a new version), its name, or whether it is in use; what is not given stays.

    Raises:
        NotFound: there is no such email.
        Invalid: the content is wrong, or reads what a workflow that sends it does not have; every mistake is listed.
    """
    if content:
        # Whoever publishes a step that sends it examines it as it is before, or as it is after.
        await lock_schema(tx)
    row = await lock_email(tx, slug)
    if row is None:
        raise NotFound(f"there is no email {slug}")
    known = rows.email_of(row)
    before = (await version_or_404(tx, known)).content
    mistakes: list[FieldError] = []
    # HTML of its own takes the place of MJML, and the other way round.
    other = {"mjml": None} if content.get("html") else {}
    said = _compiled(inst, before.model_copy(update={**content, **other}), mistakes) if content else before
    changed = known.model_copy(
        update={
            "name": name or known.name,
            "archived": known.archived if archived is None else archived,
            "version": known.version + (said != before),
        }
    )
    if changed == known:
        return known
    if said != before:
        reads = await _examined(tx, inst, said, mistakes)
        await _keep_users(tx, inst, slug, reads)
        await _write_version(tx, changed, said, reads, stamp)
    changed = changed.model_copy(update={"updated_at": stamp.now})
    await rows.replace_email(tx, changed)
    return changed


def _compiled(inst: Installation, content: EmailContent, mistakes: list[FieldError]) -> EmailContent:
    """What is written in MJML, as HTML; its mistakes are noted."""
    if content.mjml is None:
        return content
    made = inst.markup.mjml(content.mjml)
    for problem in made.problems:
        code = "template_unsafe" if problem.unsafe else "template_error"
        mistakes.append(FieldError(path="/mjml", code=code, message=problem.message))
    return content.model_copy(update={"html": made.html})


async def _examined(read: Read, inst: Installation, content: EmailContent, mistakes: list[FieldError]) -> Variables:
    found = [*mistakes, *email_errors(content, await load_schema(read), inst.templates, inst.addresses)]
    if found:
        raise Invalid(WRONG, errors=found)
    return tuple(sorted({path for source in content.templates for path in inst.templates.check(source).variables}))


async def _keep_users(read: Read, inst: Installation, slug: str, reads: Variables) -> None:
    """Refuse what steps that send the email could not send any more."""
    found = await lacking(read, inst, slug, reads)
    if found:
        told = [f"step {each.step!r} of workflow {each.workflow!r} sends it: {each.words}" for each in found]
        raise Invalid(WRONG, errors=[FieldError(path="", code="unknown_variable", message=words) for words in told])


async def _write_version(tx: Tx, email: Email, content: EmailContent, reads: Variables, stamp: Stamp) -> None:
    made = EmailVersion(
        version=email.version, content=content, reads=reads, cause=stamp.cause, created_at=stamp.now
    )  # fmt: skip
    await rows.insert_version(tx, email.id, made)
