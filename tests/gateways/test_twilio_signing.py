"""The signature of Twilio's calls, by the example of its documentation."""

from __future__ import annotations

from gateways.twilio_signing import is_signed, signature

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
]


def test_the_example_of_the_documentation() -> None:
    assert signature("12345", URL, FORM) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert is_signed("12345", URL, [*reversed(FORM)], "RSOYDt4T1cUTdK1PDd93/VVr8B8=")


def test_another_address_field_or_token_is_refused() -> None:
    good = signature("12345", URL, FORM)
    assert not is_signed("12345", URL + "&more=1", FORM, good)
    assert not is_signed("12345", URL, FORM[1:], good)
    assert not is_signed("12346", URL, FORM, good)
    assert not is_signed("12345", URL, FORM, "")
    assert not is_signed("12345", URL, FORM, "ü")


def test_the_port_may_be_named_or_left_out() -> None:
    named, bare = "https://crm.example.com:443/a?b=1", "https://crm.example.com/a?b=1"
    for signed in (named, bare):
        for called in (named, bare):
            assert is_signed("12345", called, FORM, signature("12345", signed, FORM))
    assert not is_signed("12345", bare, FORM, signature("12345", "https://crm.example.com:8443/a?b=1", FORM))
