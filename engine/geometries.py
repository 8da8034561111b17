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


_DIGITS: Final = "0123456789bcdefghjkmnpqrstuvwxyz"
"""The digits of geohashes."""
_FLAGS: Final = "CAST('0x' || substr(x, 9, 2) AS INTEGER)"


def _bits(number: str, low: int, size: int) -> str:
    """Return a coordinate as a whole number of 50 bits, between *low* and *low* + *size*."""
    return f"least(CAST(floor(({number} - {low}) / {size}.0 * pow(2, 50)) AS BIGINT), {2**50 - 1})"


def _decoded(parity: int, low: int, size: int, at: str) -> str:
    """Return the side of a geohash's cell that bits of one *parity* say: the lower one, or the upper (*at* 1)."""
    total = (
        f"list_sum(list_transform(list_filter(range(len(v.b)), lambda i: i % 2 = {parity}),"
        " lambda i: CAST(v.b[i + 1] AS DOUBLE) * pow(0.5, i // 2 + 1)))"
    )
    return f"({low} + {size} * (coalesce({total}, 0) + {at} * pow(0.5, len(v.b) // 2 + (len(v.b) % 2) * {1 - parity})))"


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
    Macro(name="rs_shape_error", arguments="t", body=raising("22023", "t"), doc="An argument of the wrong shape."),
    Macro(name="rs_dimensions", arguments="x", body=f"2 + ({_FLAGS} >> 7 & 1) + ({_FLAGS} >> 6 & 1)",
          doc="How many coordinates a place of EWKB has."),
    Macro(name="rs_head", arguments="x", body=f"10 + 8 * ({_FLAGS} >> 5 & 1)",
          doc="The digits of EWKB before the first count or coordinate."),
    Macro(name="rs_line_points", arguments="x, f",
          body=_let("v", "x", "CASE WHEN v IS NULL THEN NULL WHEN substr(v, 3, 2) <> '02' THEN rs_shape_error(f ||"
                    " ' needs a linestring') ELSE list_transform(range((length(v) - rs_head(v) - 8)"
                    " // (16 * rs_dimensions(v))), lambda i: substr(v, CAST(rs_head(v) + 9 + i * 16 * rs_dimensions(v)"
                    " AS BIGINT), 16 * rs_dimensions(v))) END"),
          doc="The places of a linestring, as they are written in EWKB."),
    Macro(name="rs_place", arguments="p, x, f",
          body=_let("v", "{'p': p, 'x': x}",
                    "CASE WHEN substr(v.p, 3, 2) <> '01' THEN rs_shape_error(f || ' needs a point') ELSE"
                    " substr(v.p, rs_head(v.p) + 1, 32)"
                    " || CASE WHEN CAST('0x' || substr(v.x, 9, 2) AS INTEGER) & 128 = 0 THEN ''"
                    " WHEN CAST('0x' || substr(v.p, 9, 2) AS INTEGER) & 128 = 0 THEN repeat('0', 16)"
                    " ELSE substr(v.p, rs_head(v.p) + 33, 16) END"
                    " || CASE WHEN CAST('0x' || substr(v.x, 9, 2) AS INTEGER) & 64 = 0 THEN ''"
                    " WHEN CAST('0x' || substr(v.p, 9, 2) AS INTEGER) & 64 = 0 THEN repeat('0', 16)"
                    " ELSE right(v.p, 16) END END"),
          doc="A point's place with as many coordinates as another geometry's have."),
    Macro(name="rs_line_of", arguments="x, l",
          body="left(x, rs_head(x)) || " + _let("s", "lpad(hex(len(l)), 8, '0')", _LITTLE.format("s"))
               + " || array_to_string(l, '')",
          doc="A linestring like x of other places."),
    Macro(name="rs_add_point", arguments="g, p, n",
          body=_let("v", "{'g': g, 'l': rs_line_points(g, 'ST_AddPoint'), 'c': rs_place(p, g, 'ST_AddPoint'), 'n': n}",
                    "CASE WHEN v.g IS NULL OR v.c IS NULL OR v.n IS NULL THEN NULL WHEN v.n < -1 OR v.n > len(v.l)"
                    " THEN rs_shape_error('ST_AddPoint: the index is out of range') WHEN v.n = -1"
                    " THEN rs_line_of(v.g, list_append(v.l, v.c))"
                    " ELSE rs_line_of(v.g, list_concat(v.l[1:v.n], [v.c], v.l[v.n + 1:])) END"),
          doc="ST_AddPoint"),
    Macro(name="rs_remove_point", arguments="g, n",
          body=_let("v", "{'g': g, 'l': rs_line_points(g, 'ST_RemovePoint'), 'n': n}",
                    "CASE WHEN v.g IS NULL OR v.n IS NULL THEN NULL WHEN v.n < 0 OR v.n >= len(v.l)"
                    " THEN rs_shape_error('ST_RemovePoint: the index is out of range')"
                    " ELSE rs_line_of(v.g, list_concat(v.l[1:v.n], v.l[v.n + 2:])) END"),
          doc="ST_RemovePoint"),
    Macro(name="rs_set_point", arguments="g, n, p",
          body=_let("v", "{'g': g, 'l': rs_line_points(g, 'ST_SetPoint'), 'c': rs_place(p, g, 'ST_SetPoint'), 'n': n,"
                         " 's': rs_one_srid(g, p)}",
                    _let("i", "CASE WHEN v.n < 0 THEN len(v.l) + v.n ELSE v.n END",
                         "CASE WHEN v.g IS NULL OR v.c IS NULL OR i IS NULL THEN NULL WHEN i < 0 OR i >= len(v.l)"
                         " THEN rs_shape_error('ST_SetPoint: the index is out of range')"
                         " ELSE rs_line_of(v.g, list_concat(v.l[1:i], [v.c], v.l[i + 2:])) END")),
          doc="ST_SetPoint"),
    Macro(name="rs_line_of_points", arguments="x",
          body=_let("v", "x", "CASE WHEN v IS NULL THEN NULL WHEN substr(v, 3, 2) <> '04' THEN rs_shape_error("
                    "'ST_LineFromMultiPoint needs a multipoint')"
                    " ELSE left(v, 2) || '02' || substr(v, 5, rs_head(v) + 4)"
                    " || array_to_string(list_transform(range((length(v) - rs_head(v) - 8)"
                    " // (10 + 16 * rs_dimensions(v))), lambda i: substr(v, CAST(rs_head(v) + 19"
                    " + i * (10 + 16 * rs_dimensions(v)) AS BIGINT), 16 * rs_dimensions(v))), '') END"),
          doc="ST_LineFromMultiPoint"),
    Macro(name="rs_geohash", arguments="x, y, n",
          body=_let("v", f"{{'x': {_bits('x', -180, 360)}, 'y': {_bits('y', -90, 180)}, 'n': n}}",
                    "CASE WHEN v.n > 20 THEN rs_shape_error('a geohash of more than 20 characters is not supported')"
                    " WHEN v.x IS NOT NULL AND v.y IS NOT NULL AND v.n IS NOT NULL THEN array_to_string("
                    "list_transform(range(greatest(v.n, 1)), lambda j: substr('" + _DIGITS + "', CAST(1 + list_sum("
                    "list_transform(range(5), lambda b: (CASE WHEN (5 * j + b) % 2 = 0 THEN v.x ELSE v.y END"
                    " >> (49 - (5 * j + b) // 2) & 1) << (4 - b))) AS BIGINT), 1)), '') END"),
          doc="ST_GeoHash"),
    Macro(name="rs_geohash_cell", arguments="h, n",
          body=_let("v", "{'b': list_transform(range(5 * length(left(lower(h), n))), lambda i:"
                         f" (strpos('{_DIGITS}', substr(lower(h), i // 5 + 1, 1)) - 1) >> (4 - i % 5) & 1),"
                         f" 'bad': NOT regexp_full_match(lower(h), '[{_DIGITS}]*')}}",
                    "CASE WHEN v.bad THEN rs_shape_error('invalid geohash') WHEN v.b IS NOT NULL THEN {"
                    + ", ".join(
                        f"'{name}': {_decoded(parity, low, size, at)}"
                        for name, parity, low, size, at in (
                            ("x1", 0, -180, 360, "0"), ("x2", 0, -180, 360, "1"),
                            ("y1", 1, -90, 180, "0"), ("y2", 1, -90, 180, "1")))
                    + "} END"),
          doc="The cell of a geohash."),
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
