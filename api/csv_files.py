"""Tables as CSV files (RFC 4180), for whoever asks for one with ``format=csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, TypeAlias

from fastapi import Query
from starlette.responses import Response

Format: TypeAlias = Annotated[Literal["json", "csv"], Query(description="`csv`: the same as a table.")]

Cell: TypeAlias = str | int | float | bool | None

MOST_LINES = 10_000
"""Of a list as a file, whatever page is asked for."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a text begins with that spreadsheets would compute."""

SHOWN: dict[int | str, dict[str, object]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
"""What the reference says of a route that answers both."""


def csv_answer(name: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """A table as a file ``name``.csv to be kept; nothing in it is computed by who opens it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(heads)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.getvalue(), media_type="text/csv", headers=headers)


def _cell(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
