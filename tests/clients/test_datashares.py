"""Datashares outlive the server, and databases made of them can be connected to.

Redshift, "CREATE DATASHARE", "CREATE DATABASE" (FROM DATASHARE).
"""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.server import Server

LISTED = (
    "SELECT share_name, source_database, consumer_database, share_type, is_publicaccessible, share_acl, createdate"
    " FROM svv_datashares ORDER BY 1, 4, 3",
    "SELECT * FROM svv_datashare_objects ORDER BY 1, 2, 3, 4",
    "SELECT * FROM svv_datashare_consumers ORDER BY 1, 2, 3",
    "SELECT * FROM svv_datashare_privileges ORDER BY 1, 2, 4",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("shares") / "data") as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            for sql in (
                "CREATE TABLE t (a int, b varchar(10))", "INSERT INTO t VALUES (1, 'one'), (2, 'two')",
                "CREATE VIEW v AS SELECT a + 1 AS n FROM t", "CREATE USER bob PASSWORD 'Reader123'",
                "CREATE DATASHARE s SET PUBLICACCESSIBLE TRUE", "ALTER DATASHARE s ADD SCHEMA public",
                "ALTER DATASHARE s ADD TABLE public.t", "ALTER DATASHARE s SET INCLUDENEW TRUE FOR SCHEMA public",
                "CREATE TABLE later (x int)", "GRANT USAGE ON DATASHARE s TO ACCOUNT '123456789012'",
                "GRANT ALTER ON DATASHARE s TO bob", "CREATE DATABASE plain FROM DATASHARE s",
                "CREATE DATABASE fine WITH PERMISSIONS FROM DATASHARE s", "GRANT USAGE ON DATABASE fine TO bob",
                "GRANT SELECT ON fine.public.t TO bob",
            ):  # fmt: skip
                connection.execute(sql)
        yield running


def test_they_are_there_after_a_crash(server: Server) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        before = [connection.execute(query).fetchall() for query in LISTED]
        assert before[0][0][:5] == ("s", None, "fine", "INBOUND", True)
    server.kill()
    server.start()
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        assert [connection.execute(query).fetchall() for query in LISTED] == before
        assert connection.execute("SELECT count(*) FROM plain.public.t").fetchone() == (2,)
        connection.execute("CREATE TABLE latest (y int)")
        assert connection.execute("SELECT count(*) FROM plain.public.latest").fetchone() == (0,)
        connection.execute("SET SESSION AUTHORIZATION bob")
        assert connection.execute("SELECT max(b) FROM fine.public.t").fetchone() == ("two",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM fine.public.later")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM plain.public.t")


def test_a_database_made_of_one_can_be_connected_to(server: Server) -> None:
    with psycopg.connect(server.dsn.replace("dbname=dev", "dbname=plain"), autocommit=True) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("plain",)
        assert connection.execute("SELECT a, t.b FROM t ORDER BY 1").fetchall() == [(1, "one"), (2, "two")]
        assert connection.execute("SELECT b FROM public.t WHERE a = %s", (2,)).fetchall() == [("two",)]
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM v")
        tables = "SELECT table_name FROM svv_all_tables WHERE database_name = 'plain' AND schema_name = 'public' ORDER BY 1"
        assert [row for row in connection.execute(tables).fetchall() if row[0] != "latest"] == [("later",), ("t",)]
        found = connection.execute("SHOW TABLES FROM SCHEMA plain.public").fetchall()
        assert {"later", "t"} <= {row[2] for row in found}
        found = connection.execute("SHOW SCHEMAS FROM DATABASE plain").fetchall()
        assert ("plain", "public") in [row[:2] for row in found]
        for sql in ("CREATE TABLE x (a int)", "CREATE VIEW x AS SELECT 1 AS a", "CREATE SCHEMA x", "DROP TABLE t", "DELETE FROM t"):
            with pytest.raises(psycopg.Error):
                connection.execute(sql)
        connection.execute("CREATE TEMP TABLE mine AS SELECT * FROM t")
        assert connection.execute("SELECT count(*) FROM mine JOIN t ON mine.a = t.a").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM pg_temp.mine").fetchone() == (2,)
        # What one session sees of another's changes is what it sees of tables.
        connection.execute("BEGIN")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)
        with psycopg.connect(server.dsn, autocommit=True) as other:
            other.execute("INSERT INTO t VALUES (3, 'three')")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)
        connection.execute("COMMIT")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (3,)


def test_a_prepared_statement_ends_with_the_share(server: Server) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        query = "SELECT b FROM plain.public.t WHERE a = %s"
        assert connection.execute(query, (1,), prepare=True).fetchall() == [("one",)]
        connection.execute("ALTER DATASHARE s REMOVE TABLE public.t")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute(query, (1,), prepare=True)
        connection.execute("ALTER DATASHARE s ADD TABLE public.t")
        assert connection.execute(query, (1,), prepare=True).fetchall() == [("one",)]
        connection.execute("REVOKE USAGE ON DATASHARE s FROM ACCOUNT '123456789012'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(query, (1,), prepare=True)
        connection.execute("GRANT USAGE ON DATASHARE s TO ACCOUNT '123456789012'")
        assert connection.execute(query, (1,), prepare=True).fetchall() == [("one",)]


def test_a_user_who_owns_or_holds_something_of_them_is_not_dropped(server: Server) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DependentObjectsStillExist):
            connection.execute("DROP USER bob")
        for sql in (
            "REVOKE ALTER ON DATASHARE s FROM bob", "REVOKE SELECT ON fine.public.t FROM bob",
            "REVOKE USAGE ON DATABASE fine FROM bob",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.DependentObjectsStillExist):
                connection.execute("DROP USER bob")
            connection.execute(sql)
        connection.execute("DROP USER bob")
