"""Files a command reads and writes: mistakes told with their place, nothing overwritten unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from commands.output import ExitCode, Failed
from domain.errors import RefusedError

Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that exists.")]


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
    except OSError as error:
        raise Failed(ExitCode.REFUSED, f"{path} cannot be read: {_why(error)}") from None
    except RefusedError as refused:
        lines = [f"{error.path}: {error.message}" for error in refused.errors]
        raise Failed(ExitCode.REFUSED, f"{path}: {refused}", lines=lines) from None


def check_target(path: Path, *, force: bool) -> None:
    """Find out before the work whether its outcome may be written to ``path``.

    Raises:
        Failed: the file exists and ``force`` is false, or there is no such folder.
    """
    if path.exists() and not force:
        raise Failed(ExitCode.REFUSED, f"{path} exists; --force overwrites it")
    if not path.parent.is_dir():
        raise Failed(ExitCode.REFUSED, f"{path} cannot be written: there is no folder {path.parent}")


def write_text(path: Path, text: str, *, force: bool) -> None:
    """Write a file as UTF-8, its line ends as they are in ``text``.

    Raises:
        Failed: it exists and ``force`` is false, or it cannot be written.
    """
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise Failed(ExitCode.REFUSED, f"{path} exists; --force overwrites it") from None
    except OSError as error:
        raise Failed(ExitCode.REFUSED, f"{path} cannot be written: {_why(error)}") from None


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
