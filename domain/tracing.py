"""What is known of the trace under way, as a port: what follows later, elsewhere, is found from what caused it.

A ``traceparent`` is the text by which one process names its span to another (W3C Trace Context): 55 characters.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Traces(Protocol):
    """Spans of what is done. Their attributes are ids only: never an address, a name or a value."""

    def here(self) -> str | None:
        """The traceparent of the span under way, to be kept with what is done later; None when nobody traces."""
        ...

    def trace_id(self) -> str | None:
        """The id of the trace under way, 32 hexadecimal digits; None when there is none."""
        ...

    def note(self, **ids: str | int | None) -> None:
        """Name ids on the span under way."""
        ...

    def span(self, name: str, *, behind: str | None, **ids: str | int | None) -> AbstractContextManager[None]:
        """A span for the block, in the trace of ``behind``, a traceparent; of one under way, or a new one, without."""
        ...

    def trace(self, name: str, *, because_of: str | None, **ids: str | int | None) -> AbstractContextManager[None]:
        """A span that begins a trace of its own, linked with the span that ``because_of`` names."""
        ...


class NoTraces:
    """Nobody traces, which costs nothing."""

    def here(self) -> str | None:
        """None."""
        return None

    def trace_id(self) -> str | None:
        """None."""
        return None

    def note(self, **ids: str | int | None) -> None:
        """Nothing."""

    def span(self, name: str, *, behind: str | None, **ids: str | int | None) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()

    def trace(self, name: str, *, because_of: str | None, **ids: str | int | None) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()
