"""TO_CHAR of numbers: numeric format strings, written out as engine SQL piece by piece.

Redshift, "Numeric format strings". A row's digits are laid out once (``rs_number_layout``); the pieces of the
format then take their characters from there. A format that is a literal is taken apart here, another by
``rs_number_facts`` row by row, with the same pieces.
"""

import re
from dataclasses import dataclass
from typing import Final

from core.errors import not_supported
from core.names import literal
from sql.value import VARCHAR, Value, made

_TOKENS: Final = re.compile(r'"[^"]*"|FM|RN|TH|SG|MI|PL|PR|EEEE|.', re.IGNORECASE | re.DOTALL)
_ROMAN_WIDTH: Final = 15
_NO_ZERO: Final = 1000
"""The place of the first 0 in a format that has none."""
_SILENT: Final = ("FM", "PR", "S", "V", "B", "CC")
"""Pieces that show nothing where they stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A numeric format, taken apart."""

    tokens: tuple[str, ...]
    before: int
    """Digits before the point."""
    after: int
    """Digits after the point."""
    shift: int
    """Digits after V: the number is multiplied by ten to this power."""
    zero: int
    """Digits before the first 0, if it stands before the point."""
    zeros_end: int
    """Digits up to the last 0."""
    bare: bool
    """FM: without blanks."""
    sign: str
    """``lead`` (default), ``S``, ``S-`` (after the digits), ``MI``, ``PL``, ``SG``, ``PR``."""
    last: int
    """The index of the last digit or point."""


def to_char(value: Value, pattern: Value) -> Value:
    """Write ``TO_CHAR(number, pattern)``."""
    if pattern.literal is None:
        return made(_known_late(value.sql, pattern.sql), VARCHAR, exact=True)
    content = pattern.literal
    upper = re.sub(r'"[^"]*"', "", content).upper()
    if "EEEE" in upper:
        raise not_supported("EEEE in a numeric format")
    if "RN" in upper:
        body = _roman("FM" in upper, "rn" in content)
        return made(f"list_transform([{value.sql}], lambda rs_v: {body})[1]", VARCHAR, exact=True)
    return made(_known_now(value.sql, shape_of(content)), VARCHAR, exact=True)


def _roman(bare: bool, lower: bool) -> str:
    roman = "rs_roman(CAST(rs_v AS BIGINT))"
    roman = roman if bare else f"lpad({roman}, {_ROMAN_WIDTH}, ' ')"
    roman = f"lower({roman})" if lower else roman
    return f"CASE WHEN rs_v IS NOT NULL THEN {roman} END"


def shape_of(pattern: str) -> Shape:
    """Take a numeric format apart."""
    shown = tuple(_TOKENS.findall(pattern))
    pieces = [piece.upper() for piece in shown]
    point = next((index for index, piece in enumerate(pieces) if piece in ".D"), len(pieces))
    digits = [index for index, piece in enumerate(pieces) if piece in "90"]
    zeros = [index for index in digits if pieces[index] == "0"]
    shifted = pieces.index("V") if "V" in pieces else len(pieces)
    places = [index for index, piece in enumerate(pieces) if piece in "90.D"]
    early = zeros and zeros[0] < point
    return Shape(
        tokens=shown,
        before=sum(index < point for index in digits),
        after=sum(index > point for index in digits),
        shift=sum(index > shifted for index in digits),
        zero=sum(index < zeros[0] for index in digits) if early else _NO_ZERO,
        zeros_end=sum(index <= zeros[-1] for index in digits) if zeros else 0,
        bare="FM" in pieces,
        sign=_sign(pieces, point),
        last=places[-1] if places else -1,
    )


def _sign(pieces: list[str], point: int) -> str:
    for piece in ("PR", "SG", "MI", "PL"):
        if piece in pieces:
            return piece
    if "S" not in pieces:
        return "lead"
    return "S" if any(piece in "90" for piece in pieces[pieces.index("S") : point]) else "S-"


def _known_now(value: str, shape: Shape) -> str:
    bare = "true" if shape.bare else "false"
    moved = f"rs_v * {10**shape.shift}" if shape.shift else "rs_v"
    digits = f"CAST(abs(TRY_CAST({moved} AS DECIMAL(38,{shape.after}))) AS VARCHAR)"
    layout = (
        f"rs_number_layout({digits}, rs_v < 0, {shape.before}, {shape.after}, {bare}, {shape.zero},"
        f" {shape.zeros_end}, '{shape.sign}')"
    )
    parts = _parts(shape, bare)
    written = " || ".join(parts) or "''"
    if shape.bare:
        written = f"replace({written}, chr(1), '')"
    row = f"list_transform([{layout}], lambda rs_r: {written})[1]"
    return f"list_transform([{value}], lambda rs_v: CASE WHEN rs_v IS NOT NULL THEN {row} END)[1]"


def _blank(bare: str) -> str:
    return {"true": "''", "false": "' '"}.get(bare, f"CASE WHEN {bare} THEN '' ELSE ' ' END")


def _parts(shape: Shape, bare: str) -> list[str]:
    """Return what a format's pieces show, places that follow one another together."""
    parts = []
    count = start = 0
    for index, token in enumerate(shape.tokens):
        upper = token.upper()
        digit = upper in {"9", "0"} or (upper in {".", "D"} and shape.after > 0)
        if digit:
            count += 1
        elif start < count:
            parts.append(_places(start, count))
        if not digit:
            shown = "'.'" if upper in {".", "D"} else _other(token, bare, str(count), zero=shape.zero < count)
            parts += [shown] if shown else []
            start = count
        if index == shape.last and shape.sign in {"S-", "PR"}:
            parts += [_places(start, count), "rs_r.e"] if start < count else ["rs_r.e"]
            start = count
    return [*parts, _places(start, count)] if start < count else parts


def _places(start: int, end: int) -> str:
    """Write the places from *start* up to *end*, with the sign if it stands among them."""
    plain = f"substr(rs_r.t, {start + 1}, {end - start})"
    before, after = f"substr(rs_r.t, {start + 1}, rs_r.k - {start})", f"substr(rs_r.t, rs_r.k + 1, {end} - rs_r.k)"
    return f"CASE WHEN rs_r.k >= {start} AND rs_r.k < {end} THEN {before} || rs_r.sg || {after} ELSE {plain} END"


def _other(token: str, bare: str, count: str = "0", *, zero: bool = False) -> str:
    """Write a piece that is no digit; nothing for one that shows nothing."""
    upper = token.upper()
    if upper in {",", "G"}:
        started = "true" if zero else f"{count} > rs_r.p"
        return _blank(bare) if count == "0" else f"CASE WHEN {started} THEN ',' ELSE {_blank(bare)} END"
    if upper == "TH":
        suffix = _ORDINAL if token.islower() else f"upper({_ORDINAL})"
        return f"CASE WHEN rs_r.th THEN {suffix} ELSE '' END"
    if upper in _SILENT:
        return ""
    return _words(bare).get(upper) or literal(token[1:-1] if token.startswith('"') else token)


_ORDINAL: Final = "rs_ordinal(TRY_CAST(trim(rs_r.t, ' ' || chr(1)) AS HUGEINT))"


def _words(bare: str) -> dict[str, str]:
    blank = _blank(bare)
    return {
        "MI": f"CASE WHEN rs_r.neg THEN '-' ELSE {blank} END",
        "PL": f"CASE WHEN rs_r.neg THEN {blank} ELSE '+' END",
        "SG": "CASE WHEN rs_r.neg THEN '-' ELSE '+' END",
        "L": "'$'",
    }


def _known_late(value: str, pattern: str) -> str:
    """Write TO_CHAR with a format of each row's own."""
    count = "length(translate(left(rs_q.f.c, rs_i - 1), 'x', ''))"
    place = (
        f"CASE WHEN rs_r.k = {count} THEN rs_r.sg ELSE '' END || substr(rs_r.t, {count} + 1, 1)"
        " || CASE WHEN rs_i = rs_q.f.last THEN rs_r.e ELSE '' END"
    )
    started = f"{count} > 0 AND ({count} > rs_r.p OR rs_q.f.zero < {count})"
    comma = f"CASE WHEN {started} THEN ',' ELSE {_blank('rs_q.f.fm')} END"
    words = " ".join(f"WHEN '{token}' THEN {written}" for token, written in _words("rs_q.f.fm").items())
    words += f" WHEN 'TH' THEN CASE WHEN NOT rs_r.th THEN '' WHEN rs_t = 'th' THEN {_ORDINAL} ELSE upper({_ORDINAL}) END"
    silent = ", ".join(f"'{token}'" for token in _SILENT)
    piece = (
        f"CASE WHEN rs_t IN ('9', '0') OR (rs_t IN ('.', 'D', 'd') AND rs_q.f.post > 0) THEN {place}"
        f" WHEN rs_t IN ('.', 'D', 'd') THEN '.' WHEN rs_t IN (',', 'G', 'g') THEN {comma}"
        f" ELSE CASE upper(rs_t) {words} ELSE CASE WHEN upper(rs_t) IN ({silent}) THEN '' ELSE trim(rs_t, '\"') END END END"
    )
    pieces = f"replace(array_to_string(list_transform(rs_q.t, lambda rs_t, rs_i: {piece}), ''), chr(1), '')"
    layout = (
        "rs_number_layout(rs_number_digits(rs_q.v * CAST(pow(10, rs_q.f.multi) AS BIGINT), rs_q.f.post), rs_q.v < 0,"
        " rs_q.f.pre, rs_q.f.post, rs_q.f.fm, rs_q.f.zero, rs_q.f.zend, rs_q.f.sign)"
    )
    roman = (
        "CASE WHEN rs_q.f.fm THEN rs_roman(CAST(rs_q.v AS BIGINT))"
        f" ELSE lpad(rs_roman(CAST(rs_q.v AS BIGINT)), {_ROMAN_WIDTH}, ' ') END"
    )
    roman = f"CASE WHEN list_contains(rs_q.t, 'rn') THEN lower({roman}) ELSE {roman} END"
    row = f"CASE WHEN rs_q.f.roman THEN {roman} ELSE list_transform([{layout}], lambda rs_r: {pieces})[1] END"
    facts = f"{{v: {value}, t: rs_number_tokens({pattern}), f: rs_number_facts({pattern})}}"
    known = "rs_q.v IS NOT NULL AND rs_q.t IS NOT NULL"
    return f"list_transform([{facts}], lambda rs_q: CASE WHEN {known} THEN {row} END)[1]"
