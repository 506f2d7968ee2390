"""Whether a call comes from Twilio, or a service that speaks like it: what ``X-Twilio-Signature`` must be.

Source: Twilio's security page: HMAC-SHA1, by the token of the account, of the address called and, sorted by name, each
field of the form behind its name; in base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit


def signature(token: str, url: str, form: Sequence[tuple[str, str]]) -> str:
    """What a call of ``url`` with these fields is signed with."""
    signed = url + "".join(name + value for name, value in sorted(set(form)))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def is_signed(token: str, url: str, form: Sequence[tuple[str, str]], given: str) -> bool:
    """Whether a call bears the right signature; takes as long whether it does or not.

    Services leave the port of the address out, or write the usual one, as they like.
    """
    right = [hmac.compare_digest(signature(token, each, form).encode(), given.encode()) for each in _spellings(url)]
    return any(right)


def _spellings(url: str) -> tuple[str, str]:
    """The address with its port, and without."""
    parts = urlsplit(url)
    host = parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return urlunsplit(parts._replace(netloc=f"{host}:{port}")), urlunsplit(parts._replace(netloc=host))
