"""Federated queries against real servers: PostgreSQL and MariaDB.

Redshift, "Querying data with federated queries in Amazon Redshift".
"""

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest

from tests.support import mariadb, postgres, s3
from tests.support.server import Server

ROLE = "arn:aws:iam::123456789012:role/federated"
GIVEN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:given"
PASSWORD = "p'as\"s w"


@dataclass
class Outside:
    server: Server
    arn: str
    remote: Any

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.server.dsn, autocommit=True)


def _config(folder: Path, address: str, secrets: dict[str, dict[str, str]]) -> Path:
    config = folder / "config.toml"
    given = "\n".join(f"'{arn}' = '''{json.dumps(value)}'''" for arn, value in secrets.items())
    config.write_text(f"""
[secrets]
{given}
[roles."{ROLE}"]
access_key_id = "{s3.KEY_ID}"
secret_access_key = "{s3.SECRET}"
services = ["secretsmanager=http://{address}"]
""")
    return config


@pytest.fixture(scope="module")
def pg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    folder = tmp_path_factory.mktemp("federated")
    with s3.endpoint() as endpoint, postgres.running("log_statement=all") as remote:
        client = boto3.session.Session().client(
            "secretsmanager", endpoint_url=f"http://{endpoint.address}", region_name="us-east-1",
            aws_access_key_id=s3.KEY_ID, aws_secret_access_key=s3.SECRET,
        )  # fmt: skip
        document = json.dumps({"username": "reader", "password": PASSWORD})
        arn = client.create_secret(Name="apg", SecretString=document)["ARN"]
        with psycopg.connect(remote.dsn, autocommit=True) as admin:
            admin.execute(f"CREATE USER reader PASSWORD '{PASSWORD.replace(chr(39), chr(39) * 2)}'")
            admin.execute("CREATE SCHEMA sales; GRANT USAGE ON SCHEMA sales TO reader")
            admin.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA sales GRANT SELECT ON TABLES TO reader")
            admin.execute(
                'CREATE TABLE sales.orders (id int, "When" timestamptz, price numeric(8,2), free numeric, note text,'
                " code char(5), tags text[], doc jsonb, raw bytea, span interval, at time, ok boolean, day date)"
            )
            admin.execute(
                "INSERT INTO sales.orders VALUES (1, '2020-01-02 03:04:05+00', 4.5, 123456789012345678.125, 'first', 'ab',"
                " '{x,y}', '{\"a\": 1}', '\\xdead', '1 day 02:00', '03:04:05', true, '2020-01-02')"
            )
            admin.execute("INSERT INTO sales.orders (id) VALUES (2)")
            admin.execute("CREATE VIEW sales.seen AS SELECT id, price FROM sales.orders")
            config = _config(folder, endpoint.address, {GIVEN: {"username": "reader", "password": PASSWORD}})
            with Server(folder / "data", arguments=("--config", str(config))) as server:
                found = Outside(server, arn, remote)
                with found.connect() as connection:
                    connection.execute(_schema("apg", remote.port, arn))
                yield found


def _schema(name: str, port: int, arn: str, kind: str = "POSTGRES", database: str = "postgres") -> str:
    schema = "SCHEMA 'sales'" if kind == "POSTGRES" else ""
    return (
        f"CREATE EXTERNAL SCHEMA {name} FROM {kind} DATABASE '{database}' {schema} URI '127.0.0.1' PORT {port}"
        f" IAM_ROLE '{ROLE}' SECRET_ARN '{arn}'"
    )


def test_types_are_redshifts(pg: Outside) -> None:
    with pg.connect() as connection:
        cursor = connection.execute("SELECT * FROM apg.orders ORDER BY id LIMIT 1")
        row = cursor.fetchone()
        described = connection.execute(
            "SELECT columnname, external_type FROM svv_external_columns WHERE schemaname = 'apg' AND tablename = 'orders'"
            " ORDER BY columnnum"
        ).fetchall()
    assert row is not None
    values = dict(zip([item.name for item in cursor.description or ()], row, strict=True))
    assert values["price"] == Decimal("4.50")
    assert values["free"] == Decimal("123456789012345678.125")
    assert (values["note"], values["code"].rstrip(), values["tags"]) == ("first", "ab", "{x,y}")
    assert (values["doc"], values["raw"], values["span"]) == ('{"a": 1}', "\\xdead", "1 day 02:00:00")
    assert (values["at"], values["ok"], str(values["day"])) == ("03:04:05", True, "2020-01-02")
    assert values["when"].isoformat() == "2020-01-02T03:04:05+00:00"
    assert dict(described)["doc"] == "varchar(65535)"
    assert dict(described)["price"] == "decimal(8,2)"


def test_remote_and_local_tables_are_joined(pg: Outside) -> None:
    with pg.connect() as connection:
        connection.execute("CREATE TEMP TABLE local (id int, word varchar(10))")
        connection.execute("INSERT INTO local VALUES (1, 'one'), (3, 'three')")
        rows = connection.execute(
            "SELECT l.word, s.price FROM local l LEFT JOIN apg.seen s USING (id) ORDER BY 1"
        ).fetchall()
        assert rows == [("one", Decimal("4.50")), ("three", None)]
        connection.execute("CREATE TABLE kept AS SELECT id, price FROM apg.seen WHERE price IS NOT NULL")
        assert connection.execute("SELECT * FROM kept").fetchall() == [(1, Decimal("4.50"))]
        connection.execute("DROP TABLE kept")


def test_parameters_and_views_read_it(pg: Outside) -> None:
    with pg.connect() as connection:
        assert connection.execute("SELECT id FROM apg.orders WHERE note = %s", ("first",)).fetchall() == [(1,)]
        connection.execute("CREATE VIEW late AS SELECT id FROM apg.orders WITH NO SCHEMA BINDING")
        assert connection.execute("SELECT count(*) FROM late WHERE id > 1").fetchone() == (1,)
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="External tables are not supported in views"):
            connection.execute("CREATE VIEW early AS SELECT id FROM apg.orders")
        connection.execute("DROP VIEW late")


def test_conditions_and_columns_go_to_the_server(pg: Outside) -> None:
    with psycopg.connect(pg.remote.dsn, autocommit=True) as admin:
        admin.execute("CREATE TABLE sales.many AS SELECT g AS id, repeat('x', 100) AS wide FROM generate_series(1, 50000) g")
    with pg.connect() as connection:
        assert connection.execute("SELECT id FROM apg.many WHERE id BETWEEN 7 AND 8 ORDER BY 1").fetchall() == [(7,), (8,)]
        assert connection.execute("SELECT count(*) FROM apg.many").fetchone() == (50_000,)
    asked = [line for line in pg.remote.log.read_text().splitlines() if '"sales"."many"' in line]
    assert 'COPY (SELECT "id" FROM "sales"."many" WHERE' in asked[0]


# Values that servers sort and compare otherwise than by their bytes.
WORDS = ("n19", "n19a", "N19", "n1:", "n1", "a", "B", "b", "A", "n19 ", "e", "z", "Z", "_x", "x", "")
ASKED = (
    "id FROM {} WHERE name = 'n19'", "id FROM {} WHERE name LIKE 'n19%'", "id FROM {} WHERE name > 'B'",
    "id FROM {} WHERE name < 'b'", "id FROM {} WHERE name BETWEEN 'A' AND 'b'", "id FROM {} WHERE name IN ('a', 'b', 'Z')",
    "id FROM {} WHERE name <> 'a'", "id FROM {} WHERE id > 3 AND name = 'b'", "id FROM {} WHERE id IN (1, 3, 5)",
    "TOP 2 id FROM {} ORDER BY id DESC", "id FROM {} WHERE id > 5 ORDER BY id DESC LIMIT 2", "count(*) FROM {}",
    "max(id), min(name), avg(id), count(DISTINCT lower(name)) FROM {}", "name FROM {} ORDER BY name LIMIT 3",
    "name, id FROM {} ORDER BY name DESC, id LIMIT 3", "id FROM {} ORDER BY id LIMIT 2 OFFSET 3",
    "w.id FROM (SELECT id, row_number() OVER (ORDER BY id DESC) AS r FROM {}) AS w WHERE r < 3 ORDER BY r",
    "x.id FROM {} AS x JOIN words AS y ON x.name = y.name AND y.id IN (3, 7) ORDER BY 1",
)  # fmt: skip


def _agree(connection: psycopg.Connection, table: str) -> None:
    """Check that a table elsewhere answers as one here with the same rows."""
    connection.execute("CREATE TEMP TABLE words (id int, name varchar(80))")
    connection.cursor().executemany("INSERT INTO words VALUES (%s, %s)", list(enumerate(WORDS)))
    for text in ASKED:
        there = connection.execute(f"SELECT {text.format(table)}").fetchall()
        here = connection.execute(f"SELECT {text.format('words')}").fetchall()
        assert there == here if "ORDER BY" in text else sorted(there) == sorted(here), text


def test_text_is_compared_and_sorted_as_here(pg: Outside) -> None:
    with psycopg.connect(pg.remote.dsn, autocommit=True) as admin:
        admin.execute('CREATE TABLE sales.words (id int, name text COLLATE "en-x-icu")')
        admin.cursor().executemany("INSERT INTO sales.words VALUES (%s, %s)", list(enumerate(WORDS)))
    with pg.connect() as connection:
        _agree(connection, "apg.words")


def test_changes_there_are_seen_at_once(pg: Outside) -> None:
    with pg.connect() as connection, psycopg.connect(pg.remote.dsn, autocommit=True) as admin:
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM apg.fresh")
        admin.execute("CREATE TABLE sales.fresh (a int)")
        assert connection.execute("SELECT count(*) FROM apg.fresh").fetchone() == (0,)
        admin.execute("INSERT INTO sales.fresh VALUES (5); ALTER TABLE sales.fresh ADD COLUMN b text DEFAULT 'new'")
        assert connection.execute("SELECT * FROM apg.fresh").fetchall() == [(5, "new")]
        admin.execute("DROP TABLE sales.fresh; CREATE TABLE sales.fresh (b date)")
        assert connection.execute("SELECT * FROM apg.fresh").fetchall() == []
        admin.execute("DROP TABLE sales.fresh")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM apg.fresh")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO apg.seen SELECT 1, 2", "UPDATE apg.seen SET id = 1", "DELETE FROM apg.seen", "DROP TABLE apg.seen",
        "TRUNCATE apg.seen", "ALTER TABLE apg.seen ADD COLUMN c int",
        "CREATE EXTERNAL TABLE apg.t (a int) STORED AS PARQUET LOCATION 's3://b/x/'", "CREATE TABLE apg.t (a int)",
    ],
)  # fmt: skip
def test_it_is_read_only(pg: Outside, statement: str) -> None:
    with pg.connect() as connection, pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute(statement)


def test_the_catalog_views_list_it(pg: Outside) -> None:
    with pg.connect() as connection:
        found = connection.execute(
            "SELECT eskind, databasename FROM svv_external_schemas WHERE schemaname = 'apg'"
        ).fetchall()
        assert found == [(3, "postgres")]
        names = connection.execute(
            "SELECT tablename FROM svv_external_tables WHERE schemaname = 'apg' AND tablename IN ('orders', 'seen') ORDER BY 1"
        ).fetchall()
        assert names == [("orders",), ("seen",)]


def test_only_who_may_use_the_schema_reads(pg: Outside) -> None:
    with pg.connect() as connection:
        connection.execute("CREATE USER stranger PASSWORD 'Stranger12'")
        connection.execute("SET SESSION AUTHORIZATION stranger")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for schema apg"):
            connection.execute("SELECT * FROM apg.orders")
        connection.execute("RESET SESSION AUTHORIZATION")
        connection.execute("GRANT USAGE ON SCHEMA apg TO stranger")
        connection.execute("SET SESSION AUTHORIZATION stranger")
        assert connection.execute("SELECT count(*) FROM apg.orders").fetchone() == (2,)


def test_a_configured_secret_needs_no_service(pg: Outside) -> None:
    with pg.connect() as connection:
        connection.execute(_schema("given", pg.remote.port, GIVEN).replace(f"IAM_ROLE '{ROLE}'", "IAM_ROLE default"))
        assert connection.execute("SELECT count(*) FROM given.orders").fetchone() == (2,)


def test_what_goes_wrong_is_said_without_the_password(pg: Outside) -> None:
    with pg.connect() as connection:
        connection.execute(_schema("nobody", 1, pg.arn))
        with pytest.raises(psycopg.Error, match="could not connect to the federated database") as failure:
            connection.execute("SELECT * FROM nobody.orders")
        assert PASSWORD not in str(failure.value)
        connection.execute(_schema("unknown", pg.remote.port, "arn:aws:secretsmanager:us-east-1:1:secret:none"))
        with pytest.raises(psycopg.Error, match="Failed to read the secret"):
            connection.execute("SELECT * FROM unknown.orders")
        with pytest.raises(psycopg.Error, match="is no host name"):
            connection.execute(_schema("socket", 5432, pg.arn).replace("127.0.0.1", "/var/run/postgresql"))
        # The views list the rest.
        assert connection.execute("SELECT count(*) > 0 FROM svv_external_tables WHERE schemaname = 'apg'").fetchone() == (True,)
    assert PASSWORD not in "".join(pg.server.log)


def test_clients_cannot_name_what_is_attached(pg: Outside) -> None:
    with pg.connect() as connection:
        connection.execute("SELECT 1 FROM apg.orders")
        for name in ("rs_remote_1.sales.orders", "temp.main.rs_external_1", '"rs_external_1"'):
            with pytest.raises(psycopg.Error, match="does not exist"):
                connection.execute(f"SELECT * FROM {name}")


@pytest.mark.skipif(
    not mariadb.installed() or importlib.util.find_spec("duckdb_extension_mysql") is None,
    reason="needs MariaDB and duckdb-extension-mysql",
)
def test_mysql_is_read_as_postgres_is(tmp_path: Path) -> None:
    secret = {"username": mariadb.USER, "password": mariadb.PASSWORD}
    with mariadb.running("shop") as remote:
        remote.run(
            "USE shop; CREATE TABLE items (id int, flag tinyint(1), big bigint unsigned, price decimal(8,2), code char(5),"
            " name varchar(10), note text, day date, at datetime, span time, kind enum('a','b'), doc json, bin blob);"
            "INSERT INTO items VALUES (1, 1, 18446744073709551615, 4.5, 'ab', 'n', 'note', '2020-01-02', '2020-01-02 03:04:05',"
            " '03:04:05', 'a', '{\"a\": 1}', 'x'), (2, NULL, NULL, NULL, NULL, NULL, NULL, '0000-00-00', NULL, NULL, NULL, NULL, NULL)"
        )
        config = _config(tmp_path, "127.0.0.1:1", {GIVEN: secret})
        with (
            Server(tmp_path / "data", arguments=("--config", str(config))) as server,
            psycopg.connect(server.dsn, autocommit=True) as connection,
        ):
            connection.execute(_schema("shop", remote.port, GIVEN, "MYSQL", "shop"))
            rows = connection.execute("SELECT * FROM shop.items ORDER BY id").fetchall()
            assert rows[0][:4] == (1, True, Decimal(18446744073709551615), Decimal("4.50"))
            assert (rows[0][4].rstrip(), *rows[0][5:7], str(rows[0][7]), str(rows[0][8])) == (
                "ab", "n", "note", "2020-01-02", "2020-01-02 03:04:05",
            )  # fmt: skip
            assert (str(rows[0][9]), *rows[0][10:]) == ("03:04:05", "a", '{"a": 1}', "x")
            assert rows[1] == (2, *[None] * 12)
            remote.run(
                "USE shop; CREATE TABLE moments (id int PRIMARY KEY, a datetime(6), b time(1), c year, d timestamp(1) NULL);"
                "INSERT INTO moments VALUES (1, '2020-01-02 03:04:05.123456', '12:34:56.5', 2024, '2020-01-02 03:04:05.5'),"
                "(2, '2020-01-01', '-25:00', 1999, NULL)"
            )
            cursor = connection.execute("SELECT * FROM shop.moments WHERE a > '2020-01-01 12:00' AND id = 1")
            assert [str(value) for value in cursor.fetchone() or ()] == [
                "1", "2020-01-02 03:04:05.123456", "12:34:56.500000", "2024", "2020-01-02 03:04:05.500000",
            ]  # fmt: skip
            described = connection.execute(
                "SELECT external_type FROM svv_external_columns WHERE tablename = 'moments' ORDER BY columnnum"
            ).fetchall()
            assert described == [("int",), ("timestamp",), ("time",), ("varchar(4)",), ("timestamp",)]
            # "An error results when TIME data is out of range."
            with pytest.raises(psycopg.Error):
                connection.execute("SELECT b FROM shop.moments").fetchall()
            assert connection.execute("SELECT count(*) FROM shop.items WHERE name = 'n'").fetchone() == (1,)
            assert connection.execute("SELECT eskind FROM svv_external_schemas").fetchone() == (8,)
            with pytest.raises(psycopg.errors.FeatureNotSupported):
                connection.execute("INSERT INTO shop.items (id) SELECT 1")
            words = ", ".join(f"({number}, '{word}')" for number, word in enumerate(WORDS))
            remote.run(
                "USE shop; CREATE TABLE words (id int PRIMARY KEY, name varchar(20)) CHARACTER SET utf8mb4 COLLATE"
                f" utf8mb4_unicode_ci; INSERT INTO words VALUES {words};"
                "SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1"
            )
            _agree(connection, "shop.words")
            asked = remote.run("SELECT argument FROM mysql.general_log WHERE argument LIKE '%`words`%'")
            assert "SELECT `id`, `name` FROM `shop`.`words` WHERE `id` > 3" in asked
            assert "`name` FROM `shop`.`words` WHERE `name`" not in asked
