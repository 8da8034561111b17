"""Functions over the arrays and objects of SUPER installed into DuckDB, on top of ``engine.super_values``.

An array is a list of JSON values while it is worked on; elements are compared by their keys, NULL being a value
like others.
"""

from typing import Final

from engine.macro import Macro
from engine.super_values import once


def _array(body: str) -> str:
    """Return *body* over the elements and keys of array x; NULL for other kinds."""
    listed = "CASE WHEN rs_is_array(x) THEN json_extract(x, '$[*]') END"
    return f"CASE WHEN rs_is_array(x) THEN {once('e k', (listed, _keys(listed)), body)} END"


def _arrays(body: str) -> str:
    """Return *body* over the elements and keys of arrays x and y; NULL for other kinds."""
    left, right = (f"CASE WHEN rs_is_array({name}) THEN json_extract({name}, '$[*]') END" for name in "xy")
    inner = once("e k f l", (left, _keys(left), right, _keys(right)), body)
    return f"CASE WHEN rs_is_array(x) AND rs_is_array(y) THEN {inner} END"


def _keys(listed: str) -> str:
    return f"list_transform({listed}, lambda e: coalesce(rs_super_key(e), 'null'))"


_FIRST: Final = "list_position({0}, {0}[i]) = i"
"""Of equal elements the first."""
_NTH: Final = "len(list_filter({0}[1:i], lambda o: o = {0}[i]))"
"""How many elements up to i are equal to it."""
_IN_OTHER: Final = "len(list_filter(v.l, lambda o: o = v.k[i]))"


def _picked(condition: str) -> str:
    """Return the elements of x at the places i for which *condition* holds, as an array."""
    return f"rs_packed(list_transform(list_filter(range(1, len(v.e) + 1), lambda i: {condition}), lambda i: v.e[i]))"


_MANY: Final = "CASE WHEN d THEN {0} ELSE {1} END"

TABLE: Final = (
    # Arrays
    Macro(name="rs_packed", arguments="e", body="CAST(to_json(e) AS JSON)", doc="A list as an array."),
    Macro(name="rs_split_array", arguments="x, d",
          body="CASE WHEN x IS NOT NULL AND d IS NOT NULL THEN rs_packed(CASE WHEN x = '' OR d = '' THEN [x]"
               " ELSE string_split(x, d) END) END",
          doc="split_to_array"),
    Macro(name="rs_super_concat", arguments="x, y",
          body="CASE WHEN rs_is_array(x) AND rs_is_array(y) THEN rs_packed(list_concat(json_extract(x, '$[*]'),"
               " json_extract(y, '$[*]'))) END",
          doc="r_array_concat"),
    Macro(name="rs_array_flatten", arguments="x",
          body="CASE WHEN rs_is_array(x) THEN rs_packed(coalesce(flatten(list_transform(json_extract(x, '$[*]'),"
               " lambda e: CASE WHEN rs_is_array(e) THEN json_extract(e, '$[*]') ELSE [e] END)), [])) END",
          doc="array_flatten"),
    Macro(name="rs_subarray", arguments="x, s, n := 2147483647",
          body="CASE WHEN rs_is_array(x) AND s >= 0 AND n >= 0"
               " THEN rs_packed(json_extract(x, '$[*]')[s + 1:CAST(s AS BIGINT) + n]) END",
          doc="r_subarray"),
    Macro(name="rs_array_distinct", arguments="x", body=_array(_picked(_FIRST.format("v.k"))), doc="array_distinct"),
    Macro(name="rs_array_found", arguments="x, y, found, n",
          body=once("k f y", ("CASE WHEN rs_is_array(x) THEN " + _keys("json_extract(x, '$[*]')") + " END",
                               "found", "coalesce(rs_super_key(y), 'null')"),
                     "CASE WHEN n THEN v.f WHEN v.y = 'null' OR (NOT list_contains(v.k, v.y)"
                     " AND list_contains(v.k, 'null')) THEN NULL ELSE v.f END"),
          doc="What a search found, or NULL where NULL is not looked for: null_match."),
    Macro(name="rs_array_contains", arguments="x, y",
          body=_array("list_contains(v.k, coalesce(rs_super_key(y), 'null'))"), doc="array_contains"),
    Macro(name="rs_array_position", arguments="x, y",
          body=_array("CAST(coalesce(list_position(v.k, coalesce(rs_super_key(y), 'null')), 0) - 1 AS INTEGER)"),
          doc="array_position"),
    Macro(name="rs_array_positions", arguments="x, y",
          body=_array("rs_packed(list_transform(list_filter(range(1, len(v.k) + 1), lambda i:"
                      " v.k[i] = coalesce(rs_super_key(y), 'null')), lambda i: i - 1))"),
          doc="array_positions"),
    Macro(name="rs_array_except", arguments="x, y, d",
          body=_arrays(_MANY.format(_picked(f"{_FIRST.format('v.k')} AND NOT list_contains(v.l, v.k[i])"),
                                    _picked(f"{_NTH.format('v.k')} > {_IN_OTHER}"))),
          doc="array_except"),
    Macro(name="rs_array_intersection", arguments="x, y, d",
          body=_arrays(_MANY.format(_picked(f"{_FIRST.format('v.k')} AND list_contains(v.l, v.k[i])"),
                                    _picked(f"{_NTH.format('v.k')} <= {_IN_OTHER}"))),
          doc="array_intersection"),
    Macro(name="rs_arrays_overlap", arguments="x, y", body=_arrays("list_has_any(v.k, v.l)"), doc="arrays_overlap"),
    Macro(name="rs_array_sort", arguments="x, up, first",
          body="CASE WHEN rs_is_array(x) THEN " + once(
              "l n", ("list_transform(list_filter(json_extract(x, '$[*]'), lambda e: NOT rs_super_is_null(e)),"
                      " lambda e: {'k': rs_sort_key(e), 'e': e})",
                      "list_filter(json_extract(x, '$[*]'), lambda e: rs_super_is_null(e))"),
              once("s n", ("list_transform(CASE WHEN up THEN list_sort(v.l) ELSE list_reverse_sort(v.l) END,"
                           " lambda p: p.e)", "v.n"),
                   "rs_packed(CASE WHEN first THEN list_concat(v.n, v.s) ELSE list_concat(v.s, v.n) END)")) + " END",
          doc="array_sort"),
    # Objects
    Macro(name="rs_object_renamed", arguments="t, up",
          body="CAST(array_to_string(list_transform(regexp_extract_all(t, '\"(?:[^\"\\\\]|\\\\.)*\":?|[^\"]+'),"
               " lambda p: CASE WHEN left(p, 1) = '\"' AND ends_with(p, ':') AND NOT contains(p, '\\')"
               " THEN CASE WHEN up THEN upper(p) ELSE lower(p) END"
               " ELSE p END), '') AS JSON)",
          doc="r_lower_attribute_names"),
)  # fmt: skip
