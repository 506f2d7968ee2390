"""A help desk as its customers and colleagues use it: mail in, mail out, tickets and where they stand."""

from __future__ import annotations

import itertools
from typing import Any

from tests.api.conftest import Caller

SUPPORT = "support@example.com"
ANA = "ana@customer.example"
RFC822 = {"Content-Type": "message/rfc822"}


class Desk:
    """What a test does at the desk."""

    def __init__(self, api: Caller) -> None:
        self.api = api
        self._number = itertools.count(1)

    @classmethod
    async def opened(cls, api: Caller) -> Desk:
        """A desk with a channel."""
        await api.ok("POST", "/channels", {"slug": "support", "kind": "email", "address": SUPPORT}, status=201)
        return cls(api)

    async def mail(
        self,
        *,
        sender: str = f"Ana Berg <{ANA}>",
        to: str = SUPPORT,
        subject: str = "My order",
        answers: str | None = None,
        text: str = "Where is it?",
        headers: str = "",
    ) -> Any:
        """A mail comes in; what came of it. Its own id is under ``message_id``."""
        id = f"m{next(self._number)}@customer.example"
        named = f"In-Reply-To: <{answers}>\r\nReferences: <{answers}>\r\n" if answers else ""
        raw = (
            f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}>\r\n{named}{headers}"
            f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        )
        return {**await self.deliver(raw.encode()), "message_id": id}

    async def deliver(self, raw: bytes) -> Any:
        """A mail as it is comes in."""
        answer = await self.api.http.post("/api/v1/inbound/email", content=raw, headers=RFC822)
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def thread(self, taken: Any) -> Any:
        """The conversation a mail was written in."""
        return await self.api.ok("GET", f"/threads/{taken['thread_id']}")

    async def said(self, taken: Any) -> list[tuple[str, str | None]]:
        """Who wrote in the conversation, and what each did to the ticket."""
        found = await self.api.ok("GET", f"/threads/{taken['thread_id']}/messages")
        return [(each["author"], each["effect"]) for each in found["items"]]

    async def ticket(self, taken: Any) -> Any:
        """What is written on the ticket of a conversation."""
        id = (await self.thread(taken))["ticket_id"]
        return (await self.api.ok("GET", f"/records/ticket/{id}"))["properties"] | {"id": id}

    async def tickets(self) -> list[Any]:
        """All tickets, the oldest first."""
        found = (await self.api.ok("POST", "/records/ticket/search", {}))["items"]
        return sorted(found, key=lambda each: each["created_at"])

    async def stage(self, taken: Any) -> str:
        """Where the ticket stands."""
        return str((await self.ticket(taken))["stage"])

    async def move(self, taken: Any, stage: str) -> None:
        """A colleague moves the ticket."""
        id = (await self.thread(taken))["ticket_id"]
        await self.api.ok("PATCH", f"/records/ticket/{id}", {"properties": {"stage": stage}})

    async def rules(self, **rules: Any) -> None:
        """Set what mail does to tickets: ``replied={"on": True, "stage": "Waiting on us"}``."""
        await self.api.ok("PATCH", "/pipelines/ticket/default", {"status_from_email": rules})

    async def user(self, email: str = "kim@example.com") -> str:
        """A colleague."""
        return str((await self.api.ok("POST", "/users", {"name": "Kim Lund", "email": email}, status=201))["id"])
