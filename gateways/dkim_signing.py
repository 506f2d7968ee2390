"""Signs messages with DKIM (RFC 6376), for installations whose mail server does not.

Both unsubscribe headers are signed: mail services show their button only then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from pathlib import Path

SETTINGS = "FOLLOWTHROUGH_DKIM_DOMAIN, …_SELECTOR and …_KEY_FILE"

_SIGNED = (
    b"from", b"to", b"subject", b"date", b"message-id", b"reply-to", b"in-reply-to", b"references", b"mime-version",
    b"content-type", b"list-unsubscribe", b"list-unsubscribe-post",
)  # fmt: skip
_RELAXED = (b"relaxed", b"relaxed")


@dataclass(frozen=True)
class DkimSigner:
    """Whose signature: the public key stands in DNS at ``{selector}._domainkey.{domain}``; ``key`` is PEM, RSA."""

    domain: str
    selector: str
    key: bytes = field(repr=False)

    @classmethod
    def open(cls, domain: str, selector: str, key_file: Path) -> DkimSigner:
        """Read the key and try it.

        Raises:
            ValueError: naming the settings, when the extra is not installed or the key cannot be used.
        """
        try:
            from dkim import DKIMException  # type: ignore[import-untyped]
            from dkim.crypto import UnparsableKeyError  # type: ignore[import-untyped]
        except ImportError:
            raise ValueError(f"{SETTINGS}: signing needs the extra: pip install followthrough[dkim]") from None
        try:
            signer = cls(domain=domain, selector=selector, key=key_file.read_bytes())
            signer.sign(b"From: a@example.com\r\n\r\n\r\n")
        except OSError as unreadable:
            raise ValueError(f"{SETTINGS}: the key file cannot be read ({type(unreadable).__name__})") from None
        except (DKIMException, UnparsableKeyError, ValueError) as unusable:
            # Their words may repeat the key.
            raise ValueError(f"{SETTINGS}: the key cannot sign ({type(unusable).__name__}); it is PEM, RSA") from None
        return signer

    def sign(self, content: bytes) -> bytes:
        """The message with its signature in front; lines end with CRLF."""
        # An extra: who lets the mail server sign needs none of it.
        import dkim

        present = {name.lower().encode() for name in BytesHeaderParser().parsebytes(content)}
        signature: bytes = dkim.sign(
            content,
            self.selector.encode(),
            self.domain.encode(),
            self.key,
            canonicalize=_RELAXED,
            include_headers=[name for name in _SIGNED if name in present],
        )
        return signature + content
