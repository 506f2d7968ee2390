"""What a mail that came in is about: which message of ours, and whether somebody wrote it whose word counts there.

Who knows the address or the id of a message has it before them, but mail can be handed on and its sender is easily
made up. So a mail belongs to the message it names, and is the contact's answer only when it comes from an address of
the contact the message went to, or of one the enrollment is about.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.incoming_mail import IncomingMail
from domain.mail_parts import is_same_mailbox
from domain.records import StoredRecord
from domain.values import unique_form
from services.intake.answering import Sent, find_contact
from services.records.subscriptions import OBJECT
from services.records.suppressing import ADDRESS
from store.associations import associated_among
from store.conversations import find_answered_message
from store.database import Read, Row
from store.enrollments import get_enrollment
from store.inbound import find_in_thread
from store.people import find_user
from store.records import find_by_unique
from store.schema import load_schema


@dataclass(frozen=True)
class Match:
    """What is known of a mail besides itself.

    ``message``: the row of the message it is about. ``contact``: whom that went to, ``author`` the contact who answers
    it, ``user`` the id of the colleague who wrote. ``known``: the contact who has the sender's address, whatever it is
    about.
    """

    message: Row | None = None
    contact: StoredRecord | None = None
    author: StoredRecord | None = None
    user: str | None = None
    known: StoredRecord | None = None

    @property
    def record_id(self) -> str | None:
        """In whose story the mail stands."""
        of = self.author or self.contact or (self.known if self.message is None else None)
        return of.id if of is not None else self.message["record_id"] if self.message is not None else None


async def match_mail(read: Read, mail: IncomingMail) -> Match:
    """What a mail is about and who wrote it."""
    message = await find_answered_message(read, tokens=mail.tokens, message_ids=mail.answers)
    if message is None and mail.answers:
        message = await find_in_thread(read, mail.answers)
    known = await _holder(read, mail.sender) if mail.sender is not None else None
    if message is None:
        return Match(known=known)
    # What goes to owners and fixed addresses is of the house, whoever has such an address.
    contact = None
    if message["contact_id"] is not None:
        contact = await find_contact(read, Sent(**{name: message[name] for name in Sent.model_fields}))
    if contact is None or mail.sender is None:
        return Match(message=message, contact=contact, known=known)
    author = contact if is_same_mailbox(mail.sender, message["recipient"]) else None
    if author is None and known is not None and await _is_asked(read, known, contact, message):
        author = known
    user = await find_user(read, mail.sender) if author is None else None
    return Match(message=message, contact=contact, author=author, user=user.id if user else None, known=known)


async def _holder(read: Read, address: str) -> StoredRecord | None:
    email = (await load_schema(read)).objects[OBJECT].properties[ADDRESS]
    return await find_by_unique(read, OBJECT, ADDRESS, unique_form(email.type, address))


async def _is_asked(read: Read, who: StoredRecord, contact: StoredRecord, message: Row) -> bool:
    """Whether a contact may answer for the one a message went to: another address of it, or one enrolled with it."""
    if who.id == contact.id:
        return True
    enrollment = await get_enrollment(read, message["enrollment_id"])
    if enrollment is None:
        return False
    near = await associated_among(read, enrollment.record_id, [who.id])
    return who.id in enrollment.record_ids or (enrollment.object != OBJECT and who.id in near)
