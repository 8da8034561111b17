"""The SQL that PostgreSQL 15 and Redshift share, as a table of forms: a row a form, its holes in braces.

A hole is the kind of value that goes there; ``{col:int}`` is a column. What only one of the two has, or what is
known to differ in every use, is left out; what differs sometimes has a row in ``tests.differential.deviations``.
"""

from typing import Final

COLUMNS: Final = (
    ("id", "int", "integer"), ("s", "int", "smallint"), ("i", "int", "integer"), ("b", "int", "bigint"),
    ("n", "num", "numeric(10,2)"), ("m", "num", "numeric(12,4)"), ("r", "float", "real"),
    ("f", "float", "double precision"), ("c", "text", "char(5)"), ("v", "text", "varchar(20)"), ("o", "bool", "boolean"),
    ("d", "date", "date"), ("ts", "ts", "timestamp"), ("tz", "tz", "timestamptz"), ("tm", "time", "time"),
)  # fmt: skip
"""Name, kind and declaration of both tables' columns."""

ROWS: Final = (
    "1, 1, 10, 100, 1.50, 0.1250, 0.5, 1.25, 'ab', 'alpha', true, '2008-01-31', '2008-01-31 10:30:00', '2008-01-31 10:30:00+00', '10:30:00'",
    "2, -2, -7, 30000000000, -2.25, 3.0000, -1.5, -0.1, 'xyz', 'Beta', false, '2008-02-29', '2008-02-29 23:59:59.5', '2008-02-29 23:59:59+00', '23:59:59.5'",
    "3, 3, 0, 0, 0.00, 100.0001, 2, 100, '', '', NULL, '1999-12-31', '1999-12-31 00:00:00', '1999-12-31 00:00:00+00', '00:00:00'",
    "4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
    "5, 100, 2000, -5, 99.99, -0.0001, 3.25, 1e10, 'q%_', 'a_b%c', true, '2024-02-28', '2024-02-28 01:02:03.004', '2024-02-28 01:02:03+00', '01:02:03.004'",
    "6, 7, 10, 7, 12345.67, 7.7500, 10, 2.5, 'AB', 'ALPHA', false, '2008-01-31', '2008-01-31 10:30:00', '2008-01-31 10:30:00+00', '12:00:00'",
    "7, 0, -1, 1, 0.05, 0.5000, 0, 0, 'é', 'naïve', true, '2000-01-01', '2000-01-01 12:00:00', '2000-01-01 12:00:00+00', '12:34:56'",
)  # fmt: skip

SCHEMA: Final = tuple(
    f"CREATE TABLE {name} ({', '.join(f'{column} {declared}' for column, _, declared in COLUMNS)})"
    for name in ("t1", "t2")
) + tuple(
    f"INSERT INTO {name} VALUES {', '.join(f'({row})' for row in rows)}"
    for name, rows in (("t1", ROWS), ("t2", ROWS[1::2]))
)

LITERALS: Final = {
    "int": ("0", "1", "-1", "2", "3", "7", "10", "1000", "2147483647", "5::bigint", "4::smallint"),
    "num": ("0.5", "1.25", "-3.10", "100.00", "2.5::numeric(6,2)", "7::numeric(8,3)"),
    "float": ("0.5::float8", "2::float8", "-1.5::real", "1e3::float8", "3.5::double precision"),
    "text": ("'a'", "'Alpha'", "'x y'", "''", "'été'", "'abc'::varchar(10)", "'ab'::char(4)", "'10'"),
    "bool": ("true", "false"),
    "date": ("date '2008-01-31'", "'2000-02-29'::date", "date '1999-12-31'"),
    "ts": ("timestamp '2008-01-31 10:30:00'", "'2024-02-28 01:02:03'::timestamp", "timestamp '1999-12-31 23:59:59.25'"),
    "tz": ("timestamptz '2008-01-31 10:30:00+00'", "'2008-06-30 12:00:00-05'::timestamptz"),
    "time": ("time '10:30:00'", "'23:15'::time"),
    "itv": ("interval '1 day'", "interval '2 hours'", "interval '1 month'", "interval '90 minutes'", "interval '3 days 4 hours'"),
}  # fmt: skip

FORMS: Final = {
    "int": (
        "({int} + {digit})", "({digit} - {int})", "({small} * {small})", "({int} / {divisor})", "({int} % {divisor})",
        "abs({int})", "-{int}", "coalesce({int}, {digit})", "nullif({int}, {digit})", "length({text})",
        "greatest({int}, {digit})", "least({int}, {digit})", "case when {bool} then {int} else {digit} end",
        "char_length({text})", "position({text} in {text})", "strpos({text}, {text})", "ascii({text})",
        "({date} - {date})", "sign({int})::int", "floor({num})::int", "round({num})::int", "({small} & 7)",
        "({small} | 8)", "({small} # 5)", "(~ {small})", "({small} << 2)", "({small} >> 1)", "mod({int}, {divisor})",
        "extract(year from {ts})::int", "extract(month from {date})::int", "extract(day from {date})::int",
        "extract(hour from {ts})::int", "extract(minute from {time})::int", "date_part('dow', {date})::int",
        "extract(quarter from {ts})::int", "extract(week from {date})::int", "date_part('doy', {ts})::int",
        "cast({bool} as int)", "cast('12' as int)", "case {digit} when 1 then {int} when 2 then {digit} end",
        "octet_length({varchar})", "(select max(x.i) from t2 x where x.i <= {int})", "cast({float} as bigint)",
    ),
    "digit": ("1", "2", "3", "7", "10"),
    "small": ("{col:small}", "3", "5", "12", "-4"),
    "divisor": ("2", "3", "-7", "nullif({int}, 0)"),
    "num": (
        "({num} + {num})", "({num} - {int})", "({num} * {decimal})", "({num} / {decimal})", "abs({num})", "-{num}",
        "round({num}, 1)", "trunc({num}, 1)", "ceil({num})", "floor({num})", "coalesce({num}, 0)", "round({num})",
        "nullif({num}, 0.5)", "greatest({num}, {decimal})", "case when {bool} then {num} else 0.25 end",
        "({num} % 3)", "sign({num})", "cast({int} as numeric(18,2))", "'1.25'::numeric(8,2)", "least({num}, {num}, 1)",
    ),
    "decimal": ("2.5", "0.25", "-4.0", "3"),
    "float": (
        "({float} + {float})", "({float} * 2)", "({float} / 4::float8)", "abs({float})", "sqrt(abs({float}))",
        "power(2, {digit})::float8", "exp(1::float8)", "ln(2.5::float8)", "ceil({float})", "floor({float})",
        "({num} * 1::float8)", "coalesce({float}, 1.5)", "cast({int} as float8)", "cbrt(27::float8)", "pi()",
        "round({float})", "sin({float})", "cos({float})", "atan2({float}, 2)", "degrees({float})", "radians({float})",
        "log(100::float8)", "trunc({float})", "({int} ^ 2)::float8", "case when {bool} then {float} end",
    ),
    "text": (
        "({varchar} || {varchar})", "upper({varchar})", "lower({varchar})", "substring({varchar}, 2, 3)",
        "substring({varchar} from 2)", "left({varchar}, 2)", "right({varchar}, 2)", "trim({varchar})",
        "ltrim({varchar})", "rtrim({varchar})", "btrim({varchar}, 'a')", "replace({varchar}, 'a', 'o')",
        "lpad({varchar}, 6, '*')", "rpad({varchar}, 6, 'xy')", "repeat({varchar}, 2)", "reverse({varchar})",
        "coalesce({varchar}, 'none')", "nullif({varchar}, 'alpha')", "initcap({varchar})", "md5({varchar})",
        "translate({varchar}, 'abc', 'xyz')", "split_part({varchar}, 'a', 1)", "cast({int} as varchar(12))",
        "cast({num} as varchar(20))", "case when {bool} then {varchar} else 'no' end", "concat({varchar}, {varchar})",
        "cast({date} as varchar(10))", "cast({ts} as varchar(30))", "trim(both 'x' from {varchar})", "chr(65)",
        "trim(leading 'a' from {varchar})", "({varchar} || {int})", "greatest({varchar}, 'm')", "quote_ident({varchar})",
        "to_char({ts}, 'YYYY-MM-DD HH24:MI:SS')", "to_char({date}, 'DD Mon YYYY')", "to_char({date}, 'Day, FMMonth')",
    ),
    "varchar": ("{col:varchar}", "{col:varchar}", "'a'", "'Alpha'", "'x y'", "'été'", "lower({varchar})", "'10'"),
    "bool": (
        "({int} = {int})", "({int} < {digit})", "({num} >= {num})", "({varchar} = {varchar})", "({varchar} <> 'alpha')",
        "({date} > {date})", "({ts} <= {ts})", "({bool} and {bool})", "({bool} or {bool})", "(not {bool})",
        "({int} is null)", "({text} is not null)", "({int} between 0 and {int})", "({int} in (1, 2, {digit}))",
        "({varchar} in ('alpha', 'Beta', {varchar}))", "({varchar} like '%a%')", "({varchar} not like 'a%')",
        "({varchar} like 'a_b%' escape '!')", "({varchar} ilike 'AL%')", "({varchar} similar to '(al|B)%')",
        "({varchar} ~ '^[aB]')", "({varchar} !~ 'ph')", "({bool} is true)", "({bool} is not false)", "({bool} is unknown)",
        "({float} > {float})", "(coalesce({bool}, false))", "({int} not in (1, {digit}))", "({date} between {date} and {date})",
        "({int} = any (select x.i from t2 x))", "({int} < all (select x.id from t2 x))", "exists (select 1 from t2 x where x.id = {int})",
        "({int} in (select x.id from t2 x where x.id is not null))", "({bool} = {bool})", "({num} = {int})", "({int} <> {num})",
        "(({int}, {digit}) = ({digit}, {int}))", "({time} < {time})", "({int} is distinct from {int})", "({char} = {char})",
        "({date} = {ts})", "({float} = {int})", "'t'::boolean", "cast({int} as boolean)", "({varchar} < {varchar})", "({tz} >= {tz})",
        "(({date}, {date} + 3) overlaps ({date}, {date} + 5))", "(({int}, {digit}) in ((1, 2), (10, {digit})))", "({char} = 'ab')",
        "({date} < '2008-02-01')", "({ts} > '2000-01-01 00:00:00')", "({int} = '10')", "({num} = '1.5')",
        "({varchar} between 'a' and 'b')", "({varchar} > 'a')", "({varchar} <= 'alpha')",
    ),
    "char": ("{col:char}", "{col:char}", "'ab'::char(4)"),
    "date": (
        "({date} + {digit})", "({date} - {digit})", "cast({ts} as date)", "coalesce({date}, date '2000-01-01')",
        "date_trunc('month', {ts})::date", "greatest({date}, {date})", "to_date('20080131', 'YYYYMMDD')",
        "case when {bool} then {date} end", "'Jan 8, 1999'::date", "'1999-01-08'::date", "'20080215'::date", "{col:date}",
        "to_date('31 Jan 2008', 'DD Mon YYYY')", "cast('2008-05-06' as date)",
    ),
    "ts": (
        "({ts} + {itv})", "({ts} - {itv})", "({date} + {itv})", "date_trunc('hour', {ts})", "date_trunc('year', {ts})",
        "date_trunc('day', {ts})", "cast({date} as timestamp)", "coalesce({ts}, timestamp '2000-01-01 00:00:00')",
        "least({ts}, {ts})", "date_trunc('week', {ts})", "date_trunc('quarter', {ts})", "({date} + {time})",
        "({tz} at time zone 'UTC')", "({tz} at time zone 'America/New_York')", "case when {bool} then {ts} end", "{col:ts}",
        "'Jan 8 1999 04:05:06'::timestamp", "'1999-01-08 04:05 PM'::timestamp", "date_trunc('minute', {ts})",
    ),
    "tz": ("({ts} at time zone 'UTC')", "({ts} at time zone 'Asia/Tokyo')", "({tz} + {itv})", "{col:tz}", "coalesce({tz}, {tz})"),
    "time": ("({time} + {clock})", "({time} - {clock})", "cast({ts} as time)", "coalesce({time}, time '00:00')", "{col:time}"),
    "clock": ("interval '1 hour'", "interval '90 minutes'", "interval '30 seconds'"),
    "itv": ("({ts} - {ts})", "({clock} + {clock})", "({clock} * 2)", "interval '1 day'", "interval '2 weeks'", "({clock} * 1.5)"),
    "agg": (
        "count(*)", "count({any})", "count(distinct {int})", "sum({small})", "sum({num})", "sum({whole})", "min({any})",
        "max({any})", "avg({num})", "bool_and({bool})", "bool_or({bool})", "sum(case when {bool} then 1 else 0 end)",
        "max({varchar})", "min({date})", "count(distinct {varchar})", "avg({whole})", "stddev_samp({whole})",
        "var_pop({whole})", "sum(distinct {small})", "max(length({varchar}))",
    ),
    "whole": ("{col:float}", "a.id::float8", "1.5::float8"),
    "any": ("{int}", "{num}", "{text}", "{date}", "{ts}", "{float}", "{time}"),
    "item": ("{int}", "{num}", "{text}", "{date}", "{ts}", "{float}", "{bool}", "{bool}", "{tz}", "{time}", "{itv}"),
    "key": ("{varchar}", "{date}", "{small}", "{bool}", "{num}", "a.i", "upper(a.v)", "case when {bool} then 'y' else 'n' end"),
    "window": (
        "row_number() over (order by a.id)", "rank() over (order by a.i)", "dense_rank() over (order by a.i desc)",
        "sum(a.i) over (partition by a.o order by a.id rows unbounded preceding)", "lag(a.v) over (order by a.id)",
        "lead({int}, 2) over (order by a.id)", "first_value({any}) over (order by a.id rows unbounded preceding)",
        "count(*) over (partition by {key})", "max({int}) over (partition by a.o)", "ntile(3) over (order by a.id)",
        "last_value(a.v) over (order by a.id rows between unbounded preceding and unbounded following)",
        "percent_rank() over (order by a.id)", "cume_dist() over (order by a.id)", "sum({num}) over ()", "avg(a.f) over ()",
        "min(a.n) over (order by a.id rows between 1 preceding and 1 following)", "nth_value(a.i, 2) over (order by a.id rows between unbounded preceding and unbounded following)",
    ),
    "bad": (
        "1 / 0", "'abc'::int", "'2008-13-01'::date", "nothing", "nofunction(1)", "a.nothing", "upper(1, 2)", "date '2008-01-01' + true",
        "true + 1", "'x' < date '2008-01-01'", "32767::smallint + 1::smallint", "2147483647 + 1", "sum(count(*))",
        "(select x.id from t1 x)", "(select 1, 2)", "1 in (select x.id, x.i from t1 x)", "case when 1 then 2 end", "not 5",
        "cast('x' as boolean)", "'25:00'::time", "date '2008-01-01' * 2", "-'a'::varchar", "substring('abc', 1, -1)",
        "sqrt(-1::float8)", "ln(0::float8)", "ln(-1::float8)", "'abc'::numeric(5,2)", "1::numeric(3,2) * 1000 + 'x'", "cast(99999 as smallint)",
    ),
}  # fmt: skip
"""Forms of every kind."""

STATEMENTS: Final = (
    "SELECT {item}, {item} FROM t1 a ORDER BY a.id",
    "SELECT {item} FROM t1 a ORDER BY a.id",
    "SELECT a.id, {item} FROM t1 a WHERE {bool} ORDER BY 1",
    "SELECT {item}",
    "SELECT DISTINCT {key}, {key} FROM t1 a ORDER BY 1, 2",
    "SELECT {key}, {agg}, {agg} FROM t1 a GROUP BY 1 ORDER BY 1",
    "SELECT {key}, {key}, {agg} FROM t1 a WHERE {bool} GROUP BY 1, 2 ORDER BY 1, 2, 3",
    "SELECT {agg}, {agg} FROM t1 a",
    "SELECT {agg} FROM t1 a WHERE {bool}",
    "SELECT a.o, {agg} FROM t1 a GROUP BY a.o HAVING count(*) > 1 ORDER BY 1",
    "SELECT a.id, b.id, {item} FROM t1 a JOIN t2 b ON a.id = b.id ORDER BY 1, 2",
    "SELECT a.id, b.id FROM t1 a LEFT JOIN t2 b ON a.v = b.v AND {bool} ORDER BY 1, 2",
    "SELECT a.id, b.id FROM t1 a FULL JOIN t2 b ON a.id = b.id ORDER BY 1, 2",
    "SELECT a.id, b.v FROM t1 a, t2 b WHERE a.d = b.d AND {bool} ORDER BY 1, 2",
    "SELECT id, a.v, b.i FROM t1 a JOIN t2 b USING (id) ORDER BY 1",
    "SELECT {int} FROM t1 a UNION SELECT {num} FROM t1 a ORDER BY 1",
    "SELECT {varchar}, {date} FROM t1 a UNION ALL SELECT {varchar}, {date} FROM t1 a ORDER BY 1, 2",
    "SELECT a.i FROM t1 a INTERSECT SELECT a.i FROM t2 a ORDER BY 1",
    "SELECT {small} FROM t1 a EXCEPT SELECT a.i FROM t2 a ORDER BY 1",
    "SELECT a.id, (SELECT {agg} FROM t2 a) FROM t1 a ORDER BY 1",
    "SELECT a.id, (SELECT max(x.b) FROM t2 x WHERE x.id < a.id) FROM t1 a ORDER BY 1",
    "SELECT q.k, count(*) FROM (SELECT {key} AS k FROM t1 a) q GROUP BY q.k ORDER BY 1",
    "WITH q AS (SELECT a.id, {item} AS x FROM t1 a) SELECT x FROM q ORDER BY id",
    "SELECT a.id, {window} FROM t1 a ORDER BY 1",
    "SELECT a.id, {window}, {window} FROM t1 a WHERE {bool} ORDER BY 1",
    "SELECT a.id FROM t1 a WHERE {bool} ORDER BY {int}, a.id LIMIT 3",
    "SELECT {item} FROM t1 a ORDER BY a.id DESC LIMIT 4 OFFSET 1",
    "SELECT a.id FROM t1 a ORDER BY {key} DESC, a.id",
    "SELECT * FROM t1 a WHERE {bool} ORDER BY id",
    "SELECT a.id, CASE WHEN {bool} THEN {num} WHEN {bool} THEN {int} ELSE 0 END FROM t1 a ORDER BY 1",
    "SELECT {bad} FROM t1 a",
    "SELECT a.id FROM t1 a WHERE ({bad}) is null",
    "SELECT a.o, sum(a.i) FROM t1 a GROUP BY ROLLUP (a.o) ORDER BY 1, 2",
    "SELECT a.o, a.c, count(*) FROM t1 a GROUP BY GROUPING SETS ((a.o), (a.c), ()) ORDER BY 1, 2, 3",
)  # fmt: skip
