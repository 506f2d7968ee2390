"""Encrypts bytes by AES-256-GCM, with keys that have names, so that they can rotate."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SETTING = "FOLLOWTHROUGH_ENCRYPTION_KEYS"
CIPHER = b"AES256GCM"
NONCE_BYTES = 12
"""What GCM wants. Drawn by chance, so one key is good for 2^32 texts. Source: NIST SP 800-38D, 8.3."""

NamedKey: TypeAlias = tuple[str, bytes]
"""What a key is called, and its 32 bytes."""


class NotDecrypted(Exception):
    """Something cannot be read: its key is not among ours, or it is not what was encrypted."""


class Ciphers:
    """Encrypts with the first key, decrypts with the one that is named."""

    def __init__(self, keys: Sequence[NamedKey]) -> None:
        """Take the keys, the one that encrypts first.

        Raises:
            ValueError: naming the setting, when the extra that encrypts is not installed.
        """
        self._ciphers = {id: _cipher(secret) for id, secret in keys}
        self.first = keys[0][0]

    def encrypt(self, text: bytes) -> bytes:
        """Nonce and ciphertext, made with the first key."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[self.first].encrypt(nonce, text, _bound(self.first))

    def decrypt(self, sealed: bytes, id: str) -> bytes:
        """What was encrypted with the key of this name.

        Raises:
            NotDecrypted: naming the key.
        """
        from cryptography.exceptions import InvalidTag

        cipher = self._ciphers.get(id)
        if cipher is None:
            raise NotDecrypted(f"{SETTING} has no key {id!r}, with which this was encrypted")
        try:
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(id))
        except (InvalidTag, ValueError) as error:
            raise NotDecrypted(f"the key {id!r} of {SETTING} is not the one that encrypted this") from error


def _cipher(secret: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise ValueError(f"{SETTING}: encrypting needs the extra: pip install followthrough[encryption]") from None
    return AESGCM(secret)


def _bound(id: str) -> bytes:
    """What is authenticated beside the content, so that nothing passes under the name of another key."""
    return CIPHER + b":" + id.encode()
