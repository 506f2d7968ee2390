"""The rows an import did not take: listed, counted, and written as CSV for whoever mends them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Any

HEAD = ("line", "field", "reason", "value")
SHOWN = 20
"""How many rejected rows are listed on the screen; JSON and files hold all."""


def import_text(job: Any, rejected: Sequence[Any]) -> str:
    """What became of an import, with its first rejected rows and how to get the others."""
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(job["counts"].items()) if count)
    lines = [f"{job['total']} rows: {counts or 'nothing to do'}"]
    lines += [f"  line {row['line']}: {row['reason']}" for row in rejected[:SHOWN]]
    more = job["counts"].get("rejected", 0) - len(rejected[:SHOWN])
    if more > 0:
        lines.append(
            f"  … and {more} more: --json shows and --rejected FILE writes all (with --dry-run also afterwards),"
        )
        lines.append(f"    or GET /api/v1/jobs/{job['id']}/rows?outcome=rejected")
    return "\n".join(lines)


def rejected_csv(job: Any, rejected: Iterable[Any]) -> str:
    """One line per mistake of each rejected row: the line of the file, the field, the reason, what the cell says."""
    cells_of = _columns(job["input"])
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for row in rejected:
        for field, reason in _mistakes(row, cells_of, key=job["input"]["key"]):
            values = [row["cells"][n] for n in cells_of.get(field, ()) if n < len(row["cells"])]
            writer.writerow((row["line"], field, reason, "; ".join(value for value in values if value)))
    return text.getvalue()


def _columns(given: Any) -> dict[str, list[int]]:
    """Which cells of a row belong to a field, as the reasons of rejections name it."""
    found: dict[str, list[int]] = {}
    for n, name in enumerate(given["header"]):
        written = given["mapping"]["columns"].get(name, [])
        for rule in written if isinstance(written, list) else [written]:
            if "associate" in rule:
                found.setdefault(rule["associate"]["object"], []).append(n)
            elif "owner_by" in rule:
                found.setdefault("owner", []).append(n)
            elif "property" in rule:
                found.setdefault(rule["property"], []).append(n)
    for name in given["mapping"].get("constants", {}):
        found.setdefault(name, [])
    return found


def _mistakes(row: Any, cells_of: dict[str, list[int]], *, key: str) -> Iterator[tuple[str, str]]:
    """Field and reason of each mistake; a row that is wrong as a whole has one without a field."""
    named = "|".join(re.escape(name) for name in sorted(cells_of, key=len, reverse=True))
    # A reason reads "email: …; score: …"; only names the mapping knows divide it, as a value may hold anything.
    first, *parts = re.split(rf"(?:^|; )({named}): ", row["reason"])
    if first:
        yield key if row["code"] == "duplicate_in_file" else "", first
    yield from zip(parts[::2], parts[1::2], strict=True)
