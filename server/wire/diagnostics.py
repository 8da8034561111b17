"""Errors and notices as bytes. PostgreSQL, "Error and Notice Message Fields"."""

from core.errors import Diagnosis
from server.wire.replies import cstring, message


def error_response(diagnosis: Diagnosis) -> bytes:
    """Return ErrorResponse."""
    return message(b"E", _fields(diagnosis))


def notice_response(diagnosis: Diagnosis) -> bytes:
    """Return NoticeResponse."""
    return message(b"N", _fields(diagnosis))


def _fields(diagnosis: Diagnosis) -> bytes:
    fields = (
        (b"S", diagnosis.severity),
        (b"V", diagnosis.severity),
        (b"C", diagnosis.state.value),
        (b"M", diagnosis.message),
        (b"D", diagnosis.detail),
        (b"H", diagnosis.hint),
        (b"P", None if diagnosis.position is None else str(diagnosis.position)),
        (b"W", diagnosis.context),
    )
    return b"".join(code + cstring(text) for code, text in fields if text is not None) + b"\0"
