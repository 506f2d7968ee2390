"""Splits an uploaded CSV into rows while it streams; pure, so bytes come in as they arrive and rows go out.

A row is found with the line it begins on, counted in physical lines; blank lines are counted as lines and are no rows.
Whatever is wrong with the file as such stops the reading with the line it stands on.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from domain.errors import Invalid, TooLarge
from domain.problems import FieldError

MAX_UPLOAD_BYTES = 100 * 1024 * 1024
MAX_COLUMNS = 200
MAX_CELL_BYTES = 64 * 1024
DELIMITERS = (",", ";", "\t")

_MAX_ROW_CHARS = MAX_COLUMNS * MAX_CELL_BYTES
# A carriage return at the very end may be half of a pair, so it waits for what follows.
_LINE_END = re.compile(r"\r\n|\n|\r(?!\Z)")
_QUOTED = re.compile(r'"(?:[^"]+|"")*("?)')


@dataclass(frozen=True)
class CsvRow:
    """One row: the physical line it begins on (the first line is 1) and its cells, stripped."""

    line: int
    cells: tuple[str, ...]


class CsvRows:
    """Takes the upload piece by piece. The first row is the header; ``,``, ``;`` or tab is told from it.

    Raises from ``feed`` and ``finish``:
        Invalid: broken encoding, a cell over 64 KiB, more than 200 columns, an unfinished quotation, no header.
        TooLarge: more than 100 MiB.
    """

    def __init__(self) -> None:
        self.header: tuple[str, ...] | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._size_bytes = 0
        self._rest = ""
        self._line = 0
        self._open: list[str] = []
        self._open_chars = 0
        self._in_quotes = False
        self._delimiter = ","

    def feed(self, piece: bytes) -> Iterator[CsvRow]:
        """The rows that are complete with this piece; the header is kept in ``header`` and not given out."""
        self._size_bytes += len(piece)
        if self._size_bytes > MAX_UPLOAD_BYTES:
            raise TooLarge(f"the file is larger than {MAX_UPLOAD_BYTES // 1024 // 1024} MiB")
        yield from self._take(self._decode(piece, final=False))

    def finish(self) -> Iterator[CsvRow]:
        """The last row, if the file does not end in a line break."""
        yield from self._take(self._decode(b"", final=True))
        if self._rest:
            last, self._rest = self._rest, ""
            yield from self._line_read(last)
        if self._open:
            raise _refused("unfinished_quote", self._row_line, "the quotation mark opened here is never closed")
        if self.header is None:
            raise Invalid("the file is empty", errors=[_error("empty_file", "the file has no header line")])

    @property
    def _row_line(self) -> int:
        return self._line - len(self._open) + 1

    def _decode(self, piece: bytes, *, final: bool) -> str:
        try:
            return self._decoder.decode(piece, final)
        except UnicodeDecodeError as broken:
            before = self._rest + broken.object[: broken.start].decode("utf-8", errors="replace")
            line = self._line + 1 + len(_LINE_END.findall(before + "x"))
            message = f"byte 0x{broken.object[broken.start]:02x} is not valid UTF-8; save the file as UTF-8"
            raise _refused("broken_encoding", line, message) from None

    def _take(self, text: str) -> Iterator[CsvRow]:
        text = self._rest + text
        end = 0
        for found in _LINE_END.finditer(text):
            begin, end = end, found.end()
            yield from self._line_read(text[begin:end])
        self._rest = text[end:]
        if self._open_chars + len(self._rest) > _MAX_ROW_CHARS:
            raise _too_large_cell(self._line + 1 - len(self._open))

    def _line_read(self, text: str) -> Iterator[CsvRow]:
        self._line += 1
        if self.header is None and not self._open:
            self._delimiter = _delimiter_of(text)
        if "\x00" in text:
            raise _refused("broken_encoding", self._line, "the line holds a NUL character")
        self._in_quotes = _ends_in_quotes(text, self._delimiter, in_quotes=self._in_quotes)
        self._open.append(text)
        self._open_chars += len(text)
        if self._in_quotes:
            # A quotation never closed would otherwise swallow the rest of the file before anybody is told.
            if self._open_chars > _MAX_ROW_CHARS:
                raise _too_large_cell(self._row_line)
            return
        row = self._row()
        self._open, self._open_chars = [], 0
        if row is None:
            return
        if self.header is None:
            self.header = row.cells
        else:
            yield row

    def _row(self) -> CsvRow | None:
        line = self._row_line
        try:
            cells = next(csv.reader(["".join(self._open)], delimiter=self._delimiter), [])
        except csv.Error:
            # The reader's own limit of 128 Ki characters; nothing else makes it fail on a complete row.
            raise _too_large_cell(line) from None
        if len(cells) > MAX_COLUMNS:
            raise _refused("too_many_columns", line, f"{len(cells)} columns; {MAX_COLUMNS} are allowed")
        for n, cell in enumerate(cells, start=1):
            if len(cell) * 4 > MAX_CELL_BYTES and len(cell.encode()) > MAX_CELL_BYTES:
                raise _too_large_cell(line, column=n)
        stripped = tuple(cell.strip() for cell in cells)
        return CsvRow(line=line, cells=stripped) if any(stripped) else None


def _delimiter_of(header: str) -> str:
    unquoted = re.sub(r'"(?:[^"]+|"")*"?', "", header)
    return max(DELIMITERS, key=unquoted.count)


def _ends_in_quotes(text: str, delimiter: str, *, in_quotes: bool) -> bool:
    """Whether the row goes on in the next line: a quotation counts only where a cell begins, as the reader has it."""
    if '"' not in text:
        return in_quotes
    at = 0
    if in_quotes:
        closed = _QUOTED.match('"' + text)
        if closed is None or not closed.group(1):
            return True
        at = closed.end() - 1
    while at < len(text):
        if text[at] == '"' and (at == 0 or text[at - 1] == delimiter):
            quoted = _QUOTED.match(text, at)
            if quoted is None or not quoted.group(1):
                return True
            at = quoted.end()
        following = text.find(delimiter, at)
        if following < 0:
            return False
        at = following + 1
    return False


def _error(code: str, message: str) -> FieldError:
    return FieldError(path="/file", code=code, message=message)


def _refused(code: str, line: int, message: str) -> Invalid:
    words = f"line {line}: {message}"
    return Invalid(words, errors=[_error(code, words)])


def _too_large_cell(line: int, *, column: int | None = None) -> Invalid:
    where = f"the cell in column {column}" if column else "a cell"
    return _refused("cell_too_large", line, f"{where} is larger than {MAX_CELL_BYTES // 1024} KiB")
