"""TPC-H: its data in files and in a raw DuckDB, its tables' definitions for each server, its queries."""

import os
from pathlib import Path
from typing import Final

import duckdb
from duckdb_extensions import import_extension

TABLES: Final = {
    "region": "r_regionkey int, r_name char(25), r_comment varchar(152)",
    "nation": "n_nationkey int, n_name char(25), n_regionkey int, n_comment varchar(152)",
    "supplier": "s_suppkey bigint, s_name char(25), s_address varchar(40), s_nationkey int, s_phone char(15),"
    " s_acctbal decimal(15,2), s_comment varchar(101)",
    "customer": "c_custkey bigint, c_name varchar(25), c_address varchar(40), c_nationkey int, c_phone char(15),"
    " c_acctbal decimal(15,2), c_mktsegment char(10), c_comment varchar(117)",
    "part": "p_partkey bigint, p_name varchar(55), p_mfgr char(25), p_brand char(10), p_type varchar(25), p_size int,"
    " p_container char(10), p_retailprice decimal(15,2), p_comment varchar(23)",
    "partsupp": "ps_partkey bigint, ps_suppkey bigint, ps_availqty bigint, ps_supplycost decimal(15,2),"
    " ps_comment varchar(199)",
    "orders": "o_orderkey bigint, o_custkey bigint, o_orderstatus char(1), o_totalprice decimal(15,2),"
    " o_orderdate date, o_orderpriority char(15), o_clerk char(15), o_shippriority int, o_comment varchar(79)",
    "lineitem": "l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber bigint, l_quantity decimal(15,2),"
    " l_extendedprice decimal(15,2), l_discount decimal(15,2), l_tax decimal(15,2), l_returnflag char(1),"
    " l_linestatus char(1), l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct char(25),"
    " l_shipmode char(10), l_comment varchar(44)",
}
SORTKEYS: Final = {"orders": "o_orderdate", "lineitem": "l_shipdate"}
# Without these PostgreSQL takes hours for three of the queries.
POSTGRESQL_INDEXES: Final = (
    "CREATE INDEX ON lineitem (l_orderkey)",
    "CREATE INDEX ON lineitem (l_partkey, l_suppkey)",
    "CREATE UNIQUE INDEX ON orders (o_orderkey)",
    "CREATE INDEX ON orders (o_custkey)",
    "CREATE UNIQUE INDEX ON partsupp (ps_partkey, ps_suppkey)",
    "CREATE UNIQUE INDEX ON part (p_partkey)",
    "CREATE UNIQUE INDEX ON customer (c_custkey)",
    "CREATE UNIQUE INDEX ON supplier (s_suppkey)",
)


def generate(folder: Path, scale: float) -> duckdb.DuckDBPyConnection:
    """Return a raw DuckDB with the tables, having written each to ``folder/files/TABLE.csv``."""
    files = folder / "files"
    files.mkdir()
    raw = duckdb.connect(str(folder / "raw.duckdb"), config={"extension_directory": str(folder / "extensions")})
    for extension in ("tpch", "ducklake"):
        import_extension(extension, con=raw)
        raw.execute(f"LOAD {extension}")
    raw.execute(f"CALL dbgen(sf={scale})")
    for table in TABLES:
        raw.execute(f"COPY {table} TO '{files / table}.csv' (DELIMITER '|', HEADER false, QUOTE '')")
    # PostgreSQL reads them as another user.
    for path in (folder, files):
        os.chmod(path, 0o755)  # noqa: PTH101
    return raw


def queries(raw: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the 22 queries."""
    return [text.rstrip().rstrip(";") for (text,) in raw.execute("SELECT query FROM tpch_queries()").fetchall()]


def definition(table: str, *, sorted_by_key: bool) -> str:
    """Return the CREATE TABLE statement, with a SORTKEY where the server knows such and there is one."""
    suffix = f" SORTKEY ({SORTKEYS[table]})" if sorted_by_key and table in SORTKEYS else ""
    return f"CREATE TABLE {table} ({TABLES[table]}){suffix}"
