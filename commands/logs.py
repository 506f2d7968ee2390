"""What a process writes about itself: one JSON object per line on stderr, ids only, never personal data."""

from __future__ import annotations

import json
import logging
from typing import Final

_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
"""What every log record has; the rest was given with the event and is written beside it."""


class JsonLines(logging.Formatter):
    """One event per line: time, level, logger, event, and the fields given with it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of one event."""
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **{name: value for name, value in vars(record).items() if name not in _OWN},
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def log_as_json(level: int = logging.INFO) -> None:
    """Send everything of this process through ``JsonLines``."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # One line per request of another library says nothing that the API's own answers do not.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
