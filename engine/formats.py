"""Formats of numbers and text read by format: functions installed into DuckDB for TO_CHAR, TO_DATE, TO_NUMBER.

A format's pieces are ``sql``'s business; here is what is done with them row by row. Redshift, "Datetime format
strings", "Numeric format strings", "Teradata-style formatting characters for numeric data".
"""

from typing import Final

from engine.macro import Macro, raising

_BAD_PIECE: Final = raising("22007", "'invalid value \"' || x || '\" for format \"' || f || '\"'")
_BAD_DAY: Final = raising(
    "22008", "'date/time field date value out of range: ' || y || '-' || m || '-' || d"
)
_BAD_CLOCK: Final = raising(
    "22008", "'date/time field time value out of range: ' || h || ':' || i || ':' || s || '.0'"
)
_BAD_NUMBER: Final = raising("22P02", "'invalid input syntax for type numeric: \"' || x || '\"'")
_HIDDEN: Final = "chr(1)"
"""Stands for a digit that FM leaves out, taken away at the end."""
_NUMERIC_TOKENS: Final = '(?i)"[^"]*"|FM|RN|TH|SG|MI|PL|PR|EEEE|(?s:.)'
_SCALES: Final = 19


def _bound(values: str, name: str, body: str) -> str:
    """Return *body* with *values* bound to *name*: a macro's argument would be written out at every use."""
    return f"list_transform([{values}], lambda {name}: {body})[1]"


def _scaled() -> str:
    """Return a number's digits rounded to a scale that is known late."""
    cases = " ".join(
        f"WHEN {scale} THEN CAST(abs(TRY_CAST(v AS DECIMAL(38,{scale}))) AS VARCHAR)" for scale in range(_SCALES)
    )
    return f"CASE n {cases} END"


_LAYOUT: Final = _bound(
    "{w: CASE WHEN pre = 0 AND d LIKE '0%' THEN '' ELSE split_part(d, '.', 1) END, f: split_part(d, '.', 2),"
    " o: d IS NULL OR (pre > 0 AND length(split_part(d, '.', 1)) > pre)"
    " OR (pre = 0 AND NOT d LIKE '0%')}",
    "rs_a",
    _bound(
        "{n: CASE WHEN rs_a.o THEN repeat('#', pre) || CASE WHEN post > 0 THEN '.' || repeat('#', post) ELSE '' END"
        " WHEN post > 0 THEN rs_a.w || '.' || rs_a.f ELSE rs_a.w END,"
        " p: CASE WHEN rs_a.o THEN 0 ELSE pre - length(rs_a.w) END,"
        " b: NOT rs_a.o AND rs_a.w = '0' AND post > 0 AND zero >= pre, o: rs_a.o}",
        "rs_c",
        _bound(
            "{n: rs_c.n, p: rs_c.p, b: rs_c.b, l: CASE WHEN fm AND post > 0 AND NOT rs_c.o"
            " THEN greatest(length(rtrim(rs_c.n, '0')), zend - rs_c.p + 1) ELSE length(rs_c.n) END}",
            "rs_e",
            f"{{t: CASE WHEN fm THEN repeat({_HIDDEN}, least(rs_e.p, zero)) ELSE repeat(' ', least(rs_e.p, zero)) END"
            " || CASE WHEN rs_e.p > zero THEN repeat('0', rs_e.p - zero) ELSE '' END"
            " || CASE WHEN NOT rs_e.b THEN left(rs_e.n, rs_e.l) WHEN NOT fm THEN ' ' || substr(rs_e.n, 2)"
            f" WHEN rs_e.l = 2 THEN left(rs_e.n, 2) ELSE {_HIDDEN} || substr(left(rs_e.n, rs_e.l), 2) END,"
            " p: rs_e.p, k: least(rs_e.p, zero) + CASE WHEN rs_e.b AND NOT (fm AND rs_e.l = 2) THEN 1 ELSE 0 END,"
            " sg: CASE WHEN sign IN ('lead', 'PL') THEN CASE WHEN neg THEN '-' WHEN fm THEN '' ELSE ' ' END"
            " WHEN sign = 'S' THEN CASE WHEN neg THEN '-' ELSE '+' END"
            " WHEN sign = 'PR' THEN CASE WHEN neg THEN '<' WHEN fm THEN '' ELSE ' ' END ELSE '' END,"
            " e: CASE WHEN sign = 'S-' THEN CASE WHEN neg THEN '-' ELSE '+' END"
            " WHEN sign = 'PR' THEN CASE WHEN neg THEN '>' WHEN fm THEN '' ELSE ' ' END ELSE '' END,"
            " neg: neg, th: NOT neg AND post = 0 AND left(rs_e.n, 1) <> '#'}",
        ),
    ),
)


def _places(text: str) -> str:
    """Return how many digits there are in a text of classes."""
    return f"length(translate({text}, 'x.', ''))"


_FACTS: Final = _bound(
    f"list_transform(regexp_extract_all(f, '{_NUMERIC_TOKENS}'), lambda rs_t: upper(rs_t))",
    "rs_t",
    _bound(
        "{c: array_to_string(list_transform(rs_t, lambda rs_u: CASE WHEN rs_u IN ('9', '0') THEN '9'"
        " WHEN rs_u IN ('.', 'D') THEN '.' ELSE 'x' END), ''),"
        " z: array_to_string(list_transform(rs_t, lambda rs_u: CASE WHEN rs_u = '0' THEN '0' ELSE 'x' END), ''),"
        " v: list_position(rs_t, 'V'), s: list_position(rs_t, 'S')}",
        "rs_a",
        _bound(
            "{c: rs_a.c, z: instr(rs_a.z, '0'), l: length(rtrim(rs_a.z, 'x')), v: rs_a.v, s: rs_a.s,"
            " d: CASE WHEN instr(rs_a.c, '.') > 0 THEN instr(rs_a.c, '.') ELSE length(rs_a.c) + 1 END}",
            "rs_c",
            f"{{c: rs_c.c, pre: {_places('left(rs_c.c, rs_c.d - 1)')}, post: {_places('substr(rs_c.c, rs_c.d)')},"
            f" multi: CASE WHEN rs_c.v IS NULL THEN 0 ELSE {_places('substr(rs_c.c, rs_c.v)')} END,"
            f" zero: CASE WHEN rs_c.z > 0 AND rs_c.z < rs_c.d THEN {_places('left(rs_c.c, rs_c.z - 1)')} ELSE 1000 END,"
            f" zend: {_places('left(rs_c.c, rs_c.l)')}, last: length(rtrim(rs_c.c, 'x')),"
            " fm: list_contains(rs_t, 'FM'), roman: list_contains(rs_t, 'RN'),"
            " sign: CASE WHEN list_contains(rs_t, 'PR') THEN 'PR' WHEN list_contains(rs_t, 'SG') THEN 'SG'"
            " WHEN list_contains(rs_t, 'MI') THEN 'MI' WHEN list_contains(rs_t, 'PL') THEN 'PL'"
            " WHEN rs_c.s IS NULL THEN 'lead'"
            f" WHEN rs_c.s < rs_c.d AND {_places('substr(rs_c.c, rs_c.s, rs_c.d - rs_c.s)')} > 0 THEN 'S'"
            " ELSE 'S-' END}",
        ),
    ),
)

TABLE: Final = (
    # Numbers as text
    Macro(name="rs_number_layout", arguments="d, neg, pre, post, fm, zero, zend, sign", body=_LAYOUT,
          doc="A number laid out for a format: text t of all places, digits from p on, sign sg at k, e at the end."),
    Macro(name="rs_number_facts", arguments="f", body=_FACTS,
          doc="What a numeric format asks for: digits before and after the point, zeros, sign."),
    Macro(name="rs_number_digits", arguments="v, n", body=_scaled(), doc="A number's digits, rounded to n places."),
    Macro(name="rs_number_tokens", arguments="f", body=f"regexp_extract_all(f, '{_NUMERIC_TOKENS}')",
          doc="The pieces of a numeric format."),
    # Text as moments
    Macro(name="rs_fields", arguments="x, p, f",
          body="CASE WHEN x IS NULL OR p IS NULL THEN NULL WHEN trim(x) = '' THEN []"
               f" WHEN NOT regexp_matches(x, p) THEN {_BAD_PIECE}"
               " ELSE string_split(regexp_replace(regexp_extract(x, p), p,"
               " '\\1' || chr(31) || '\\2' || chr(31) || '\\3' || chr(31) || '\\4' || chr(31) || '\\5' || chr(31)"
               " || '\\6' || chr(31) || '\\7' || chr(31) || '\\8' || chr(31) || '\\9'), chr(31)) END",
          doc="The fields of a text by a pattern that is known late."),
    Macro(name="rs_matched", arguments="x, p, f",
          body=f"CASE WHEN trim(x) = '' OR regexp_matches(x, p) THEN x WHEN x IS NULL THEN NULL ELSE {_BAD_PIECE} END",
          doc="A text that fits a pattern, or 22007."),
    Macro(name="rs_fraction", arguments="x, n", body="TRY_CAST(left(rpad(x, n, '0'), n) AS BIGINT)",
          doc="MS and US read as decimal places: .5 is 500 ms."),
    Macro(name="rs_short_year", arguments="x",
          body="CASE length(x) WHEN 1 THEN 2000 + CAST(x AS INTEGER)"
               " WHEN 2 THEN CAST(x AS INTEGER) + CASE WHEN CAST(x AS INTEGER) < 70 THEN 2000 ELSE 1900 END"
               " WHEN 3 THEN CAST(x AS INTEGER) + CASE WHEN CAST(x AS INTEGER) < 100 THEN 2000 ELSE 1000 END"
               " ELSE TRY_CAST(x AS INTEGER) END",
          doc="YYY, YY and Y: years below 70 are this century's."),
    Macro(name="rs_month_number", arguments="x",
          body="list_position(['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],"
               " lower(left(x, 3)))",
          doc="A month's number by its name."),
    Macro(name="rs_roman_month", arguments="x",
          body="list_position(['I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX', 'X', 'XI', 'XII'], upper(x))",
          doc="A month's number in Roman numerals."),
    Macro(name="rs_iso_start", arguments="y, w",
          body="date_trunc('week', make_date(y, 1, 4)) + to_days(CAST((w - 1) * 7 AS INTEGER))",
          doc="The Monday of a week of the ISO calendar."),
    Macro(name="rs_day_in_range", arguments="y, m, d",
          body="CASE WHEN m < 1 OR m > 12 OR d < 1 OR d > 31"
               " OR CAST(d AS INTEGER) > day(last_day(make_date(CAST(y AS INTEGER), CAST(greatest(1, least(m, 12))"
               f" AS INTEGER), 1))) THEN {_BAD_DAY} ELSE d END",
          doc="r_TO_DATE_function: is_strict."),
    Macro(name="rs_clock_in_range", arguments="h, i, s",
          body=f"CASE WHEN h < 0 OR h > 23 OR i < 0 OR i > 59 OR s < 0 OR s > 60 THEN {_BAD_CLOCK} ELSE h END",
          doc="r_TO_TIMESTAMP: is_strict."),
    # Text as numbers
    Macro(name="rs_plain_number", arguments="x",
          body="CASE WHEN x LIKE '%-%' OR x LIKE '%<%>%' THEN '-' ELSE '' END || regexp_replace(x, '[^0-9.]', '', 'g')",
          doc="The sign and digits of a number with separators and signs of currency."),
    Macro(name="rs_read_number", arguments="x",
          body=f"CASE WHEN x IS NULL OR regexp_matches(x, '[0-9]') THEN rs_plain_number(x) ELSE {_BAD_NUMBER} END",
          doc="r_TO_NUMBER"),
    Macro(name="rs_teradata_number", arguments="x",
          body=_bound(
              "regexp_replace(regexp_replace(trim(x), '[/,:%$]', '', 'g'), '^([+-]?)[A-DF-Za-df-z]{1,3} ?', '\\1')",
              "rs_t",
              "CASE WHEN rs_t IS NULL THEN NULL WHEN rs_t = '' THEN '0'"
              " WHEN regexp_full_match(rs_t, '[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?') THEN rs_t"
              " WHEN regexp_full_match(rs_t, '([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?[+-]')"
              f" THEN right(rs_t, 1) || left(rs_t, length(rs_t) - 1) ELSE {_BAD_NUMBER} END"),
          doc="r_TEXT_TO_INT_ALT: a sign may follow, separators and currency are skipped, nothing is 0."),
    Macro(name="rs_zoned_number", arguments="x",
          body=_bound(
              "{h: left(trim(x), length(trim(x)) - 1), c: right(trim(x), 1)}", "rs_t",
              "CASE WHEN x IS NULL THEN NULL WHEN trim(x) = '' THEN '0'"
              " WHEN contains('{ABCDEFGHI0123456789', rs_t.c)"
              " THEN rs_t.h || (instr('{ABCDEFGHI0123456789', rs_t.c) - 1) % 10"
              " WHEN contains('}JKLMNOPQR', rs_t.c) THEN '-' || rs_t.h || (instr('}JKLMNOPQR', rs_t.c) - 1)"
              f" ELSE {_BAD_NUMBER} END"),
          doc="Signed zoned decimal: the last character carries a digit and the sign."),
)  # fmt: skip
