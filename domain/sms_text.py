"""How many messages a text is on its way to a phone: networks charge and deliver by the segment.

Source: 3GPP TS 23.038 (the GSM 7-bit alphabet and its extension) and TS 23.040 (concatenated messages).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from domain.base import Frozen

Alphabet: TypeAlias = Literal["gsm", "unicode"]

MOST_SEGMENTS = 10
"""What services take as one message."""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""Written as two characters, which one segment holds together."""

_ALONE = {"gsm": 160, "unicode": 70}
_EACH = {"gsm": 153, "unicode": 67}
"""Characters of a segment, alone and among others; those name their place."""


class SmsSize(Frozen):
    """What a text takes. One character beyond the 7-bit alphabet makes all of it ``unicode``."""

    alphabet: Alphabet
    segments: int


def size_of(text: str) -> SmsSize:
    """How many segments a text is; an empty one is one."""
    alphabet: Alphabet = "gsm" if set(text) <= _BASIC | _EXTENDED else "unicode"
    widths = [_width(sign, alphabet) for sign in text]
    if sum(widths) <= _ALONE[alphabet]:
        return SmsSize(alphabet=alphabet, segments=1)
    segments, used = 1, 0
    for width in widths:
        # No segment ends in the middle of a character.
        if used + width > _EACH[alphabet]:
            segments, used = segments + 1, 0
        used += width
    return SmsSize(alphabet=alphabet, segments=segments)


def too_long(text: str, most: int) -> str | None:
    """Why a text is not sent, in words; None when it takes no more than ``most`` segments."""
    size = size_of(text)
    if size.segments <= most:
        return None
    why = ", as it has characters that are not in the alphabet of plain messages" if size.alphabet == "unicode" else ""
    return f"the text takes {size.segments} segments, more than {most}{why}: shorten it or raise max_segments"


def _width(sign: str, alphabet: Alphabet) -> int:
    if alphabet == "gsm":
        return 2 if sign in _EXTENDED else 1
    return 2 if ord(sign) > 0xFFFF else 1
