"""Perl's regular expressions, which RE2 has not: look-around, back-references, possessive quantifiers.

The one place where values pass through Python, a batch at a time, and only for patterns with the parameter ``p``
that need it (docs/decisions/0014-perl-regexps.md). The packages ``numpy`` (DuckDB's functions in Python need it) and
``regex`` are the extra ``perl``; without them the functions raise 0A000.
"""

import importlib
import importlib.util
import re
from functools import lru_cache
from typing import Any, Final

import duckdb
import pyarrow as pa

from engine.macro import raising

_SECONDS: Final = 5
"""Longest search in one string: some patterns take exponential time."""
_FOUND: Final = "STRUCT(place INTEGER, text VARCHAR)[]"
_MATCHES: Final = pa.list_(pa.struct([("place", pa.int32()), ("text", pa.string())]))
_ABSENT: Final = raising("0A000", "'look-around and back-references need the packages numpy and regex'")
_STAND_INS: Final = (
    f"CREATE OR REPLACE MACRO rs_perl_find(x, p, g, o) AS CASE WHEN false THEN CAST([] AS {_FOUND}) ELSE {_ABSENT} END",
    f"CREATE OR REPLACE MACRO rs_perl_replace(x, p, r, o) AS CASE WHEN false THEN '' ELSE {_ABSENT} END",
)


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Create ``rs_perl_find`` and ``rs_perl_replace``."""
    if not all(importlib.util.find_spec(name) for name in ("numpy", "regex")):
        for sql in _STAND_INS:
            connection.execute(sql)
        return
    text: Any = "VARCHAR"
    whole: Any = "INTEGER"
    found: Any = _FOUND
    kind: Any = "arrow"
    special: Any = "special"
    connection.create_function(
        "rs_perl_find", _find, [text, text, whole, text], found, type=kind, null_handling=special
    )
    connection.create_function(
        "rs_perl_replace", _replace, [text, text, text, text], text, type=kind, null_handling=special
    )


@lru_cache(maxsize=256)
def _compiled(pattern: str, options: str) -> Any:
    regex = importlib.import_module("regex")
    try:
        return regex.compile(pattern, regex.IGNORECASE if "i" in options else 0)
    except regex.error as error:
        message = f"duckshift:2201B:invalid regular expression: {error.msg}"
        raise ValueError(message) from None


def _find(strings: pa.Array, patterns: pa.Array, groups: pa.Array, options: pa.Array) -> pa.Array:
    """Return every match's place, from 1, and text: of the whole, or of one group if the pattern has it."""
    rows = zip(strings.to_pylist(), patterns.to_pylist(), groups.to_pylist(), options.to_pylist(), strict=True)
    return pa.array([_found(*row) for row in rows], type=_MATCHES)


def _found(string: str | None, pattern: str | None, group: int, options: str) -> list[dict[str, Any]] | None:
    if string is None or pattern is None:
        return None
    program = _compiled(pattern, options)
    number = group if group <= program.groups else 0
    try:
        matches = list(program.finditer(string, timeout=_SECONDS, concurrent=True))
    except TimeoutError:
        raise ValueError(_SLOW) from None
    return [{"place": match.start(number) + 1, "text": match.group(number) or ""} for match in matches]


def _replace(strings: pa.Array, patterns: pa.Array, replacements: pa.Array, options: pa.Array) -> pa.Array:
    """Replace every match; ``$1`` of the replacement is a group where the pattern has one."""
    rows = zip(strings.to_pylist(), patterns.to_pylist(), replacements.to_pylist(), options.to_pylist(), strict=True)
    return pa.array([_replaced(*row) for row in rows], type=pa.string())


def _replaced(string: str | None, pattern: str | None, replacement: str | None, options: str) -> str | None:
    if string is None or pattern is None or replacement is None:
        return None
    program = _compiled(pattern, options)
    template = _template(replacement, program.groups)
    try:
        result: str = program.sub(template, string, timeout=_SECONDS, concurrent=True)
    except TimeoutError:
        raise ValueError(_SLOW) from None
    return result


@lru_cache(maxsize=256)
def _template(replacement: str, groups: int) -> str:
    plain = replacement.replace("\\", "\\\\")
    return re.sub(
        r"\$(\d)", lambda found: f"\\g<{found[1]}>" if int(found[1]) <= groups else found[0], plain
    )


_SLOW: Final = f"duckshift:57014:a regular expression took more than {_SECONDS} seconds for one string"
