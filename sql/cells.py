"""Cells of many rows as they are written, read a column at a time: what an INSERT's literals and parameters hold.

Each reader takes what is plainly a value of its type and raises ``UnfitError`` for anything else.
"""

import functools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

from core.types import ColumnType
from sql.constants import TRUTH
from sql.facts import SourceColumn
from sql.tokens import unescape

Parameter = str | int | float | bool | bytes | None

_DIGITS: Final = frozenset("-0123456789")
_WORDS: Final[dict[str, bool | None]] = {"null": None, "true": True, "false": False}


class UnfitError(Exception):
    """A value that only the ordinary way knows what to do with."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What the cells of a column hold: strings for strings and numbers, booleans, None for NULL."""

    values: list[Parameter]
    numbers: bool
    """Whether numbers are among them, which are no strings to Redshift."""


def contents(cells: tuple[str, ...], parameters: Sequence[Parameter], column: SourceColumn) -> Contents:
    """Return what the *cells* of a column hold; raise ``UnfitError`` for a NULL that it may not have."""
    marks = {cell[0] for cell in cells}
    values: list[Parameter]
    if marks == {"'"}:
        values = [*_strings(cells)]
    elif marks <= _DIGITS:
        values = [*cells]
    else:
        values = [_content(cell, parameters) for cell in cells]
    if column.not_null and None in values:
        raise UnfitError
    numbers = not marks.isdisjoint(_DIGITS)
    if "$" in marks and not numbers and {int, float} & set(map(type, values)):
        numbers = True
        values = [str(value) if type(value) in (int, float) else value for value in values]
    return Contents(values, numbers)


def _strings(cells: Sequence[str]) -> list[str]:
    bodies = [cell[1:-1] for cell in cells]
    joined = "".join(bodies)
    if "\\" in joined:
        return [unescape(body) for body in bodies]
    return [body.replace("''", "'") for body in bodies] if "'" in joined else bodies


def _content(cell: str, parameters: Sequence[Parameter]) -> Parameter:
    mark = cell[0]
    if mark == "'":
        body = cell[1:-1]
        return unescape(body) if "'" in body or "\\" in body else body
    if mark == "$":
        return parameters[int(cell[1:]) - 1]
    return cell if mark in _DIGITS else _WORDS[cell.lower()]


def _matching(values: Sequence[Parameter], pattern: str, end: str = "\n") -> list[str]:
    """Return the strings and numbers among *values*, each of which *pattern* matches."""
    shown = _texts(values)
    if not re.fullmatch(rf"(?:(?:{pattern}){end})*+", "\n".join([*shown, ""])):
        raise UnfitError
    return shown


def _texts(values: Sequence[Parameter]) -> list[str]:
    """Return the strings and numbers among *values*, which may have NULLs besides but nothing else."""
    texts = [value for value in values if value is not None] if None in values else values
    if set(map(type, texts)) - {str}:
        raise UnfitError
    return texts  # type: ignore[return-value]


def _whole(given: Contents, target: ColumnType) -> list[object]:
    numbers = [*map(int, _matching(given.values, "-?[0-9]{1,19}"))]
    bits = {"int2": 15, "int4": 31, "int8": 63}[target.type.name]
    if numbers and not (-(2**bits) <= min(numbers) and max(numbers) < 2**bits):
        raise UnfitError
    return _filled(given.values, numbers)


def _filled(values: Sequence[Parameter], found: Sequence[object]) -> list[object]:
    """Put NULLs back among the values that are there."""
    if len(found) == len(values):
        return list(found)
    rest = iter(found)
    return [None if value is None else next(rest) for value in values]


@functools.cache
def _digits(precision: int, scale: int) -> tuple[str, str]:
    """Return patterns of the digits that a NUMERIC holds as they are, and of those that are rounded."""
    whole = precision - scale
    # More decimals than the column has are rounded: one digit less before the point, so that it cannot overflow.
    point = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
    return rf"[0-9]{{0,{whole}}}{point}", rf"[0-9]{{0,{max(whole - 1, 0)}}}\.[0-9]+"


@functools.cache
def _decimals(precision: int, scale: int) -> re.Pattern[str]:
    return re.compile("-?(?=[0-9])0*+(?:{}|{})".format(*_digits(precision, scale)))


def _decimal(given: Contents, target: ColumnType) -> list[object]:
    exact, rounded = _digits(target.precision or 18, target.scale or 0)
    return _filled(given.values, _matching(given.values, f"-?(?=[0-9])0*+(?:{exact}\n|{rounded}\n)", end=""))


def _float(given: Contents, target: ColumnType) -> list[object]:
    most = _LARGEST[target.type.name]
    numbers = [*map(float, _matching(given.values, _FLOATS[given.numbers]))]
    if numbers and not (-most <= min(numbers) and max(numbers) <= most):
        raise UnfitError
    return _filled(given.values, numbers)


# A literal is a decimal first, which is exact for so many digits.
_FLOATS: Final = {
    True: r"-?[0-9]{1,9}(?:\.[0-9]{1,6})?",
    False: r"-?[0-9]++(?:\.[0-9]++)?(?:[eE][-+]?[0-9]{1,2})?",
}
"""Patterns of numbers, by whether they are not in quotes."""
_LARGEST: Final = {"float4": 3e38, "float8": 1e307}


def _text(given: Contents, target: ColumnType) -> list[object]:
    shown = _texts(given.values)
    joined = "".join(shown)
    fixed = target.type.name == "bpchar"
    if given.numbers or "\0" in joined or (fixed and not joined.isascii()):
        raise UnfitError
    if target.length is not None:
        sizes = map(len, shown if joined.isascii() else (text.encode() for text in shown))
        if max(sizes, default=0) > target.length:
            raise UnfitError
    return _filled(given.values, [text.rstrip(" ") for text in shown] if fixed else shown)


def _truth(given: Contents, target: ColumnType) -> list[object]:
    if given.numbers:
        raise UnfitError
    found: list[object] = []
    for value in given.values:
        word = TRUTH.get(value.strip().lower(), "") if isinstance(value, str) else value
        if isinstance(word, bytes | float) or word == "":
            raise UnfitError
        found.append(word == "true" if isinstance(word, str) else word)
    return found


_Read = Callable[[Contents, ColumnType], list[object]]
_One = Callable[[str, bool, ColumnType], object]


def _moment(pattern: str, check: Callable[[str], object]) -> _Read:
    def read(given: Contents, target: ColumnType) -> list[object]:
        texts = _matching(given.values, pattern)
        if given.numbers:
            raise UnfitError
        for text in set(texts):
            check(text)
        return _filled(given.values, texts)

    return read


_DAY: Final = r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
_ZONE: Final = r"(?:[-+][0-9]{2}(?::[0-9]{2})?)?"
KINDS: Final[dict[str, tuple[str, _Read]]] = {
    "int2": ("int", _whole), "int4": ("int", _whole), "int8": ("int", _whole),
    "numeric": ("text", _decimal), "float4": ("float", _float), "float8": ("float", _float),
    "varchar": ("text", _text), "bpchar": ("text", _text), "super": ("text", _text), "bool": ("bool", _truth),
    "date": ("text", _moment(_DAY, date.fromisoformat)),
    "time": ("text", _moment(_CLOCK, time.fromisoformat)),
    "timestamp": ("text", _moment(rf"{_DAY}(?: {_CLOCK})?", datetime.fromisoformat)),
    "timestamptz": ("text", _moment(rf"{_DAY}(?: {_CLOCK}{_ZONE})?", datetime.fromisoformat)),
}  # fmt: skip


def single(cell: str, parameters: Sequence[Parameter], column: SourceColumn) -> list[object]:
    """Return what ``contents`` and ``KINDS`` give for a column of one cell, in less time."""
    mark, value, number = cell[0], _content(cell, parameters), False
    if value is None:
        if column.not_null:
            raise UnfitError
        return [None]
    if mark in _DIGITS:
        number = True
    elif mark == "$" and type(value) in (int, float):
        value, number = str(value), True
    name = column.type.type.name
    read = _ONES.get(name)
    if read is None or not isinstance(value, str):
        return KINDS[name][1](Contents([value], number), column.type)
    return [read(value, number, column.type)]


_WHOLE: Final = re.compile("-?[0-9]{1,19}")
_LIMITS: Final = {"int2": 2**15, "int4": 2**31, "int8": 2**63}


def _one_whole(value: str, number: bool, target: ColumnType) -> object:
    limit = _LIMITS[target.type.name]
    found = int(value) if _WHOLE.fullmatch(value) else limit
    if not -limit <= found < limit:
        raise UnfitError
    return found


def _one_float(value: str, number: bool, target: ColumnType) -> object:
    found = float(value) if _ONE_FLOAT[number].fullmatch(value) else math.inf
    if abs(found) > _LARGEST[target.type.name]:
        raise UnfitError
    return found


_ONE_FLOAT: Final = {number: re.compile(pattern) for number, pattern in _FLOATS.items()}


def _one_text(value: str, number: bool, target: ColumnType) -> object:
    plain, fixed = value.isascii(), target.type.name == "bpchar"
    if number or "\0" in value or (fixed and not plain):
        raise UnfitError
    if target.length is not None and len(value if plain else value.encode()) > target.length:
        raise UnfitError
    return value.rstrip(" ") if fixed else value


def _one_decimal(value: str, number: bool, target: ColumnType) -> object:
    if not _decimals(target.precision or 18, target.scale or 0).fullmatch(value):
        raise UnfitError
    return value


_ONES: Final[dict[str, _One]] = {
    "int2": _one_whole, "int4": _one_whole, "int8": _one_whole, "numeric": _one_decimal,
    "float4": _one_float, "float8": _one_float, "varchar": _one_text, "bpchar": _one_text,
}  # fmt: skip
