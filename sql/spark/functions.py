"""Functions that mean the same in both engines, and how the engine's are written for Spark: a row a function.

A row takes the arguments as ``Value``s. What depends on data that the engines treat differently (characters beyond
ASCII in UPPER, for one) is written so that it raises an error for such data (``values.only``).
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sql.spark import moments
from sql.spark.values import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    HUGEINT,
    VARCHAR,
    WIDEST,
    Arguments,
    Kind,
    UnfitError,
    Value,
    Write,
    cast,
    met,
    only,
    product,
    quotient,
    refused,
    remainder,
    string,
    written_number,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function of the engine."""

    name: str
    """As the engine calls it, or the key of its node in sqlglot's trees."""
    least: int
    most: int = 0
    """Numbers of arguments; 0 stands for *least*, -1 for any."""
    write: Write


def _of(template: str, kind: Kind, *wanted: Kind) -> Write:
    """Return a writer of a template over ``{0}``, ``{1}``, the arguments brought to the types *wanted*."""

    def write(values: Arguments) -> Value:
        given = [cast(value, goal).sql for value, goal in zip(values, wanted, strict=True)]
        return Value(sql=f"CAST({template.format(*given)} AS {kind.spark})", kind=kind)

    return write


def _text(template: str) -> Write:
    """Return a writer of a template over strings that gives one."""

    def write(values: Arguments) -> Value:
        return Value(sql=template.format(*(_string(value) for value in values)), kind=VARCHAR)

    return write


def _test(template: str) -> Write:
    """Return a writer of a template over strings that gives a Boolean."""

    def write(values: Arguments) -> Value:
        return Value(sql=template.format(*(_string(value) for value in values)), kind=BOOLEAN)

    return write


def _string(value: Value) -> str:
    if value.kind.name not in {"VARCHAR", "NULL"}:
        raise UnfitError(f"{value.kind.name} as a string")
    return cast(value, VARCHAR).sql


def _ascii(template: str) -> Write:
    def write(values: Arguments) -> Value:
        sql = _string(values[0])
        plain = f"octet_length({sql}) = char_length({sql})"
        return Value(sql=only(plain, template.format(sql), "characters beyond ASCII"), kind=VARCHAR)

    return write


def _substring(values: Arguments) -> Value:
    rest = [written_number(value, least) for value, least in zip(values[1:], (1, 0), strict=False)]
    return Value(sql=f"substring({', '.join([_string(values[0]), *rest])})", kind=VARCHAR)


def _end(word: str) -> Write:
    def write(values: Arguments) -> Value:
        # Spark's own LEFT and RIGHT have other types of strings in Sail.
        length, sql = written_number(values[1], 0), _string(values[0])
        cut = f"substring({sql}, 1, {length})" if word == "left" else _last(sql, length)
        return Value(sql=cut, kind=VARCHAR)

    return write


def _last(sql: str, length: str) -> str:
    return f"substring({sql}, greatest(char_length({sql}) - {length} + 1, 1), {length})"


def _cut(values: Arguments) -> Value:
    sql, length = _string(values[0]), written_number(values[1], 1)
    fits = f"octet_length({sql}) <= {length}"
    cut = f"substring({sql}, 1, {length})"
    plain = only(f"octet_length({sql}) = char_length({sql})", cut, "characters beyond ASCII")
    return Value(sql=f"CASE WHEN {fits} THEN {sql} ELSE {plain} END", kind=VARCHAR, text=values[0].text)


def _replace(values: Arguments) -> Value:
    if not values[1].text:
        raise UnfitError("REPLACE of what is not written out")
    return Value(sql=f"replace({', '.join(_string(value) for value in values)})", kind=VARCHAR)


def _coalesce(values: Arguments) -> Value:
    return _chosen("coalesce", values)


def _chosen(name: str, values: Arguments) -> Value:
    if any(value.kind.floating for value in values) and name != "coalesce":
        raise UnfitError(f"{name} of floats")
    if len(values) == 1:
        return values[0]
    brought = met(values)
    return Value(sql=f"{name}({', '.join(value.sql for value in brought)})", kind=brought[0].kind)


def _nullif(values: Arguments) -> Value:
    one, other = met(values)
    return Value(sql=f"CASE WHEN {one.sql} = {other.sql} THEN NULL ELSE {values[0].sql} END", kind=values[0].kind)


def _abs(values: Arguments) -> Value:
    value = values[0]
    if not (value.kind.exact or value.kind.floating):
        raise UnfitError(f"ABS of {value.kind.name}")
    if value.kind.whole:
        # Spark raises an error for the number that has no counterpart, Sail does not.
        sql = f"CAST(abs(CAST({value.sql} AS DECIMAL(38,0))) AS {value.kind.spark})"
        return Value(sql=sql, kind=value.kind)
    return Value(sql=f"CAST(abs({value.sql}) AS {value.kind.spark})", kind=value.kind)


def _whole_part(up: str, down: str) -> Write:
    """Return a writer of a function that makes a decimal whole: *up* where it is positive, *down* where not."""

    def write(values: Arguments) -> Value:
        value = values[0]
        if not value.kind.exact or any(written_number(places, 0) != "0" for places in values[1:]):
            raise UnfitError(f"rounding of {value.kind.name}")
        if not value.kind.scale:
            return value
        kind = Kind("DECIMAL", max(1, value.kind.precision - value.kind.scale), 0)
        sql = f"CASE WHEN {value.sql} < 0 THEN {down}({value.sql}) ELSE {up}({value.sql}) END"
        return Value(sql=f"CAST({sql} AS {kind.spark})", kind=kind)

    return write


def _truncated(values: Arguments) -> Value:
    value = values[0]
    places = int(written_number(values[1], 0)) if len(values) > 1 else 0
    if places == 0 or not value.kind.exact:
        return _whole_part("floor", "ceil")(values[:1])
    if places >= value.kind.scale:
        return value
    # What lies behind the place is the remainder of dividing by it.
    kind = Kind("DECIMAL", value.kind.precision, places)
    rest = f"({value.sql} % CAST({Decimal(1).scaleb(-places):f} AS DECIMAL({places + 1},{places})))"
    return Value(sql=f"CAST(({value.sql} - CAST({rest} AS {value.kind.spark})) AS {kind.spark})", kind=kind)


def _rounded(values: Arguments) -> Value:
    value = values[0]
    places = int(written_number(values[1], 0)) if len(values) > 1 else 0
    if not value.kind.exact:
        raise UnfitError(f"ROUND of {value.kind.name}")
    if places >= value.kind.scale:
        return value
    kind = Kind("DECIMAL", min(WIDEST, value.kind.precision - value.kind.scale + places + 1), places)
    return Value(sql=f"CAST({value.sql} AS {kind.spark})", kind=kind)


def _root(values: Arguments) -> Value:
    sql = cast(values[0], DOUBLE).sql
    return Value(sql=only(f"{sql} >= 0", f"sqrt({sql})", "a root of a negative number"), kind=DOUBLE)


def _is_infinite(values: Arguments) -> Value:
    sql = cast(values[0], DOUBLE).sql
    return Value(sql=f"(abs({sql}) = CAST('Infinity' AS DOUBLE))", kind=BOOLEAN)


# Macros of ours (``engine.macros``).


def _divided(values: Arguments) -> Value:
    left, right = values
    if left.kind.whole and right.kind.whole:
        found = quotient(left, right)
        return Value(sql=only(f"{right.sql} <> 0", found.sql, "division by zero"), kind=found.kind)
    if left.kind.floating or right.kind.floating:
        one, other = cast(left, DOUBLE).sql, cast(right, DOUBLE).sql
        return Value(sql=only(f"{other} <> 0", f"({one} / NULLIF({other}, 0))", "division by zero"), kind=DOUBLE)
    raise UnfitError("division of decimals")


def _modulo(values: Arguments) -> Value:
    found = remainder(*values)
    return Value(sql=only(f"{values[1].sql} <> 0", found.sql, "division by zero"), kind=found.kind)


def _quotient(values: Arguments) -> Value:
    """Write ``rs_quotient(a, shift, b)``, whose arguments the macro brings to whole numbers."""
    left, shift, right = (cast(value, HUGEINT) if value.kind.whole else _unpointed(value) for value in values)
    found = quotient(product(left, shift), right)
    kind = Kind("DECIMAL", WIDEST, 0)
    sql = only(f"{right.sql} <> 0", f"CAST({found.sql} AS {kind.spark})", "division by zero")
    return Value(sql=sql, kind=kind)


def _unpointed(value: Value) -> Value:
    if not value.kind.exact:
        raise UnfitError("division of other things than numbers")
    return cast(value, HUGEINT)


def _unscaled(values: Arguments) -> Value:
    value = values[0]
    if not value.kind.exact:
        raise UnfitError("digits of what is no decimal")
    tens = 10**value.kind.scale
    kind = Kind("DECIMAL", len(str(tens)), 0)
    shift = Value(sql=f"CAST({tens} AS {kind.spark})", kind=kind, number=Decimal(tens))
    return cast(product(value, shift), HUGEINT)


_BARE: Final = "TRIM(TRAILING ' ' FROM {0})"

TABLE: Final = (
    # Strings
    Function(name="rs_bare", least=1, write=_text(_BARE)),
    Function(name="suffix", least=2, write=_test("endswith({0}, {1})")),
    Function(name="prefix", least=2, write=_test("startswith({0}, {1})")),
    Function(name="starts_with", least=2, write=_test("startswith({0}, {1})")),
    Function(name="contains", least=2, write=_test("contains({0}, {1})")),
    Function(name="upper", least=1, write=_ascii("upper({0})")),
    Function(name="lower", least=1, write=_ascii("lower({0})")),
    Function(name="length", least=1, write=_of("char_length({0})", BIGINT, VARCHAR)),
    Function(name="strlen", least=1, write=_of("octet_length({0})", BIGINT, VARCHAR)),
    Function(name="substring", least=2, most=3, write=_substring),
    Function(name="left", least=2, write=_end("left")),
    Function(name="right", least=2, write=_end("right")),
    Function(name="rs_left", least=2, write=_end("left")),
    Function(name="rs_right", least=2, write=_end("right")),
    Function(name="rs_cut", least=2, write=_cut),
    Function(name="replace", least=3, write=_replace),
    Function(name="str_position", least=2, write=_of("locate({1}, {0})", BIGINT, VARCHAR, VARCHAR)),
    Function(name="d_pipe", least=2, write=_text("concat({0}, {1})")),
    # Choices
    Function(name="coalesce", least=1, most=-1, write=_coalesce),
    Function(name="greatest", least=1, most=-1, write=lambda values: _chosen("greatest", values)),
    Function(name="least", least=1, most=-1, write=lambda values: _chosen("least", values)),
    Function(name="nullif", least=2, write=_nullif),
    # Numbers
    Function(name="abs", least=1, write=_abs),
    Function(name="ceil", least=1, most=2, write=_whole_part("ceil", "ceil")),
    Function(name="floor", least=1, most=2, write=_whole_part("floor", "floor")),
    Function(name="trunc", least=1, most=2, write=_truncated),
    Function(name="round", least=1, most=2, write=_rounded),
    Function(name="rs_sqrt", least=1, write=_root),
    Function(name="is_inf", least=1, write=_is_infinite),
    Function(name="rs_too_large", least=0, write=lambda _: Value(sql=refused("out of range"), kind=Kind("NULL"))),
    Function(name="rs_divide", least=2, write=_divided),
    Function(name="rs_modulo", least=2, write=_modulo),
    Function(name="rs_quotient", least=3, write=_quotient),
    Function(name="rs_unscaled", least=1, write=_unscaled),
    # Dates and times
    Function(name="date_part", least=2, write=moments.part),
    Function(name="datepart", least=2, write=moments.part),
    *(
        Function(name=name, least=1, write=moments.named_part(name))
        for name in ("year", "month", "day", "quarter", "hour", "minute")
    ),
    Function(name="timestamp_trunc", least=2, write=moments.truncated_moment),
    Function(name="date_diff", least=3, write=moments.between),
    Function(name="last_day", least=1, write=_of("last_day({0})", DATE, DATE)),
    Function(name="to_months", least=1, write=moments.months),
    Function(name="to_days", least=1, write=moments.days),
    Function(name="to_microseconds", least=1, write=moments.microseconds),
    Function(name="rs_instant", least=1, write=moments.instant),
)  # fmt: skip
FUNCTIONS: Final = {row.name: row for row in TABLE}


_PATTERN: Final = re.compile(r"\\")


def like(value: Value, pattern: Value, escape: str, *, folded: bool) -> str:
    """Write LIKE or ILIKE of a pattern that is written out."""
    if pattern.text is None or (escape and escape != "\\"):
        raise UnfitError("LIKE of a pattern that is not written out")
    if not escape and _PATTERN.search(pattern.text):
        raise UnfitError("LIKE of a pattern with backslashes and without ESCAPE")
    one = _string(value)
    if not folded:
        return f"({one} LIKE {string(pattern.text)})"
    if not pattern.text.isascii():
        raise UnfitError("ILIKE of characters beyond ASCII")
    lower = only(f"octet_length({one}) = char_length({one})", f"lower({one})", "characters beyond ASCII")
    return f"(({lower}) LIKE {string(pattern.text.lower())})"


