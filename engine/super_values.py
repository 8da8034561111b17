"""Functions over SUPER values installed into DuckDB: kinds of numbers, comparison, arithmetic, navigation.

A SUPER value is JSON text that DuckDB's JSON functions read. They would change numbers on the way: ``2.22e+0``
becomes ``2.22`` and 1.50 becomes 1.5, although Redshift keeps floats, decimals and their scales apart. A number
that they would not keep is therefore written as a string that begins with U+FDD0, a code point reserved for
internal use; ``rs_super_show`` takes it off again where a value leaves. Whole numbers and short decimals, nearly
all of them, stay numbers. Leaves to ``sql`` which of these a statement calls.

Macro arguments are substituted as text: what is used more than once goes through the lambda of a list of one.
"""

from typing import Final

from engine.macro import Macro, raising

_MARK: Final = "\ufdd0"
_CUT: Final = '\'"(?:[^"\\\\]|\\\\.)*"|[^"]+\''
"""JSON text cut into its strings and what stands between them."""
_SUSPECT: Final = (
    "'[0-9][eE][-+]?[0-9]|\\.[0-9]+0(?:[^0-9]|$)|[0-9]{10}\\.[0-9]|[0-9]{4}\\.[0-9]{7}|\\.[0-9]{12}|\\.0000'"
)
"""Text that may hold a number to mark: cheap to find, and found too often."""
_LOST: Final = (
    "'(-?[0-9]+(?:\\.[0-9]*)?[eE][-+]?[0-9]+|-?[0-9]+\\.[0-9]+0\\b|-?[0-9]{10,}\\.[0-9]+|-?[0-9]{4,}\\.[0-9]{7,}"
    "|-?[0-9]+\\.[0-9]{12,}|-?[0-9]+\\.0000[0-9]*)'"
)
"""A number that DuckDB's JSON functions would write differently."""
_PLAIN: Final = (
    "'-?[0-9]+|-?[0-9]{1,9}\\.0|-?[0-9]{1,9}\\.[0-9]{0,5}[1-9]|-?[0-9]{1,3}\\.[0-9]{6,10}[1-9]'"
)
"""A number that they keep, unless four zeros follow its point."""
_BAD_JSON: Final = raising("22023", "'JSON parsing error'")
_LONG_STRING: Final = raising("22001", "'a string of a SUPER value is longer than 65535 bytes'")
_LARGEST: Final = 16 * 1024 * 1024
_LARGE_VALUE: Final = raising("22001", "'a SUPER value is longer than 16777216 bytes'")
_DEEPEST: Final = 1000
_DEEP_VALUE: Final = raising("22023", f"'a SUPER value is nested more than {_DEEPEST} levels deep'")
_STRINGS: Final = "'\"(?:[^\"\\\\]|\\\\.)*\"'"
_PASSES: Final = 16
"""Levels that are taken off brackets before their depth is counted: most texts have no more."""
_NAVIGATION: Final = raising("22023", "'cannot navigate into a SUPER value: attribute or element does not exist'")
_SERIALIZED: Final = raising("22001", "'the serialized SUPER value is longer than 65535 bytes'")
_NO_CAST: Final = raising("22023", "'cannot cast a SUPER value to type ' || t")
_DIVISION: Final = raising("22012", "'division by zero'")


def once(names: str, values: tuple[str, ...], body: str) -> str:
    """Return *body* over ``v.name``, each value computed once."""
    fields = ", ".join(f"'{name}': {value}" for name, value in zip(names.split(), values, strict=True))
    return f"(list_transform([{{{fields}}}], lambda v: {body})[1])"


def _flattened(passes: int) -> str:
    """Return the brackets ``x`` without their innermost pairs, so many times over."""
    return "x" if not passes else f"regexp_replace({_flattened(passes - 1)}, '\\[\\]|\\{{\\}}', '', 'g')"


def _text(body: str) -> str:
    """Return *body* over ``v.t``, the JSON text of the argument x."""
    return once("t", ("CAST(x AS VARCHAR)",), body)


def _arithmetic(floats: str, whole: str, decimals: str, sides: tuple[str, str] = ("a", "b")) -> str:
    """Return arithmetic on two numbers by what they turn out to be; anything else gives NULL."""
    return once(
        "a b",
        (f"rs_number_text({sides[0]})", f"rs_number_text({sides[1]})"),
        "CASE WHEN v.a IS NULL OR v.b IS NULL THEN NULL"
        f" WHEN contains(v.a, 'e') OR contains(v.b, 'e') THEN rs_float_super({floats})"
        f" WHEN NOT contains(v.a, '.') AND NOT contains(v.b, '.') THEN CAST(CAST({whole} AS VARCHAR) AS JSON)"
        f" ELSE {decimals} END",
    )


_A, _B = "CAST(v.a AS DOUBLE)", "CAST(v.b AS DOUBLE)"
_WHOLE_A, _WHOLE_B = "CAST(v.a AS HUGEINT)", "CAST(v.b AS HUGEINT)"
_SCALE: Final = "greatest(rs_scale_of(v.a), rs_scale_of(v.b))"
_ALIGNED_A, _ALIGNED_B = f"rs_super_units(v.a, {_SCALE})", f"rs_super_units(v.b, {_SCALE})"
_SHARE: Final = "greatest(4, rs_scale_of(v.a) + length(rs_digits_of(v.b)) - rs_scale_of(v.b) + 1)"
_ZERO: Final = "CAST(v.b AS DOUBLE) = 0"


TABLE: Final = (
    # What a value is
    Macro(name="rs_is_number", arguments="t", body=f"((t >= '-' AND t < ':') OR starts_with(t, '\"{_MARK}'))",
          doc="Whether the text of a SUPER value is a number's."),
    Macro(name="rs_number_of", arguments="t",
          body="CASE WHEN left(t, 1) = '\"' THEN substr(t, 3, length(t) - 3) ELSE t END", doc="A number's digits."),
    Macro(name="rs_number_text", arguments="x",
          body=_text("CASE WHEN rs_is_number(v.t) THEN rs_number_of(v.t) END"),
          doc="The digits of a number, NULL for other kinds."),
    Macro(name="rs_string_of", arguments="t",
          body="CASE WHEN contains(t, '\\') THEN CAST(t AS JSON) ->> '$' ELSE substr(t, 2, length(t) - 2) END",
          doc="What a JSON string says."),
    Macro(name="rs_super_string", arguments="x",
          body=_text(f"CASE WHEN left(v.t, 1) = '\"' AND NOT starts_with(v.t, '\"{_MARK}') THEN rs_string_of(v.t) END"),
          doc="What a string says, NULL for other kinds."),
    Macro(name="rs_is_array", arguments="x", body="coalesce(left(CAST(x AS VARCHAR), 1) = '[', false)",
          doc="r_is_array"),
    Macro(name="rs_is_object", arguments="x", body="coalesce(left(CAST(x AS VARCHAR), 1) = '{', false)",
          doc="r_is_object"),
    Macro(name="rs_json_typeof", arguments="x",
          body=_text("CASE WHEN v.t IS NULL THEN NULL WHEN rs_is_number(v.t) THEN 'number' ELSE CASE left(v.t, 1)"
                     " WHEN '\"' THEN 'string' WHEN '[' THEN 'array' WHEN '{' THEN 'object' WHEN 'n' THEN 'null'"
                     " ELSE 'boolean' END END"),
          doc="r_json_typeof"),
    Macro(name="rs_is_kind", arguments="x, k", body="coalesce(rs_json_typeof(x) IN k, false)", doc="r_is_scalar"),
    Macro(name="rs_whole_text", arguments="x",
          body=once("n", ("rs_number_text(x)",),
                     "CASE WHEN regexp_full_match(v.n, '-?[0-9]+(\\.0*)?') THEN split_part(v.n, '.', 1) END"),
          doc="The digits of a whole number; a decimal of scale 0 is one."),
    Macro(name="rs_is_whole", arguments="x, low, high",
          body="coalesce(TRY_CAST(rs_whole_text(x) AS HUGEINT) BETWEEN low AND high, false)", doc="r_is_bigint"),
    Macro(name="rs_is_decimal", arguments="x", body="coalesce(NOT contains(rs_number_text(x), 'e'), false)",
          doc="r_is_decimal"),
    Macro(name="rs_is_float", arguments="x", body="coalesce(contains(rs_number_text(x), 'e'), false)",
          doc="r_is_float"),
    Macro(name="rs_super_is_null", arguments="x", body="(x IS NULL OR CAST(x AS VARCHAR) = 'null')",
          doc="query-super"),
    Macro(name="rs_super_value", arguments="x", body="nullif(x, CAST('null' AS JSON))",
          doc="JSON's null as SQL's, for what passes NULL over."),
    Macro(name="rs_is_char", arguments="x",
          body=once("s", ("rs_super_string(x)",), "coalesce(strlen(v.s) = length(v.s), false)"),
          doc="r_is_char: a string of ASCII characters alone."),
    # Numbers
    Macro(name="rs_scale_of", arguments="n",
          body="CASE WHEN contains(n, '.') THEN length(n) - strpos(n, '.') ELSE 0 END", doc="r_decimal_scale"),
    Macro(name="rs_digits_of", arguments="n", body="regexp_replace(replace(n, '.', ''), '^-?0*', '')",
          doc="A decimal's digits that count."),
    Macro(name="rs_decimal_scale", arguments="x",
          body=once("n", ("rs_number_text(x)",), "CASE WHEN NOT contains(v.n, 'e') THEN CAST(rs_scale_of(v.n)"
                                                  " AS INTEGER) END"),
          doc="r_decimal_scale"),
    Macro(name="rs_decimal_precision", arguments="x",
          body=once("n", ("rs_number_text(x)",), "CASE WHEN NOT contains(v.n, 'e') THEN CAST(greatest(1,"
                                                  " rs_scale_of(v.n), length(rs_digits_of(v.n))) AS INTEGER) END"),
          doc="r_decimal_precision"),
    Macro(name="rs_super_units", arguments="n, s",
          body="CAST(replace(n, '.', '') || repeat('0', CAST((s) - rs_scale_of(n) AS BIGINT)) AS HUGEINT)",
          doc="A decimal as a whole number of units of 10**-s."),
    Macro(name="rs_number_super", arguments="n",
          body=once("n", ("CAST(n AS VARCHAR)",),
                     f"CASE WHEN regexp_full_match(v.n, {_PLAIN}) AND NOT contains(v.n, '.0000') THEN CAST(v.n AS JSON)"
                     f" WHEN v.n IS NOT NULL THEN CAST('\"{_MARK}' || v.n || '\"' AS JSON) END"),
          doc="A number's digits as a SUPER value."),
    Macro(name="rs_scaled_text", arguments="u, s",
          body=once("u s", ("CAST(u AS HUGEINT)", "CAST(s AS BIGINT)"),
                     once("t n s", ("lpad(CAST(abs(v.u) AS VARCHAR), CAST(greatest(v.s + 1,"
                                     " length(CAST(abs(v.u) AS VARCHAR))) AS INTEGER), '0')", "v.u < 0", "v.s"),
                           "CASE WHEN v.n THEN '-' ELSE '' END || left(v.t, length(v.t) - v.s)"
                           " || CASE WHEN v.s > 0 THEN '.' ELSE '' END || right(v.t, v.s)")),
          doc="Units of 10**-s as a decimal."),
    Macro(name="rs_scaled_super", arguments="u, s", body="rs_number_super(rs_scaled_text(u, s))",
          doc="Units of 10**-s as a SUPER value."),
    Macro(name="rs_scientific", arguments="n",
          body=once("s t", ("CASE WHEN left(n, 1) = '-' THEN '-' ELSE '' END", "ltrim(n, '-')"),
                     once("s m e", (
                         "v.s",
                         "CASE WHEN contains(v.t, 'e') THEN replace(split_part(v.t, 'e', 1), '.', '')"
                         " ELSE ltrim(replace(v.t, '.', ''), '0') END",
                         "CASE WHEN contains(v.t, 'e') THEN CAST(split_part(v.t, 'e', 2) AS BIGINT)"
                         " WHEN left(v.t, 1) <> '0' THEN length(split_part(v.t, '.', 1)) - 1"
                         " ELSE length(ltrim(split_part(v.t, '.', 2), '0')) - length(split_part(v.t, '.', 2)) - 1 END"),
                           "CASE WHEN rtrim(v.m, '0') = '' THEN '0e+0' ELSE v.s || left(v.m, 1)"
                           " || CASE WHEN length(rtrim(v.m, '0')) > 1 THEN '.' ELSE '' END"
                           " || rtrim(substr(v.m, 2), '0')"
                           " || 'e' || CASE WHEN v.e < 0 THEN '-' ELSE '+' END || abs(v.e) END")),
          doc="The text of a float with an exponent, as a SUPER value shows it: 2.22e+0."),
    Macro(name="rs_float_super", arguments="x",
          body=f"CASE WHEN isfinite(x) THEN CAST('\"{_MARK}' || rs_scientific(CAST(x AS VARCHAR)) || '\"' AS JSON) END",
          doc="A float as a SUPER value."),
    Macro(name="rs_super_sum", arguments="f, s, d, n",
          body=once("f s d n", ("f", "s", "d", "CAST(n AS VARCHAR)"),
                     "CASE WHEN v.f THEN rs_float_super(v.d) WHEN v.n IS NULL THEN NULL ELSE"
                     " rs_number_super(left(v.n, length(v.n) - 15 + CASE WHEN v.s > 0 THEN v.s ELSE -1 END)) END"),
          doc="r_SUM: a float if one is added, else the decimal n with s of its fifteen decimals."),
    # Comparison
    Macro(name="rs_canonical_number", arguments="n",
          body=once("n", ("CASE WHEN contains(n, 'e') THEN CASE WHEN abs(CAST(n AS DOUBLE)) < 1e18"
                           " AND CAST(n AS DOUBLE) = trunc(CAST(n AS DOUBLE))"
                           " THEN CAST(CAST(CAST(n AS DOUBLE) AS HUGEINT) AS VARCHAR)"
                           " ELSE CAST(CAST(n AS DOUBLE) AS VARCHAR) END ELSE n END",),
                     "CASE WHEN contains(v.n, '.') AND NOT contains(v.n, 'e')"
                     " THEN regexp_replace(regexp_replace(v.n, '\\.?0*$', ''), '^-0$', '0') ELSE v.n END"),
          doc="A number's digits so that equal numbers have equal digits."),
    Macro(name="rs_deep_key", arguments="t",
          body=f"CASE WHEN contains(t, '{_MARK}') OR regexp_matches(t, '\\.0[^0-9]') THEN"
               f" array_to_string(list_transform(regexp_extract_all(t, {_CUT}), lambda p: CASE"
               f" WHEN starts_with(p, '\"{_MARK}') THEN rs_canonical_number(substr(p, 3, length(p) - 3))"
               " WHEN left(p, 1) = '\"' THEN p ELSE regexp_replace(p, '\\.0\\b', '', 'g') END), '') ELSE t END",
          doc="An array or object so that equal ones are equal text."),
    Macro(name="rs_ordered_text", arguments="t",
          body="CASE WHEN NOT contains(t, '{') OR regexp_matches(t, '[0-9]{20}') THEN t"
               " ELSE CAST(CAST(variant_normalize(CAST(CAST(t AS JSON) AS VARIANT)) AS JSON) AS VARCHAR) END",
          doc="JSON text with all attributes in order of name; VARIANT would round longer numbers."),
    Macro(name="rs_super_key", arguments="x",
          body=_text("CASE WHEN v.t = 'null' THEN NULL"
                     " WHEN rs_is_number(v.t) THEN rs_canonical_number(rs_number_of(v.t))"
                     " WHEN ends_with(v.t, ' \"') AND left(v.t, 1) = '\"' THEN rtrim(left(v.t, -1), ' ') || '\"'"
                     " WHEN left(v.t, 1) IN ('{', '[') THEN rs_deep_key(rs_ordered_text(v.t)) ELSE v.t END"),
          doc="A text that is the same for equal values: numbers by value, strings without trailing blanks."),
    Macro(name="rs_residue", arguments="n",
          body="coalesce(TRY_CAST(n AS DECIMAL(38,15)) - TRY_CAST(CAST(n AS DOUBLE) AS DECIMAL(38,15)), 0)",
          doc="What a number of many digits has beside its nearest float."),
    Macro(name="rs_sort_key", arguments="x",
          body=_text("CASE WHEN v.t IS NULL OR v.t = 'null' THEN NULL"
                     " WHEN rs_is_number(v.t) THEN {'k': 2, 'n': CAST(rs_number_of(v.t) AS DOUBLE),"
                     " 'd': CASE WHEN length(v.t) > 15 THEN rs_residue(rs_number_of(v.t)) ELSE 0 END, 's': ''}"
                     " ELSE {'k': CASE left(v.t, 1) WHEN '\"' THEN 3 WHEN '[' THEN 4 WHEN '{' THEN 5 ELSE 1 END,"
                     " 'n': CAST(0 AS DOUBLE), 'd': CAST(0 AS DECIMAL(38,15)),"
                     " 's': CASE WHEN left(v.t, 1) = '\"' THEN rtrim(rs_string_of(v.t), ' ') ELSE rs_deep_key(v.t) END}"
                     " END"),
          doc="What orders SUPER values: booleans, numbers, strings, arrays, objects."),
    Macro(name="rs_super_compare", arguments="a, b",
          body=once("a b", ("rs_sort_key(a)", "rs_sort_key(b)"),
                     "CASE WHEN v.a.k = v.b.k THEN CASE WHEN v.a < v.b THEN -1 WHEN v.a = v.b THEN 0 ELSE 1 END END"),
          doc="-1, 0 or 1; NULL for values of different kinds."),
    Macro(name="rs_super_extreme", arguments="l, o",
          body="list_sort(list_transform(list_filter(l, lambda x: NOT rs_super_is_null(x)),"
               " lambda x: {'o': rs_sort_key(x), 'x': x}), o)[1].x",
          doc="The least (ASC) or greatest (DESC) of a list of values."),
    # Arithmetic
    Macro(name="rs_super_add", arguments="a, b",
          body=once("a b", ("a", "b"),
                     "CASE WHEN rs_super_string(v.a) IS NOT NULL THEN CAST(to_json(rs_super_string(v.a)"
                     " || rs_super_string(v.b)) AS JSON) ELSE "
                     + _arithmetic(f"{_A} + {_B}", f"{_WHOLE_A} + {_WHOLE_B}",
                                   f"rs_scaled_super({_ALIGNED_A} + {_ALIGNED_B}, {_SCALE})", ("v.a", "v.b")) + " END"),
          doc="Numbers added, strings put together."),
    Macro(name="rs_super_subtract", arguments="a, b",
          body=_arithmetic(f"{_A} - {_B}", f"{_WHOLE_A} - {_WHOLE_B}",
                           f"rs_scaled_super({_ALIGNED_A} - {_ALIGNED_B}, {_SCALE})"),
          doc="operators-functions"),
    Macro(name="rs_super_multiply", arguments="a, b",
          body=_arithmetic(f"{_A} * {_B}", f"{_WHOLE_A} * {_WHOLE_B}",
                           "rs_scaled_super(rs_super_units(v.a, rs_scale_of(v.a))"
                           " * rs_super_units(v.b, rs_scale_of(v.b)), rs_scale_of(v.a) + rs_scale_of(v.b))"),
          doc="operators-functions"),
    Macro(name="rs_super_divide", arguments="a, b",
          body=_arithmetic(f"CASE WHEN {_ZERO} THEN {_DIVISION} ELSE {_A} / {_B} END",
                           f"CASE WHEN {_ZERO} THEN {_DIVISION} ELSE {_WHOLE_A} // {_WHOLE_B} END",
                           f"CASE WHEN {_ZERO} THEN {_DIVISION} ELSE rs_scaled_super("
                           f"rs_super_units(v.a, greatest({_SHARE} + rs_scale_of(v.b), rs_scale_of(v.a)))"
                           f" // rs_super_units(v.b, rs_scale_of(v.b)), greatest({_SHARE}, rs_scale_of(v.a)"
                           f" - rs_scale_of(v.b))) END"),
          doc="operators-functions"),
    Macro(name="rs_super_modulo", arguments="a, b",
          body=_arithmetic(f"CASE WHEN {_ZERO} THEN {_DIVISION} ELSE {_A} % {_B} END",
                           f"CASE WHEN {_ZERO} THEN {_DIVISION} ELSE {_WHOLE_A} % {_WHOLE_B} END",
                           f"CASE WHEN {_ZERO} THEN {_DIVISION} ELSE"
                           f" rs_scaled_super({_ALIGNED_A} % {_ALIGNED_B}, {_SCALE}) END"),
          doc="operators-functions"),
    Macro(name="rs_super_rounded", arguments="x, f",
          body=once("n", ("rs_number_text(x)",),
                     "CASE WHEN contains(v.n, 'e') THEN rs_float_super("
                     "CASE f WHEN 'floor' THEN floor(CAST(v.n AS DOUBLE))"
                     " WHEN 'ceil' THEN ceil(CAST(v.n AS DOUBLE)) WHEN 'round' THEN round(CAST(v.n AS DOUBLE))"
                     " ELSE trunc(CAST(v.n AS DOUBLE)) END)"
                     " WHEN NOT contains(v.n, '.') THEN CAST(v.n AS JSON)"
                     " ELSE CAST(CAST(CAST(split_part(v.n, '.', 1) AS HUGEINT) + CASE"
                     " WHEN rtrim(split_part(v.n, '.', 2), '0') = '' THEN 0"
                     " WHEN f = 'floor' AND left(v.n, 1) = '-' THEN -1 WHEN f = 'ceil' AND left(v.n, 1) <> '-' THEN 1"
                     " WHEN f = 'round' AND split_part(v.n, '.', 2) >= '5' THEN CASE WHEN left(v.n, 1) = '-' THEN -1"
                     " ELSE 1 END ELSE 0 END AS VARCHAR) AS JSON) END"),
          doc="FLOOR, CEIL, ROUND, TRUNC of a number; the scale goes."),
    Macro(name="rs_super_abs", arguments="x",
          body=once("n", ("rs_number_text(x)",),
                     f"CASE WHEN contains(v.n, 'e') THEN CAST('\"{_MARK}' || ltrim(v.n, '-') || '\"' AS JSON)"
                     " ELSE rs_number_super(ltrim(v.n, '-')) END"),
          doc="ABS keeps the scale."),
    # In and out
    Macro(name="rs_unmarked", arguments="t",
          body=f"CASE WHEN contains(t, '{_MARK}') THEN regexp_replace(t, '\"{_MARK}([^\"]*)\"', '\\1', 'g') ELSE t END",
          doc="JSON text without the marks of numbers."),
    Macro(name="rs_super_show", arguments="x",
          body=_text("CASE WHEN v.t <> 'null' THEN rs_unmarked(v.t) END"), doc="A value as clients and files get it."),
    Macro(name="rs_super_marked", arguments="p",
          body=f"CASE WHEN left(p, 1) = '\"' THEN p"
               f" ELSE regexp_replace(regexp_replace(regexp_replace(p, {_LOST}, '\"{_MARK}\\1\"', 'g'),"
               " '([0-9])[eE]\\+?([0-9])', '\\1e+\\2', 'g'), '([0-9])[eE]-', '\\1e-', 'g') END",
          doc="A piece of JSON text with the numbers marked that must be."),
    Macro(name="rs_brackets_left", arguments="x", body=_flattened(_PASSES),
          doc=f"Brackets without their {_PASSES} innermost levels."),
    Macro(name="rs_depth_of", arguments="x",
          body="list_reduce(list_transform(string_split(x, ''), lambda c: CASE WHEN c IN ('[', '{')"
               " THEN {'d': 1, 'm': 1} ELSE {'d': -1, 'm': 0} END),"
               " lambda a, b: {'d': a.d + b.d, 'm': greatest(a.m, a.d + b.d)}).m",
          doc="The depth of what is brackets only."),
    Macro(name="rs_too_deep", arguments="x",
          body=once("t", ("x",),
                     f"CASE WHEN strlen(v.t) <= {2 * _DEEPEST} THEN false"
                     f" WHEN strlen(v.t) - strlen(translate(v.t, '[{{', '')) <= {_DEEPEST} THEN false ELSE "
                     + once("b", (f"rs_brackets_left(regexp_replace(regexp_replace(v.t, {_STRINGS}, '', 'g'),"
                                  " '[^\\[\\]{}]+', '', 'g'))",),
                            f"strlen(v.b) > {2 * (_DEEPEST - _PASSES)} AND rs_depth_of(v.b) > {_DEEPEST - _PASSES}")
                     + " END"),
          doc="Whether JSON text is nested deeper than SUPER holds."),
    Macro(name="rs_super_read", arguments="x",
          body=once("t", ("CAST(x AS VARCHAR)",),
                     f"CASE WHEN strlen(v.t) > {_LARGEST} THEN {_LARGE_VALUE}"
                     f" WHEN rs_too_deep(v.t) THEN {_DEEP_VALUE}"
                     f" WHEN strlen(v.t) > 65535 AND list_max(list_transform(regexp_extract_all(v.t, {_CUT}),"
                     f" lambda p: CASE WHEN left(p, 1) = '\"' THEN strlen(p) ELSE 0 END)) > 65537 THEN {_LONG_STRING}"
                     f" WHEN regexp_matches(v.t, {_SUSPECT}) THEN json(array_to_string(list_transform("
                     f"regexp_extract_all(v.t, {_CUT}), lambda p: rs_super_marked(p)), '')) ELSE json(v.t) END"),
          doc="Valid JSON text as a SUPER value."),
    Macro(name="rs_parsable", arguments="x",
          body=once("t", ("x",), "rs_well_formed(v.t) AND NOT rs_too_deep(v.t)"), doc="CAN_JSON_PARSE"),
    Macro(name="rs_json_parse", arguments="x",
          body=once("t", ("x",), "CASE WHEN v.t IS NULL THEN NULL WHEN rs_well_formed(v.t) THEN rs_super_read(v.t)"
                                 f" ELSE {_BAD_JSON} END"),
          doc="JSON_PARSE"),
    Macro(name="rs_try_json_parse", arguments="x",
          body=once("t", ("x",), "CASE WHEN rs_well_formed(v.t) AND NOT rs_too_deep(v.t) THEN rs_super_read(v.t) END"),
          doc="r_parse_super_null_on_error"),
    Macro(name="rs_json_serialize", arguments="x",
          body=once("t", ("rs_unmarked(CAST(x AS VARCHAR))",),
                    f"CASE WHEN strlen(v.t) > 65535 THEN {_SERIALIZED} ELSE v.t END"),
          doc="JSON_SERIALIZE"),
    Macro(name="rs_json_bytes", arguments="x", body="encode(rs_unmarked(CAST(x AS VARCHAR)))",
          doc="JSON_SERIALIZE_TO_VARBYTE"),
    Macro(name="rs_super_text", arguments="x",
          body=_text(f"CASE WHEN left(v.t, 1) IN ('[', '{{') OR v.t = 'null' THEN NULL"
                     f" WHEN starts_with(v.t, '\"{_MARK}') THEN CASE WHEN contains(v.t, 'e')"
                     " THEN rs_float_text(CAST(rs_number_of(v.t) AS DOUBLE)) ELSE rs_number_of(v.t) END"
                     " WHEN left(v.t, 1) = '\"' THEN rs_string_of(v.t) ELSE v.t END"),
          doc="A scalar as text; arrays and objects are NULL."),
    Macro(name="rs_super_bool", arguments="x",
          body=_text("CASE WHEN v.t = 'true' THEN true WHEN v.t = 'false' THEN false"
                     " WHEN regexp_full_match(v.t, '-?[0-9]+') THEN v.t <> '0'"
                     f" WHEN left(v.t, 1) = '\"' AND NOT starts_with(v.t, '\"{_MARK}')"
                     " THEN rs_try_bool(rs_string_of(v.t)) END"),
          doc="limitations-super: whole numbers have a truth value, decimals none."),
    Macro(name="rs_super_cut", arguments="x, s",
          body=once("t", ("rs_super_text(x)",),
                     "CASE WHEN regexp_full_match(v.t, '\\s*[-+]?[0-9]+\\.[0-9]+\\s*') THEN split_part(v.t, '.', 1)"
                     " || '.' || left(split_part(v.t, '.', 2), s) ELSE v.t END"),
          doc="A number's text cut off at s decimals."),
    Macro(name="rs_super_whole", arguments="x",
          body=once("t n", ("rs_super_text(x)", "rs_number_text(x)"),
                     "CASE WHEN regexp_full_match(v.t, '\\s*[-+]?[0-9]+\\s*') THEN trim(v.t) WHEN contains(v.n, 'e')"
                     " THEN CAST(TRY_CAST(round_even(CAST(v.n AS DOUBLE), 0) AS HUGEINT) AS VARCHAR)"
                     " ELSE split_part(v.n, '.', 1) END"),
          doc="The whole number that a value casts to, as text."),
    Macro(name="rs_super_cast", arguments="x, y, t",
          body="CASE WHEN y IS NULL AND NOT rs_super_is_null(x) THEN " + _NO_CAST + " ELSE y END",
          doc="r_cast_super_null_on_error: y is x converted."),
    # Navigation
    Macro(name="rs_member", arguments="x, k",
          body="CASE WHEN rs_is_object(x) THEN json_extract(x, '/' || replace(replace(k, '~', '~0'), '/', '~1')) END",
          doc="query-super: an attribute whose name a path cannot hold."),
    Macro(name="rs_element", arguments="x, n",
          body="CASE WHEN n >= 0 AND rs_is_array(x) THEN json_extract(x, '$[' || n || ']') END", doc="query-super"),
    Macro(name="rs_strict", arguments="x, y",
          body="CASE WHEN y IS NULL AND NOT rs_super_is_null(x) THEN " + _NAVIGATION + " ELSE y END",
          doc="r_navigate_super_null_on_error: y is where x leads."),
    Macro(name="rs_elements", arguments="x",
          body=once("x", ("x",), "CASE WHEN rs_is_array(v.x) THEN json_extract(v.x, '$[*]')"
                                  " WHEN NOT rs_super_is_null(v.x) THEN [v.x] END"),
          doc="query-super: what FROM iterates over; a scalar or object is one element."),
    Macro(name="rs_elements_or_none", arguments="x",
          body=once("e", ("rs_elements(x)",), "CASE WHEN len(v.e) > 0 THEN v.e ELSE [CAST(NULL AS JSON)] END"),
          doc="query-super: LEFT JOIN keeps the row of an empty array."),
    Macro(name="rs_members", arguments="x",
          body="CASE WHEN rs_is_object(x) THEN list_transform(list_zip(json_keys(x), json_extract(x, '$.*')),"
               " lambda m: {'k': m[1], 'v': m[2]}) END",
          doc="query-super: what UNPIVOT iterates over."),
    Macro(name="rs_with_member", arguments="x, k, y",
          body="CASE WHEN rs_is_object(x) THEN CAST('{' || array_to_string(list_transform(rs_members(x), lambda rs_m:"
               " to_json(rs_m.k) || ':' || CASE WHEN rs_m.k = k THEN y ELSE coalesce(CAST(rs_m.v AS VARCHAR), 'null')"
               " END), ',') || '}' AS JSON) ELSE x END",
          doc="t_ddm-super: an object whose attribute k, if it has one, is y (JSON text)."),
    Macro(name="rs_members_or_none", arguments="x",
          body=once("m", ("rs_members(x)",), "CASE WHEN len(v.m) > 0 THEN v.m ELSE [NULL] END"),
          doc="query-super: LEFT JOIN keeps the row of what has no attributes."),
)  # fmt: skip
