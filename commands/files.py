"""Files a command reads: YAML as JSON values, mistakes told with their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from commands.output import ExitCode, Failed
from domain.errors import RefusedError


def read_yaml(path: Path) -> Any:
    """The document in a YAML or JSON file.

    Raises:
        Failed: it cannot be read.
    """
    from gateways.yaml_files import read_document

    try:
        return read_document(path.read_text("utf-8"))
    except UnicodeDecodeError:
        raise Failed(ExitCode.REFUSED, f"{path}: not UTF-8") from None
    except RefusedError as refused:
        lines = [f"{error.path}: {error.message}" for error in refused.errors]
        raise Failed(ExitCode.REFUSED, f"{path}: {refused}", lines=lines) from None
