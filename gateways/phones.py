"""Decides what counts as a telephone number and how it is written internationally; knowledge from phonenumberslite."""

from __future__ import annotations

import phonenumbers

# The longest text worth parsing: E.164 allows 15 digits, the rest is room for spaces, brackets and an extension.
LONGEST_WRITTEN = 60


class LibPhones:
    """Numbering plans of the whole world, offline."""

    def e164(self, written: str, region: str) -> str | None:
        """The international form of ``written``: ``("22 12 34 56", "NO")`` gives ``+4722123456``.

        ``region`` is a two-letter country code and counts only for numbers written without ``+``. None when the
        text is no number or the number cannot exist. An extension is dropped: nobody can send a message to one.
        """
        if len(written) > LONGEST_WRITTEN:
            return None
        try:
            number = phonenumbers.parse(written, region.upper() or None)
        except phonenumbers.NumberParseException:
            return None
        if not phonenumbers.is_valid_number(number):
            return None
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
