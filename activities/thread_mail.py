"""The activities of mail that colleagues write in conversations: one attempt at sending it, and giving it up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from temporalio import activity

from activities.beating import beating
from activities.errors import translated
from domain import names
from services.conversations.sending import give_up, send_mail
from services.installation import Installation


def mail_activities(inst: Installation) -> Sequence[Callable[[str], Awaitable[str]]]:
    """What workers of email register for them."""

    @activity.defn(name=names.SEND_THREAD_MAIL)
    async def send_thread_mail(message_id: str) -> str:
        with translated():
            return await beating(send_mail(inst, message_id))

    return [send_thread_mail]


def giving_up_activities(inst: Installation) -> Sequence[Callable[[str], Awaitable[str]]]:
    """What the worker of their runs registers for them."""

    @activity.defn(name=names.GIVE_UP_THREAD_MAIL)
    async def give_up_thread_mail(message_id: str) -> str:
        with translated():
            return await beating(give_up(inst, message_id))

    return [give_up_thread_mail]
