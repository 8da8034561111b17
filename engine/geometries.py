"""Macros of geometries as text: hexadecimal EWKB, which is how Redshift shows and stores them, and WKT.

An argument is bound to a lambda's parameter where it is used more than once: what calls nest would grow with every
level. None of them needs DuckDB's spatial extension; what does is written out by ``sql.functions.spatial``.
"""

from typing import Final

from engine.macro import Macro, raising

_BAD: Final = raising("22P02", "'invalid input syntax for type geometry'")
_MIXED: Final = raising("22023", "'operands have different spatial reference systems'")
_LITTLE: Final = "substr({0}, 7, 2) || substr({0}, 5, 2) || substr({0}, 3, 2) || substr({0}, 1, 2)"
"""Eight hexadecimal digits with the bytes turned round."""
_NUMBERS: Final = "-?[0-9][0-9.]*(?:[eE][-+]?[0-9]+)?|[^-0-9]+|-"


def _let(name: str, value: str, body: str) -> str:
    return f"list_transform([{value}], lambda {name}: {body})[1]"


TABLE: Final = (
    Macro(name="rs_has_srid", arguments="x", body="(CAST('0x' || substr(x, 9, 2) AS INTEGER) & 32 <> 0)",
          doc="Whether EWKB has an SRID."),
    Macro(name="rs_srid", arguments="x",
          body=_let("v", "x", "CASE WHEN v IS NULL THEN NULL WHEN rs_has_srid(v) THEN CAST('0x' || "
                    + _LITTLE.format("substr(v, 11, 8)") + " AS INTEGER) ELSE 0 END"),
          doc="ST_SRID"),
    Macro(name="rs_set_srid", arguments="x, n",
          body=_let("v", "x", _let(
              "m", "CAST(n AS INTEGER)",
              "CASE WHEN m >= 0 THEN left(v, 8) || right('0' || hex((CAST('0x' || substr(v, 9, 2) AS INTEGER) & 223)"
              " + CASE WHEN m > 0 THEN 32 ELSE 0 END), 2) || CASE WHEN m > 0 THEN "
              + _let("s", "lpad(hex(m), 8, '0')", _LITTLE.format("s"))
              + " ELSE '' END || substr(v, CASE WHEN rs_has_srid(v) THEN 19 ELSE 11 END) END")),
          doc="ST_SetSRID; a negative one gives NULL."),
    # The type of ISO's WKB is 1000 more for Z, 2000 for M, 3000 for both; EWKB has bits for them.
    Macro(name="rs_ewkb", arguments="h, n",
          body=_let("w", "h",
                    _let("k", "CAST('0x' || substr(w, 5, 2) || substr(w, 3, 2) AS INTEGER)",
                         "rs_set_srid('01' || right('0' || hex(k % 1000), 2) || '0000' || right('0' || hex("
                         "[0, 128, 64, 192][k // 1000 + 1]), 2) || substr(w, 11), n)")),
          doc="Hexadecimal WKB and an SRID as EWKB."),
    Macro(name="rs_one_srid", arguments="a, b",
          body=_let("p", "rs_srid(a)", _let("q", "rs_srid(b)",
                                            f"CASE WHEN p = q THEN p WHEN p <> q THEN {_MIXED} END")),
          doc="The SRID of two geometries."),
    Macro(name="rs_geometry_read", arguments="x",
          body="CASE WHEN x IS NULL OR (regexp_full_match(x, '(?i)01[0-9a-f]+') AND length(x) % 2 = 0) THEN upper(x)"
               f" ELSE {_BAD} END",
          doc="A geometry from hexadecimal EWKB."),
    Macro(name="rs_rounded", arguments="x, n",
          body=f"array_to_string(list_transform(regexp_extract_all(x, '{_NUMBERS}'), lambda t:"
               " CASE WHEN regexp_full_match(t, '-?[0-9].*') THEN format('{:.' || n || 'g}', CAST(t AS DOUBLE))"
               " ELSE t END), '')",
          doc="Text whose numbers have n digits that count."),
    Macro(name="rs_wkt", arguments="x, n",
          body="rs_rounded(array_to_string(list_transform(regexp_extract_all(regexp_replace(replace(x, ', ', ','),"
               " '(POINT|STRING|POLYGON|COLLECTION) \\(', '\\1(', 'g'), 'MULTIPOINT[ ZM]*\\([^()]*\\)|[^M]+|M'),"
               " lambda t: CASE WHEN t LIKE 'MULTIPOINT%(%' THEN replace(replace(replace(t, '(', '(('), ')', '))'),"
               " ',', '),(') ELSE t END), ''), n)",
          doc="WKT as Redshift writes it."),
    Macro(name="rs_sphere", arguments="x1, y1, x2, y2, r",
          body="2 * r * asin(least(1, sqrt(pow(sin(radians(y2 - y1) / 2), 2)"
               " + cos(radians(y1)) * cos(radians(y2)) * pow(sin(radians(x2 - x1) / 2), 2))))",
          doc="ST_DistanceSphere"),
)  # fmt: skip
