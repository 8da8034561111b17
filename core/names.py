"""Identifiers: folding, quoting, lengths.

Redshift, "Names and identifiers": unquoted and (unless enable_case_sensitive_identifier is on) quoted
identifiers fold to lower case; an identifier holds at most 127 bytes.
"""

import re
from typing import Final

IDENTIFIER_BYTES: Final = 127
_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_]*\Z")


def fold(name: str) -> str:
    """Return *name* as an unquoted identifier is stored: ASCII letters lowered, cut to 127 bytes."""
    return cut(name.translate(_LOWER))


def cut(name: str) -> str:
    """Return *name* cut to 127 bytes without splitting a character."""
    data = name.encode()
    if len(data) <= IDENTIFIER_BYTES:
        return name
    return data[:IDENTIFIER_BYTES].decode(errors="ignore")


def quote(name: str) -> str:
    """Return *name* as a quoted identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def quote_if_needed(name: str) -> str:
    """Return *name* bare where that reads back as the same name, else quoted (quote_ident without keywords)."""
    return name if _PLAIN.match(name) else quote(name)


def literal(text: str) -> str:
    """Return *text* as an engine string literal (no backslash escapes)."""
    return "'" + text.replace("'", "''") + "'"


_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
