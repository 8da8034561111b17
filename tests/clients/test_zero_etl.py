"""Databases that copy a real PostgreSQL's as it changes.

Redshift, "Zero-ETL integrations"; Amazon Aurora, "Adding data to a source Aurora DB cluster and querying it".
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.support import postgres
from tests.support.server import Server

pytestmark = pytest.mark.skipif(postgres.programs() is None, reason="needs PostgreSQL")
WITHIN_S = 60


@dataclass
class Copied:
    source: postgres.Postgres
    server: Server

    def there(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Run statements at the source, each a transaction of its own; return the last one's rows."""
        with psycopg.connect(self.source.dsn, dbname=database, autocommit=True) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def here(self, query: str) -> list[Any]:
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def becomes(self, query: str, rows: list[Any]) -> None:
        """Wait until a query gives *rows*."""
        end, found = time.monotonic() + WITHIN_S, None
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            while time.monotonic() < end:
                try:
                    found = connection.execute(query).fetchall()
                except psycopg.Error as error:
                    found = [type(error)]
                if found == rows:
                    return
                time.sleep(0.05)
        assert found == rows

    def same(self, table: str, columns: str = "*", key: str = "id") -> None:
        """Wait until a table here is what it is there."""
        query = f"SELECT {columns} FROM {{}}{table} ORDER BY {key}"
        self.becomes(query.format("crm."), self.there(query.format("")))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copied]:
    folder = tmp_path_factory.mktemp("zero-etl")
    with postgres.running("wal_level=logical", "max_replication_slots=4") as source:
        config = folder / "config.toml"
        config.write_text(
            f"[integrations.sales]\nhost = '127.0.0.1'\nport = {source.port}\nuser = 'postgres'\ndatabase = 'postgres'\n"
            f"[integrations.limited]\nhost = '127.0.0.1'\nport = {source.port}\nuser = 'follower'\nsslmode = 'disable'\n"
            "publication = 'chosen'\ntables = ['public.p*']\n"
            "[integrations.away]\nhost = '127.0.0.1'\nport = 1\nuser = 'nobody'\npassword = 'S3cret'\ndatabase = 'x'\n"
        )
        with Server(folder / "data", arguments=("--config", str(config))) as server:
            found = Copied(source, server)
            found.there(
                "CREATE SCHEMA sales",
                "CREATE TABLE sales.orders (id int PRIMARY KEY, note text, price numeric(8,2))",
                "INSERT INTO sales.orders SELECT g, 'note ' || g, g / 4.0 FROM generate_series(1, 1000) AS g",
                "CREATE TABLE sales.keyless (a int)",
            )
            found.here("CREATE DATABASE crm FROM INTEGRATION 'sales' DATABASE \"postgres\"")
            yield found


def test_rows_that_were_there_before_are_copied(copied: Copied) -> None:
    copied.becomes("SELECT count(*), sum(price) FROM crm.sales.orders", [(1000, Decimal("125125.00"))])


def test_changes_follow(copied: Copied) -> None:
    copied.there(
        "INSERT INTO sales.orders SELECT g, 'late', 1 FROM generate_series(1001, 3000) AS g",
        "UPDATE sales.orders SET note = 'changed' WHERE id <= 20",
        "UPDATE sales.orders SET id = id + 10000 WHERE id BETWEEN 30 AND 40",
        "DELETE FROM sales.orders WHERE id BETWEEN 50 AND 1500",
        "BEGIN; INSERT INTO sales.orders VALUES (7777, 'gone', 0); ROLLBACK",
        "BEGIN; DELETE FROM sales.orders WHERE id = 1; INSERT INTO sales.orders VALUES (1, 'again', 2); COMMIT",
    )
    copied.same("sales.orders")


def test_values_of_all_types_are_the_same_at_first_and_as_changes(copied: Copied) -> None:
    values = (
        "'{a,\"b c\",NULL}', '{{1,2}}', '{\"k\": [1, 2.50, \"ü\"]}', '2020-01-02 03:04:05.678+02', '2020-01-02', true,"
        " '\\xdead', 'ab', '1 day 02:00', 1.5, 'a3bb189e-8bf9-3888-9912-ace4e6543002', '12:34', '$1,234.50', 'sad',"
        " 12345678901234567890.5, '2020-02-29 12:00'"
    )
    copied.there(
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE DOMAIN small AS numeric(12,3)",
        "CREATE TABLE types (id bigint PRIMARY KEY, tags text[], grid int[], doc jsonb, at timestamptz, day date, ok bool,"
        " raw bytea, code char(5), span interval, price small, uid uuid, clock time, paid money, feel mood, loose numeric,"
        " plain timestamp)",
        f"INSERT INTO types VALUES (1, {values})",
        "INSERT INTO types VALUES (2)",
    )
    copied.becomes("SELECT count(*) FROM crm.public.types", [(2,)])
    copied.there(f"INSERT INTO types VALUES (3, {values})", "INSERT INTO types VALUES (4)")
    copied.becomes("SELECT count(*) FROM crm.public.types", [(4,)])
    rows = copied.here("SELECT * FROM crm.public.types ORDER BY id")
    assert rows[0][1:] == rows[2][1:]
    assert set(rows[1][1:]) == set(rows[3][1:]) == {None}
    row = rows[0]
    assert row[1:4] == ('["a","b c",null]', "[[1,2]]", '{"k":[1,2.50,"ü"]}')
    assert (row[4].isoformat(), str(row[5]), row[6], row[7]) == (
        "2020-01-02T01:04:05.678000+00:00", "2020-01-02", True, "dead",
    )  # fmt: skip
    assert (row[8].rstrip(), row[9], row[10]) == ("ab", "1 day 02:00:00", Decimal("1.500"))
    assert row[11:16] == (
        "a3bb189e-8bf9-3888-9912-ace4e6543002", "12:34:00", Decimal("1234.500"), "sad", Decimal("12345678901234567890.5"),
    )  # fmt: skip
    assert copied.here("SELECT doc.k[1] FROM crm.public.types WHERE id = 3") == [("2.50",)]


def test_long_values_that_an_update_leaves_are_kept(copied: Copied) -> None:
    copied.there(
        "CREATE TABLE long (id int PRIMARY KEY, body text, note text)",
        "ALTER TABLE long ALTER body SET STORAGE EXTERNAL",
        "INSERT INTO long SELECT g, repeat(chr(64 + g), 20000), 'a' FROM generate_series(1, 4) AS g",
    )
    copied.same("public.long")
    copied.there(
        "UPDATE long SET note = 'b'", "UPDATE long SET id = 9 WHERE id = 2",
        "BEGIN; UPDATE long SET note = 'c' WHERE id = 3; UPDATE long SET id = 8 WHERE id = 3;"
        " UPDATE long SET note = 'd' WHERE id = 8; COMMIT",
    )  # fmt: skip
    copied.same("public.long")


def test_columns_come_go_and_change(copied: Copied) -> None:
    copied.there(
        "CREATE TABLE shape (id int PRIMARY KEY, a text, b int)",
        "INSERT INTO shape SELECT g, 'x', g FROM generate_series(1, 5) AS g",
    )
    copied.same("public.shape")
    number = "SELECT table_id FROM svv_table_info WHERE \"table\" = 'shape'"
    copied.there(
        "INSERT INTO shape VALUES (6, 'before', 6)",
        "ALTER TABLE shape ADD COLUMN c date",
        "INSERT INTO shape VALUES (7, 'after', 7, '2020-01-02')",
        "UPDATE shape SET c = '2020-03-04' WHERE id = 1",
    )
    copied.same("public.shape", "id, a, b, c")
    copied.there("ALTER TABLE shape RENAME COLUMN a TO word; ALTER TABLE shape DROP COLUMN b")
    copied.same("public.shape", "id, word, c")
    copied.there("ALTER TABLE shape ADD COLUMN filled int DEFAULT 42; ALTER TABLE shape ALTER word TYPE int USING length(word)")
    copied.same("public.shape", "id, word, c, filled")
    copied.there("ALTER TABLE shape RENAME TO figure", "INSERT INTO figure VALUES (70, 1)")
    copied.same("public.figure", "id, word, c, filled")
    assert copied.here(number) == []
    copied.there("TRUNCATE figure; INSERT INTO figure VALUES (80, 2)")
    copied.same("public.figure", "id, word, c, filled")
    copied.there("ALTER TABLE figure SET SCHEMA sales")
    copied.same("sales.figure", "id, word, c, filled")
    copied.there("DROP TABLE sales.figure")
    copied.becomes("SELECT count(*) FROM svv_all_tables WHERE table_name = 'figure'", [(0,)])


def test_columns_that_change_within_a_transaction_with_rows(copied: Copied) -> None:
    copied.there("CREATE TABLE mixed (id int PRIMARY KEY, a int); INSERT INTO mixed VALUES (1, 1)")
    copied.same("public.mixed")
    copied.there(
        "BEGIN; INSERT INTO mixed VALUES (2, 2); ALTER TABLE mixed ADD COLUMN b int; INSERT INTO mixed VALUES (3, 3, 3);"
        " ALTER TABLE mixed DROP COLUMN a; INSERT INTO mixed VALUES (4, 4); COMMIT",
        "INSERT INTO mixed VALUES (5, 5)",
    )
    copied.same("public.mixed", "id, b")


def test_a_table_without_key_fails_until_it_has_one(copied: Copied) -> None:
    state = "SELECT trim(table_state), trim(reason) FROM svv_integration_table_state WHERE table_name = 'keyless'"
    copied.becomes(state, [("Failed", "The table has no primary key.")])
    # The source may change it as before.
    copied.there("INSERT INTO sales.keyless VALUES (1), (2)", "UPDATE sales.keyless SET a = 3 WHERE a = 2")
    with pytest.raises(psycopg.errors.UndefinedTable):
        copied.here("SELECT * FROM crm.sales.keyless")
    copied.there("ALTER TABLE sales.keyless ADD PRIMARY KEY (a)")
    copied.becomes(state, [("Synced", "")])
    copied.same("sales.keyless", key="a")
    copied.there("ALTER TABLE sales.keyless DROP CONSTRAINT keyless_pkey")
    copied.becomes(state, [("Failed", "The table has no primary key.")])
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="not available for querying right now"):
        copied.here("SELECT * FROM crm.sales.keyless")
    copied.here("ALTER DATABASE crm INTEGRATION SET QUERY_ALL_STATES TRUE")
    copied.becomes("SELECT count(*) FROM crm.sales.keyless", [(2,)])
    copied.here("ALTER DATABASE crm INTEGRATION SET QUERY_ALL_STATES = FALSE")
    copied.there("DELETE FROM sales.keyless WHERE a = 1")


def test_text_that_is_too_long_fails_or_is_cut(copied: Copied) -> None:
    copied.there("CREATE TABLE wide (id int PRIMARY KEY, a text)", "INSERT INTO wide VALUES (1, repeat('x', 65535))")
    copied.same("public.wide")
    copied.there("INSERT INTO wide VALUES (2, repeat('y', 65536))", "INSERT INTO sales.orders VALUES (20000, 'beside', 1)")
    state = "SELECT trim(table_state) FROM svv_integration_table_state WHERE table_name = 'wide'"
    copied.becomes(state, [("Failed",)])
    copied.becomes("SELECT note FROM crm.sales.orders WHERE id = 20000", [("beside",)])
    copied.here("ALTER DATABASE crm INTEGRATION SET TRUNCATECOLUMNS TRUE")
    copied.here("ALTER DATABASE crm INTEGRATION REFRESH INERROR TABLES IN SCHEMA public")
    copied.becomes("SELECT id, len(a) FROM crm.public.wide ORDER BY id", [(1, 65535), (2, 65535)])
    copied.here("ALTER DATABASE crm INTEGRATION SET TRUNCATECOLUMNS FALSE")


def test_grants_and_views_outlast_a_refresh(copied: Copied) -> None:
    copied.there("CREATE TABLE granted (id int PRIMARY KEY)", "INSERT INTO granted VALUES (1)")
    copied.same("public.granted")
    copied.here("CREATE USER reader PASSWORD 'Reader123'")
    for statement in (
        "GRANT USAGE ON DATABASE crm TO reader", "GRANT USAGE ON SCHEMA crm.public TO reader",
        "GRANT SELECT ON TABLE crm.public.granted TO reader", "ALTER DATABASE crm INTEGRATION REFRESH TABLE public.granted",
    ):  # fmt: skip
        copied.here(statement)
    copied.becomes(
        "SELECT trim(new_state) FROM sys_integration_table_state_change WHERE table_name = 'granted' ORDER BY record_time",
        [(state,) for state in ("ResyncRequired", "Synced", "ResyncRequired", "ResyncInitiated", "Synced")],
    )
    with psycopg.connect(copied.server.dsn, autocommit=True) as connection:
        connection.execute("SET SESSION AUTHORIZATION reader")
        assert connection.execute("SELECT * FROM crm.public.granted").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO crm.sales.orders (id) VALUES (1)", "UPDATE crm.sales.orders SET id = 1", "DELETE FROM crm.sales.orders",
        "TRUNCATE crm.sales.orders", "DROP TABLE crm.sales.orders", "ALTER TABLE crm.sales.orders ADD COLUMN x int",
        "CREATE TABLE crm.sales.mine (a int)", "CREATE VIEW crm.sales.mine AS SELECT 1 AS a", "DROP SCHEMA crm.sales CASCADE",
    ],
)  # fmt: skip
def test_the_database_is_read_only(copied: Copied, statement: str) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match='database "crm" is read-only'):
        copied.here(statement)


def test_the_views_tell_of_it(copied: Copied) -> None:
    copied.becomes(
        "SELECT trim(source), trim(state), trim(source_database), refresh_interval, total_tables_replicated > 0,"
        " creation_time IS NOT NULL FROM svv_integration WHERE target_database = 'crm'",
        [("PostgreSQL", "CdcRefreshState", "postgres", 0, True, True)],
    )
    assert copied.here("SELECT current_lag < 10000 FROM svv_integration WHERE target_database = 'crm'") == [(True,)]
    kinds = copied.here("SELECT DISTINCT trim(checkpoint_type) FROM sys_integration_activity ORDER BY 1")
    assert kinds == [("cdc",), ("snapshot",)]
    assert copied.here(
        "SELECT max(inserted_rows) >= 2000, max(updated_rows) >= 20, max(deleted_rows) > 1000"
        " FROM sys_integration_table_activity WHERE table_name = 'orders'"
    ) == [(True, True, True)]  # fmt: skip


def test_a_crash_on_either_side_loses_and_doubles_nothing(copied: Copied) -> None:
    copied.there("CREATE TABLE busy (id int PRIMARY KEY, n int)")
    with psycopg.connect(copied.source.dsn, autocommit=True) as writer:
        copied.becomes("SELECT count(*) FROM crm.public.busy", [(0,)])
        for number in range(200):
            writer.execute("INSERT INTO busy VALUES (%s, 0)", (number,))
            writer.execute("UPDATE busy SET n = n + 1 WHERE id %% 7 = %s", (number % 7,))
        copied.server.kill()
        writer.execute("DELETE FROM busy WHERE id % 13 = 1")
        copied.server.start()
    copied.same("public.busy")
    copied.source.restart()
    copied.there("INSERT INTO busy SELECT g, g FROM generate_series(1000, 1100) AS g")
    copied.same("public.busy")


def test_a_transaction_larger_than_a_chunk_comes_whole(copied: Copied) -> None:
    copied.there("CREATE TABLE large (id int PRIMARY KEY, n int)")
    copied.becomes("SELECT count(*) FROM crm.public.large", [(0,)])
    copied.there(
        "BEGIN; INSERT INTO large SELECT g, 0 FROM generate_series(1, 120000) AS g; UPDATE large SET n = 1 WHERE id <= 60000;"
        " COMMIT"
    )
    seen = set()
    end = time.monotonic() + WITHIN_S
    while (120_000, 60_000) not in seen and time.monotonic() < end:
        seen.add(copied.here("SELECT count(*), coalesce(sum(n), 0) FROM crm.public.large")[0])
    assert seen <= {(0, 0), (120_000, 60_000)}
    assert (120_000, 60_000) in seen


def test_a_table_that_is_being_written_when_it_is_found(copied: Copied) -> None:
    with psycopg.connect(copied.source.dsn) as writer:
        # Its first rows come before the table is published, its commit after.
        copied.there("CREATE TABLE early (id int PRIMARY KEY)")
        for number in range(60):
            writer.execute("INSERT INTO early VALUES (%s)", (number,))
            time.sleep(0.02)
    copied.same("public.early")


def test_a_slot_that_is_lost_has_all_copied_anew(copied: Copied) -> None:
    # As long as it tells something, a slot cannot be dropped.
    dropped = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active"
    end = time.monotonic() + WITHIN_S
    while not copied.there(dropped) and time.monotonic() < end:
        pass
    copied.there("INSERT INTO busy VALUES (5000, 1)")
    copied.same("public.busy")


def test_a_publication_of_the_sources_own_needs_no_more_than_reading(copied: Copied) -> None:
    copied.there("CREATE DATABASE second", "CREATE USER follower REPLICATION")
    copied.there(
        "CREATE TABLE parts (id int, day date, secret text, n int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
        "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')",
        'CREATE TABLE plain (id int PRIMARY KEY, "Mixed Case" text)', "CREATE TABLE other (id int PRIMARY KEY)",
        "CREATE TABLE public.hidden (id int PRIMARY KEY)",
        "INSERT INTO parts SELECT g, date '2020-06-01' + g, 's', g FROM generate_series(1, 500) AS g",
        "INSERT INTO plain VALUES (1, 'a')",
        "CREATE PUBLICATION chosen FOR TABLE parts (id, day, n) WHERE (id > 10), plain, other"
        " WITH (publish_via_partition_root = true)",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO follower", database="second",
    )  # fmt: skip
    copied.here("CREATE DATABASE few FROM INTEGRATION 'limited' DATABASE 'second' SET REFRESH_INTERVAL 0")
    copied.becomes("SELECT count(*), min(id), sum(n) FROM few.public.parts", [(490, 11, 125195)])
    copied.there(
        "UPDATE parts SET n = 0 WHERE id = 20", "UPDATE parts SET day = day + 300 WHERE id = 30",
        "INSERT INTO parts VALUES (5, '2020-01-01', 's', 1), (1000, '2021-02-02', 's', 7)",
        "INSERT INTO plain VALUES (2, 'b')", database="second",
    )  # fmt: skip
    copied.becomes("SELECT count(*), min(id), sum(n) FROM few.public.parts", [(491, 11, 125182)])
    with psycopg.connect(copied.server.dsn, autocommit=True) as connection:
        connection.execute("SET enable_case_sensitive_identifier TO true")
        rows = connection.execute('SELECT "Mixed Case" FROM few.public.plain ORDER BY 1').fetchall()
    assert rows == [("a",), ("b",)]
    names = copied.here("SELECT trim(table_name) FROM svv_integration_table_state WHERE target_database = 'few' ORDER BY 1")
    assert names == [("parts",), ("plain",)]
    copied.here("DROP DATABASE few")
    end = time.monotonic() + WITHIN_S
    slots = "SELECT count(*) FROM pg_replication_slots WHERE database = 'second'"
    while copied.there(slots) != [(0,)] and time.monotonic() < end:
        pass
    assert copied.there("SELECT pubname FROM pg_publication", database="second") == [("chosen",)]


def test_what_cannot_be_made(copied: Copied) -> None:
    for statement, state in (
        ("CREATE DATABASE other FROM INTEGRATION 'nothing' DATABASE x", psycopg.errors.UndefinedObject),
        ("CREATE DATABASE other FROM INTEGRATION 'sales'", psycopg.errors.DuplicateObject),
        ("CREATE DATABASE other FROM INTEGRATION 'sales' DATABASE y SET HISTORY_MODE = TRUE", psycopg.errors.FeatureNotSupported),
        ("ALTER DATABASE dev INTEGRATION REFRESH ALL TABLES", psycopg.errors.WrongObjectType),
        ("ALTER DATABASE crm INTEGRATION REFRESH TABLE public.nothing", psycopg.errors.UndefinedTable),
        ("ALTER DATABASE crm INTEGRATION SET REFRESH_INTERVAL 500000", psycopg.errors.InvalidParameterValue),
    ):
        with pytest.raises(state):
            copied.here(statement)
    copied.here("CREATE DATABASE unreached FROM INTEGRATION 'away'")
    copied.becomes("SELECT trim(state) FROM svv_integration WHERE integration_id = 'away'", [("ErrorState",)])
    copied.here("DROP DATABASE unreached")
    assert "S3cret" not in "".join(copied.server.log)


def test_dropping_the_database_leaves_nothing_at_the_source(copied: Copied) -> None:
    copied.here("DROP DATABASE crm")
    end = time.monotonic() + WITHIN_S
    found: list[Any] = [None]
    while found and time.monotonic() < end:
        found = copied.there("SELECT slot_name FROM pg_replication_slots UNION ALL SELECT pubname FROM pg_publication")
    assert found == []
    copied.becomes("SELECT trim(state) FROM svv_integration WHERE integration_id = 'sales'", [("PendingDbConnectState",)])
