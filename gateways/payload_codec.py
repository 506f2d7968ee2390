"""Encrypts what Temporal keeps of runs: inputs, answers, signals, summaries and failures.

What is not encrypted is read as it is, and every key reads: an installation may begin with encryption, or change its
key, while runs are under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from gateways.ciphers import CIPHER, SETTING, Ciphers, NamedKey, NotDecrypted

ENCODING = b"binary/encrypted"
KEY = "encryption-key-id"


class EncryptingCodec(PayloadCodec):
    """Each payload is encrypted whole; its metadata names the key.

    Without ciphers nothing is encrypted, and what is encrypted is refused here: the SDK's converter would refuse it as
    well, but inside the workflow, where a signal that cannot be read is dropped instead of waiting for the key.
    """

    def __init__(self, ciphers: Ciphers | None) -> None:
        self._ciphers = ciphers

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each payload, encrypted; without ciphers as it is."""
        if self._ciphers is None:
            return list(payloads)
        metadata = {"encoding": ENCODING, "encryption-cipher": CIPHER, KEY: self._ciphers.first.encode()}
        return [
            Payload(metadata=metadata, data=self._ciphers.encrypt(each.SerializeToString())) for each in payloads
        ]  # fmt: skip

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each payload as it was before it was encrypted, or as it is when it never was.

        Raises:
            NotDecrypted: the first one that cannot be read, with the name of its key.
        """
        return [self._decoded(each) if each.metadata.get("encoding") == ENCODING else each for each in payloads]

    def _decoded(self, payload: Payload) -> Payload:
        id = payload.metadata.get(KEY, b"").decode(errors="replace")
        if self._ciphers is None:
            raise NotDecrypted(f"{SETTING} has no key {id!r}, with which this was encrypted")
        return Payload.FromString(self._ciphers.decrypt(payload.data, id))


def converter(keys: Sequence[NamedKey]) -> DataConverter:
    """How our values become payloads: encrypted with keys, readable without.

    Raises:
        ValueError: naming the setting, when there are keys and the extra is not installed.
    """
    if not keys:
        return replace(pydantic_data_converter, payload_codec=EncryptingCodec(None))
    return replace(
        pydantic_data_converter,
        payload_codec=EncryptingCodec(Ciphers(keys)),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
