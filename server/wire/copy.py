"""The server's messages of COPY. PostgreSQL, "COPY Operations"."""

import struct
from typing import Final

from server.wire.replies import message

COPY_DONE: Final = b"c\0\0\0\4"


def copy_in_response(columns: int, *, binary: bool) -> bytes:
    """Return CopyInResponse: send me rows of so many columns."""
    return message(b"G", _shape(columns, binary))


def copy_out_response(columns: int, *, binary: bool) -> bytes:
    """Return CopyOutResponse: here come rows of so many columns."""
    return message(b"H", _shape(columns, binary))


def copy_data_header(size: int) -> bytes:
    """Return what stands before *size* bytes of CopyData, so that they need not be copied."""
    return b"d" + struct.pack("!I", size + 4)


def _shape(columns: int, binary: bool) -> bytes:
    return struct.pack(f"!bH{columns}H", binary, columns, *([int(binary)] * columns))
