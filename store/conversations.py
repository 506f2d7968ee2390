"""Finds messages by what replies carry: the ids of mail (RFC 5322), and the token of the address they come to."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import RowMapping, bindparam, or_, select

from store.database import Read
from store.tables import effects, messages

REACHED = ("handed_over", "accepted", "unknown")
BEGUN_WITH = (
    select(messages.c.message_id, messages.c.thread)
    .join(effects, effects.c.key == messages.c.effect_key)
    .where(
        messages.c.enrollment_id.in_(bindparam("passages", expanding=True)),
        messages.c.step == bindparam("step"),
        messages.c.recipient == bindparam("recipient"),
        effects.c.state.in_(REACHED),
    )
    .order_by(messages.c.enrollment_id.desc(), effects.c.n.desc())
    .limit(1)
)


async def thread_of(read: Read, passages: Sequence[str], step: str, recipient: str) -> tuple[str, ...]:
    """The ids of the messages that one following the email of ``step`` continues, oldest first; empty: none reached
    this recipient.
    """
    row = await read.one(BEGUN_WITH, passages=list(passages), step=step, recipient=recipient)
    return (*(row["thread"] or ()), row["message_id"]) if row is not None and row["message_id"] else ()


async def find_answered_message(
    read: Read, *, tokens: Collection[str] = (), message_ids: Collection[str] = ()
) -> RowMapping | None:
    """The newest message of ours that a reply is to, by the token of the address it came to or the ids it names.

    Ids are without their angle brackets, tokens in whatever case; None when none of them is ours.
    """
    named = or_(
        messages.c.reply_token.in_([token.lower() for token in tokens]), messages.c.message_id.in_(list(message_ids))
    )
    return await read.one(select(messages).where(named).order_by(messages.c.id.desc()).limit(1))
