"""Files of the data folder that nobody else may read."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

SECRET_FILE: Final = "server-secret"  # noqa: S105 - a file's name
_SECRET_BYTES: Final = 32


def new_secret() -> bytes:
    """Return what a server keeps to itself, to make what clients cannot guess."""
    return secrets.token_bytes(_SECRET_BYTES)


def write_private(place: Path, data: bytes) -> None:
    """Write a file that only its owner can read, from its first moment."""
    with contextlib.suppress(FileNotFoundError):
        place.unlink()
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
