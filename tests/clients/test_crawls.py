"""What clients ask to browse everything, on a small catalog: ``bench.scale`` measures the same on a large one."""

from collections.abc import Iterator

import psycopg
import pytest

from bench import scale
from bench.crawls import CRAWLS
from tests.support.server import Server

TABLES = 101


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("crawled")) as running:
        scale.make(running, TABLES)
        yield running


@pytest.fixture(scope="module")
def connection(server: Server) -> "Iterator[psycopg.Connection[tuple[object, ...]]]":
    with psycopg.connect(server.dsn, autocommit=True) as made:
        made.execute("SET search_path TO crawled, public")
        yield made


@pytest.mark.parametrize(("name", "statement"), CRAWLS, ids=[name for name, _ in CRAWLS])
def test_a_crawl_finds_what_there_is(
    connection: "psycopg.Connection[tuple[object, ...]]", name: str, statement: str
) -> None:
    result = connection.pgconn.exec_(statement.encode())
    assert not result.error_message
    text = "\n".join(
        str(result.get_value(row, column)) for row in range(result.ntuples) for column in range(result.nfields)
    )
    if name != "dbt extended catalog":
        # Empty tables are not listed there.
        assert result.ntuples
        assert "t1" in text or "c1" in text or name == "psql \\df *.*"


def test_what_is_kept_follows_changes_and_rollbacks(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    def columns() -> int:
        (found,) = connection.execute("SELECT count(*) FROM pg_attribute").fetchall()
        return int(str(found[0]))

    first = columns()
    connection.execute("CREATE TABLE crawled.added (a int, b int)")
    assert columns() == first + 2
    with pytest.raises(psycopg.Error):
        connection.execute("SELECT 1/0")
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE crawled.undone (a int)")
    assert columns() == first + 3
    connection.execute("ROLLBACK")
    assert columns() == first + 2
    connection.execute("CREATE TEMP TABLE own (a int)")
    assert columns() == first + 3
    connection.execute("DROP TABLE own")
    connection.execute("DROP TABLE crawled.added")
    assert columns() == first
