"""TO_CHAR of numbers: the numeric format strings, written out as engine SQL.

Redshift, "Numeric format strings". Digits that a value has no use for are blanks; the sign stands before the
first digit unless the format says otherwise; a value that does not fit is shown as ``#``.
"""

import re
from dataclasses import dataclass
from typing import Final

from core.names import literal
from sql.value import VARCHAR, Value, made

_TOKENS: Final = re.compile(r"FM|RN|TH|SG|MI|PL|PR|CC|[90.,DGSLV$]|.", re.IGNORECASE | re.DOTALL)
_ROMAN_WIDTH: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A numeric format, taken apart."""

    whole: str
    """The pattern before the point: 9, 0 and commas."""
    fraction: str
    point: bool
    bare: bool
    """FM: without blanks."""
    sign: str
    """``lead`` (default), ``S``, ``S-`` (after), ``MI``, ``MI-``, ``PL``, ``SG``, ``PR``."""
    currency: bool
    suffix: str

    @property
    def places(self) -> int:
        """Return how many digits there are before the point."""
        return len(self.whole.replace(",", ""))


def to_char(value: Value, pattern: str) -> Value:
    """Write ``TO_CHAR(number, pattern)``."""
    upper = pattern.upper()
    if "RN" in upper:
        roman = "rs_roman(CAST(v AS INTEGER))"
        roman = roman if "FM" in upper else f"lpad({roman}, {_ROMAN_WIDTH}, ' ')"
        return _bound(value, f"lower({roman})" if "rn" in pattern else roman)
    return _bound(value, _written(shape_of(pattern)))


def _bound(value: Value, body: str) -> Value:
    return made(f"list_transform([{value.sql}], lambda v: CASE WHEN v IS NOT NULL THEN {body} END)[1]", VARCHAR, exact=True)


def shape_of(pattern: str) -> Shape:
    """Take a numeric format apart."""
    whole = fraction = suffix = ""
    point = False
    sign = "lead"
    tokens = [token.upper() for token in _TOKENS.findall(pattern)]
    for token in tokens:
        digits = whole + fraction
        if token in {"9", "0"}:
            whole, fraction = (whole, fraction + token) if point else (whole + token, fraction)
        elif token in {",", "G"} and not point:
            whole += ","
        elif token in {".", "D"}:
            point = True
        elif token in {"S", "MI", "PL", "SG", "PR"}:
            sign = f"{token}-" if digits and token in {"S", "MI", "PL", "SG"} else token
        elif token == "TH":  # noqa: S105 - a format token
            suffix = "th"
    return Shape(whole=whole, fraction=fraction, point=point, bare="FM" in tokens, sign=sign,
                 currency="$" in tokens or "L" in tokens, suffix=suffix)  # fmt: skip


def _written(shape: Shape) -> str:
    scale = len(shape.fraction)
    rounded = f"CAST(CAST(round(abs(v), {scale}) AS DECIMAL(38,{scale})) AS VARCHAR)"
    zeros = len(shape.whole.replace(",", "")) - shape.whole.replace(",", "").find("0") if "0" in shape.whole else 0
    whole = f"split_part({rounded}, '.', 1)"
    if zeros:
        whole = f"lpad({whole}, greatest({zeros}, CAST(length({whole}) AS INTEGER)), '0')"
    elif scale:
        whole = f"nullif({whole}, '0')"
    digits = f"list_transform([coalesce({whole}, '')], lambda w: {_grouped(shape)})[1]"
    body = digits + (f" || '.' || {_fraction(shape, rounded)}" if shape.point else "")
    body += " || rs_ordinal(CAST(v AS INTEGER))" if shape.suffix else ""
    return f"list_transform([{body}], lambda b: {_signed(shape)})[1]"


def _grouped(shape: Shape) -> str:
    """Put the whole digits ``w`` into their places, commas between them where digits stand before."""
    places = shape.places
    overflow = literal(re.sub("[90]", "#", shape.whole))
    if "," not in shape.whole:
        return f"CASE WHEN length(w) > {places} THEN {overflow} ELSE w END"
    parts = []
    left = places
    for piece in shape.whole.split(","):
        start, left = left, left - len(piece)
        taken = f"substr(lpad(w, {places}, ' '), {places - start + 1}, {len(piece)})"
        comma = f"CASE WHEN length(w) > {start} THEN ',' ELSE '' END || " if start != places else ""
        parts.append(f"{comma}ltrim({taken}, ' ')")
    return f"CASE WHEN length(w) > {places} THEN {overflow} ELSE {' || '.join(parts)} END"


def _fraction(shape: Shape, rounded: str) -> str:
    shown = f"split_part({rounded}, '.', 2)"
    if not shape.bare:
        return shown
    kept = shape.fraction.rfind("0") + 1
    return f"(left({shown}, {kept}) || rtrim(substr({shown}, {kept + 1}), '0'))"


def _signed(shape: Shape) -> str:
    currency = "'$' || " if shape.currency else ""
    width = len(shape.whole) + (1 + len(shape.fraction) if shape.point else 0) + (2 if shape.suffix else 0)
    minus = "CASE WHEN v < 0 THEN '-' ELSE {0} END"
    before, after, room = {
        "lead": (minus.format("''"), "", 1),
        "S": (minus.format("'+'"), "", 1),
        "SG": (minus.format("'+'"), "", 1),
        "S-": ("", minus.format("'+'"), 0),
        "SG-": ("", minus.format("'+'"), 0),
        "MI": (minus.format("''"), "", 1),
        "MI-": ("", minus.format("''" if shape.bare else "' '"), 0),
        "PL": ("CASE WHEN v < 0 THEN '-' ELSE '+' END", "", 1),
        "PL-": (minus.format("''"), "CASE WHEN v < 0 THEN ' ' ELSE '+' END", 1),
        "PR": ("CASE WHEN v < 0 THEN '<' ELSE '' END", "CASE WHEN v < 0 THEN '>' ELSE ' ' END", 1),
    }[shape.sign]
    number = f"{before} || b" if before else "b"
    if shape.bare:
        if shape.sign == "PR":
            after = "CASE WHEN v < 0 THEN '>' ELSE '' END"
        number = f"{before} || {currency}b" if before else f"{currency}b"
    else:
        number = f"{currency}lpad({number}, {width + room}, ' ')"
    return f"{number} || {after}" if after else number
