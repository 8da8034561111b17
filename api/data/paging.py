"""Continuation tokens: where the next page begins, bound to what is being paged through."""

import base64
import binascii
import hashlib

from api.errors import invalid

_MARK = 8


def token(what: str, start: int) -> str:
    """Return the NextToken of *what* from *start* on."""
    return base64.urlsafe_b64encode(_seal(what) + str(start).encode()).decode()


def start_of(what: str, given: str | None) -> int:
    """Return where *given* says that a page begins, 0 without one; raises for a token of something else."""
    if not given:
        return 0
    try:
        data = base64.urlsafe_b64decode(given.encode())
    except (binascii.Error, ValueError):
        data = b""
    mark, number = data[:_MARK], data[_MARK:]
    if mark != _seal(what) or not number.isdigit() or len(number) > 15:
        raise invalid("NextToken is not valid.")
    return int(number)


def _seal(what: str) -> bytes:
    return hashlib.sha256(what.encode()).digest()[:_MARK]
