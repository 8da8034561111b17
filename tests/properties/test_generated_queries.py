"""Generated expressions and queries are answered with rows or with an error of their own, never an internal one.

Statements come from a seeded generator, so that a failure is the same tomorrow. Every function of the table is
called; what the generator makes need not make sense.
"""

import random
from collections.abc import Iterator
from typing import Final

import psycopg
import pytest

from sql.functions import FUNCTIONS
from sql.functions.spec import Function
from tests.support.server import Server

SEEDS: Final = range(5)
STATEMENTS: Final = 60
_LEFT_OUT: Final = frozenset({"pg_cancel_backend", "pg_terminate_backend", "pg_sleep"})
"""Functions that end a session or take their time."""
_GROWING: Final = frozenset({"repeat", "replicate", "lpad", "rpad", "space", "generate_series"})
"""Functions whose result is as long as a number says."""
_LITERALS: Final = {
    "number": ("0", "1", "-7", "2.50", "NULL", "1e3", "'12'"),
    "integer": ("0", "1", "3", "-2", "100", "NULL", "32767"),
    "text": ("''", "'abc'", "' Blank '", "'2024-02-29'", "NULL", "'a,b,c'", "'{\"a\": [1, 2]}'", "'ünï'"),
    "bool": ("true", "false", "NULL", "'t'"),
    "stamp": ("timestamp '2024-02-29 12:34:56'", "date '2023-12-31'", "NULL", "current_date", "'2024-01-01'"),
    "interval": ("interval '1 day'", "interval '3 months'", "NULL"),
    "time": ("time '12:34:56'", "NULL"),
    "super": ("json_parse('{\"a\": [1, 2, null]}')", "json_parse('[1, \"x\"]')", "NULL"),
    "varbyte": ("to_varbyte('6162', 'hex')", "NULL"),
}
_LIKE: Final = {
    "int": "integer", "int8": "integer", "float8": "number", "oid": "integer", "date": "stamp", "timestamp": "stamp",
    "timestamptz": "stamp", "moment": "stamp", "dated": "stamp", "any": "number", "open": "text",
}  # fmt: skip
_COLUMNS: Final = {
    "number": ("i", "d", "f"), "integer": ("i", "s"), "text": ("v", "c"), "bool": ("b",), "stamp": ("dt", "ts", "tz"),
    "super": ("sup",), "varbyte": ("vb",), "time": ("tm",), "interval": (),
}  # fmt: skip
_KINDS: Final = tuple(_LITERALS)


class Generator:
    """Writes statements over the tables ``g`` and ``h``, which have a column of every type."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def expression(self, kind: str = "", depth: int = 2, table: str = "") -> str:
        """Return an expression that is probably of *kind*."""
        kind = kind if kind in _LITERALS else _LIKE.get(kind, self.pick(*_KINDS))
        if depth <= 0 or self.chance(0.25):
            return self.leaf(kind, table)
        make = self.random.choice((self.call, self.operation, self.case, self.cast, self.condition, self.leaf))
        return make(kind, table) if make == self.leaf else make(kind, depth - 1, table)

    def leaf(self, kind: str, table: str) -> str:
        columns = _COLUMNS[kind] if table else ()
        return f"{table}.{self.pick(*columns)}" if columns and self.chance(0.6) else self.pick(*_LITERALS[kind])

    def call(self, kind: str, depth: int, table: str) -> str:
        rows = [row for forms in FUNCTIONS.values() for row in forms if row.kind == "scalar"]
        return self.called(self.random.choice(rows), depth, table)

    def called(self, row: Function, depth: int, table: str) -> str:
        if row.name in _LEFT_OUT | _GROWING or " " in row.name:
            return self.leaf("text", table)
        arguments = [
            self.expression(argument.rstrip("?*"), depth, table)
            if index not in row.raw else self.pick("day", "month", "'year'", "hour", "quarter")
            for index, argument in enumerate(row.arguments)
            if not argument.endswith(("?", "*")) or self.chance(0.5)
        ]  # fmt: skip
        return f"{row.name}({', '.join(arguments)})"

    def operation(self, kind: str, depth: int, table: str) -> str:
        sign = self.pick("+", "-", "*", "/", "%", "||", "^", "&", "|", "#", "<<", ">>")
        right = self.expression(kind if self.chance(0.8) else "", depth, table)
        return f"({self.expression(kind, depth, table)} {sign} {right})"

    def case(self, kind: str, depth: int, table: str) -> str:
        condition = self.condition(kind, depth, table)
        branches = f"THEN {self.expression(kind, depth, table)} ELSE {self.expression(kind, depth, table)} END"
        return f"CASE WHEN {condition} {branches}"

    def cast(self, kind: str, depth: int, table: str) -> str:
        type_ = self.pick(
            "int", "smallint", "bigint", "decimal(10,2)", "decimal(38,20)", "real", "double precision", "boolean",
            "varchar(5)", "char(4)", "date", "timestamp", "timestamptz", "time", "timetz", "super", "varbyte",
        )  # fmt: skip
        return f"CAST({self.expression(kind, depth, table)} AS {type_})"

    def condition(self, kind: str, depth: int, table: str) -> str:
        one, two = self.expression(kind, depth, table), self.expression(kind, depth, table)
        return self.pick(
            f"({one} {self.pick('=', '<>', '<', '<=', '>', '>=')} {two})",
            f"({one} IS NULL)", f"({one} IS NOT NULL)", f"({one} BETWEEN {two} AND {one})",
            f"({one} IN ({two}, {one}))", f"({one} NOT IN ({two}))", f"({one} LIKE {two})",
            f"(NOT {self.leaf('bool', table)})", f"({one} = {two} OR {one} < {two})",
            f"EXISTS (SELECT 1 FROM h WHERE h.i = {one})", f"({one} IN (SELECT i FROM h))",
            f"({one} > (SELECT max(i) FROM h))", f"(({one}, {two}) = ({two}, {one}))",
        )  # fmt: skip

    def aggregate(self, table: str) -> str:
        rows = [row for forms in FUNCTIONS.values() for row in forms if row.kind in {"aggregate", "grouping"} and " " not in row.name]
        call = self.called(self.random.choice(rows), 1, table)
        return self.pick(call, call, "count(*)", f"sum({table}.i)", f"count(DISTINCT {self.expression('', 1, table)})",
                         f"listagg({table}.v, ',') WITHIN GROUP (ORDER BY {table}.i)")  # fmt: skip

    def window(self, table: str) -> str:
        rows = [row for forms in FUNCTIONS.values() for row in forms if row.kind == "window"]
        call = self.pick(self.called(self.random.choice(rows), 1, table), f"sum({table}.i)", "row_number()")
        frame = self.pick("", "", " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", " ROWS UNBOUNDED PRECEDING")
        order = f"ORDER BY {self.expression('', 1, table)}{self.pick('', ' DESC', ' NULLS FIRST')}{frame}"
        return f"{call} OVER (PARTITION BY {self.expression('', 1, table)} {order})"

    def source(self) -> str:
        return self.pick(
            "g", "g g", "g JOIN h ON g.i = h.i", "g LEFT JOIN h ON g.v = h.v AND g.i > h.i", "g, h",
            "(SELECT * FROM g WHERE i > 0) g", "g FULL JOIN h ON g.i = h.i", "g CROSS JOIN (SELECT 1 AS one) o",
        )  # fmt: skip

    def query(self, depth: int = 1) -> str:
        return self.random.choice((self.plain, self.plain, self.grouped, self.windowed, self.united, self.shaped))(depth)

    def plain(self, depth: int) -> str:
        items = ", ".join(f"{self.expression('', 2, 'g')} AS c{number}" for number in range(self.random.randint(1, 3)))
        where = f" WHERE {self.condition('', 1, 'g')}" if self.chance(0.5) else ""
        order = f" ORDER BY {self.pick('1', 'c0', self.expression('', 1, 'g'))}" if self.chance(0.4) else ""
        word = self.pick("SELECT", "SELECT DISTINCT", "SELECT TOP 3")
        limit = self.pick("", " LIMIT 2", " OFFSET 1") if word == "SELECT" else ""
        return f"{word} {items} FROM {self.source()}{where}{order}{limit}"

    def grouped(self, depth: int) -> str:
        key = self.expression("", 1, "g")
        group = self.pick("k", "1", key, "ROLLUP (k)", "CUBE (k)", "ALL", "GROUPING SETS ((k), ())")
        having = f" HAVING {self.aggregate('g')} IS NOT NULL" if self.chance(0.3) else ""
        return f"SELECT {key} AS k, {self.aggregate('g')} AS a FROM {self.source()} GROUP BY {group}{having} ORDER BY 2, 1"

    def windowed(self, depth: int) -> str:
        qualify = " QUALIFY w IS NOT NULL" if self.chance(0.4) else ""
        return f"SELECT g.i, {self.window('g')} AS w FROM {self.source()} WHERE g.i > 0{qualify}"

    def united(self, depth: int) -> str:
        sign = self.pick("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "MINUS")
        one, two = (f"SELECT {self.expression('', 1, 'g')} AS c FROM g" for _ in range(2))
        return f"{one} {sign} {two} ORDER BY {self.pick('1', 'c')}"

    def shaped(self, depth: int) -> str:
        inner = self.query(depth - 1) if depth > 0 else "SELECT i AS c0 FROM g"
        key, aggregate = self.pick("v", "i", "b"), self.pick("count(*)", "sum(i)", "max(v)", "avg(d)")
        return self.pick(
            f"WITH q AS ({inner}) SELECT count(*) FROM q", f"SELECT * FROM ({inner}) q",
            f"SELECT * FROM (SELECT v, i, b, d FROM g) PIVOT ({aggregate} FOR {key} IN ({self.leaf('text', '')}, 1, NULL))",
            f"SELECT * FROM (SELECT i, s, d FROM g) UNPIVOT (x FOR n IN ({self.pick('i, s', 'i, d', 's AS y')}))",
            f"SELECT level, i FROM g START WITH {self.condition('', 0, 'g')} CONNECT BY PRIOR i = s AND level < 4",
            f"WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT n, {self.leaf('text', '')}"
            " FROM r",
            f"SELECT (SELECT {self.aggregate('h')} FROM h WHERE h.i = g.i) FROM g",
            f"SELECT i FROM g WHERE i IN (SELECT i FROM h WHERE h.v = g.v) OR {self.condition('', 1, 'g')}",
        )  # fmt: skip


_DEFINITION: Final = (
    "(i int, s smallint, d decimal(12,4), f double precision, v varchar(20), c char(5), b boolean, dt date,"
    " ts timestamp, tz timestamptz, tm time, sup super, vb varbyte)"
)
_ROWS: Final = (
    "(1, 2, 3.5, 1.25, 'one', 'ab', true, '2024-02-29', '2024-02-29 01:02:03', '2024-02-29 01:02:03+02', '01:02:03',"
    " json_parse('{\"a\": 1}'), to_varbyte('61', 'hex'))",
    "(2, 1, -0.5, -1e10, '', ' ', false, '1999-12-31', '1999-12-31 23:59:59.999', '2000-01-01', '23:59:59', NULL, NULL)",
    "(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
)


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn, autocommit=True) as opened:
        opened.execute("CREATE SCHEMA generated")
        opened.execute("SET search_path TO generated")
        opened.execute("SET statement_timeout TO 10000")
        for table in ("g", "h"):
            opened.execute(f"CREATE TABLE {table} {_DEFINITION}")
            for row in _ROWS:
                opened.execute(f"INSERT INTO {table} SELECT {row[1:-1]}")
        yield opened
        opened.execute("DROP SCHEMA generated CASCADE")


def _internal(connection: psycopg.Connection, statement: str) -> str:
    """Return what is internal about an answer, nothing where nothing is."""
    try:
        connection.execute(statement).fetchall()
    except psycopg.Error as error:
        own = error.sqlstate == "XX000" and "internal error" not in str(error)
        if error.sqlstate is None or (error.sqlstate[:2] in {"XX", "58"} and not own):
            return f"{statement}\n  {error.sqlstate} {error}"
    return ""


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_queries_have_no_internal_errors(connection: psycopg.Connection, seed: int) -> None:
    generator = Generator(seed)
    wrong = [_internal(connection, generator.query()) for _ in range(STATEMENTS)]
    assert not [problem for problem in wrong if problem]


@pytest.mark.parametrize("seed", SEEDS)
def test_generated_expressions_have_no_internal_errors(connection: psycopg.Connection, seed: int) -> None:
    generator = Generator(100 + seed)
    wrong = [_internal(connection, f"SELECT {generator.expression('', 3)}") for _ in range(STATEMENTS)]
    assert not [problem for problem in wrong if problem]


def test_every_function_is_called_without_an_internal_error(connection: psycopg.Connection) -> None:
    generator = Generator(0)
    rows = [row for forms in FUNCTIONS.values() for row in forms]
    over = {"window": " OVER (ORDER BY g.i)"}
    wrong = [
        _internal(connection, f"SELECT {generator.called(row, 0, 'g')}{over.get(row.kind, '')} FROM g")
        for row in rows for _ in range(2)
    ]  # fmt: skip
    assert not [problem for problem in wrong if problem]
