"""TO_CHAR, TO_DATE, TO_TIMESTAMP, TO_NUMBER: format strings taken apart at translation.

Redshift, "Datetime format strings" and "Numeric format strings". The format must be a literal.
"""

import re
from typing import Final

from core import types
from core.errors import SqlError
from core.names import literal
from core.sqlstate import SqlState
from sql import conversion
from sql.functions import numbers
from sql.functions.spec import Call, Function
from sql.value import DATE, TIMESTAMPTZ, VARCHAR, Value, made

_NUMERIC: Final = {
    # token: (strftime code, the same without padding); numbers that TH may follow
    "YYYY": ("%Y", "%-Y"), "YY": ("%y", "%-y"), "MM": ("%m", "%-m"), "DDD": ("%j", "%-j"), "DD": ("%d", "%-d"),
    "HH24": ("%H", "%-H"), "HH12": ("%I", "%-I"), "HH": ("%I", "%-I"), "MI": ("%M", "%-M"), "SS": ("%S", "%-S"),
    "MS": ("%g", "%g"), "US": ("%f", "%f"), "IYYY": ("%G", "%G"), "IW": ("%V", "%-V"),
}  # fmt: skip
_COMPUTED: Final = {
    # token: engine expression over {x}, width when padded with zeros
    "Y,YYY": ("regexp_replace(strftime({x}, '%Y'), '^(.*)(...)$', '\\1,\\2')", 0),
    "YYY": ("right(strftime({x}, '%Y'), 3)", 0),
    "Y": ("right(strftime({x}, '%Y'), 1)", 0),
    "IYY": ("right(strftime({x}, '%G'), 3)", 0),
    "IY": ("right(strftime({x}, '%G'), 2)", 0),
    "IDDD": ("CAST((week({x}) - 1) * 7 + isodow({x}) AS VARCHAR)", 3),
    "ID": ("CAST(isodow({x}) AS VARCHAR)", 0),
    "I": ("right(strftime({x}, '%G'), 1)", 0),
    "Q": ("CAST(quarter({x}) AS VARCHAR)", 0),
    "WW": ("CAST((dayofyear({x}) - 1) // 7 + 1 AS VARCHAR)", 2),
    "W": ("CAST((day({x}) - 1) // 7 + 1 AS VARCHAR)", 0),
    "D": ("CAST(dayofweek({x}) + 1 AS VARCHAR)", 0),
    "CC": ("CAST((year({x}) + 99) // 100 AS VARCHAR)", 2),
    "J": ("CAST(CAST(floor(julian({x})) AS BIGINT) AS VARCHAR)", 0),
    "SSSS": ("CAST(hour({x}) * 3600 + minute({x}) * 60 + second({x}) AS VARCHAR)", 0),
    "OF": ("regexp_replace(strftime({x}, '%z'), ':00$', '')", 0),
    "TZ": ("upper(strftime({x}, '%Z'))", 0),
}
_NAMES: Final = {"MONTH": ("%B", 9), "MON": ("%b", 0), "DAY": ("%A", 9), "DY": ("%a", 0)}
_HALVES: Final = {"A.M.": "A.M.", "P.M.": "P.M.", "AM": "AM", "PM": "PM"}
_ERAS: Final = {"B.C.": "B.C.", "A.D.": "A.D.", "BC": "BC", "AD": "AD"}
_ROMAN: Final = "['I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX', 'X', 'XI', 'XII']"
_TOKENS: Final = tuple(
    sorted([*_NUMERIC, *_COMPUTED, *_NAMES, *_HALVES, *_ERAS, "RM", "FM", "FX"], key=len, reverse=True)
)


def split(pattern: str) -> list[tuple[str, str]]:
    """Return a format's pieces: (token in upper case or nothing, text as written)."""
    pieces: list[tuple[str, str]] = []
    index = 0
    while index < len(pattern):
        if pattern[index] == '"':
            end = pattern.find('"', index + 1)
            end = len(pattern) if end < 0 else end
            pieces.append(("", pattern[index + 1 : end]))
            index = end + 1
            continue
        token = next((item for item in _TOKENS if pattern[index : index + len(item)].upper() == item), "")
        shown = pattern[index : index + len(token)] if token else pattern[index]
        pieces.append((token, shown))
        index += len(shown)
        if token and pattern[index : index + 2].upper() == "TH" and (token in _NUMERIC or token in _COMPUTED):
            pieces.append(("TH", pattern[index : index + 2]))
            index += 2
    return pieces


def _to_char(call: Call) -> Value:
    pattern = _pattern(call)
    value = call.values[0]
    if value.category == "N":
        return numbers.to_char(value, pattern)
    return made(_stamp_text(value.sql, pattern), VARCHAR, exact=True)


def _pattern(call: Call) -> str:
    content = call.values[1].literal
    if content is None:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            f"{call.name.upper()} with a format that is not a literal is not supported",
            position=call.scope.writer.position(call.node),
        )
    return content


def _stamp_text(sql: str, pattern: str) -> str:
    parts: list[str] = []
    codes = ""
    bare = False
    previous = ""

    def flush() -> None:
        nonlocal codes
        if codes:
            parts.append(f"strftime({sql}, {literal(codes)})")
            codes = ""

    for token, shown in split(pattern):
        if token in {"FM", "FX"}:
            bare = shown.upper() == "FM"
            continue
        if not token:
            codes += shown.replace("%", "%%")
            continue
        if token in _NUMERIC:
            codes += _NUMERIC[token][bare]
        elif token == "TH":  # noqa: S105 - a format token
            flush()
            parts.append(_ordinal(sql, previous, shown))
        else:
            flush()
            parts.append(_token(sql, token, shown, bare=bare))
        previous, bare = token, False
    flush()
    return f"({' || '.join(parts)})" if parts else "''"


def _token(sql: str, token: str, shown: str, *, bare: bool) -> str:
    if token in _COMPUTED:
        template, width = _COMPUTED[token]
        written = template.format(x=sql)
        return f"lpad({written}, {width}, '0')" if width and not bare else written
    if token in _NAMES:
        return _name(sql, token, shown, bare=bare)
    if token in _HALVES:
        return _cased(f"strftime({sql}, '%p')", shown) if "." not in shown else _dotted(sql, shown)
    if token in _ERAS:
        sign = {"B": "A", "A": "A"}[token[0]] + token[1:].replace("C", "D")
        return literal(sign if shown.isupper() else sign.lower())
    roman = f"{_ROMAN}[month({sql})]"
    return _cased(roman if bare else f"rpad({roman}, 4, ' ')", shown)


def _dotted(sql: str, shown: str) -> str:
    halves = ("A.M.", "P.M.") if shown.isupper() else ("a.m.", "p.m.")
    return f"CASE WHEN hour({sql}) < 12 THEN '{halves[0]}' ELSE '{halves[1]}' END"


def _name(sql: str, token: str, shown: str, *, bare: bool) -> str:
    code, width = _NAMES[token]
    written = _cased(f"strftime({sql}, '{code}')", shown)
    return f"rpad({written}, {width}, ' ')" if width and not bare else written


def _cased(sql: str, shown: str) -> str:
    if shown.isupper():
        return f"upper({sql})"
    return f"lower({sql})" if shown.islower() else sql


def _ordinal(sql: str, token: str, shown: str) -> str:
    number = f"strftime({sql}, '{_NUMERIC[token][0]}')" if token in _NUMERIC else _COMPUTED[token][0].format(x=sql)
    suffix = f"rs_ordinal(CAST({number} AS INTEGER))"
    return f"upper({suffix})" if shown.isupper() else suffix


# Reading


_READ: Final = {
    **{token: codes[0] for token, codes in _NUMERIC.items()},
    "MONTH": "%B", "MON": "%b", "DAY": "%A", "DY": "%a", "AM": "%p", "PM": "%p", "TZ": "%Z", "OF": "%z",
}


def _reading(call: Call) -> str:
    """Return the engine's format for reading, or refuse a token that it cannot read."""
    codes = ""
    for token, shown in split(_pattern(call)):
        if token in {"FM", "FX", "TH"}:
            continue
        if token and token not in _READ:
            raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, f'format "{shown}" is not supported for reading dates')
        codes += _READ[token] if token else shown.replace("%", "%%")
    return literal(codes)


def _to_date(call: Call) -> Value:
    sql = f"CAST(rs_read_moment({call.sql[0]}, {_reading(call)}) AS DATE)"
    return made(sql, DATE, exact=True)


def _to_timestamp(call: Call) -> Value:
    sql = f"CAST(rs_read_moment({call.sql[0]}, {_reading(call)}) AS TIMESTAMP WITH TIME ZONE)"
    return made(sql, TIMESTAMPTZ, exact=True)


def _to_number(call: Call) -> Value:
    pattern = re.sub(r"[GLSM$I,PR\s]", "", _pattern(call).upper()).replace("D", ".")
    whole, _, fraction = pattern.partition(".")
    type_ = types.numeric(min(38, max(1, len(whole) + len(fraction))), min(37, len(fraction)))
    return made(f"CAST(rs_read_number({call.sql[0]}) AS {type_.engine()})", type_, exact=True)


def _text_alt(call: Call) -> Value:
    return conversion.cast(call.values[0], types.of("int4"))


TABLE: Final = (
    Function(name="to_char", arguments=("dated", "text"), engine=_to_char, doc="r_TO_CHAR"),
    Function(name="to_char", arguments=("number", "text"), engine=_to_char, doc="r_TO_CHAR"),
    Function(name="to_date", arguments=("text", "text", "bool?"), engine=_to_date, doc="r_TO_DATE_function"),
    Function(name="to_timestamp", arguments=("text", "text", "bool?"), engine=_to_timestamp, doc="r_TO_TIMESTAMP"),
    Function(name="to_number", arguments=("text", "text"), engine=_to_number, doc="r_TO_NUMBER"),
    Function(name="text_to_int_alt", arguments=("text",), engine=_text_alt, doc="r_TEXT_TO_INT_ALT"),
)
