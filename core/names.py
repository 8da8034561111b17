"""Identifiers: folding, quoting, lengths.

Redshift, "Names and identifiers": unquoted and (unless enable_case_sensitive_identifier is on) quoted
identifiers fold to lower case; an identifier holds at most 127 bytes.
"""

import re
from collections.abc import Collection
from typing import Final

IDENTIFIER_BYTES: Final = 127
RESERVED: Final = frozenset({
    "aes128", "aes256", "all", "allowoverwrite", "analyse", "analyze", "and", "any", "array", "as", "asc",
    "authorization", "az64", "backup", "between", "binary", "blanksasnull", "both", "bytedict", "bzip2", "case",
    "cast", "check", "collate", "column", "constraint", "create", "credentials", "cross", "current_date",
    "current_time", "current_timestamp", "current_user", "current_user_id", "default", "deferrable", "deflate",
    "defrag", "delta", "delta32k", "desc", "disable", "distinct", "do", "else", "emptyasnull", "enable", "encode",
    "encrypt", "encryption", "end", "except", "explicit", "false", "for", "foreign", "freeze", "from", "full",
    "globaldict256", "globaldict64k", "grant", "group", "gzip", "having", "identity", "ignore", "ilike", "in",
    "initially", "inner", "intersect", "interval", "into", "is", "isnull", "join", "leading", "left", "like",
    "limit", "localtime", "localtimestamp", "lun", "luns", "lzo", "lzop", "minus", "mostly16", "mostly32",
    "mostly8", "natural", "new", "not", "notnull", "null", "nulls", "off", "offline", "offset", "oid", "old",
    "on", "only", "open", "or", "order", "outer", "overlaps", "parallel", "partition", "percent", "permissions",
    "pivot", "placing", "primary", "raw", "readratio", "recover", "references", "rejectlog", "resort", "respect",
    "restore", "right", "select", "session_user", "similar", "snapshot", "some", "sysdate", "system", "table",
    "tag", "tdes", "text255", "text32k", "then", "timestamp", "to", "top", "trailing", "true", "truncatecolumns",
    "union", "unique", "unnest", "unpivot", "user", "using", "verbose", "wallet", "when", "where", "with",
    "without",
})  # fmt: skip
"""Words that name nothing unless they are quoted: Redshift, "Reserved words"."""
_PLAIN: Final = re.compile(r"[a-z_][a-z0-9_]*\Z")
_QUOTED: Final = re.compile(r'"((?:[^"]|"")*)"')


def fold(name: str) -> str:
    """Return *name* as an unquoted identifier is stored: ASCII letters lowered, cut to 127 bytes."""
    return cut(lower(name))


def cut(name: str, most: int = IDENTIFIER_BYTES) -> str:
    """Return *name* cut to *most* bytes without splitting a character."""
    if 4 * len(name) <= most:
        return name
    data = name.encode()
    return name if len(data) <= most else data[:most].decode(errors="ignore")


def quote(name: str) -> str:
    """Return *name* as a quoted identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def quote_if_needed(name: str) -> str:
    """Return *name* bare where that reads back as the same name, else quoted."""
    return name if _PLAIN.match(name) and name not in RESERVED else quote(name)


def free_name(name: str, taken: Collection[str]) -> str:
    """Return *name*, or one like it where *taken* has that: the engine's names differ by more than case.

    *taken* is in lower case.
    """
    free, number = name, 0
    while lower(free) in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def lower(name: str) -> str:
    """Return *name* as the engine compares it: ASCII letters lowered."""
    return name.lower() if name.isascii() else name.translate(_LOWER)


def last_part(qualified: str) -> str:
    """Return the bare last part of an engine name, qualified and quoted."""
    parts = _QUOTED.findall(qualified)
    return str(parts[-1]).replace('""', '"') if parts else ""


def literal(text: str) -> str:
    """Return *text* as an engine string literal (no backslash escapes)."""
    return "'" + text.replace("'", "''") + "'"


_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
