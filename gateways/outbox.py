"""Owns the local outbox: one JSON file per effect key, so that handing over the same key again is one message.

A file is complete or absent. It is written and synced under a name nobody reads, then linked to its own name, which
fails when that name exists; of two workers with one key, one makes the file and both succeed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from domain.base import Frozen, Json
from domain.errors import Unavailable

PARTIAL = ".partial-"
"""What the name of a file begins with that is being written."""

_SUFFIX = ".json"
# File systems allow 255 bytes. The digest keeps names apart that were cut or differ in case only.
_READABLE_CHARACTERS = 120
_DIGEST_CHARACTERS = 20


class OutboxFolder:
    """A folder of messages; made when the first one is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where the message of an effect key is, whether or not it exists."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARACTERS]
        readable = quote(key, safe="", errors="replace").replace("~", "%7E")[:_READABLE_CHARACTERS]
        return self.folder / f"{readable}.{digest}{_SUFFIX}"

    async def put(self, key: str, message: Frozen) -> str:
        """Keep ``message`` under ``key`` and answer its file name; an earlier message of that key stays as it is.

        On return the file survives a crash of the machine.

        Raises:
            Unavailable: the folder cannot be written now; nothing was kept.
        """
        path = self.path(key)
        try:
            # A sync takes milliseconds on a slow disk, and the loop has other runs to serve.
            await asyncio.to_thread(_write_once, path, message.model_dump_json(indent=2).encode("utf-8"))
        except OSError as refused:
            raise Unavailable(f"the outbox folder cannot be written: {refused.strerror or refused}") from refused
        return path.name


def read_outbox(folder: Path) -> Iterator[dict[str, Json]]:
    """Every message in ``folder``, by its instant, as the gateway was given it; none when there is no folder.

    ``{"key": "…", "to": "ana@example.com", "subject": "…", "at": "2027-01-31T09:00:00Z", …}``
    """
    if not folder.is_dir():
        return
    messages: list[dict[str, Json]] = [json.loads(path.read_bytes()) for path in folder.glob(f"*{_SUFFIX}")]
    yield from sorted(messages, key=lambda message: (str(message["at"]), str(message["key"])))


class OutboxFiles:
    """The local outboxes below a folder, one per channel, for who verifies them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, channel: str, key: str) -> bool:
        """Whether there is a file of this effect."""
        return OutboxFolder(self._folder / channel).path(key).exists()

    def keys(self, channel: str) -> Iterator[str]:
        """The keys of all files, read one at a time; a file that is no message, or is going away, has none."""
        for path in (self._folder / channel).glob(f"*{_SUFFIX}"):
            try:
                yield str(json.loads(path.read_bytes())["key"])
            except (OSError, ValueError, KeyError, TypeError):
                continue


def _write_once(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _link_new(path, content)
    # Also when another process made the link: it may not have come to its own sync yet.
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _link_new(path: Path, content: bytes) -> None:
    descriptor, partial = tempfile.mkstemp(prefix=PARTIAL, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(partial)
