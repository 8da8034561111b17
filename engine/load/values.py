"""From a field's text to a value: the engine SQL, and in words why a text is no value of its type.

Every type has one strict expression: the value, or NULL where the text is none. ``direct`` wraps it so that
a bad text raises, ``careful`` selects the bad ones and asks ``diagnose``. Codes and reasons are those of
Redshift's "Load error reference".
"""

import re
from collections.abc import Callable
from typing import Final

from core.names import literal
from core.types import ColumnType
from engine.load.datetimes import date_sql, timestamp_sql
from engine.load.plan import Conversion, Fault, LoadColumn

BAD: Final = "error('duckshift:XX000:bad field')"
_NUMBER: Final = r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*"
_PLAIN_NUMBER: Final = r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)\s*"
_INTEGER: Final = r"\s*[+-]?[0-9]+\s*"
_TRUE: Final = ("t", "true", "y", "yes", "1")
_FALSE: Final = ("f", "false", "n", "no", "0")
_WORDS: Final = {"int2": "Short", "int4": "Integer", "int8": "Long"}


def is_text(kind: ColumnType) -> bool:
    """Return whether an empty field is an empty value of the type rather than NULL."""
    return kind.type.category == "S"


def raising(column: LoadColumn, text: str, conversion: Conversion) -> str:
    """Return engine SQL for the value of *text* (engine SQL) that raises where there is none."""
    strict = strict_sql(column, text, conversion)
    if column.not_null:
        return f"coalesce({strict}, {BAD}::{column.type.engine()})"
    absent = _absent(column, text, conversion)
    return f"coalesce({strict}, CASE WHEN {absent} THEN NULL ELSE {BAD}::{column.type.engine()} END)"


def faulty(column: LoadColumn, text: str, conversion: Conversion) -> str:
    """Return the engine SQL condition under which *text* (engine SQL) cannot be loaded."""
    strict = f"({strict_sql(column, text, conversion)}) IS NULL"
    return strict if column.not_null else f"({strict} AND NOT ({_absent(column, text, conversion)}))"


def strict_sql(column: LoadColumn, text: str, conversion: Conversion) -> str:
    """Return engine SQL for the value of *text* (engine SQL), NULL where there is none."""
    return _STRICT.get(column.type.type.name, _castable)(column.type, text, conversion)


def _absent(column: LoadColumn, text: str, conversion: Conversion) -> str:
    # Blank fields of other than character types are always NULL.
    if not is_text(column.type):
        absent = f"{text} IS NULL OR trim({text}) = ''"
        if conversion.accept_any_date and column.type.type.category == "D":
            return "true"
        return absent
    return " OR ".join([f"{text} IS NULL", *_nulls(text, conversion)])


def _integer(kind: ColumnType, text: str, conversion: Conversion) -> str:
    value = f"TRY_CAST({text} AS {kind.engine()})"
    # DuckDB also takes 1.5, 1e3, 0x1F and 1_000. What reads back the same is none of those, and cheap to see.
    return f"CASE WHEN CAST({value} AS VARCHAR) = {text} OR regexp_full_match({text}, '{_INTEGER}') THEN {value} END"


def _numeric(kind: ColumnType, text: str, conversion: Conversion) -> str:
    value = f"TRY_CAST({text} AS {kind.engine()})"
    cut = value
    if not conversion.round_decimals:
        kept = f"regexp_extract({text}, '^\\s*[+-]?[0-9]*\\.?[0-9]{{0,{kind.scale or 0}}}')"
        cut = (
            f"CASE WHEN regexp_full_match({text}, '{_PLAIN_NUMBER}') "
            # Of .5 nothing but the point may be left.
            f"THEN TRY_CAST({kept} || CASE WHEN contains({kept}, '.') THEN '0' ELSE '' END AS {kind.engine()}) "
            f"ELSE {value} END"
        )
    return (
        f"CASE WHEN CAST({value} AS VARCHAR) = {text} THEN {value} "
        f"WHEN regexp_full_match({text}, '{_NUMBER}') THEN {cut} END"
    )


def _float(kind: ColumnType, text: str, conversion: Conversion) -> str:
    return f"CASE WHEN NOT contains({text}, '_') THEN TRY_CAST({text} AS {kind.engine()}) END"


def _boolean(kind: ColumnType, text: str, conversion: Conversion) -> str:
    word = f"lower(trim({text}))"
    return (
        f"CASE WHEN {word} IN ({', '.join(map(literal, _TRUE))}) THEN true "
        f"WHEN {word} IN ({', '.join(map(literal, _FALSE))}) THEN false END"
    )


def _date(kind: ColumnType, text: str, conversion: Conversion) -> str:
    return date_sql(text, conversion.date_format)


def _timestamp(kind: ColumnType, text: str, conversion: Conversion) -> str:
    return timestamp_sql(text, conversion.time_format, zoned=kind.type.name == "timestamptz")


def _string(kind: ColumnType, text: str, conversion: Conversion) -> str:
    value = f"rtrim({text})" if conversion.trim_blanks or kind.type.name == "bpchar" else text
    ascii_only = f"strlen({text}) = length({text})"
    present = [f"NOT ({test})" for test in _nulls(text, conversion)]
    fits = [*present, *([f"strlen({value}) <= {kind.length}"] if kind.length is not None else [])]
    if kind.type.name == "bpchar":
        fits.append(ascii_only)
    if not fits:
        return value
    cut = ""
    if conversion.truncate_columns and kind.length is not None:
        # Text beyond ASCII is cut by bytes in the careful way, which hands it over cut already.
        cut = f" WHEN {' AND '.join([*present, ascii_only])} THEN left({value}, {kind.length})"
    return f"CASE WHEN {' AND '.join(fits)} THEN {value}{cut} END"


def _nulls(text: str, conversion: Conversion) -> list[str]:
    tests = []
    if conversion.empty_as_null:
        tests.append(f"{text} = ''")
    if conversion.blanks_as_null:
        tests.append(f"({text} <> '' AND trim({text}) = '')")
    return tests


def _super(kind: ColumnType, text: str, conversion: Conversion) -> str:
    return f"rs_try_json_parse({text})"


def _varbyte(kind: ColumnType, text: str, conversion: Conversion) -> str:
    value = f"unhex(CASE WHEN regexp_full_match({text}, '([0-9a-fA-F]{{2}})*') THEN {text} END)"
    return value if kind.length is None else f"CASE WHEN strlen({text}) <= {2 * kind.length} THEN {value} END"


def _timetz(kind: ColumnType, text: str, conversion: Conversion) -> str:
    # A table keeps the time in UTC (Redshift, "TIMETZ").
    return f"timezone('UTC', {_castable(kind, text, conversion)})"


def _castable(kind: ColumnType, text: str, conversion: Conversion) -> str:
    return f"TRY_CAST({text} AS {kind.engine()})"


_Strict = Callable[[ColumnType, str, Conversion], str]
_STRICT: Final[dict[str, _Strict]] = {
    "int2": _integer, "int4": _integer, "int8": _integer, "numeric": _numeric, "float4": _float, "float8": _float,
    "bool": _boolean, "date": _date, "timestamp": _timestamp, "timestamptz": _timestamp, "varchar": _string,
    "bpchar": _string, "super": _super, "varbyte": _varbyte, "timetz": _timetz,
}  # fmt: skip


def diagnose(column: LoadColumn, text: str | None, conversion: Conversion) -> Fault:
    """Return why *text* is no value of *column*."""
    if text is None or (not is_text(column.type) and not text.strip()):
        return Fault(code=1213, reason="Missing data for not-null field")
    explain = _FAULTS.get(column.type.type.name)
    return explain(column.type, text, conversion) if explain else Fault(code=1223, reason="Invalid data type value")


def _integer_fault(kind: ColumnType, text: str, conversion: Conversion) -> Fault:
    word = _WORDS[kind.type.name]
    if re.fullmatch(_INTEGER, text, re.ASCII):
        return Fault(code=1222, reason=f"Integer overflow, Value '{text.strip()}', Type: {word}")
    return _digit_fault(text, word, r"\s*[+-]?[0-9]*")


def _digit_fault(text: str, word: str, good: str) -> Fault:
    found = re.match(good, text, re.ASCII)
    position = found.end() if found else 0
    bad = text[position : position + 1]
    return Fault(code=1207, reason=f"Invalid digit, Value '{bad}', Pos {position}, Type: {word}", position=position)


def _numeric_fault(kind: ColumnType, text: str, conversion: Conversion) -> Fault:
    if re.fullmatch(_NUMBER, text, re.ASCII):
        return Fault(code=1204, reason=f"Overflow for NUMERIC({kind.precision},{kind.scale})")
    return _digit_fault(text, "Decimal", r"\s*[+-]?[0-9]*\.?[0-9]*")


def _float_fault(kind: ColumnType, text: str, conversion: Conversion) -> Fault:
    return Fault(code=1208, reason="Invalid floating-point number format")


def _boolean_fault(kind: ColumnType, text: str, conversion: Conversion) -> Fault:
    return Fault(code=1210, reason="Invalid boolean format")


def _date_fault(kind: ColumnType, text: str, conversion: Conversion) -> Fault:
    if not conversion.date_format and len(text) < 10:
        return Fault(code=1205, reason="Invalid Date Format - length must be 10 or more")
    return Fault(code=1205, reason=f"Invalid Date Format - {conversion.date_format or 'YYYY-MM-DD'}")


def _timestamp_fault(kind: ColumnType, text: str, conversion: Conversion) -> Fault:
    wanted = conversion.time_format or "YYYY-MM-DD HH24:MI:SS"
    return Fault(code=1206, reason=f"Invalid timestamp format or value [{wanted}]")


def _string_fault(kind: ColumnType, text: str, conversion: Conversion) -> Fault:
    if kind.type.name == "bpchar":
        bad = next((char for char in text if not char.isascii()), None)
        if bad is not None:
            code = " ".join(f"{byte:02x}" for byte in bad.encode())
            reason = f"Multibyte character not supported for CHAR (Hint: try using VARCHAR). Invalid char: {code}"
            return Fault(code=1220, reason=reason, position=text.index(bad))
        return Fault(code=1204, reason="Char length exceeds DDL length")
    if conversion.empty_as_null and not text:
        return Fault(code=1213, reason="Missing data for not-null field")
    if conversion.blanks_as_null and not text.strip(" "):
        return Fault(code=1213, reason="Missing data for not-null field")
    return Fault(code=1204, reason="String length exceeds DDL length")


def _super_fault(kind: ColumnType, text: str, conversion: Conversion) -> Fault:
    return Fault(code=1224, reason="Invalid JSON format. Failed to parse the value as SUPER")


_FAULTS: Final[dict[str, Callable[[ColumnType, str, Conversion], Fault]]] = {
    "int2": _integer_fault, "int4": _integer_fault, "int8": _integer_fault, "numeric": _numeric_fault,
    "float4": _float_fault, "float8": _float_fault, "bool": _boolean_fault, "date": _date_fault,
    "timestamp": _timestamp_fault, "timestamptz": _timestamp_fault, "varchar": _string_fault,
    "bpchar": _string_fault, "super": _super_fault,
}  # fmt: skip


def cut(text: str, size_bytes: int) -> str:
    """Return the longest start of *text* that takes at most *size_bytes* in UTF-8."""
    data = text.encode()
    return text if len(data) <= size_bytes else data[:size_bytes].decode(errors="ignore")
