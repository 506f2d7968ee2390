"""ETags and If-Match: what a caller believes to be the current state."""

from __future__ import annotations

from domain.errors import PreconditionFailed, PreconditionMissing


def etag(version: int) -> str:
    """The ETag of a version number: ``"7"``."""
    return f'"{version}"'


def expected_version(if_match: str | None) -> int | None:
    """The version an If-Match names; None when any will do.

    Raises:
        PreconditionFailed: it names nothing of ours.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    written = if_match.strip().removeprefix("W/").strip('"')
    if not written.isdecimal() or len(written) > 9:
        raise PreconditionFailed(f"If-Match {if_match} names no version of this record")
    return int(written)


def demanded(if_match: str | None) -> str:
    """The If-Match of a call that may not go without.

    Raises:
        PreconditionMissing: it was not sent.
    """
    if if_match is None:
        raise PreconditionMissing("send If-Match with the ETag of the state you looked at")
    return if_match.strip().removeprefix("W/")
