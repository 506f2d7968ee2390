"""One mail that a colleague wrote in a conversation, as a durable run: sent once, and tried for days."""

from __future__ import annotations

from temporalio import workflow

from workflows.calls import ask_surely, send_mail

with workflow.unsafe.imports_passed_through():
    from domain import names


@workflow.defn(name=names.THREAD_MAIL_WORKFLOW_TYPE)
class ThreadMail:
    """The durable sending of one mail; the result is what became of it."""

    @workflow.run
    async def run(self, message_id: str) -> str:
        """Have it sent, by as many attempts as that takes, and have it told when they come to nothing."""
        fate = await send_mail(message_id)
        if fate is None:
            return await ask_surely(names.GIVE_UP_THREAD_MAIL, message_id, str, summary="Tell that it was not sent")
        return fate
