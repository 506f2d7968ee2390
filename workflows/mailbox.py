"""What a run has been told and not yet obeyed: handlers put messages in, only the loop takes them out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.messages import EventHappened, Leave, Message, Moved, Pause, RecordChanged, Resume, RunState

REMEMBERED = 500
"""Message ids kept to drop repetitions, and records whose newest version is kept; the oldest go first."""


@dataclass
class Told:
    """What the mailbox held: a reason to leave, the last move, and whether something happened to a record.

    ``retimed``: the clock the run waits by was moved.
    """

    leave: Leave | None = None
    moved: Moved | None = None
    changed: bool = False
    retimed: bool = False


class Mailbox:
    """The inbox, the ids already obeyed and the newest version seen of each record heard of lately.

    ``epoch``: the last move the run obeyed. ``resumes`` counts what came to wake who is held; ``paused``: whether
    somebody said that the enrollment is paused and nobody yet that it goes on.
    """

    def __init__(self, state: RunState | None) -> None:
        self._inbox: list[Message] = list(state.inbox) if state else []
        self._seen: dict[str, None] = dict.fromkeys(state.seen if state else ())
        self._versions: dict[str, int] = dict(state.versions) if state else {}
        self.unknown: list[str] = list(state.unknown) if state else []
        self.epoch = state.epoch if state else 0
        self.resumes = 0
        self.paused = False

    def put(self, message: Message) -> None:
        """Keep a message for the loop; what pauses and resumes counts at once."""
        if isinstance(message, Pause):
            self.paused = True
        elif isinstance(message, Resume):
            self.paused = False
            self.resumes += 1
        else:
            self._inbox.append(message)

    def put_unknown(self, name: str) -> None:
        """Note a signal this engine does not know, so that it shows instead of vanishing."""
        if name not in self.unknown and len(self.unknown) < 20:
            self.unknown.append(name)

    @property
    def interrupts(self) -> bool:
        """Whether the run has to let go of what it does: to end, or to go on elsewhere."""
        return self.says_cancel or any(isinstance(m, Leave) or self._is_urgent_move(m) for m in self._inbox)

    @property
    def says_cancel(self) -> bool:
        """Whether the run was cancelled; what it awaits at that moment may come to an end all the same."""
        return workflow.cancellation_reason() is not None

    @property
    def says_changed(self) -> bool:
        """Whether a record the run has not looked at since changed."""
        return any(isinstance(m, RecordChanged) and self._is_news(m) for m in self._inbox)

    @property
    def says_retimed(self) -> bool:
        """Whether the clock the run waits by was moved and it has not looked since."""
        return any(isinstance(m, RecordChanged) and m.retime and self._is_news(m) for m in self._inbox)

    def says_happened(self, event: str | None) -> bool:
        """Whether an event of this name, or any, is told that the run has not looked at since."""
        heard = (m for m in self._inbox if isinstance(m, EventHappened) and m.id not in self._seen)
        return any(event in (None, message.event) for message in heard)

    def take(self) -> Told:
        """Empty the inbox. Repetitions and moves that were obeyed already are dropped."""
        told = Told()
        for message in self._inbox:
            if message.id in self._seen:
                continue
            if isinstance(message, Leave):
                told.leave = told.leave or message
            elif isinstance(message, Moved):
                if message.epoch > (told.moved.epoch if told.moved else self.epoch):
                    told.moved = message
            elif isinstance(message, RecordChanged) and self._is_news(message):
                self._keep_version(message)
                told.changed = True
                told.retimed = told.retimed or message.retime
            elif isinstance(message, EventHappened):
                told.changed = True
            self._remember(message.id)
        self._inbox.clear()
        return told

    def inbox(self) -> tuple[Message, ...]:
        """What is waiting, for continue-as-new."""
        return tuple(self._inbox)

    def seen(self) -> tuple[str, ...]:
        """Ids obeyed, oldest first."""
        return tuple(self._seen)

    def versions(self) -> dict[str, int]:
        """Newest version seen of each record."""
        return dict(self._versions)

    def _is_urgent_move(self, message: Message) -> bool:
        return isinstance(message, Moved) and message.epoch > self.epoch and not message.after_answer

    def _is_news(self, message: RecordChanged) -> bool:
        return message.id not in self._seen and message.version >= self._versions.get(message.record_id, 0)

    def _keep_version(self, message: RecordChanged) -> None:
        # Those heard of last come last; of one forgotten, an old version is looked at once more.
        self._versions.pop(message.record_id, None)
        self._versions[message.record_id] = message.version
        for old in _surplus(self._versions, REMEMBERED):
            del self._versions[old]

    def _remember(self, message_id: str) -> None:
        self._seen[message_id] = None
        for old in _surplus(self._seen, REMEMBERED):
            del self._seen[old]


def _surplus(ids: Collection[str], limit: int) -> list[str]:
    """The oldest of those beyond the limit."""
    return list(islice(ids, max(0, len(ids) - limit)))
