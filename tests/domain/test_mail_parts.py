"""Addresses as mail servers and people write them."""

from __future__ import annotations

import pytest

from domain.mail_parts import is_same_mailbox


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ana@Example.com", "ana@example.COM", True),
        ("ana@example.com", "ana@example.org", False),
        ("ana@example.com", "eve@example.com", False),
        ("ana@bücher.example", "ana@xn--bcher-kva.example", True),
        ("ana@BÜCHER.example", "ANA@XN--BCHER-KVA.example", True),
        ("ana@bu\N{COMBINING DIAERESIS}cher.example", "ana@xn--bcher-kva.example", True),
        ("ana@straße.example", "ana@xn--strae-oqa.example", True),
        ("ana@straße.example", "ana@strasse.example", False),
        ("ana@xn--99999999.example", "ana@xn--99999999.example", True),
        ("ana@xn--ü.example", "ana@ü.example", False),
        ("", "ana@example.com", False),
    ],
)
def test_addresses_are_compared_as_what_they_mean(one: str, other: str, same: bool) -> None:
    assert is_same_mailbox(one, other) is same
    assert is_same_mailbox(other, one) is same
