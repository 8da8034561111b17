"""HyperLogLog sketches as text, and the macros that make, merge and count them.

A key is ``index << 6 | rank``. A sparse sketch keeps 26 bits of a value's hash as the index and is JSON, as Redshift
shows it; with more than 6144 keys it becomes dense: 2^15 registers, each a letter of Base64, which has six bits as
a register has. The estimate is Ertl's (arXiv:1702.01284, algorithm 6), which needs no tables against bias. A list
that a lambda captures is copied for every element, so lists are zipped instead.
"""

from typing import Final

from engine.macro import Macro, raising

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_REGISTERS: Final = 32_768
_LIMIT: Final = 6_144
"""Most keys of a sparse sketch."""
_BAD: Final = raising("22P02", "'invalid input syntax for type hllsketch: \"' || left(x, 100) || '\"'")
_SCALE: Final = "774541002.3399351::DOUBLE"
"""Registers squared by twice the natural logarithm of 2."""
_ROUNDS: Final = 40
"""Terms of the series for registers that are zero; the last is beyond a DOUBLE's digits."""


def _let(name: str, value: str, body: str) -> str:
    return f"list_transform([{value}], lambda {name}: {body})[1]"


_STEP: Final = "[s[1] * s[1], s[2] * 2, s[3] + s[1] * s[1] * s[2]]"
_ZEROS: Final = (
    f"list_reduce(list_transform(range(1, {_ROUNDS + 1}), lambda i: [i::DOUBLE]), lambda s, i: {_STEP},"
    " [z, 1.0::DOUBLE, z])[3]"
)
_GAP: Final = "CAST(CAST(z[1] >> 6 AS BIGINT) - coalesce(CAST(z[2] >> 6 AS BIGINT) + 1, 0) AS BIGINT)"

TABLE: Final = (
    Macro(name="rs_sketch_key", arguments="x",
          body=_let("h", "md5_number_lower(CAST(x AS VARCHAR))",
                    "CAST(((h >> 38) << 6) | CASE WHEN h & 274877906943 = 0 THEN 39 ELSE"
                    " 38 - CAST(floor(log2(h & 274877906943)) AS UBIGINT) END AS UINTEGER)"),
          doc="A value's key: 26 bits of its hash, and where the rest has its first 1."),
    Macro(name="rs_sketch_unique", arguments="s",
          body="list_transform(list_filter(list_zip(s, s[2:]), lambda z: z[2] IS NULL OR (z[2] >> 6) <> (z[1] >> 6)),"
               " lambda z: z[1])",
          doc="Of sorted keys the highest rank of each index."),
    Macro(name="rs_sketch_coarse", arguments="k",
          body="CAST(((k >> 17) << 6) | CASE WHEN ((k >> 6) & 2047) = 0 THEN 11 + (k & 63)"
               " ELSE 11 - CAST(floor(log2((k >> 6) & 2047)) AS UINTEGER) END AS UINTEGER)",
          doc="A key of 26 bits as one of 15."),
    Macro(name="rs_sketch_dense", arguments="s",
          body=_let("u", "rs_sketch_unique(list_sort(list_transform(s, lambda k: rs_sketch_coarse(k))))",
                    f"CASE WHEN len(u) = 0 THEN '\"' || repeat('A', {_REGISTERS}) || '\"' ELSE '\"' || array_to_string("
                    "list_transform(list_zip(u, list_prepend(NULL, u[:-2])), lambda z:"
                    f" repeat('A', {_GAP}) || substr('{_LETTERS}', CAST((z[1] & 63) + 1 AS BIGINT), 1)), '')"
                    f" || repeat('A', CAST({_REGISTERS - 1} - (u[-1] >> 6) AS BIGINT)) || '\"' END"),
          doc="Keys as a dense sketch."),
    Macro(name="rs_sketch_sparse", arguments="u",
          body="'{\"version\":1,\"logm\":15,\"sparse\":{\"indices\":['"
               " || array_to_string(list_transform(u, lambda k: k >> 6), ',') || '],\"values\":['"
               " || array_to_string(list_transform(u, lambda k: k & 63), ',') || ']}}'",
          doc="Sorted keys as a sparse sketch."),
    Macro(name="rs_sketch", arguments="keys",
          body=_let("u", "rs_sketch_unique(list_sort(list_filter(coalesce(keys, CAST([] AS UINTEGER[])), lambda k:"
                         " k IS NOT NULL)))",
                    f"CASE WHEN len(u) > {_LIMIT} THEN rs_sketch_dense(u) ELSE rs_sketch_sparse(u) END"),
          doc="r_HLL_CREATE_SKETCH, over the keys of a group."),
    Macro(name="rs_sketch_keys", arguments="x",
          body="list_transform(list_zip(CAST(json_extract(x, '$.sparse.indices') AS UINTEGER[]),"
               " CAST(json_extract(x, '$.sparse.values') AS UINTEGER[])), lambda z: (z[1] << 6) | z[2])",
          doc="The keys of a sparse sketch."),
    Macro(name="rs_sketch_densely", arguments="x",
          body="CASE WHEN left(x, 1) = '{' THEN rs_sketch_dense(rs_sketch_keys(x)) ELSE x END",
          doc="A sketch made dense."),
    Macro(name="rs_sketch_merge", arguments="a, b",
          body="CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN left(a, 1) = '{' AND left(b, 1) = '{'"
               " THEN rs_sketch(rs_sketch_keys(a) || rs_sketch_keys(b)) ELSE '\"' || array_to_string(list_transform("
               "list_zip(string_split(trim(rs_sketch_densely(a), '\"'), ''), string_split(trim(rs_sketch_densely(b),"
               f" '\"'), '')), lambda z: CASE WHEN instr('{_LETTERS}', z[1]) >= instr('{_LETTERS}', z[2])"
               " THEN z[1] ELSE z[2] END), '') || '\"' END",
          doc="r_HLL_COMBINE_SKETCHES"),
    Macro(name="rs_sketch_merged", arguments="l",
          body=_let("m", "list_filter(l, lambda s: s IS NOT NULL)",
                    "CASE WHEN len(m) > 0 THEN list_reduce(list_append(list_filter(m, lambda s: left(s, 1) = '\"'),"
                    " rs_sketch(flatten(list_transform(list_filter(m, lambda s: left(s, 1) = '{'), lambda s:"
                    " rs_sketch_keys(s))))), lambda a, b: rs_sketch_merge(a, b)) END"),
          doc="r_HLL_COMBINE, over the sketches of a group."),
    Macro(name="rs_sketch_count_dense", arguments="x",
          body=_let("r", f"list_transform(string_split(trim(x, '\"'), ''), lambda c: instr('{_LETTERS}', c) - 1)",
                    _let("z", f"len(list_filter(r, lambda v: v = 0)) / {_REGISTERS}.0::DOUBLE",
                         f"CAST(round({_SCALE} / (list_sum(list_transform(r, lambda v: CASE WHEN v = 0 THEN 0"
                         f" ELSE pow(2.0::DOUBLE, -v) END)) + {_REGISTERS} * {_ZEROS})) AS BIGINT)")),
          doc="The estimate of a dense sketch."),
    Macro(name="rs_sketch_count", arguments="x",
          body="CASE WHEN left(x, 1) = '{' THEN CAST(round(-67108864.0::DOUBLE * ln(1 - json_array_length(x,"
               " '$.sparse.indices') / 67108864.0::DOUBLE)) AS BIGINT) WHEN x IS NOT NULL THEN rs_sketch_count_dense(x)"
               " END",
          doc="r_HLL_CARDINALITY; of a sparse sketch the places that are taken tell."),
    Macro(name="rs_sketch_read", arguments="x",
          body="CASE WHEN x IS NULL THEN NULL"
               f" WHEN length(trim(x, '\"')) = {_REGISTERS} AND regexp_full_match(x, '\"?[A-Za-z0-9+/]*\"?')"
               " THEN '\"' || trim(x, '\"') || '\"'"
               f" WHEN NOT json_valid(x) THEN {_BAD} WHEN json_extract_string(x, '$.logm') = '15'"
               " AND json_array_length(x, '$.sparse.indices') = json_array_length(x, '$.sparse.values')"
               " AND coalesce(list_max(TRY_CAST(json_extract(x, '$.sparse.indices') AS UINTEGER[])), 0) < 67108864"
               " AND coalesce(list_max(TRY_CAST(json_extract(x, '$.sparse.values') AS UINTEGER[])), 0) < 40"
               f" THEN rs_sketch(rs_sketch_keys(x)) ELSE {_BAD} END",
          doc="r_HLLSKTECH_type: a sketch from text."),
)  # fmt: skip
