"""TO_DATE and TO_TIMESTAMP: text read by a datetime format string, leniently unless told otherwise.

Redshift, "TO_DATE function", "TO_TIMESTAMP function". A format becomes a regular expression with a group a piece;
the fields are put together as years, months, days and a time, so that the 31st of June is the 1st of July. Text that
ends early is read as far as it goes; text behind what the format asks for is not looked at.
"""

from collections.abc import Callable
from typing import Final

from core.errors import not_supported
from core.names import literal
from sql.functions import patterns
from sql.value import Value

_DIGITS: Final = {
    # piece: most digits where no separator ends it
    "YYYY": 4, "YYY": 3, "YY": 2, "Y": 1, "IYYY": 4, "IYY": 3, "IY": 2, "I": 1, "MM": 2, "DDD": 3, "DD": 2, "D": 1,
    "IDDD": 3, "ID": 1, "HH24": 2, "HH12": 2, "HH": 2, "MI": 2, "SSSS": 5, "SS": 2, "MS": 3, "US": 6, "WW": 2,
    "IW": 2, "W": 1, "CC": 2, "J": 7, "Q": 1,
}  # fmt: skip
_OTHERS: Final = {
    "Y,YYY": "\\d+,\\d{1,3}", "MONTH": "[A-Za-z]{3,9}", "MON": "[A-Za-z]{3}", "DAY": "[A-Za-z]{3,9}",
    "DY": "[A-Za-z]{3}", "RM": "[IVXivx]{1,4}",
    **dict.fromkeys(("AM", "PM"), "[AaPp][Mm]"), **dict.fromkeys(("A.M.", "P.M."), "[AaPp]\\.[Mm]\\."),
    **dict.fromkeys(("BC", "AD"), "[BbAa][CcDd]"), **dict.fromkeys(("B.C.", "A.D."), "[BbAa]\\.[CcDd]\\."),
}  # fmt: skip
_HALVES: Final = ("AM", "PM", "A.M.", "P.M.")
_ERAS: Final = ("BC", "AD", "B.C.", "A.D.")
_FAST: Final = {
    **{token: patterns.CODES[token][0] for token in ("YYYY", "MM", "DD", "HH24", "MI", "SS")}, "MON": "%b",
}  # fmt: skip
"""Pieces that the engine's own reading has, with its codes."""
_SHORT: Final = 300
"""Engine SQL that is longer is not written twice."""
_LATE_GROUPS: Final = 9
"""Groups that a replacement can name."""

Field = Callable[[str], str]
"""The engine SQL of a piece's text; ``''`` in SQL when the text ended before it."""


def moment(value: str, pattern: Value, strict: str, name: str) -> str:
    """Write the TIMESTAMP that *value* says by *pattern*; *strict* is engine SQL of a boolean."""
    if pattern.literal is None:
        return _known_late(value, pattern.sql, strict)
    return _known_now(value, pattern.literal, strict, name)


def _known_now(value: str, pattern: str, strict: str, name: str) -> str:
    pieces = _readable(pattern, name)
    groups = [token for token, _ in pieces if token]
    expression = expression_of(pieces)
    names = ", ".join(f"'g{index}'" for index in range(len(groups)))
    if not groups:
        return f"CASE WHEN {value} IS NOT NULL THEN CAST('0001-01-01' AS TIMESTAMP) END"

    def field(token: str) -> str:
        return f"nullif(rs_g.g{groups.index(token)}, '')" if token in groups else "NULL"

    text = f"rs_matched(rs_x, {literal(expression)}, {literal(pattern)})"
    fields = f"regexp_extract({text}, {literal(expression)}, [{names}])"
    slow = f"list_transform([{fields}], lambda rs_g: {_assembled(field, strict)})[1]"
    slow = f"list_transform([{value}], lambda rs_x: CASE WHEN rs_x IS NOT NULL THEN {slow} END)[1]"
    fast = _fast(pieces)
    # The first of the two can be computed before the statement runs, so that a constant date finds its files.
    return f"coalesce(try_strptime({value}, {literal(fast)}), {slow})" if fast and len(value) < _SHORT else slow


def _readable(pattern: str, name: str) -> list[tuple[str, str]]:
    """Return a format's pieces without modifiers, or refuse one that only writes."""
    pieces = []
    for token, shown in patterns.split(pattern):
        if token in {"TZ", "OF"}:
            raise not_supported(f'"{shown}" in a format of {name.upper()}')
        if token not in {"FM", "FX"}:
            pieces.append(("" if token == "TH" else token, shown))  # noqa: S105 - a piece
    return pieces


def _fast(pieces: list[tuple[str, str]]) -> str:
    """Return the engine's own format for the commonest ones, which have a year with its century."""
    tokens = [token for token, _ in pieces if token]
    plain = all(token in _FAST if token else not shown.isalnum() and shown != "%" for token, shown in pieces)
    if not plain or len(set(tokens)) != len(tokens) or "YYYY" not in tokens:
        return ""
    return "".join(_FAST[token] if token else shown for token, shown in pieces)


def expression_of(pieces: list[tuple[str, str]]) -> str:
    """Return the regular expression that reads *pieces*, a group each."""
    written = ""
    depth = 0
    for index, (token, shown) in enumerate(pieces):
        if token:
            following = pieces[index + 1] if index + 1 < len(pieces) else ("", "")
            written += _group(token, ends=not following[0] and not following[1].isdigit())
        elif shown.isspace():
            written += "\\s*"
        else:
            written += "(?s:.)" * len(shown)
        if index + 1 < len(pieces):
            written += "(?:\\s*$|"
            depth += 1
    return "^" + written + ")" * depth


def _group(token: str, *, ends: bool) -> str:
    if token in _OTHERS:
        return f"\\s*({_OTHERS[token]})"
    return "\\s*([+-]?\\d+)" if ends else f"\\s*(\\d{{1,{_DIGITS[token]}}})"


def _first(*options: str) -> str:
    found = [option for option in options if option != "NULL"]
    return f"coalesce({', '.join(found)})" if len(found) > 1 else (found or ["NULL"])[0]


def _number(sql: str) -> str:
    return "NULL" if sql == "NULL" else f"TRY_CAST({sql} AS BIGINT)"


def _applied(template: str, sql: str) -> str:
    return "NULL" if sql == "NULL" else template.format(sql)


def _assembled(field: Field, strict: str) -> str:
    """Put a text's fields together."""
    def number(token: str) -> str:
        return _number(field(token))

    year = _year(field)
    month = _first(number("MM"), _applied("rs_month_number({0})", field("MON")),
                   _applied("rs_month_number({0})", field("MONTH")), _applied("rs_roman_month({0})", field("RM")))  # fmt: skip
    day = number("DD")
    hour = _hour(field)
    minute, second = (_first(number(token), "0") for token in ("MI", "SS"))
    checked_day, checked_hour = day, hour
    if strict != "false":
        clock = f"rs_clock_in_range({hour}, {minute}, {second})"
        checked_hour = clock if strict == "true" else f"CASE WHEN {strict} THEN {clock} ELSE {hour} END"
        if day != "NULL" or month != "NULL":
            dated = f"rs_day_in_range({_first(year, '1')}, {_first(month, '1')}, {_first(day, '1')})"
            checked_day = dated if strict == "true" else f"CASE WHEN {strict} THEN {dated} ELSE {day} END"
    date = _date(field, year, month, checked_day)
    micros = [f"{checked_hour} * 3600000000", f"{minute} * 60000000", f"{second} * 1000000"]
    micros += [_applied("coalesce({0} * 1000000, 0)", number("SSSS"))]
    micros += [_applied("coalesce(rs_fraction({0}, 3) * 1000, 0)", field("MS"))]
    micros += [_applied("coalesce(rs_fraction({0}, 6), 0)", field("US"))]
    time = " + ".join(f"({part})" for part in micros if part != "NULL")
    return f"({date} + to_microseconds({time}))"


def _year(field: Field) -> str:
    whole = _first(
        _number(field("YYYY")), _applied("TRY_CAST(replace({0}, ',', '') AS BIGINT)", field("Y,YYY")),
        *(_applied("rs_short_year({0})", field(token)) for token in ("YYY", "YY", "Y")),
        _number(field("IYYY")), *(_applied("rs_short_year({0})", field(token)) for token in ("IYY", "IY", "I")),
        _applied("((TRY_CAST({0} AS BIGINT) - 1) * 100 + 1)", field("CC")),
    )  # fmt: skip
    era = _first(*(field(token) for token in _ERAS))
    return _applied(f"CASE WHEN {era} ILIKE 'b%' THEN 1 - {{0}} ELSE {{0}} END", whole) if era != "NULL" else whole


def _hour(field: Field) -> str:
    hour = _first(*(_number(field(token)) for token in ("HH24", "HH12", "HH")), "0")
    half = _first(*(field(token) for token in _HALVES))
    if half == "NULL":
        return hour
    return (
        f"({hour} + CASE WHEN {half} ILIKE 'p%' AND {hour} < 12 THEN 12"
        f" WHEN {half} ILIKE 'a%' AND {hour} = 12 THEN -12 ELSE 0 END)"
    )


def _date(field: Field, year: str, month: str, day: str) -> str:
    """Write the day as a TIMESTAMP: months and days count on from the first of January."""
    start = f"make_timestamp(CAST({_first(year, '1')} AS BIGINT), 1, 1, 0, 0, 0)"
    days = _first(
        day, _applied("(TRY_CAST({0} AS BIGINT) - 1) * 7 + 1", field("W")), "1",
    )  # fmt: skip
    of_month = f"to_months(CAST({_first(month, '1')} - 1 AS INTEGER))"
    civil = f"({start} + {of_month} + to_days(CAST({days} - 1 AS INTEGER)))"
    of_year = _first(
        _number(field("DDD")), _applied("((TRY_CAST({0} AS BIGINT) - 1) * 7 + 1)", field("WW"))
    )
    options = []
    if (julian := _number(field("J"))) != "NULL":
        options.append(f"CAST('1970-01-01' AS TIMESTAMP) + to_days(CAST({julian} - 2440588 AS INTEGER))")
    if of_year != "NULL":
        options.append(f"{start} + to_days(CAST({of_year} - 1 AS INTEGER))")
    if (week := _number(field("IW"))) != "NULL":
        weekday = _applied(" + to_days(CAST(coalesce(TRY_CAST({0} AS BIGINT), 1) - 1 AS INTEGER))", field("ID"))
        options.append(f"rs_iso_start({_first(year, '1')}, {week}){weekday if weekday != 'NULL' else ''}")
    return _first(*options, civil)


# Formats that are known late


def _known_late(value: str, pattern: str, strict: str) -> str:
    """Write reading by a format of each row's own: the expression is put together in the engine."""
    def field(token: str) -> str:
        return f"nullif(rs_q.f[list_position(rs_q.p, '{token}')], '')"

    known = [*_DIGITS, *_OTHERS]
    listed = ", ".join(f"'{token}'" for token in known)
    open_groups = " ".join(f"WHEN '{token}' THEN {literal(_group(token, ends=False))}" for token in known)
    ended = ", ".join(f"'{token}'" for token in _DIGITS)
    number = literal("\\s*([+-]?\\d+)")
    piece = (
        f"CASE WHEN list_contains([{ended}], rs_t) AND (rs_i = len(rs_p) OR (NOT list_contains([{listed}], rs_p[rs_i + 1])"
        f" AND NOT regexp_full_match(rs_p[rs_i + 1], '[0-9]'))) THEN {number}"
        f" ELSE CASE rs_t {open_groups} ELSE CASE WHEN trim(rs_t) = '' THEN '\\s*' ELSE repeat('(?s:.)',"
        " CAST(length(trim(rs_t, '\"')) AS INTEGER)) END END END"
        " || CASE WHEN rs_i < len(rs_p) THEN '(?:\\s*$|' ELSE '' END"
    )
    cut = (
        f"list_filter(flatten(list_transform(regexp_extract_all({pattern}, {literal(patterns.PIECES)}), lambda rs_t:"
        " CASE WHEN upper(rs_t) LIKE '%TH' AND upper(rs_t) <> 'MONTH' AND NOT rs_t LIKE '\"%'"
        " THEN [upper(left(rs_t, length(rs_t) - 2)), 'th']"
        " WHEN length(rs_t) = 1 AND upper(rs_t) NOT IN ('Y', 'I', 'D', 'Q', 'W', 'J') THEN [rs_t] ELSE [upper(rs_t)] END)),"
        " lambda rs_t: rs_t NOT IN ('FM', 'FX'))"
    )
    expression = (
        f"'^' || array_to_string(list_transform(rs_p, lambda rs_t, rs_i: {piece}), '')"
        f" || repeat(')', CAST(greatest(len(rs_p) - 1, 0) AS INTEGER)) || repeat('()', {_LATE_GROUPS})"
    )
    fields = f"rs_fields(rs_x, {expression}, rs_o.f)"
    groups = f"list_filter(rs_p, lambda rs_t: list_contains([{listed}], rs_t))"
    refused = (
        "CASE WHEN list_has_any(rs_p, ['TZ', 'OF']) OR"
        f" len({groups}) > {_LATE_GROUPS} THEN"
        " error('duckshift:0A000:this format is not supported for reading') END"
    )
    inner = f"list_transform([{{p: {groups}, f: {fields}, e: {refused}}}], lambda rs_q: {_assembled(field, strict)})[1]"
    return (
        f"list_transform([{{x: {value}, p: {cut}, f: {pattern}}}], lambda rs_o: CASE WHEN rs_o.x IS NOT NULL AND rs_o.p IS NOT NULL"
        f" THEN {_renamed(inner)} END)[1]"
    )


def _renamed(sql: str) -> str:
    """Bind the names of the outer row: lambdas see them as ``rs_o.x`` and ``rs_o.p``."""
    return f"list_transform([rs_o.x], lambda rs_x: list_transform([rs_o.p], lambda rs_p: {sql})[1])[1]"
