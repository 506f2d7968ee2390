"""Verifies ECDSA signatures over the curve P-256 with SHA-256 (FIPS 186-5), as SendGrid signs its webhooks.

Only what is public is computed with: the key that verifies, the signature, what was signed. So it need not take the
same time for every input, which Python could not promise. Nothing here can sign.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import TypeAlias

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

_KEY_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
"""What a key of this curve begins with (RFC 5480), written without compression; x and y follow."""

Point: TypeAlias = tuple[int, int]
_Projected: TypeAlias = tuple[int, int, int]
"""Jacobian coordinates (x/z², y/z³), in which points are added without dividing; z is 0 at infinity."""

_INFINITY: _Projected = (1, 1, 0)


def read_key(text: str) -> Point:
    """A public key in base64 of its DER form, or in PEM.

    Raises:
        ValueError: it is none of this curve.
    """
    lines = (line.strip() for line in text.strip().splitlines())
    try:
        der = base64.b64decode("".join(line for line in lines if not line.startswith("-----")), validate=True)
    except (binascii.Error, ValueError):
        der = b""
    x, y = int.from_bytes(der[27:59], "big"), int.from_bytes(der[59:], "big")
    is_on_curve = x < P and y < P and (y * y - (x * x * x - 3 * x + B)) % P == 0
    if der[:27] != _KEY_HEAD or len(der) != 91 or not is_on_curve:
        raise ValueError("this is no public key of the curve P-256 in base64")
    return x, y


def is_signed(key: Point, signature: bytes, content: bytes) -> bool:
    """Whether ``signature``, in DER, is that of ``content`` by the owner of ``key``."""
    numbers = _numbers(signature)
    if numbers is None:
        return False
    r, s = numbers
    if not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, -1, N)
    digest = int.from_bytes(hashlib.sha256(content).digest(), "big")
    x, _, z = _sum_of(digest * inverse % N, r * inverse % N, key)
    return z != 0 and x * pow(z, -2, P) % P % N == r


def _numbers(der: bytes) -> tuple[int, int] | None:
    """The two numbers of a signature; None when it is not written as DER wants it."""
    # Two numbers of 33 bytes at most: the length fits one byte.
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2:
        return None
    found, rest = [], der[2:]
    for _ in range(2):
        if len(rest) < 3 or rest[0] != 0x02 or not 0 < rest[1] <= min(33, len(rest) - 2):
            return None
        number, rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
        if number[0] & 0x80 or (len(number) > 1 and number[0] == 0 and not number[1] & 0x80):
            return None
        found.append(int.from_bytes(number, "big"))
    return (found[0], found[1]) if not rest else None


def _sum_of(times_base: int, times_key: int, key: Point) -> _Projected:
    """``times_base`` times the base point plus ``times_key`` times the key, both read bit by bit at once."""
    base, other = (*G, 1), (*key, 1)
    steps = (None, base, other, _add(base, other))
    made = _INFINITY
    for bits in _pairs(times_base, times_key):
        made = _double(made)
        step = steps[bits]
        if step is not None:
            made = _add(made, step)
    return made


def _pairs(first: int, second: int) -> Iterable[int]:
    """The bits of two numbers side by side, the highest first: 1 is a bit of the first, 2 one of the second."""
    for at in range(max(first.bit_length(), second.bit_length()) - 1, -1, -1):
        yield (first >> at & 1) | (second >> at & 1) << 1


def _double(point: _Projected) -> _Projected:
    x, y, z = point
    if z == 0 or y == 0:
        return _INFINITY
    squared = y * y % P
    four = 4 * x * squared % P
    slope = 3 * (x - z * z) * (x + z * z) % P
    doubled = (slope * slope - 2 * four) % P
    return doubled, (slope * (four - doubled) - 8 * squared * squared) % P, 2 * y * z % P


def _add(one: _Projected, other: _Projected) -> _Projected:
    if one[2] == 0:
        return other
    if other[2] == 0:
        return one
    (x1, y1, z1), (x2, y2, z2) = one, other
    square1, square2 = z1 * z1 % P, z2 * z2 % P
    across1, across2 = x1 * square2 % P, x2 * square1 % P
    up1, up2 = y1 * square2 * z2 % P, y2 * square1 * z1 % P
    width, height = (across2 - across1) % P, (up2 - up1) % P
    if width == 0:
        return _double(one) if height == 0 else _INFINITY
    wide2 = width * width % P
    wide3, base = wide2 * width % P, across1 * wide2 % P
    x = (height * height - wide3 - 2 * base) % P
    return x, (height * (base - x) - up1 * wide3) % P, width * z1 * z2 % P
