"""DDL in a catalog of many objects: names change in the catalog alone, drops are gathered."""

from pathlib import Path

import psycopg

from tests.support.server import Server

GROUPS = 1_000


def rows(connection: "psycopg.Connection[tuple[object, ...]]", query: str) -> list[tuple[object, ...]]:
    return connection.execute(query).fetchall()  # type: ignore[arg-type]


def swap(connection: "psycopg.Connection[tuple[object, ...]]", value: int) -> None:
    """Build a table beside the one that is there and put it in its place, as dbt does."""
    with connection.transaction():
        connection.execute(f"CREATE TABLE model__tmp AS SELECT {value} AS n")
        connection.execute("ALTER TABLE model RENAME TO model__backup")
        connection.execute("ALTER TABLE model__tmp RENAME TO model")
    connection.execute("DROP TABLE model__backup")


def test_names_may_be_used_again_and_last(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.pgconn.exec_(
                ";".join(["BEGIN", *(f"CREATE GROUP g{number}" for number in range(GROUPS)), "COMMIT"]).encode()
            )
            connection.execute("CREATE TABLE model (n int)")
            connection.execute("INSERT INTO model VALUES (0)")
            connection.execute("CREATE VIEW seen AS SELECT n FROM model")
            connection.execute("DROP VIEW seen")
            for value in (1, 2, 3):
                swap(connection, value)
                assert rows(connection, "SELECT n FROM model") == [(value,)]
            connection.execute("INSERT INTO model VALUES (4)")
            connection.execute("UPDATE model SET n = 5 WHERE n = 4")

            connection.execute("ALTER TABLE model RENAME TO moved")
            connection.execute("CREATE TABLE model (other varchar(10))")
            connection.execute("INSERT INTO model VALUES ('new')")
            connection.execute("ALTER TABLE moved ADD COLUMN more int DEFAULT 7")
            assert rows(connection, "SELECT * FROM moved ORDER BY n") == [(3, 7), (5, 7)]
            assert rows(connection, "SELECT * FROM model") == [("new",)]
            assert rows(connection, "SELECT 'moved'::regclass::varchar") == [("moved",)]

            for value in ("first", "second", "third"):
                connection.execute("DROP TABLE model")
                connection.execute(f"CREATE TABLE model AS SELECT '{value}'::varchar(10) AS other")
                assert rows(connection, "SELECT * FROM model") == [(value,)]
            connection.execute("BEGIN")
            connection.execute("DROP TABLE model")
            connection.execute("CREATE TABLE model (a int)")
            connection.execute("ROLLBACK")
            assert rows(connection, "SELECT * FROM model") == [("third",)]
            connection.execute("DROP TABLE moved")
            connection.execute("CREATE TABLE kept (a int)")
        server.stop()
        server.start()
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            assert rows(connection, "SELECT * FROM model") == [("third",)]
            assert rows(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1") == [
                ("kept",),
                ("model",),
            ]
            connection.execute("CREATE TABLE moved (a int)")
            assert rows(connection, "SELECT * FROM moved") == []


def test_names_of_dropped_tables_wait_for_nobody(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.pgconn.exec_(
                ";".join(["BEGIN", *(f"CREATE GROUP g{number}" for number in range(GROUPS)), "COMMIT"]).encode()
            )
            for number in range(5):
                connection.execute(f"CREATE TABLE t (a{number} int)")
                connection.execute(f"INSERT INTO t VALUES ({number})")
                assert rows(connection, f"SELECT a{number} FROM t") == [(number,)]
                connection.execute("DROP TABLE t")
        server.kill()
        server.start()
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE t (b int)")
            assert rows(connection, "SELECT b FROM t") == []
