"""Who a text message may come from and go to: a number, or what operators of networks let stand in its place."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164."""

_SHORT_CODE = re.compile(r"[0-9]{3,8}")
# 3GPP TS 23.040 9.1.2.5: ten octets of an address hold eleven characters. One is a letter, else it is a number.
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ._&+-]{1,11}")


def number_problem(written: str) -> str | None:
    """Why this is no number in international form, in words; None when it is."""
    return None if _NUMBER.fullmatch(written) else "a number is written in international form, as +4722123456"


def sender_problem(written: str) -> str | None:
    """Why no text message can come from this, in words; None when one can.

    ``+4722123456`` can, and ``12345`` (a short code) and ``ACME``; ``22 12 34 56`` cannot, as nobody can tell where.
    """
    if any(kind.fullmatch(written) for kind in (_NUMBER, _SHORT_CODE, _NAME)):
        return None
    return "a sender is a number as +4722123456, a short code of 3 to 8 digits, or up to 11 letters and digits"
