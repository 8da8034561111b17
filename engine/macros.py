"""Functions installed into DuckDB at start, which translated SQL calls.

Names begin with ``rs_``. They hold what is too long to write out at every call. An error that Redshift has is
raised with ``error('duckshift:<SQLSTATE>:<text>')``; ``engine.errors`` takes the message apart again. Order
matters: a macro may call those above it. Which call becomes which macro is ``sql``'s business. ``strings``,
``hashes``, ``documents`` and ``calendar`` have tables of their own.
"""

from typing import Final

from engine import (
    calendar,
    documents,
    formats,
    geometries,
    hashes,
    moments,
    sketches,
    strings,
    super_arrays,
    super_values,
)
from engine.macro import Macro
from engine.macro import raising as _raise

_DIVISION: Final = _raise("22012", "'division by zero'")
_LOOP: Final = _raise("54001", "'CONNECT BY runs in a circle: a row is its own ancestor'")
_SEVERAL_ROWS: Final = _raise("21000", "'single-row subquery returns more than one row'")
_TOO_DEEP: Final = _raise("XX000", "'Hit recursive CTE max rows limit, please add correct CTE termination predicates or"
                                   " change the max_recursion_rows parameter.'")  # fmt: skip
_NO_ROOT: Final = _raise("2201F", "'cannot take square root of a negative number'")
_OVERFLOW: Final = _raise("22003", "'value out of range: overflow'")
_ZERO_POWER: Final = _raise("2201F", "'zero raised to a negative power is undefined'")
_COMPLEX_POWER: Final = _raise(
    "2201F", "'a negative number raised to a non-integer power yields a complex result'"
)
_OUT_OF_RANGE: Final = _raise("22003", "'input is out of range'")
_LOG_ZERO: Final = _raise("2201E", "'cannot take logarithm of zero'")
_LOG_NEGATIVE: Final = _raise("2201E", "'cannot take logarithm of a negative number'")
_TOO_LONG: Final = _raise("22001", "'value too long for type ' || t")
_NULL_VALUE: Final = _raise("23502", "'Cannot insert a NULL value into column ' || c")
_NOT_ASCII: Final = _raise("XX000", "'CHAR string contains invalid ASCII character'")
_BAD_INTEGER: Final = _raise("22P02", "'invalid input syntax for integer: \"' || x || '\"'")
_BAD_INTERVAL: Final = _raise("22007", "'invalid input syntax for type interval: \"' || x || '\"'")
_BAD_BYTES: Final = _raise("22023", "'invalid number of bytes for the conversion: ' || octet_length(x)")
_BAD_BOOLEAN: Final = _raise("22P02", "'invalid input syntax for type boolean: \"' || x || '\"'")
_MATCHES: Final = _raise("XX000", "'Found multiple matches to update the same tuple.'")
_LISTAGG_LIMIT: Final = _raise("XX000", "'Result size exceeds LISTAGG limit'")
_LARGEST: Final = 16_000_000
_TOO_LARGE: Final = _raise("22001", f"'the result is longer than {_LARGEST} bytes'")
_NEGATIVE_LENGTH: Final = _raise("22011", "'negative substring length not allowed'")

TABLE: Final = (
    # Arithmetic
    Macro(name="rs_divide", arguments="a, b", body=f"CASE WHEN b = 0 THEN {_DIVISION} ELSE a / b END",
          doc="Division that raises 22012."),
    Macro(name="rs_modulo", arguments="a, b", body=f"CASE WHEN b = 0 THEN {_DIVISION} ELSE a % b END", doc="r_MOD"),
    Macro(name="rs_quotient", arguments="a, shift, b",
          body=f"CAST(CASE WHEN b = 0 THEN {_DIVISION} ELSE CAST(a AS HUGEINT) * CAST(shift AS HUGEINT)"
               " / CAST(b AS HUGEINT) END AS DECIMAL(38,0))",
          doc="Division of unscaled NUMERICs, cut off."),
    Macro(name="rs_finite", arguments="v, x",
          body="CASE WHEN isinf(v) AND NOT contains(lower(x), 'inf') THEN"
               " error('duckshift:22003:\"' || x || '\" is out of range for type double precision') ELSE v END",
          doc="Text read as a float: infinite only where it says so."),
    Macro(name="rs_try_finite", arguments="v, x",
          body="CASE WHEN isinf(v) AND NOT contains(lower(x), 'inf') THEN NULL ELSE v END", doc="r_TRY_CAST"),
    Macro(name="rs_too_large", arguments="", body=_OVERFLOW, doc="A float that is too large."),
    Macro(name="rs_degrees", arguments="x",
          body="CASE WHEN isinf(degrees(x)) AND NOT isinf(x) THEN rs_too_large() ELSE degrees(x) END", doc="r_DEGREES"),
    Macro(name="rs_power2", arguments="n", body="(1::HUGEINT << n::HUGEINT)", doc="Two to the power n."),
    Macro(name="rs_shift_left", arguments="x, n, bits",
          body="((x * rs_power2(n) + rs_power2(bits - 1)) % rs_power2(bits) + rs_power2(bits)) % rs_power2(bits)"
               " - rs_power2(bits - 1)",
          doc="x << n, what falls out of so many bits lost; x is HUGEINT."),
    Macro(name="rs_unscaled", arguments="x", body="CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT)",
          doc="A NUMERIC's digits as a whole number, where multiplying it would need more than there are."),
    Macro(name="rs_sqrt", arguments="x",
          body=f"CASE WHEN x < 0 THEN {_NO_ROOT}"
               " ELSE sqrt(x) END",
          doc="r_SQRT"),
    Macro(name="rs_ln", arguments="x",
          body=f"CASE WHEN x = 0 THEN {_LOG_ZERO}"
               f" WHEN x < 0 THEN {_LOG_NEGATIVE} ELSE ln(x) END",
          doc="r_LN"),
    Macro(name="rs_log", arguments="x",
          body=f"CASE WHEN x = 0 THEN {_LOG_ZERO}"
               f" WHEN x < 0 THEN {_LOG_NEGATIVE}"
               " ELSE log10(x) END",
          doc="r_LOG"),
    Macro(name="rs_round_float", arguments="x, n", body="round(x, n)", doc="r_ROUND"),
    Macro(name="rs_trunc_float", arguments="x, n",
          body="list_transform([x], lambda rs_v: CASE WHEN abs(round(rs_v, n)) <= abs(rs_v) THEN round(rs_v, n)"
               " ELSE trunc(rs_v * pow(10, n)) / pow(10, n) END)[1]",
          doc="r_TRUNC: 0.29 has two places, although it is a little less."),
    Macro(name="rs_power", arguments="x, y",
          body=f"CASE WHEN x = 0 AND y < 0 THEN {_ZERO_POWER} WHEN x < 0 AND y <> trunc(y) THEN {_COMPLEX_POWER}"
               f" WHEN isinf(pow(x, y)) AND NOT isinf(x) AND NOT isinf(y) THEN {_OVERFLOW} ELSE pow(x, y) END",
          doc="r_POWER"),
    Macro(name="rs_exp", arguments="x",
          body=f"CASE WHEN isinf(exp(x)) AND NOT isinf(x) THEN {_OVERFLOW} ELSE exp(x) END", doc="r_EXP"),
    Macro(name="rs_unit", arguments="x", body=f"CASE WHEN abs(x) > 1 THEN {_OUT_OF_RANGE} ELSE x END",
          doc="r_ASIN: the argument of an arc sine or cosine."),
    Macro(name="rs_trunc_whole", arguments="x, n",
          body="CASE WHEN n >= 0 THEN x ELSE x - x % CAST(pow(10, -n) AS BIGINT) END", doc="r_TRUNC"),
    Macro(name="rs_interval_times", arguments="i, n",
          body="to_months(CAST(trunc(round((datepart('year', i) * 12 + datepart('month', i)) * n, 9)) AS INTEGER))"
               " + to_days(CAST(trunc(round(datepart('day', i) * n, 9)) AS INTEGER))"
               " + to_microseconds(CAST(round((datepart('day', i) * n - trunc(round(datepart('day', i) * n, 9)))"
               " * 86400000000"
               " + epoch_us(i - to_years(datepart('year', i)) - to_months(datepart('month', i))"
               " - to_days(datepart('day', i))) * n) AS BIGINT))",
          doc="Interval times a number: a part of a day is time, a part of a month is lost."),
    Macro(name="rs_months", arguments="i", body="(datepart('year', i) * 12 + datepart('month', i))",
          doc="The months of an interval."),
    Macro(name="rs_days", arguments="us", body="(to_days(CAST(us // 86400000000 AS INTEGER))"
          " + to_microseconds(CAST(us % 86400000000 AS BIGINT)))",
          doc="Microseconds as an interval of days and a time."),
    Macro(name="rs_microseconds", arguments="i",
          body="(rs_months(i) * 2592000000000 + datepart('day', i) * 86400000000 + datepart('hour', i) * 3600000000"
               " + datepart('minute', i) * 60000000 + datepart('microsecond', i))",
          doc="An interval in microseconds; a month counts 30 days."),
    Macro(name="rs_try_interval", arguments="x, u",
          body="CASE WHEN regexp_full_match(trim(x), '[+-]?\\d+-\\d+') THEN to_months(CAST("
               "CASE WHEN left(trim(x), 1) = '-' THEN -1 ELSE 1 END * (CAST(split_part(ltrim(trim(x), '+-'), '-', 1)"
               " AS INTEGER) * 12 + CAST(split_part(ltrim(trim(x), '+-'), '-', 2) AS INTEGER)) AS INTEGER))"
               " WHEN regexp_full_match(trim(x), '[+-]?\\d+(\\.\\d*)?') THEN TRY_CAST(trim(x) || ' ' || u AS INTERVAL)"
               " ELSE TRY_CAST(regexp_replace(regexp_replace(replace(x, '+', ''), ',', ' ', 'g'),"
               " '^\\s*([+-]?\\d+) +([+-]?\\d+:)', '\\1 days \\2') AS INTERVAL) END",
          doc="r_interval_data_types: text that is an interval; a number alone counts u."),
    Macro(name="rs_interval", arguments="x, u",
          body="CASE WHEN x IS NULL THEN NULL WHEN rs_try_interval(x, u) IS NULL THEN"
               f" {_BAD_INTERVAL} ELSE rs_try_interval(x, u) END",
          doc="r_interval_data_types"),
    Macro(name="rs_interval_text", arguments="i",
          body="regexp_replace(replace(CAST(i AS VARCHAR), ' month', ' mon'),"
               " '(-1) (year|mon|day)\\b', '\\1 \\2s', 'g')",
          doc="An interval as text, as IntervalStyle postgres has it."),
    # Periods
    Macro(name="rs_end", arguments="a, b", body="CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE greatest(a, b) END",
          doc="The end of a period, unknown where one side is."),
    Macro(name="rs_reaches", arguments="start, stop, other",
          body="CASE WHEN stop IS NULL THEN NULL WHEN start < stop THEN true WHEN other IS NULL THEN NULL"
               " ELSE false END",
          doc="Whether a period reaches over the later start of another, whose end is given."),
    Macro(name="rs_overlaps", arguments="a, b, c, d",
          body="CASE WHEN least(a, b) > least(c, d) THEN rs_reaches(least(a, b), rs_end(c, d), rs_end(a, b))"
               " WHEN least(a, b) < least(c, d) THEN rs_reaches(least(c, d), rs_end(a, b), rs_end(c, d))"
               " WHEN rs_end(a, b) IS NULL OR rs_end(c, d) IS NULL THEN NULL ELSE true END",
          doc="PostgreSQL, OVERLAPS: an unknown end is one that may reach as far as it needs."),
    # Trees
    Macro(name="rs_grown", arguments="path, place",
          body=f"CASE WHEN list_contains(path, place) THEN {_LOOP} ELSE list_append(path, place) END",
          doc="The places on the way to a row of CONNECT BY, which may not come back to itself."),
    # Rows
    Macro(name="rs_one", arguments="x", body=f"CASE WHEN count(*) > 1 THEN {_SEVERAL_ROWS} ELSE first(x) END",
          doc="The value of a subquery that stands for one."),
    Macro(name="rs_deeper", arguments="depth", body=f"CASE WHEN depth >= 100000 THEN {_TOO_DEEP} ELSE depth + 1 END",
          doc="How deep a recursive WITH query is in."),
    # Strings
    Macro(name="rs_tail", arguments="x, m",
          body="substr(hex(encode(x)), 2 * m + 1, 1) IN ('8', '9', 'A', 'B')",
          doc="Whether byte m (from 0) goes on a character begun before it."),
    Macro(name="rs_cut_bytes", arguments="x, m", body="decode(unhex(left(hex(encode(x)), 2 * m)))",
          doc="The first m bytes."),
    Macro(name="rs_cut", arguments="x, n",
          body="CASE WHEN strlen(x) <= n THEN x WHEN strlen(x) = length(x) THEN left(x, n)"
               " WHEN NOT rs_tail(x, n) THEN rs_cut_bytes(x, n)"
               " WHEN NOT rs_tail(x, n - 1) THEN rs_cut_bytes(x, n - 1)"
               " WHEN NOT rs_tail(x, n - 2) THEN rs_cut_bytes(x, n - 2)"
               " ELSE rs_cut_bytes(x, n - 3) END",
          doc="A string cut to n bytes, no character split: CAST to VARCHAR(n)."),
    Macro(name="rs_bare", arguments="x", body="CASE WHEN suffix(x, ' ') THEN rtrim(x, ' ') ELSE x END",
          doc="A string without trailing blanks, which most strings have none of."),
    Macro(name="rs_fit", arguments="x, n, t",
          body="CASE WHEN x IS NULL OR strlen(x) <= n THEN x WHEN strlen(rtrim(x, ' ')) <= n THEN rpad(rtrim(x, ' '),"
               " CAST(length(rtrim(x, ' ')) + n - strlen(rtrim(x, ' ')) AS INTEGER), ' ')"
               f" ELSE {_TOO_LONG} END",
          doc="A string assigned to VARCHAR(n): only blanks may stand over."),
    Macro(name="rs_ascii", arguments="x",
          body=f"CASE WHEN strlen(x) > length(x) THEN {_NOT_ASCII} ELSE x END",
          doc="r_Character_types: CHAR has characters of one byte only."),
    Macro(name="rs_try_ascii", arguments="x", body="CASE WHEN strlen(x) = length(x) THEN x END", doc="r_TRY_CAST"),
    Macro(name="rs_fit_bytes", arguments="x, n, t",
          body=f"CASE WHEN x IS NULL OR octet_length(x) <= n THEN x ELSE {_TOO_LONG} END",
          doc="Bytes assigned to VARBYTE(n)."),
    Macro(name="rs_int_bytes", arguments="x, n",
          body="unhex(right(lpad(hex(CAST(x AS BIGINT)), 16, '0'), 2 * n))",
          doc="r_VARBYTE_type: n bytes of a whole number."),
    *(
        Macro(name=f"rs_bytes_int{size}", arguments="x",
              body=f"CASE WHEN octet_length(x) = {size} THEN CAST(CAST(x AS BIT) AS {name}) WHEN x IS NOT NULL THEN"
                   f" {_BAD_BYTES} END",
              doc="r_VARBYTE_type: a whole number of as many bytes.")
        for size, name in ((2, "SMALLINT"), (4, "INTEGER"), (8, "BIGINT"))
    ),
    Macro(name="rs_not_null", arguments="x, c",
          body=f"CASE WHEN x IS NULL THEN {_NULL_VALUE}"
               " ELSE x END",
          doc="A value assigned to a NOT NULL column."),
    Macro(name="rs_single", arguments="x", body=f"CASE WHEN coalesce(x, 0) > 1 THEN {_MATCHES} ELSE TRUE END",
          doc="Whether no row has more than one match, x being the most that one has; else an error."),
    Macro(name="rs_float_text", arguments="x", body="regexp_replace(CAST(x AS VARCHAR), '\\.0$', '')",
          doc="A float as text: 10, not 10.0."),
    Macro(name="rs_digits", arguments="x",
          body="CASE WHEN regexp_full_match(x, '\\s*[+-]?[0-9]+\\s*') THEN trim(x) WHEN x IS NULL THEN NULL"
               f" ELSE {_BAD_INTEGER} END",
          doc="Text that is a whole number."),
    Macro(name="rs_try_digits", arguments="x",
          body="CASE WHEN regexp_full_match(x, '\\s*[+-]?[0-9]+\\s*') THEN trim(x) END", doc="r_TRY_CAST"),
    Macro(name="rs_try_bool", arguments="x",
          body="CASE WHEN lower(trim(x)) IN ('t', 'true', 'y', 'yes', '1') THEN true"
               " WHEN lower(trim(x)) IN ('f', 'false', 'n', 'no', '0') THEN false END",
          doc="r_Boolean_type"),
    Macro(name="rs_bool", arguments="x",
          body="CASE WHEN x IS NULL THEN NULL WHEN rs_try_bool(x) IS NULL THEN"
               f" {_BAD_BOOLEAN}"
               " ELSE rs_try_bool(x) END",
          doc="r_Boolean_type"),
    Macro(name="rs_listagg", arguments="x",
          body=f"CASE WHEN strlen(x) > 65535 THEN {_LISTAGG_LIMIT}"
               " ELSE x END",
          doc="r_LISTAGG"),
    Macro(name="rs_substring", arguments="x, s, n",
          body="CASE WHEN n < 0 THEN " + _NEGATIVE_LENGTH + " WHEN s + n - 1 < 1 THEN left(x, 0)"
               " ELSE substring(x, greatest(s, 1), s + n - greatest(s, 1)) END",
          doc="r_SUBSTRING"),
    Macro(name="rs_lpad", arguments="x, n, f",
          body=f"CASE WHEN f = '' OR n < 1 THEN left(x, greatest(n, 0)) WHEN n > {_LARGEST} THEN {_TOO_LARGE}"
               " ELSE lpad(x, n, f) END",
          doc="r_LPAD"),
    Macro(name="rs_repeat", arguments="x, n",
          body=f"CASE WHEN n < 1 THEN left(x, 0) WHEN strlen(x) * CAST(n AS HUGEINT) > {_LARGEST} THEN {_TOO_LARGE}"
               " ELSE repeat(x, n) END",
          doc="r_REPEAT"),
    Macro(name="rs_rpad", arguments="x, n, f",
          body=f"CASE WHEN f = '' OR n < 1 THEN left(x, greatest(n, 0)) WHEN n > {_LARGEST} THEN {_TOO_LARGE}"
               " ELSE rpad(x, n, f) END",
          doc="r_LPAD"),
    Macro(name="rs_initcap", arguments="x",
          body="array_to_string(list_transform(regexp_extract_all(x, '[[:alnum:]\\x{80}-\\x{10FFFF}]+|"
               "[^[:alnum:]\\x{80}-\\x{10FFFF}]+'), lambda w: upper(left(w, 1)) || lower(substr(w, 2))), '')",
          doc="r_INITCAP"),
    # Dates and times
    Macro(name="rs_instant", arguments="x",
          body="coalesce(timezone('UTC', CAST(x AS TIMESTAMP)), now())",
          doc="When the transaction began, from a session variable (UTC)."),
    Macro(name="rs_add_months", arguments="x, n",
          body="CASE WHEN CAST(x AS DATE) = last_day(x) THEN CAST(last_day(x + to_months(n)) AS TIMESTAMP)"
               " + (x - date_trunc('day', x)) ELSE x + to_months(n) END",
          doc="r_ADD_MONTHS: the last day of a month stays the last day."),
    Macro(name="rs_months_between", arguments="a, b",
          body="CAST(CASE WHEN day(a) = day(b) OR (CAST(a AS DATE) = last_day(a) AND CAST(b AS DATE) = last_day(b))"
               " THEN (year(a) - year(b)) * 12 + month(a) - month(b)"
               " ELSE (year(a) - year(b)) * 12 + month(a) - month(b)"
               " + (day(a) - day(b) + (epoch(a - date_trunc('day', a)) - epoch(b - date_trunc('day', b)))"
               " / 86400.0::DOUBLE) / 31.0::DOUBLE END AS DOUBLE)",
          doc="r_MONTHS_BETWEEN_function"),
    Macro(name="rs_next_day", arguments="d, n",
          body="CAST(d + CAST((n - isodow(d) + 6) % 7 + 1 AS INTEGER) AS DATE)", doc="r_NEXT_DAY"),
    Macro(name="rs_compare", arguments="a, b",
          body="CASE WHEN a < b THEN -1 WHEN a > b THEN 1 WHEN a = b THEN 0 END", doc="r_DATE_CMP"),
    # Formats
    Macro(name="rs_ordinal", arguments="n",
          body="CASE WHEN n % 100 BETWEEN 11 AND 13 THEN 'th' WHEN n % 10 = 1 THEN 'st' WHEN n % 10 = 2 THEN 'nd'"
               " WHEN n % 10 = 3 THEN 'rd' ELSE 'th' END",
          doc="TH of TO_CHAR."),
    Macro(name="rs_roman", arguments="n",
          body="CASE WHEN n BETWEEN 1 AND 3999 THEN repeat('M', n // 1000)"
               " || ['', 'C', 'CC', 'CCC', 'CD', 'D', 'DC', 'DCC', 'DCCC', 'CM'][n // 100 % 10 + 1]"
               " || ['', 'X', 'XX', 'XXX', 'XL', 'L', 'LX', 'LXX', 'LXXX', 'XC'][n // 10 % 10 + 1]"
               " || ['', 'I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX'][n % 10 + 1]"
               " ELSE '###############' END",
          doc="RN of TO_CHAR."),
    # Arrays of the system catalogs, as text
    Macro(name="rs_array_items", arguments="x",
          body="CASE WHEN trim(x, '{}') = '' THEN [] WHEN x IS NULL THEN NULL"
               " WHEN NOT regexp_matches(x, '[\"\\s]') THEN string_split(trim(x, '{}'), ',')"
               " ELSE list_transform(regexp_extract_all(trim(x, '{}'), '\\s*\"(?:[^\"\\\\]|\\\\.)*\"\\s*|[^,]+'),"
               " lambda item: CASE WHEN trim(item) LIKE '\"%' THEN"
               " regexp_replace(trim(item)[2:-2], '\\\\(.)', '\\1', 'g')"
               " ELSE trim(item) END) END",
          doc="The elements of {a,b} or {\"a b\", c}."),
    Macro(name="rs_vector_items", arguments="x",
          body="CASE WHEN trim(x) = '' THEN [] WHEN x IS NULL THEN NULL ELSE string_split(trim(x), ' ') END",
          doc="The elements of an int2vector or oidvector."),
    Macro(name="rs_array_concat", arguments="a, b",
          body="'{' || array_to_string(list_concat(rs_array_items(a), rs_array_items(b)), ',') || '}'",
          doc="Two arrays put together."),
)  # fmt: skip

_FAMILIES: Final = (
    strings.TABLE,
    hashes.TABLE,
    documents.TABLE,
    sketches.TABLE,
    geometries.TABLE,
    TABLE,
    calendar.TABLE,
    moments.TABLE,
    formats.TABLE,
    super_values.TABLE,
    super_arrays.TABLE,
)
MACROS: Final = tuple(macro.sql for family in _FAMILIES for macro in family)
"""What the engine runs once when it starts."""
