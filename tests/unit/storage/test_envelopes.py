"""What the client encrypts: opened here by hand, as another client would."""

import base64
import io
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

from core.errors import SqlError
from storage.envelopes import EnvelopeStore
from storage.objects import S3Store

MASTER = b"0123456789abcdef0123456789abcdef"


class Objects:
    """Objects in memory, with their metadata."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[bytes, dict[str, str]]] = {}

    def read(self, location: str) -> io.BytesIO:
        return io.BytesIO(self.held[location][0])

    def metadata(self, location: str) -> dict[str, str]:
        return self.held[location][1]

    def write(self, location: str, source: Path, metadata: dict[str, str]) -> None:
        self.held[location] = (source.read_bytes(), metadata)


def store(inner: Objects, key: bytes = MASTER) -> EnvelopeStore:
    return EnvelopeStore(cast("S3Store", cast("Any", inner)), base64.b64encode(key).decode())


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, (1 << 20) - 1, 3 << 20])
def test_another_client_can_open_it(tmp_path: Path, size: int) -> None:
    inner, data = Objects(), bytes(number * 7 % 251 for number in range(1 << 10)) * (size // 1024 + 1)
    (tmp_path / "file").write_bytes(data[:size])
    store(inner).write("a", tmp_path / "file")
    sealed, metadata = inner.held["a"]
    envelope = Cipher(AES(MASTER), ECB()).decryptor().update(base64.b64decode(metadata["x-amz-key"]))
    assert envelope[-1] == 16 and len(envelope) == 48
    opened = Cipher(AES(envelope[:32]), CBC(base64.b64decode(metadata["x-amz-iv"]))).decryptor().update(sealed)
    assert opened[: -opened[-1]] == data[:size]
    assert metadata["x-amz-unencrypted-content-length"] == str(size)
    assert store(inner).read("a").read() == data[:size]
    assert Path(store(inner).engine_path("a")).name == "file"


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    inner = Objects()
    (tmp_path / "file").write_bytes(b"secret" * 100)
    store(inner).write("a", tmp_path / "file")
    with pytest.raises(SqlError, match="cannot be decrypted"):
        store(inner, b"another key of 16"[:16]).read("a").read()


def test_what_is_plain_is_read_as_it_is() -> None:
    inner = Objects()
    inner.held["a"] = (b"plain", {})
    assert store(inner).read("a").read() == b"plain"
