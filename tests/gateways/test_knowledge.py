"""Phone numbers, addresses and the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateways.addresses import EmailValidatorAddresses
from gateways.clock import SystemClock
from gateways.phones import LibPhones


def test_the_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("written", "region", "expected"),
    [
        ("22 12 34 56", "NO", "+4722123456"),
        ("(202) 555-0143", "US", "+12025550143"),
        ("+47 22 12 34 56", "US", "+4722123456"),
        ("0043 1 234567", "AT", "+431234567"),
        ("22 12 34 56", "no", "+4722123456"),
        ("12", "NO", None),
        ("hello", "US", None),
        ("", "US", None),
        ("22 12 34 56", "", None),
        ("22 12 34 56", "ZZ", None),
        ("1" * 10_000, "US", None),
    ],
)
def test_a_number_has_its_international_form_or_none(written: str, region: str, expected: str | None) -> None:
    assert LibPhones().e164(written, region) == expected


@pytest.mark.parametrize(
    "address", ["ana@example.com", "first.last+tag@example.co.uk", "ana@bücher.example.com", "A@EXAMPLE.COM"]
)
def test_addresses_that_are_accepted(address: str) -> None:
    assert EmailValidatorAddresses().problem(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ana",
        "ana@",
        "@example.com",
        "ana@example",
        "a b@example.com",
        " ana@example.com",
        "ana@example.com\n",
        "Ana <ana@example.com>",
        "ana@example.com, bob@example.com",
        "ana@exa_mple.com",
        "änа@example.com",
        "a" * 300 + "@example.com",
    ],
)
def test_what_is_no_address_is_told_in_words(address: str) -> None:
    problem = EmailValidatorAddresses().problem(address)
    assert problem is not None
    assert problem[0].islower()
    assert not problem.endswith(".")
    assert "ana@" not in problem
