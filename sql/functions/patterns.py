"""Datetime format strings: their pieces, and TO_CHAR of dates, times and intervals written out by them.

Redshift, "Datetime format strings". A format that is a literal is taken apart here and becomes as few calls of
``strftime`` as it allows; another is taken apart row by row, by the same table.
"""

from collections.abc import Callable
from typing import Final

from core.names import literal
from sql import zones
from sql.scope import Scope
from sql.value import VARCHAR, Value, made

CODES: Final = {
    # piece: (strftime code, the same without padding)
    "YYYY": ("%Y", "%Y"), "YY": ("%y", "%-y"), "MM": ("%m", "%-m"), "DDD": ("%j", "%-j"), "DD": ("%d", "%-d"),
    "HH24": ("%H", "%-H"), "HH12": ("%I", "%-I"), "HH": ("%I", "%-I"), "MI": ("%M", "%-M"), "SS": ("%S", "%-S"),
    "MS": ("%g", "%g"), "US": ("%f", "%f"), "IYYY": ("%G", "%G"), "IW": ("%V", "%V"),
}  # fmt: skip
_COMPUTED: Final = {
    # piece: engine expression over {x}, width when padded with zeros
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
}
_NAMES: Final = {"MONTH": ("%B", 9), "MON": ("%b", 0), "DAY": ("%A", 9), "DY": ("%a", 0)}
_HALVES: Final = ("A.M.", "P.M.", "AM", "PM")
_ERAS: Final = ("B.C.", "A.D.", "BC", "AD")
_ZONES: Final = ("TZ", "OF")
_ROMAN: Final = "['I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX', 'X', 'XI', 'XII']"
_SPANS: Final = {
    # piece: part of an interval, width when padded with zeros
    "YYYY": ("year", 4), "MM": ("month", 2), "DD": ("day", 2), "HH24": ("hour", 2), "HH12": ("hour", 2),
    "HH": ("hour", 2), "MI": ("minute", 2), "SS": ("second", 2),
}  # fmt: skip
_NUMBERS: Final = frozenset({*CODES, *_COMPUTED})
"""Pieces that TH may follow."""
_TOKENS: Final = tuple(
    sorted([*_NUMBERS, *_NAMES, *_HALVES, *_ERAS, *_ZONES, "RM", "FM", "FX"], key=len, reverse=True)
)
_COMMON: Final = ("YYYY", "MM", "DD", "HH24", "MI", "SS", "MON")
"""Pieces to look for first."""
PIECES: Final = '(?i)"[^"]*"|' + "|".join(
    f"{token}(?:TH)?" if token in _NUMBERS else token.replace(".", r"\.") for token in _TOKENS
) + "|(?s:.)"  # fmt: skip
"""A regular expression that cuts a format into its pieces, as ``split`` does."""


def split(pattern: str) -> list[tuple[str, str]]:
    """Return a format's pieces: (piece in upper case or nothing, text as written)."""
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
        if token and pattern[index : index + 2].upper() == "TH" and token in _NUMBERS:
            pieces.append(("TH", pattern[index : index + 2]))
            index += 2
    return pieces


def to_char(value: Value, pattern: Value, scope: Scope) -> Value:
    """Write ``TO_CHAR(moment, pattern)``."""
    kind = value.name if value.category == "D" else "interval"
    if pattern.literal is None:
        return made(_known_late(value.sql, pattern.sql, kind, scope), VARCHAR, exact=True)
    return made(_known_now(value.sql, pattern.literal, kind, scope), VARCHAR, exact=True)


def _known_now(sql: str, pattern: str, kind: str, scope: Scope) -> str:
    parts: list[str] = []
    codes = previous = ""
    bare = False

    def flush() -> None:
        nonlocal codes
        if codes:
            text = codes.replace("%%", "%")
            parts.append(f"strftime({sql}, {literal(codes)})" if codes.count("%") > 2 * codes.count("%%")
                         else literal(text))  # fmt: skip
            codes = ""

    for token, shown in split(pattern):
        if token in {"FM", "FX"}:
            bare = shown.upper() == "FM"
            continue
        if not token:
            codes += shown.replace("%", "%%")
            continue
        if token in CODES and kind != "interval":
            codes += CODES[token][bare]
        else:
            flush()
            parts.append(_ordinal(sql, previous, shown, kind) if token == "TH"  # noqa: S105 - a piece
                         else _piece(sql, token, shown, bare=bare, kind=kind, scope=scope))  # fmt: skip
        previous, bare = token, False
    flush()
    written = f"({' || '.join(parts)})" if parts else "''"
    return written if "strftime" in written or sql in written else f"CASE WHEN {sql} IS NOT NULL THEN {written} END"


def _piece(sql: str, token: str, shown: str, *, bare: bool, kind: str, scope: Scope) -> str:
    """Write what a piece shows of *sql*."""
    if kind == "interval":
        return _of_interval(sql, token, bare=bare)
    if token in CODES:
        return f"strftime({sql}, '{CODES[token][bare]}')"
    if token in _COMPUTED:
        template, width = _COMPUTED[token]
        written = template.format(x=sql)
        return f"lpad({written}, {width}, '0')" if width and not bare else written
    if token in _NAMES:
        code, width = _NAMES[token]
        written = _cased(f"strftime({sql}, '{code}')", shown)
        return f"rpad({written}, {width}, ' ')" if width and not bare else written
    return _word(sql, token, shown, bare=bare, kind=kind, scope=scope)


def _word(sql: str, token: str, shown: str, *, bare: bool, kind: str, scope: Scope) -> str:
    if token in _HALVES:
        return _either(f"hour({sql}) < 12", ("A.M.", "P.M.") if "." in token else ("AM", "PM"), shown)
    if token in _ERAS:
        return _either(f"year({sql}) < 1", ("B.C.", "A.D.") if "." in token else ("BC", "AD"), shown)
    if token == "OF":  # noqa: S105 - a piece
        return f"regexp_replace(strftime({sql}, '%z'), ':00$', '')"
    if token == "TZ":  # noqa: S105 - a piece
        return _cased(_zone(sql, kind, scope), shown if shown.islower() else "TZ")
    roman = f"{_ROMAN}[month({sql})]"
    return _cased(roman if bare else f"rpad({roman}, 4, ' ')", shown)


def _either(condition: str, words: tuple[str, str], shown: str) -> str:
    first, second = (word.lower() if shown.islower() else word for word in words)
    return f"CASE WHEN {condition} THEN '{first}' ELSE '{second}' END"


def _zone(sql: str, kind: str, scope: Scope) -> str:
    """Write a zone's abbreviation: the session's, UTC for what has no zone."""
    name = scope.writer.facts.setting("timezone")
    if kind != "timestamptz" or name.upper() in {"UTC", "GMT"}:
        return "'UTC'"
    cases = " ".join(f"WHEN '{offset}' THEN '{word}'" for offset, word in zones.abbreviations(name))
    return f"CASE strftime({sql}, '%z') {cases} ELSE strftime({sql}, '%z') END" if cases else f"strftime({sql}, '%z')"


def _cased(sql: str, shown: str) -> str:
    if shown.isupper():
        return f"upper({sql})"
    return f"lower({sql})" if shown.islower() else sql


def _of_interval(sql: str, token: str, *, bare: bool) -> str:
    if token in {"MS", "US"}:
        width = 3 if token == "MS" else 6  # noqa: S105 - a piece
        return f"lpad(CAST(date_part('microsecond', {sql}) % 1000000 // {10 ** (6 - width)} AS VARCHAR), {width}, '0')"
    if token not in _SPANS:
        return "''"
    part, width = _SPANS[token]
    number = f"date_part('{part}', {sql})"
    text = f"CAST(abs({number}) AS VARCHAR)"
    padded = text if bare else f"lpad({text}, greatest({width}, length({text})::INTEGER), '0')"
    return f"CASE WHEN {number} < 0 THEN '-' ELSE '' END || {padded}"


def _ordinal(sql: str, token: str, shown: str, kind: str) -> str:
    if token in CODES and kind != "interval":
        number = f"strftime({sql}, '{CODES[token][0]}')"
    elif token in _COMPUTED and kind != "interval":
        number = _COMPUTED[token][0].format(x=sql)
    else:
        return "''"
    suffix = f"rs_ordinal(TRY_CAST({number} AS INTEGER))"
    return f"upper({suffix})" if shown.isupper() else suffix


# Formats that are known late


def _known_late(sql: str, pattern: str, kind: str, scope: Scope) -> str:
    """Write TO_CHAR with a format of each row's own: cut it into pieces, show each."""
    def shown(token: str, written: str, bare: bool) -> str:
        return _piece("rs_q.x", token, written, bare=bare, kind=kind, scope=scope)

    tokens = [*_COMMON, *(token for token in _TOKENS if token not in {"FM", "FX", *_COMMON})]
    cases = " ".join(f"WHEN '{token}' THEN {_late(token, shown)}" for token in tokens)
    suffixes = " ".join(
        f"WHEN '{token}' THEN {_ordinal('rs_q.x', token, 'th', kind)}" for token in tokens if token in _NUMBERS
    )
    suffix = f"CASE WHEN NOT rs_u.h THEN '' WHEN rs_u.s LIKE '%th' THEN CASE rs_u.n {suffixes} END ELSE upper(CASE rs_u.n {suffixes} END) END"
    whole = "upper(rs_t) LIKE '%TH' AND upper(rs_t) <> 'MONTH' AND length(rs_t) > 2 AND NOT rs_t LIKE '\"%'"
    pieces = (
        f"list_transform(rs_q.p, lambda rs_t, rs_i: {{s: rs_t, h: {whole}, n: CASE WHEN {whole} THEN upper(left(rs_t, length(rs_t) - 2))"
        " ELSE upper(rs_t) END, f: rs_i > 1 AND upper(rs_q.p[rs_i - 1]) = 'FM'})"
    )
    text = (
        "CASE WHEN length(rs_u.s) = 1 AND upper(rs_u.s) = lower(rs_u.s) THEN rs_u.s WHEN rs_u.n IN ('FM', 'FX') THEN '' WHEN rs_u.s LIKE '\"%' THEN trim(rs_u.s, '\"')"
        f" ELSE CASE rs_u.n {cases} ELSE rs_u.s END || {suffix} END"
    )
    row = f"array_to_string(list_transform({pieces}, lambda rs_u: {text}), '')"
    cut = f"regexp_extract_all({pattern}, {literal(PIECES)})"
    return (
        f"list_transform([{{x: {sql}, p: {cut}}}],"
        f" lambda rs_q: CASE WHEN rs_q.x IS NOT NULL AND rs_q.p IS NOT NULL THEN {row} END)[1]"
    )


def _late(token: str, shown: Callable[[str, str, bool], str]) -> str:
    """Write a piece whose case and padding are known late."""
    def both(written: str) -> str:
        padded, bare = shown(token, written, False), shown(token, written, True)
        return padded if padded == bare else f"CASE WHEN rs_u.f THEN {bare} ELSE {padded} END"

    if token in _NUMBERS:
        return both(token)
    upper, lower, mixed = both(token.upper()), both(token.lower()), both(token.capitalize())
    if upper == lower == mixed:
        return upper
    return f"CASE WHEN rs_u.s = upper(rs_u.s) THEN {upper} WHEN rs_u.s = lower(rs_u.s) THEN {lower} ELSE {mixed} END"
