"""What a run has been told and not yet obeyed: handlers put messages in, only the loop takes them out."""

from __future__ import annotations

from collections.abc import Iterable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.messages import Leave, Message, RecordChanged, RunState

REMEMBERED = 500
"""Message ids kept to drop repetitions; the oldest go first."""


class Mailbox:
    """The inbox, the ids already obeyed and the newest version seen of each record."""

    def __init__(self, state: RunState | None) -> None:
        self._inbox: list[Message] = list(state.inbox) if state else []
        self._seen: dict[str, None] = dict.fromkeys(state.seen if state else ())
        self._versions: dict[str, int] = dict(state.versions) if state else {}
        self.unknown: list[str] = list(state.unknown) if state else []

    def put(self, message: Message) -> None:
        """Keep a message for the loop."""
        self._inbox.append(message)

    def put_unknown(self, name: str) -> None:
        """Note a signal this engine does not know, so that it shows instead of vanishing."""
        if name not in self.unknown and len(self.unknown) < 20:
            self.unknown.append(name)

    @property
    def says_leave(self) -> bool:
        """Whether a message, or somebody who cancelled it in Temporal, asks the run to end."""
        return self.says_cancel or any(isinstance(message, Leave) for message in self._inbox)

    @property
    def says_cancel(self) -> bool:
        """Whether the run was cancelled; what it awaits at that moment may come to an end all the same."""
        return workflow.cancellation_reason() is not None

    @property
    def says_changed(self) -> bool:
        """Whether a record the run has not looked at since changed."""
        return any(isinstance(m, RecordChanged) and self._is_news(m) for m in self._inbox)

    def take(self) -> tuple[Leave | None, bool]:
        """Empty the inbox: a reason to leave if there is one, and whether a record changed. Repetitions are dropped."""
        leave: Leave | None = None
        changed = False
        for message in self._inbox:
            if message.id in self._seen:
                continue
            if isinstance(message, Leave):
                leave = leave or message
            elif self._is_news(message):
                self._versions[message.record_id] = message.version
                changed = True
            self._remember(message.id)
        self._inbox.clear()
        return leave, changed

    def inbox(self) -> tuple[Message, ...]:
        """What is waiting, for continue-as-new."""
        return tuple(self._inbox)

    def seen(self) -> tuple[str, ...]:
        """Ids obeyed, oldest first."""
        return tuple(self._seen)

    def versions(self) -> dict[str, int]:
        """Newest version seen of each record."""
        return dict(self._versions)

    def _is_news(self, message: RecordChanged) -> bool:
        return message.id not in self._seen and message.version >= self._versions.get(message.record_id, 0)

    def _remember(self, message_id: str) -> None:
        self._seen[message_id] = None
        for old in _surplus(self._seen, REMEMBERED):
            del self._seen[old]


def _surplus(ids: Iterable[str], limit: int) -> list[str]:
    ordered = list(ids)
    return ordered[: max(0, len(ordered) - limit)]
