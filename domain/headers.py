"""What may stand in a header of a message: nothing that could begin another header."""

from __future__ import annotations

import unicodedata

from domain.ports import Addresses
from domain.problems import FieldError

LONGEST_NAME = 200
"""Characters of a sender's name."""

LONGEST_SUBJECT = 998
"""Characters of a subject: what RFC 5322 2.1.1 lets a line have. Mail programs show some seventy."""

_BREAKING = frozenset({"Cc", "Zl", "Zp"})
"""Unicode categories of control characters and of line and paragraph separators."""


def line_problem(written: str) -> str | None:
    """Why a text cannot stand in a header, in words; None when it can."""
    if any(unicodedata.category(letter) in _BREAKING for letter in written):
        return "this is written into a header, so it has no line breaks and no control characters"
    return None


def in_one_line(written: str) -> str:
    """A text that others wrote as it can stand in a header: what breaks lines or is no character is a space."""
    letters = (" " if unicodedata.category(letter) in _BREAKING else letter for letter in written)
    return " ".join("".join(letters).split())


def subject_problem(written: str) -> str | None:
    """Why a text, or a template of one, cannot be a subject whatever its variables hold, in words; None when it can."""
    if not written.strip():
        return "the subject is empty"
    if not has_templates(written) and len(written) > LONGEST_SUBJECT:
        return f"a subject has at most {LONGEST_SUBJECT} characters"
    return line_problem(written.strip())


def has_templates(written: str) -> bool:
    """Whether a text is written differently for each reader."""
    return "{{" in written or "{%" in written


def name_problem(written: str) -> str | None:
    """Why a text cannot be a sender's name, in words; None when it can."""
    if has_templates(written):
        return "a sender's name is the same for every reader: it is no template"
    if len(written) > LONGEST_NAME:
        return f"a sender's name has at most {LONGEST_NAME} characters"
    return line_problem(written)


def address_problem(written: str, addresses: Addresses | None) -> str | None:
    """Why a text cannot be an address in a header, in words; None: it can. Without ``addresses`` any line will do."""
    return line_problem(written) or (addresses.problem(written) if addresses is not None else None)


def header_errors(
    *, from_name: str | None, from_address: str | None, reply_to: str | None, addresses: Addresses | None
) -> list[FieldError]:
    """Every mistake in who a message comes from and where answers go, by the name of the field."""
    found = {
        "/from_name": name_problem(from_name or ""),
        "/from_address": address_problem(from_address, addresses) if from_address else None,
        "/reply_to": address_problem(reply_to, addresses) if reply_to else None,
    }
    return [FieldError(path=path, code="wrong_value", message=words) for path, words in found.items() if words]


def message_id(name: str, sender: str) -> str:
    """The id of a message from an address, without its brackets: ``name@domain``, in ASCII as headers are."""
    domain = sender.rpartition("@")[2]
    try:
        return f"{name}@{domain.encode('idna').decode()}"
    except UnicodeError:
        # Whoever cannot be looked up cannot send either; the server says so in its own words.
        return f"{name}@mail.invalid"
