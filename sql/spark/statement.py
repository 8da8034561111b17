"""A query in engine SQL, written as one of Spark SQL."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlglot import exp, parse_one
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import SqlglotError

from sql.spark.expressions import value
from sql.spark.queries import query
from sql.spark.scope import Scope, Table, Used, Variable, Writer
from sql.spark.values import Kind, UnfitError

_LONGEST: Final = 1_000_000
_DEEPEST: Final = 120
"""Parentheses within each other. Those of TPC-H and TPC-DS have 50 at most; planners take for ever over very many."""


class Engine(DuckDB):
    """The engine's dialect, as it is set here: NULLs are larger than anything."""

    NULL_ORDERING = "nulls_are_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkQuery:
    """What a query became."""

    sql: str
    columns: tuple[Kind, ...]
    """The types of its columns."""
    tables: Mapping[str, Used]
    """By the engine's name: what it reads."""


def spark_query(engine_sql: str, tables: Mapping[str, Table], variables: Callable[[str], Variable]) -> SparkQuery:
    """Write *engine_sql* as Spark SQL over *tables*, by the engine's names; raises ``UnfitError``.

    *variables* gives the session's engine variables, and ``TimeZone``.
    """
    try:
        tree = parse_one(engine_sql, dialect=Engine)
        known = {_parts(name): (name, table) for name, table in tables.items()}
        writer = Writer(known, variables)
        found = query(tree, Scope(writer, query, value))
    except SqlglotError:
        raise UnfitError("a text that cannot be read") from None
    except RecursionError:
        raise UnfitError("a query that is too deep") from None
    if writer.outer and writer.fixed:
        # Sail 0.7 takes a column that is fixed on one side of an outer join for fixed in its result, where it is NULL
        # as well: it leaves out sorts by it, and windows over it are wrong.
        raise UnfitError("an outer join beside what a constant fixes")
    if len(found.sql) > _LONGEST or _depth(found.sql) > _DEEPEST:
        raise UnfitError("a query that is too deep")
    return SparkQuery(sql=found.sql, columns=tuple(kind for _, kind in found.columns), tables=writer.used)


def _depth(sql: str) -> int:
    deepest = depth = 0
    for found in _PARENTHESIS.finditer(sql):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        deepest = max(deepest, depth)
    return deepest


_PARENTHESIS: Final = re.compile(r"'(?:[^'\\]|\\.)*'|[()]", re.DOTALL)


def _parts(name: str) -> tuple[str, ...]:
    found = exp.to_table(name, dialect="duckdb")
    return tuple(part.lower() for part in (found.catalog, found.db, found.name) if part)
