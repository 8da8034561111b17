"""Npgsql, .NET's driver, which cannot be installed here: what it sends, recorded from its public source.

It believes a server of version 8.0.2: no ranges, no enums, no DISCARD, and its older query for columns. It reads its
own answers as text, those of queries in binary.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import pq

pytestmark = pytest.mark.client("npgsql")
VERSION = "SELECT version();"
TYPES = """
SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid
FROM (
    -- An array is known by the function that receives it.
    SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind,
        elemtyp.oid AS elemtypoid, elemtyp.typname AS elemtypname, elemcls.relkind AS elemrelkind,
        CASE WHEN elemproc.proname='array_recv' THEN 'a' ELSE elemtyp.typtype END AS elemtyptype
    FROM (
        SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid,
            CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END AS typtype,
            CASE WHEN proc.proname='array_recv' THEN typ.typelem WHEN typ.typtype='d' THEN typ.typbasetype END AS elemtypoid
        FROM pg_type AS typ
        LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid)
        LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive
    ) AS typ
    LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = elemtypoid
    LEFT JOIN pg_class AS elemcls ON (elemcls.oid = elemtyp.typrelid)
    LEFT JOIN pg_proc AS elemproc ON elemproc.oid = elemtyp.typreceive
) AS t
JOIN pg_namespace AS ns ON (ns.oid = typnamespace)
WHERE
    typtype IN ('b', 'r', 'm', 'e', 'd') OR (typtype = 'c' AND relkind='c') OR (typtype = 'p' AND typname IN ('record', 'void')) OR
    (typtype = 'a' AND (elemtyptype IN ('b', 'r', 'm', 'e', 'd') OR (elemtyptype = 'p' AND elemtypname IN ('record', 'void')) OR (elemtyptype = 'c' AND elemrelkind='c')))
ORDER BY CASE WHEN typtype IN ('b', 'e', 'p') THEN 0 WHEN typtype = 'r' THEN 1 WHEN typtype = 'm' THEN 2 WHEN typtype = 'c' THEN 3
    WHEN typtype = 'd' AND elemtyptype <> 'a' THEN 4 WHEN typtype = 'a' THEN 5 WHEN typtype = 'd' AND elemtyptype = 'a' THEN 6 END;"""
COMPOSITES = """
SELECT typ.oid, att.attname, att.atttypid FROM pg_type AS typ
JOIN pg_namespace AS ns ON (ns.oid = typ.typnamespace) JOIN pg_class AS cls ON (cls.oid = typ.typrelid) JOIN pg_attribute AS att ON (att.attrelid = typ.typrelid)
WHERE (typ.typtype = 'c' AND cls.relkind='c') AND attnum > 0 AND NOT attisdropped
ORDER BY typ.oid, att.attnum;"""
COLUMNS = """
SELECT typ.oid AS typoid, nspname, relname, attname, attrelid, attnum, attnotnull,
    CASE WHEN typ.typtype = 'd' THEN typ.typtypmod ELSE atttypmod END AS typmod,
    CASE WHEN atthasdef THEN (SELECT pg_get_expr(adbin, cls.oid) FROM pg_attrdef WHERE adrelid = cls.oid AND adnum = attr.attnum) ELSE NULL END AS default,
    TRUE AS is_updatable, FALSE AS isprimarykey, FALSE AS isunique
FROM pg_attribute AS attr JOIN pg_type AS typ ON attr.atttypid = typ.oid JOIN pg_class AS cls ON cls.oid = attr.attrelid JOIN pg_namespace AS ns ON ns.oid = cls.relnamespace
LEFT OUTER JOIN information_schema.columns AS col ON col.table_schema = nspname AND col.table_name = relname AND col.column_name = attname
WHERE atttypid <> 0 AND relkind IN ('r', 'v', 'm') AND NOT attisdropped AND nspname NOT IN ('pg_catalog', 'information_schema') AND attnum > 0 AND (%s)
ORDER BY attnum"""


@pytest.fixture
def wire(own: psycopg.Connection) -> Iterator[pq.PGconn]:
    own.execute("create schema npgsql")
    own.execute("set search_path to npgsql")
    yield own.pgconn
    own.execute("drop schema npgsql cascade")


def batch(wire: pq.PGconn, text: str) -> list[pq.PGresult]:
    """Send *text* as one simple query; return the result of each statement."""
    wire.send_query(text.encode())
    results = []
    while result := wire.get_result():
        assert result.status in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}, result.error_message
        results.append(result)
    return results


def rows(result: pq.PGresult) -> list[tuple[Any, ...]]:
    return [tuple(result.get_value(row, column) for column in range(result.nfields)) for row in range(result.ntuples)]


def test_types_are_loaded_at_the_start(wire: pq.PGconn) -> None:
    version, types, composites = batch(wire, f"{VERSION}\n{TYPES}\n{COMPOSITES}\n")
    assert rows(version)[0][0].startswith(b"PostgreSQL 8.0.2 on ")
    found = rows(types)
    # None of these but the last may be null; an element comes before its array.
    assert not [row for row in found if None in row[:5]]
    known: set[bytes] = set()
    for _, oid, _, kind, notnull, element in found:
        assert notnull in {b"t", b"f"}
        assert kind != b"a" or element in known
        known.add(oid)
    assert len(known) == len(found)
    by_name = {row[2]: (row[0], int(row[1]), row[3], row[5]) for row in found}
    assert by_name[b"int4"] == (b"pg_catalog", 23, b"b", None)
    assert by_name[b"numeric"] == (b"pg_catalog", 1700, b"b", None)
    assert by_name[b"_varchar"] == (b"pg_catalog", 1015, b"a", b"1043")
    assert {b"bool", b"int2", b"int8", b"float4", b"float8", b"text", b"bpchar", b"date", b"time", b"timetz", b"timestamp", b"timestamptz", b"oid"} <= set(by_name)
    assert rows(composites) == []


def test_a_pooled_connection_is_reset(wire: pq.PGconn) -> None:
    batch(wire, "SET query_group TO 'x'")
    batch(wire, "SET SESSION AUTHORIZATION DEFAULT;RESET ALL;UNLISTEN *;")
    assert rows(batch(wire, "SHOW query_group")[0]) != [(b"x",)]


def test_transactions_begin_with_their_first_statement(wire: pq.PGconn) -> None:
    batch(wire, "create table moved (a int)")
    for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        batch(wire, f"BEGIN TRANSACTION ISOLATION LEVEL {level}")
        assert wire.exec_params(b"insert into moved values ($1)", [b"1"], [23]).status == pq.ExecStatus.COMMAND_OK
        batch(wire, "ROLLBACK")
    assert rows(batch(wire, "select count(*) from moved")[0]) == [(b"0",)]


def test_values_are_read_in_binary(wire: pq.PGconn) -> None:
    prepared = wire.prepare(b"_p1", b"select $1::int, $2::varchar, $3::boolean, $4::float8, 7::bigint", [23, 25, 16, 701])
    assert prepared.status == pq.ExecStatus.COMMAND_OK, prepared.error_message
    described = wire.describe_prepared(b"_p1")
    assert [described.ftype(n) for n in range(described.nfields)] == [23, 1043, 16, 701, 20]
    given = [(41).to_bytes(4, "big"), "é".encode(), b"\x01", bytes.fromhex("3ff8000000000000")]
    found = wire.exec_prepared(b"_p1", given, [1] * 4, 1)
    assert rows(found) == [(given[0], given[1], given[2], given[3], (7).to_bytes(8, "big"))]
    batch(wire, "DEALLOCATE _p1")


def test_columns_of_a_result_are_looked_up(wire: pq.PGconn) -> None:
    batch(wire, "create table told (id int not null default 7, name varchar(20), price decimal(8,2))")
    wire.prepare(b"", b"select id, price, name, 1 as one from told")
    described = wire.describe_prepared(b"")
    origins = [(described.ftable(n), described.ftablecol(n)) for n in range(described.nfields)]
    assert origins[3] == (0, 0)
    where = " OR ".join(f"(attr.attrelid={table} AND attr.attnum={number})" for table, number in origins if table)
    found = rows(wire.exec_params((COLUMNS % where).encode(), []))
    assert [(row[0], *row[1:4], row[5], row[6], row[7], row[8]) for row in found] == [
        (b"23", b"npgsql", b"told", b"id", b"1", b"t", b"-1", b"7"),
        (b"1043", b"npgsql", b"told", b"name", b"2", b"f", b"24", None),
        (b"1700", b"npgsql", b"told", b"price", b"3", b"f", b"524294", None),
    ]
