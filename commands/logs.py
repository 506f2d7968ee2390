"""What a process writes about itself: one JSON object per line on stderr, ids only, never personal data."""

from __future__ import annotations

import json
import logging
import os
import traceback
from datetime import UTC, datetime
from typing import Any, Final

from temporalio.exceptions import FailureError
from temporalio.service import RPCError

from domain.errors import GatewayError, NotFound
from services.log_fields import bound_fields

_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
"""What every log record has; the rest was given with the event and is written beside it."""

_FOREIGN: Final = frozenset({"temporal_log", "temporal_activity", "__temporal_error_identifier"})
"""What the Temporal SDK gives: objects, and of an activity what ``gateways.activity_ids`` tells anyway."""

QUOTABLE: Final = (
    GatewayError, NotFound, FailureError, RPCError, ImportError, AttributeError, TypeError, NameError, RecursionError,
)  # fmt: skip
"""Errors whose words hold ids, names in the code and answers of services only. Any other may quote a record."""

FRAMES: Final = 12
"""How many calls of an error's way are written: those nearest to it."""


class JsonLines(logging.Formatter):
    """One event per line: time, level, logger, event, the ids it belongs to, and the fields given with it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of one event."""
        line: dict[str, Any] = {
            "at": f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            # What asyncio and servers append on further lines quotes the error itself.
            "event": record.getMessage().partition("\n")[0],
            **bound_fields(),
            **{name: value for name, value in vars(record).items() if name not in _OWN and name not in _FOREIGN},
        }
        if (core := getattr(record, "temporal_log", None)) is not None:
            line["fields"] = core.fields
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = told(record.exc_info[1])
        return json.dumps(line, default=str, ensure_ascii=False)


def told(error: BaseException) -> dict[str, Any]:
    """An error as one field: its type, where it was raised and by which way, what it came from.

    Its words only where they cannot quote a record. An error of the operating system speaks by its number.
    """
    said: dict[str, Any] = {"type": type(error).__qualname__}
    if isinstance(error, QUOTABLE) or getattr(error, "is_quotable", False):
        said["message"] = str(error)
    elif isinstance(error, OSError) and error.errno is not None:
        said["message"] = os.strerror(error.errno)
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    said["raised_at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        said["cause"] = told(cause)
    return said


def log_as_json(level: str = "info") -> None:
    """Send everything of this process through ``JsonLines``: ours and what libraries say, from ``level`` on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    # Below `info` libraries say what they send: statements with their values, headers with their keys.
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    # One line per request of another library says nothing that the API's own answers do not.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
