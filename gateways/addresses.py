"""Decides what counts as an email address, by syntax alone; knowledge from email-validator, never from the network."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

# RFC 5321 4.5.3.1.3: a path holds 256 octets, two of them the angle brackets.
LONGEST_ADDRESS = 254


class EmailValidatorAddresses:
    """Address syntax.

    Letters beyond ASCII are accepted in the domain only (it has an ASCII form); before the ``@`` most mail servers
    still refuse them.
    """

    def problem(self, written: str) -> str | None:
        """Why ``written`` is not an address, in words without the address itself; None when it is one."""
        if len(written) > LONGEST_ADDRESS:
            return f"an address has at most {LONGEST_ADDRESS} characters"
        if written != written.strip():
            return "an address has no spaces around it"
        try:
            validate_email(written, check_deliverability=False, allow_smtputf8=False, allow_display_name=False)
        except EmailNotValidError as refused:
            # The library speaks in sentences; what is shown after a path is half of one.
            words = str(refused)
            return (words[:1].lower() + words[1:]).removesuffix(".")
        return None
