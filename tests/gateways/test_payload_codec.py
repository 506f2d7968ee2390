"""What is encrypted can be read with its key and nothing else, and what never was is read as it is."""

from __future__ import annotations

import sys

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure

from gateways.ciphers import Ciphers, NamedKey, NotDecrypted
from gateways.payload_codec import EncryptingCodec, converter

OLD, NEW = ("2025", b"o" * 32), ("2026", b"n" * 32)
SAID = Payload(metadata={"encoding": b"json/plain"}, data=b'{"record": "7f3a"}')


def speaking(keys: list[NamedKey]) -> EncryptingCodec:
    return EncryptingCodec(Ciphers(keys))


async def test_what_is_encrypted_can_be_read_again_and_shows_nothing() -> None:
    codec = speaking([NEW])
    (sealed,) = await codec.encode([SAID])
    assert b"7f3a" not in sealed.SerializeToString()
    assert b"json/plain" not in sealed.SerializeToString()
    assert await codec.decode([sealed]) == [SAID]


async def test_the_same_is_never_encrypted_the_same_way() -> None:
    one, two = await speaking([NEW]).encode([SAID, SAID])
    assert one.data != two.data


async def test_the_first_key_encrypts_and_every_key_reads() -> None:
    (before,) = await speaking([OLD]).encode([SAID])
    rotated = speaking([NEW, OLD])
    (after,) = await rotated.encode([SAID])
    assert (before.metadata["encryption-key-id"], after.metadata["encryption-key-id"]) == (b"2025", b"2026")
    assert await rotated.decode([before, after]) == [SAID, SAID]


async def test_what_never_was_encrypted_is_read_as_it_is() -> None:
    assert await speaking([NEW]).decode([SAID]) == [SAID]


async def test_without_keys_nothing_is_encrypted_and_what_was_names_its_key() -> None:
    speaks = converter([]).payload_codec
    assert speaks is not None
    assert await speaks.encode([SAID]) == [SAID]
    assert await speaks.decode([SAID]) == [SAID]
    with pytest.raises(NotDecrypted, match="has no key '2025'"):
        await speaks.decode(await speaking([OLD]).encode([SAID]))


async def test_a_key_that_is_missing_or_another_one_is_named() -> None:
    (sealed,) = await speaking([OLD]).encode([SAID])
    with pytest.raises(NotDecrypted, match="has no key '2025'"):
        await speaking([NEW]).decode([sealed])
    with pytest.raises(NotDecrypted, match=r"key '2025' .* is not the one"):
        await speaking([("2025", b"x" * 32)]).decode([sealed])


@pytest.mark.parametrize("changed", ["content", "name", "length"])
async def test_what_somebody_changed_is_not_read(changed: str) -> None:
    codec = speaking([OLD, ("other", OLD[1])])
    (sealed,) = await codec.encode([SAID])
    match changed:
        case "content":
            sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
        case "name":
            sealed.metadata["encryption-key-id"] = b"other"
        case "length":
            sealed.data = sealed.data[:5]
    with pytest.raises(NotDecrypted):
        await codec.decode([sealed])


def test_without_the_extra_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    converter([])
    with pytest.raises(ValueError, match=r"FOLLOWTHROUGH_ENCRYPTION_KEYS: .*followthrough\[encryption\]"):
        converter([NEW])


async def test_what_a_failure_says_is_encrypted_as_well() -> None:
    speaks, said = converter([NEW]), Failure()
    await speaks.encode_failure(ValueError("nobody has 7f3a"), said)
    assert b"7f3a" not in said.SerializeToString()
    assert "7f3a" in str(await speaks.decode_failure(said))
