"""Values of Spark SQL with the engine's types, and how values of one type are made those of another.

Every expression is written so that Spark's type is exactly the engine's (``Kind.spark``). Where the two engines could
compute different things the text raises an error in Spark: whoever sent it asks DuckDB then, which knows the answer.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

WIDEST: Final = 38
_NARROW: Final = 18
"""Digits of decimals in eight bytes: DuckDB makes no wider ones of two such."""
_SUMMED: Final = 28
"""Digits of decimals of which 10,000,000,000 have a sum of no more digits than there are."""


class UnfitError(Exception):
    """The query, or this part of it, is not one that Spark is known to answer alike; its text says what it is."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of the engine."""

    name: str
    precision: int = 0
    scale: int = 0

    @property
    def spark(self) -> str:
        """What Spark SQL calls it."""
        if self.name == "DECIMAL":
            return f"DECIMAL({self.precision},{self.scale})"
        return _SPARK[self.name]

    @property
    def whole(self) -> bool:
        """Whether it is one of whole numbers."""
        return self.name in _WHOLE

    @property
    def exact(self) -> bool:
        """Whether it is one of numbers that are what they say."""
        return self.whole or self.name == "DECIMAL"

    @property
    def floating(self) -> bool:
        """Whether it is one of binary floating-point numbers."""
        return self.name in {"REAL", "DOUBLE"}

    @property
    def digits(self) -> tuple[int, int]:
        """Return precision and scale of the decimals that hold its numbers."""
        return (_WHOLE[self.name], 0) if self.whole else (self.precision, self.scale)


_SPARK: Final = {
    "BOOLEAN": "BOOLEAN", "SMALLINT": "SMALLINT", "INTEGER": "INT", "BIGINT": "BIGINT", "HUGEINT": "DECIMAL(38,0)",
    "REAL": "FLOAT", "DOUBLE": "DOUBLE", "VARCHAR": "STRING", "JSON": "STRING", "BLOB": "BINARY", "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP_NTZ", "TIMESTAMPTZ": "TIMESTAMP", "NULL": "VOID",
}  # fmt: skip
_WHOLE: Final = {"SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "HUGEINT": 38}
_ORDER: Final = tuple(_WHOLE)
_SPELLED: Final = {
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "FLOAT": "REAL", "INT": "INTEGER", "TEXT": "VARCHAR",
    "VARBINARY": "BLOB", "INT128": "HUGEINT",
}  # fmt: skip
_DECIMAL: Final = re.compile(r"DECIMAL\((\d+), ?(\d+)\)")


def kind_of(text: str) -> Kind:
    """Return the type that the engine calls *text*; raises ``UnfitError`` for one that Spark has none like."""
    upper = text.upper()
    decimal = _DECIMAL.fullmatch(upper)
    if decimal is not None:
        return Kind("DECIMAL", int(decimal[1]), int(decimal[2]))
    name = _SPELLED.get(upper, upper)
    if name not in _SPARK:
        raise UnfitError(f"values of type {upper.partition('(')[0]}")
    return Kind(name)


BOOLEAN: Final = Kind("BOOLEAN")
INTEGER: Final = Kind("INTEGER")
BIGINT: Final = Kind("BIGINT")
HUGEINT: Final = Kind("HUGEINT")
DOUBLE: Final = Kind("DOUBLE")
VARCHAR: Final = Kind("VARCHAR")
DATE: Final = Kind("DATE")
TIMESTAMP: Final = Kind("TIMESTAMP")
NULL: Final = Kind("NULL")
INTERVAL: Final = Kind("INTERVAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """An expression of Spark SQL."""

    sql: str
    kind: Kind
    number: Decimal | None = None
    """Of a constant: which number it is."""
    text: str | None = None
    """Of a string constant: which."""
    source: "Value | None" = None
    """Of a whole number in a wider type than it came in: as it came."""
    months: str = ""
    """Of an interval: how many months, days and seconds, as Spark SQL; nothing for none."""
    days: str = ""
    seconds: str = ""


Arguments = list[Value]
Write = Callable[[Arguments], Value]


def written_number(value: Value, least: int) -> str:
    """Return a whole constant of at least *least* as it is written; raises ``UnfitError`` for anything else."""
    if value.number is None or value.number != int(value.number) or value.number < least:
        raise UnfitError("a place or length that is not written out")
    return str(int(value.number))


def string(text: str) -> str:
    """Return *text* as a literal of Spark SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def refused(why: str) -> str:
    """Return Spark SQL that raises an error."""
    return f"raise_error('duckshift: {why}')"


def only(condition: str, value: str, why: str) -> str:
    """Return Spark SQL of *value* that raises an error unless *condition* holds; an unknown one holds."""
    return f"CASE WHEN NOT ({condition}) THEN {refused(why)} ELSE {value} END"


def cast(value: Value, kind: Kind) -> Value:
    """Return *value* as the engine's CAST makes it; raises ``UnfitError`` where Spark's is another."""
    mine = value.kind
    if mine == kind:
        return value
    if mine == NULL:
        return Value(sql=f"CAST(NULL AS {kind.spark})", kind=kind)
    if mine.exact and kind.exact:
        return _exact(value, kind)
    if kind == VARCHAR:
        return Value(sql=_as_text(value), kind=kind, text=value.text)
    if value.text is not None and kind.name in _READ:
        return _read(value.text, kind)
    if (mine.name, kind.name) in _ALIKE or ((mine.exact or mine.name == "REAL") and kind == DOUBLE):
        return Value(sql=f"CAST({value.sql} AS {kind.spark})", kind=kind)
    raise UnfitError(f"casts of {mine.name} to {kind.name}")


_ALIKE: Final = frozenset({("DATE", "TIMESTAMP"), ("TIMESTAMP", "DATE"), ("BOOLEAN", "INTEGER")})
_READ: Final = {
    "DATE": (re.compile(r"\d{4}-\d\d-\d\d"), "DATE"),
    "TIMESTAMPTZ": (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d\d"), "TIMESTAMP"),
    "TIMESTAMP": (re.compile(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d{1,6})?)?"), "TIMESTAMP_NTZ"),
}  # fmt: skip
"""Types of which a literal is read, in this form."""


def _read(text: str, kind: Kind) -> Value:
    form, name = _READ[kind.name]
    if form.fullmatch(text) is None:
        raise UnfitError(f"a literal of type {kind.name}")
    return Value(sql=f"{name} '{text}{':00' if kind.name == 'TIMESTAMPTZ' else ''}'", kind=kind)


def _exact(value: Value, kind: Kind) -> Value:
    # The engine rounds half away from zero, as Spark does between decimals and not where it makes whole numbers.
    sql = value.sql
    if kind.whole and value.kind.scale:
        sql = f"CAST({sql} AS DECIMAL({min(WIDEST, value.kind.precision + 1)},0))"
    kept = value.number
    if kept is not None and kept != round(kept, kind.digits[1]):
        kept = None
    widened = value.kind.whole and kind.whole and kind.digits >= value.kind.digits
    return Value(sql=f"CAST({sql} AS {kind.spark})", kind=kind, number=kept, source=value if widened else None)


def _as_text(value: Value) -> str:
    kind = value.kind
    if kind == VARCHAR or kind.name == "JSON":
        return value.sql
    if kind.whole or kind.name == "DECIMAL":
        if kind.scale > 6:
            raise UnfitError("text of decimals with more than six places")
        return f"CAST({value.sql} AS STRING)"
    if kind == DATE:
        years = f"year({value.sql}) BETWEEN 1 AND 9999"
        return only(years, f"CAST({value.sql} AS STRING)", "a year of more or less than four digits")
    raise UnfitError(f"text of {kind.name}")


def narrowed(value: Value, precision: int) -> Value:
    """Return a decimal or whole number as a decimal of no more than *precision* digits; larger ones are errors."""
    digits, scale = value.kind.digits
    if value.number is not None:
        digits = max(_needed(value.number, scale), scale + 1)
    digits = min(digits, precision)
    if digits < max(scale, 1):
        raise UnfitError("decimals with that many places")
    kind = Kind("DECIMAL", digits, scale)
    if value.kind == kind:
        return value
    return Value(sql=f"CAST({value.sql} AS {kind.spark})", kind=kind, number=value.number)


def _needed(number: Decimal, scale: int) -> int:
    return len(str(abs(int(number.scaleb(scale)))))


def summed(value: Value) -> Value:
    """Return a number as one whose sums have room."""
    while value.source is not None:
        value = value.source
    if value.kind.whole and value.kind != HUGEINT:
        # Alike for all: Sail takes sums of one column in two types for two of one name, and gives up.
        return Value(sql=f"CAST({value.sql} AS DECIMAL(19,0))", kind=Kind("DECIMAL", 19, 0))
    return narrowed(value, _SUMMED)


def product(left: Value, right: Value) -> Value:
    """Multiply decimals or whole numbers, one of them wider than Spark's BIGINT makes certain."""
    kind = _product_kind(left, right)
    if left.kind.whole and right.kind.whole and _BITS[kind.name] <= _BITS["INTEGER"]:
        return Value(sql=f"CAST((CAST({left.sql} AS BIGINT) * CAST({right.sql} AS BIGINT)) AS {kind.spark})", kind=kind)
    one, other = narrowed(left, WIDEST), narrowed(right, WIDEST)
    # Spark and Sail make p1 + p2 + 1 digits of it, and agree on the scale while that is not too many.
    over = one.kind.precision + other.kind.precision - (WIDEST - 1)
    if over > 0 and None in {one.number, other.number} and one.number != other.number:
        # A constant keeps its digits.
        given, rest = (other, one) if one.number is None else (one, other)
        one, other = given, narrowed(rest, WIDEST - 1 - given.kind.precision)
    elif over > 0:
        wide, slim = (one, other) if one.kind.precision >= other.kind.precision else (other, one)
        wide = narrowed(wide, max(wide.kind.precision - over, WIDEST // 2))
        slim = narrowed(slim, WIDEST - 1 - wide.kind.precision)
        one, other = wide, slim
    return Value(sql=f"CAST(({one.sql} * {other.sql}) AS {kind.spark})", kind=kind)


_BITS: Final = {"SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128, "DECIMAL": 128}


def _product_kind(left: Value, right: Value) -> Kind:
    if left.kind.whole and right.kind.whole:
        return wider(left, right)
    (p1, s1), (p2, s2) = _digits(left), _digits(right)
    if s1 + s2 > WIDEST:
        raise UnfitError("decimals with that many places")
    most = _NARROW if max(p1, p2) <= _NARROW else WIDEST
    return Kind("DECIMAL", min(p1 + p2, most), s1 + s2)


def _digits(value: Value) -> tuple[int, int]:
    """Return precision and scale that the engine takes a number to have: a literal its own."""
    precision, scale = value.kind.digits
    if value.number is not None and value.kind.whole:
        return _needed(value.number, 0), 0
    return precision, scale


def added(sign: str, left: Value, right: Value) -> Value:
    """Add or subtract decimals or whole numbers."""
    if left.kind.whole and right.kind.whole:
        kind = wider(left, right)
        if _BITS[kind.name] <= _BITS["INTEGER"]:
            sums = f"CAST({left.sql} AS BIGINT) {sign} CAST({right.sql} AS BIGINT)"
            return Value(sql=f"CAST(({sums}) AS {kind.spark})", kind=kind)
    else:
        (p1, s1), (p2, s2) = _digits(left), _digits(right)
        most = _NARROW if max(p1, p2) <= _NARROW else WIDEST
        scale = max(s1, s2)
        kind = Kind("DECIMAL", min(max(p1 - s1, p2 - s2) + scale + 1, most), scale)
    scale = kind.digits[1]
    one, other = (_room(side, scale) for side in (left, right))
    return Value(sql=f"CAST(({one.sql} {sign} {other.sql}) AS {kind.spark})", kind=kind)


def _room(value: Value, scale: int) -> Value:
    """Return a number that can be added to one with *scale* places without losing any."""
    digits, own = value.kind.digits
    return narrowed(value, min(digits, WIDEST - 1 - (scale - own)))


def quotient(left: Value, right: Value) -> Value:
    """Divide whole numbers, what is left over being dropped; NULL for a divisor of zero."""
    kind = wider(left, right)
    divisor = f"NULLIF({right.sql}, 0)"
    if _BITS[kind.name] <= _BITS["BIGINT"]:
        return Value(sql=f"CAST(({left.sql} div {divisor}) AS {kind.spark})", kind=kind)
    # The dividend less the remainder divides without one: no engine's scale of quotients matters.
    one, other = narrowed(left, 31), narrowed(right, 19)
    divisor = f"NULLIF({other.sql}, 0)"
    even = f"CAST(({one.sql} - ({one.sql} % {divisor})) AS {one.kind.spark})"
    return Value(sql=f"CAST(({even} / {divisor}) AS {kind.spark})", kind=kind)


def remainder(left: Value, right: Value) -> Value:
    """Return what is left over when whole numbers are divided; NULL for a divisor of zero."""
    kind = wider(left, right)
    return Value(sql=f"CAST(({left.sql} % NULLIF({right.sql}, 0)) AS {kind.spark})", kind=kind)


def wider(left: Value, right: Value) -> Kind:
    """Return the type of what is computed of two whole numbers: a literal is of the other's where it fits."""
    if not left.kind.whole or not right.kind.whole:
        raise UnfitError(f"arithmetic of {left.kind.name} and {right.kind.name}")
    return max(left.kind, right.kind, key=lambda kind: _ORDER.index(kind.name))


def common(kinds: Sequence[Kind]) -> Kind:
    """Return the type that values of *kinds* are brought to where they meet."""
    found = [kind for kind in dict.fromkeys(kinds) if kind != NULL]
    if len(found) <= 1:
        return found[0] if found else NULL
    if all(kind.whole for kind in found):
        return max(found, key=lambda kind: _ORDER.index(kind.name))
    if all(kind.exact for kind in found):
        places = max(kind.digits[1] for kind in found)
        whole = max(kind.digits[0] - kind.digits[1] for kind in found)
        return Kind("DECIMAL", min(WIDEST, whole + places), places)
    if all(kind.exact or kind.floating for kind in found):
        if DOUBLE not in found:
            # The engine brings them to REAL, which has fewer digits than are written.
            raise UnfitError("REAL beside other numbers")
        return DOUBLE
    if {kind.name for kind in found} == {"DATE", "TIMESTAMP"}:
        return TIMESTAMP
    raise UnfitError(f"{found[0].name} beside {found[1].name}")


def met(values: Sequence[Value]) -> list[Value]:
    """Return *values* in the one type that they are compared or chosen in."""
    kind = common([value.kind for value in values])
    if kind == NULL:
        return list(values)
    if kind.name == "JSON":
        raise UnfitError("comparisons of SUPER")
    return [cast(value, kind) for value in values]
