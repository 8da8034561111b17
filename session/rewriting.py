"""Engine SQL with other names or constants in it: what is found by pattern, string literals left alone."""

import re
from collections.abc import Sequence
from typing import Final

from engine.cursors import Value, constant

_PARAMETER: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\d+)")
_TEXT_MAX: Final = 1_000


def substituted(sql: str, names: dict[str, str]) -> str:
    """Return *sql* with the engine names in *names* replaced, string literals left alone."""
    pattern = "|".join(["'(?:[^']|'')*'", *(re.escape(name) for name in sorted(names, key=len, reverse=True))])
    return re.sub(pattern, lambda match: names.get(match[0], match[0]), sql)


def inlined(sql: str, parameters: Sequence[Value]) -> tuple[str, Sequence[Value]]:
    """Return *sql* with its parameters written out, and those that are left: all where one cannot be.

    The translator casts each parameter to its type, so a constant means the same; the engine is spared
    preparing, and sees what it may skip.
    """
    if not parameters or not all(_writable(value) for value in parameters):
        return sql, parameters
    texts = [constant(value) for value in parameters]
    return _PARAMETER.sub(lambda match: texts[int(match[1]) - 1] if match[1] else match[0], sql), ()


def _writable(value: Value) -> bool:
    # The engine reads a number with a point as DECIMAL, not as the binary number that it is.
    return value is None or isinstance(value, int) or (isinstance(value, str) and len(value) <= _TEXT_MAX)
