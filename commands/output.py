"""How a command speaks: text for people, one JSON document with ``--json``, and exit codes that scripts can trust."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]


class ExitCode(IntEnum):
    """What the exit code of a command means; 2 (wrong usage) is given by the parser."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_REACHABLE = 4
    PARTLY_REJECTED = 5
    DISAGREES = 6


class Failed(Exception):
    """The command could not do its work; ``lines`` are the single mistakes, ``problem`` the API's own document."""

    def __init__(
        self, code: ExitCode, message: str, *, lines: Sequence[str] = (), problem: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.lines = tuple(lines)
        self.problem = problem


@contextmanager
def speaking(as_json: bool) -> Iterator[None]:
    """Within it a ``Failed`` becomes a message on stderr and an exit code."""
    try:
        yield
    except Failed as failed:
        if as_json:
            typer.echo(json.dumps(failed.problem or {"detail": str(failed)}, ensure_ascii=False), err=True)
        else:
            typer.echo("\n  ".join((str(failed), *failed.lines)), err=True)
        raise typer.Exit(failed.code) from None


def show(document: Any, text: str, *, as_json: bool) -> None:
    """Answer with ``document`` as JSON, or with ``text``."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2) if as_json else text)


def table(rows: Sequence[Sequence[object]], heads: Sequence[str]) -> str:
    """Rows in aligned columns, each row one line; None is shown as a dash."""
    cells = [[str(head) for head in heads], *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def _cell(value: object) -> str:
    return "-" if value is None else " ".join(str(value).splitlines())
