"""Looking at an email before anybody gets it: rendered for a record, or sent to a colleague as a test.

A test leaves through the gateway that real messages leave through. It has no row in the ledger and none among the
messages, so no report, cap or timeline ever counts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from domain.base import Frozen, Json
from domain.consent import UNREACHABLE
from domain.emails import Email, EmailContent, EmailVersion
from domain.errors import Invalid, NotFound, Rejected, StepError, StepSkipped, Unavailable
from domain.facts import Facts
from domain.headers import message_id
from domain.ports import Mail
from domain.problems import FieldError
from domain.reading import needs_objects
from services.entering.by_hand import Ask
from services.installation import Installation
from services.running.composing import Composed, compose, sender_of
from services.running.variables import OTHER_ROOTS, Sender, empty_variables, foresee_variables, roots_of
from store.associations import are_associated
from store.database import Read
from store.facts import load_facts
from store.ids import new_id
from store.schema import Account, load_account, load_schema
from store.suppressions import why_suppressed

TEST = "[Test] "
"""What the subject of a test begins with."""

UNWANTED = "nothing is sent to this address any more"

TEST_HEADERS = {"X-Followthrough-Test": "yes", "Auto-Submitted": "auto-generated"}


class EmailPreview(Frozen):
    """An email as a record would get it; without ``subject``, ``html`` and ``text`` where a problem is in the way."""

    version: int
    sender: str
    sender_name: str
    reply_to: str | None
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    problems: tuple[FieldError, ...] = ()


class TestSent(Frozen):
    """What became of a test to one address."""

    __test__ = False

    to: str
    outcome: Literal["sent", "refused", "unavailable"]
    detail: str | None = None


async def preview_email(read: Read, inst: Installation, version: EmailVersion, ask: Ask | None) -> EmailPreview:
    """Render a version for a record (None: for nobody, every value is empty).

    Raises:
        NotFound: the record is missing or deleted.
        Invalid: the bound record is not associated with it.
    """
    account, content = await load_account(read), version.content
    sender = sender_of(content, account)
    shown = EmailPreview(
        version=version.version, sender=sender.address, sender_name=sender.name, reply_to=content.reply_to
    )  # fmt: skip
    try:
        variables = await _variables(read, inst, account, content, sender, ask)
        composed = compose(inst, content, variables)
    except StepError as no:
        code, words = ("no_record", no.detail) if isinstance(no, StepSkipped) else ("bad_template", str(no))
        return shown.model_copy(update={"problems": (FieldError(path="", code=code, message=words),)})
    return shown.model_copy(update=composed.model_dump())


async def send_tests(
    inst: Installation, email: Email, shown: EmailPreview, to: Sequence[str], *, now: datetime
) -> list[TestSent]:
    """Send a rendered email to each address; one that is refused does not keep the others from theirs.

    An address that bounced, or whose owner complained, is refused: that harms the sender whatever is sent.

    Raises:
        Invalid: an address is none, or the email could not be rendered.
    """
    wrong = [
        FieldError(path=f"/to/{i}", code="wrong_value", message=words)
        for i, address in enumerate(to)
        if (words := inst.addresses.problem(address)) is not None
    ]
    if wrong or shown.problems:
        raise Invalid("the test cannot be sent", errors=[*wrong, *shown.problems])
    composed = Composed(subject=shown.subject or "", html=shown.html or "", text=shown.text or "")
    sent = []
    for address in dict.fromkeys(to):
        async with inst.db.read() as read:
            unwanted = (await why_suppressed(read, [address])).intersection(UNREACHABLE)
        if unwanted:
            sent.append(TestSent(to=address, outcome="refused", detail=f"{UNWANTED}: {', '.join(sorted(unwanted))}"))
        else:
            sent.append(await _send(inst, _test(email, shown, composed, address, now)))
    return sent


def _test(email: Email, shown: EmailPreview, composed: Composed, to: str, now: datetime) -> Mail:
    id = new_id(now)
    return Mail(
        key=f"test:{email.slug}:{id}",
        message_id=message_id(f"test.{id}", shown.sender),
        sender=shown.sender,
        sender_name=shown.sender_name,
        to=to,
        reply_to=shown.reply_to,
        subject=TEST + composed.subject,
        html=composed.html,
        text=composed.text,
        headers=TEST_HEADERS,
        email=email.slug,
        email_version=shown.version,
        at=now,
    )


async def _send(inst: Installation, mail: Mail) -> TestSent:
    try:
        async with inst.mail.prepare(mail) as hand_over:
            await hand_over()
    except Rejected as no:
        return TestSent(to=mail.to, outcome="refused", detail=str(no))
    except Unavailable as no:
        return TestSent(to=mail.to, outcome="unavailable", detail=str(no))
    return TestSent(to=mail.to, outcome="sent")


async def _variables(
    read: Read, inst: Installation, account: Account, content: EmailContent, sender: Sender, ask: Ask | None
) -> dict[str, Json]:
    roots = roots_of(inst.templates, *content.templates)
    if ask is None:
        return empty_variables(await load_schema(read, account), sender)
    facts = await _facts(read, inst, account, ask, roots - OTHER_ROOTS)
    return await foresee_variables(read, facts, roots, sender=sender)


async def _facts(read: Read, inst: Installation, account: Account, ask: Ask, objects: frozenset[str]) -> Facts:
    if ask.bound_id is not None and not await are_associated(read, ask.record_id, ask.bound_id):
        words = f"the {ask.object} is not associated with {ask.bound_object} {ask.bound_id}"
        raise Invalid(words, errors=[FieldError(path="/bound/id", code="wrong_value", message=words)])
    facts = await load_facts(
        read,
        await load_schema(read, account),
        ask.record_id,
        needs=needs_objects(objects - {ask.object}),
        bound_id=ask.bound_id,
        parameters=ask.parameters,
        now=inst.clock.now(),
        zone=account.timezone,
    )
    if facts is None or facts.record.object != ask.object:
        raise NotFound(f"there is no {ask.object} {ask.record_id}")
    return facts
