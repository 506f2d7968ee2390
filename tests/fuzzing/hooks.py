"""What schemathesis has to be taught of this API; it loads this file by SCHEMATHESIS_HOOKS."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.serializer("message/rfc822")
def as_mail(_: Any, value: Any) -> bytes:
    """A mail, or something that is none."""
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogateescape")
