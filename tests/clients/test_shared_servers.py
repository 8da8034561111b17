"""Datashares of one server that another one uses: live, of one snapshot, by the producer's grants.

Redshift, "Sharing data across clusters", "CREATE DATABASE" (FROM DATASHARE). The producer of the first tests keeps its
files in a folder, that of the last one in a bucket.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from api.place import Place
from tests.support import s3
from tests.support.server import Server

READER = "CREATE USER reader PASSWORD 'Reader123'"


@dataclass
class Pair:
    """A server that shares, one that uses it, and connections to both."""

    servers: tuple[Server, Server]
    producer: psycopg.Connection
    consumer: psycopg.Connection
    namespaces: tuple[str, str]


@contextmanager
def pair(folder: Path, producer: str = "", consumer: str = "", peer: str = "") -> Iterator[Pair]:
    """Start two servers, with *producer* and *consumer* in their configuration, that know each other."""
    with ExitStack() as stack:
        for name in ("producer", "consumer"):
            # What a server's namespace is follows from what it is called.
            (folder / f"{name}.toml").write_text(f'[api]\ncluster = "{name}"\n')
        first, second = (folder / f"{name}.toml" for name in ("producer", "consumer"))
        namespaces = [_namespace("producer"), _namespace("consumer")]
        first.write_text(first.read_text() + producer + f'[namespaces."{namespaces[1]}"]\nadmits = "reader"\n')
        one = stack.enter_context(Server(folder / "one", arguments=("--config", str(first))))
        facts = dict(part.split("=", 1) for part in one.dsn.split())
        second.write_text(
            second.read_text() + consumer + f'[namespaces."{namespaces[0]}"]\nhost = "{facts["host"]}"\n'
            f'port = {facts["port"]}\nuser = "reader"\npassword = "Reader123"\n{peer}'
        )
        two = stack.enter_context(Server(folder / "two", arguments=("--config", str(second))))
        made = [stack.enter_context(psycopg.connect(server.dsn, autocommit=True)) for server in (one, two)]
        for sql in (
            READER,
            "CREATE TABLE t (a int, b varchar(20), s super, e char(4))",
            """INSERT INTO t SELECT n, 'x' || n, json_parse('{"k": 1}'), 'ab' FROM (
               SELECT row_number() OVER () AS n FROM pg_attribute LIMIT 300)""",
            "CREATE VIEW v AS SELECT a, count(*) AS n FROM t WHERE a < 3 GROUP BY a",
            "CREATE TABLE hidden (a int)", "CREATE DATASHARE sh", "ALTER DATASHARE sh ADD SCHEMA public",
            "ALTER DATASHARE sh ADD TABLE t, v",
        ):  # fmt: skip
            made[0].execute(sql)
        yield Pair((one, two), made[0], made[1], (namespaces[0], namespaces[1]))


def _namespace(cluster: str) -> str:
    return Place(cluster=cluster, region="us-east-1", account="123456789012").identifier("cluster-namespace")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("shared")) as made:
        create = f"CREATE DATABASE d FROM DATASHARE sh OF NAMESPACE '{made.namespaces[0]}'"
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match='datashare "sh" is not accessible'):
            made.consumer.execute(create)
        made.producer.execute(f"GRANT USAGE ON DATASHARE sh TO NAMESPACE '{made.namespaces[1]}'")
        made.consumer.execute(create)
        yield made


def _sums(shared: Pair, table: str = "d.public.t") -> object:
    return shared.consumer.execute(f"SELECT count(*), sum(a) FROM {table}").fetchone()


def test_what_is_written_is_seen_at_once(shared: Pair) -> None:
    row = shared.consumer.execute("SELECT * FROM d.public.t WHERE a = 2").fetchone()
    assert row == (2, "x2", '{"k":1}', "ab  ")
    assert _sums(shared) == (300, 45150)
    # One more and one fewer, both kept where small changes are.
    shared.producer.execute("INSERT INTO t (a) VALUES (1000)")
    assert _sums(shared) == (301, 46150)
    shared.producer.execute("DELETE FROM t WHERE a = 5")
    assert _sums(shared) == (300, 46145)
    shared.producer.execute("ALTER TABLE t ADD COLUMN z int DEFAULT 7")
    shared.producer.execute("ALTER TABLE t RENAME COLUMN b TO bb")
    assert shared.consumer.execute("SELECT bb, z FROM d.public.t WHERE a = 10").fetchall() == [("x10", 7)]
    shared.producer.execute("DELETE FROM t WHERE a > 200")
    assert _sums(shared) == (199, 20095)


def test_views_joins_and_other_ways_in(shared: Pair) -> None:
    assert shared.consumer.execute("SELECT * FROM d.public.v ORDER BY 1").fetchall() == [(1, 1), (2, 1)]
    joined = "SELECT t.a FROM d.public.t JOIN d.public.v USING (a) WHERE t.a = %s"
    assert shared.consumer.execute(joined, [2]).fetchall() == [(2,)]
    shared.consumer.execute("CREATE EXTERNAL SCHEMA es FROM REDSHIFT DATABASE 'd' SCHEMA 'public'")
    assert shared.consumer.execute("SELECT count(*) FROM es.v").fetchone() == (2,)
    shared.consumer.execute("CREATE TABLE kept AS SELECT a FROM d.public.t WHERE a < 4")
    assert shared.consumer.execute("SELECT count(*) FROM kept JOIN es.t USING (a)").fetchone() == (3,)
    address = shared.servers[1].dsn.replace("dbname=dev", "dbname=d")
    with psycopg.connect(address, autocommit=True) as inside:
        assert inside.execute("SELECT upper(max(e)), current_database() FROM v, t WHERE t.a = v.a").fetchone() is not None
        assert inside.execute("SELECT n FROM public.v WHERE a = 1").fetchone() == (1,)


def test_a_large_table_is_read_where_it_lies(shared: Pair) -> None:
    shared.producer.execute(
        "CREATE TABLE big AS SELECT x.n * 1000 + y.n AS a FROM (SELECT row_number() OVER () AS n FROM pg_attribute"
        " LIMIT 400) x, (SELECT row_number() OVER () AS n FROM pg_attribute LIMIT 999) y"
    )
    shared.producer.execute("ALTER DATASHARE sh ADD TABLE big")
    folder = Path(shared.servers[0].data) / "data" / "handed-over"
    before = sorted(folder.iterdir()) if folder.exists() else []
    assert _sums(shared, "d.public.big") == (399600, 80319600000)
    shared.producer.execute("DELETE FROM big WHERE a % 10 = 0")
    shared.producer.execute("INSERT INTO big VALUES (1)")
    assert _sums(shared, "d.public.big") == shared.producer.execute("SELECT count(*), sum(a) FROM big").fetchone()
    assert (sorted(folder.iterdir()) if folder.exists() else []) == before


def test_a_statement_reads_one_snapshot(shared: Pair) -> None:
    shared.producer.execute("CREATE TABLE left_ (a int)")
    shared.producer.execute("CREATE TABLE right_ (a int)")
    shared.producer.execute("INSERT INTO left_ SELECT n FROM (SELECT row_number() OVER () AS n FROM pg_attribute LIMIT 40)")
    shared.producer.execute("ALTER DATASHARE sh ADD TABLE left_, right_")
    done = threading.Event()

    def move() -> None:
        with psycopg.connect(shared.servers[0].dsn) as connection:
            for value in range(1, 41):
                if done.is_set():
                    return
                connection.execute("DELETE FROM left_ WHERE a = %s", [value])
                connection.execute("INSERT INTO right_ VALUES (%s)", [value])
                connection.commit()

    mover = threading.Thread(target=move)
    mover.start()
    try:
        both = "SELECT (SELECT count(*) FROM d.public.left_) + (SELECT count(*) FROM d.public.right_)"
        until = time.monotonic() + 3
        while mover.is_alive() and time.monotonic() < until:
            assert shared.consumer.execute(both).fetchone() == (40,)
    finally:
        done.set()
        mover.join()


def test_who_may_read_what(shared: Pair) -> None:
    consumer = shared.consumer
    for sql in ("INSERT INTO d.public.t (a) VALUES (1)", "UPDATE d.public.t SET a = 1", "DELETE FROM d.public.t"):
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="read only"):
            consumer.execute(sql)
    for name in ("d.public.hidden", "d.nowhere.t"):
        with pytest.raises(psycopg.errors.UndefinedTable):
            consumer.execute(f"SELECT * FROM {name}")
    consumer.execute("CREATE USER joe PASSWORD 'Joe12345'")
    consumer.execute("SET SESSION AUTHORIZATION joe")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for database d"):
        consumer.execute("SELECT * FROM d.public.v")
    consumer.execute("RESET SESSION AUTHORIZATION")
    consumer.execute("GRANT USAGE ON DATABASE d TO joe")
    consumer.execute("SET SESSION AUTHORIZATION joe")
    assert consumer.execute("SELECT count(*) FROM d.public.v").fetchone() == (2,)
    consumer.execute("RESET SESSION AUTHORIZATION")
    # Only who speaks for a namespace is handed anything, and only what is shared with that.
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not accessible"):
        shared.producer.execute("""HANDOVER '{"share": "sh"}'""")
    reader = shared.servers[0].dsn.replace("user=awsuser", "user=reader").replace("Ticket5ales", "Reader123")
    with psycopg.connect(reader, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM t")
        listed = connection.execute("""HANDOVER '{"share": "sh"}'""").fetchone()
        assert listed is not None
        assert '["public", "t", ' in listed[0]
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            connection.execute("HANDOVER '[]'")


def test_what_is_taken_away_is_gone_at_once(shared: Pair) -> None:
    shared.producer.execute("ALTER DATASHARE sh REMOVE TABLE t")
    with pytest.raises(psycopg.errors.UndefinedTable):
        shared.consumer.execute("SELECT * FROM d.public.t")
    shared.producer.execute(f"REVOKE USAGE ON DATASHARE sh FROM NAMESPACE '{shared.namespaces[1]}'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match='datashare "sh" is not accessible'):
        shared.consumer.execute("SELECT * FROM d.public.v")
    shared.producer.execute(f"GRANT USAGE ON DATASHARE sh TO NAMESPACE '{shared.namespaces[1]}'")
    assert shared.consumer.execute("SELECT count(*) FROM d.public.v").fetchone() == (2,)
    shared.servers[0].kill()
    with pytest.raises(psycopg.OperationalError, match="cannot be reached"):
        shared.consumer.execute("SELECT * FROM d.public.v")


def test_files_in_a_bucket_are_read_with_the_rights_of_a_role(tmp_path: Path) -> None:
    with s3.endpoint("lake") as endpoint:
        access = (
            f'endpoint = "{endpoint.address}"\naccess_key_id = "{s3.KEY_ID}"\nsecret_access_key = "{s3.SECRET}"\n'
            'url_style = "path"\nuse_ssl = false\n'
        )
        producer = f'[storage]\ndata = "s3://lake/producer"\nfolder = "{tmp_path}/local"\n[s3]\n{access}'
        role = f'[roles."arn:aws:iam::123456789012:role/lake"]\n{access}\n'
        with pair(tmp_path, producer, role, 'role = "arn:aws:iam::123456789012:role/lake"\n') as made:
            made.producer.execute(f"GRANT USAGE ON DATASHARE sh TO NAMESPACE '{made.namespaces[1]}'")
            made.consumer.execute(f"CREATE DATABASE d FROM DATASHARE sh OF NAMESPACE '{made.namespaces[0]}'")
            assert _sums(made) == (300, 45150)
            made.producer.execute("DELETE FROM t WHERE a = 5")
            assert _sums(made) == (299, 45145)
            assert made.consumer.execute("SELECT count(*) FROM d.public.v").fetchone() == (2,)
