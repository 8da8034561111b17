"""Authentication requests as bytes; which are made and how answers are judged is ``auth``'s business.

PostgreSQL, "Message Formats", AuthenticationOk and its kin.
"""

import struct
from typing import Final

from server.wire.replies import message

AUTHENTICATION_OK: Final = b"R\0\0\0\x08\0\0\0\0"


def authentication_request(code: int, payload: bytes) -> bytes:
    """Return the request *code* with what follows the code on the wire."""
    return message(b"R", struct.pack("!I", code) + payload)
