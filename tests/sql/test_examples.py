"""The statements of sqlglot's own tests are answered with rows or with an error that a client may see.

They are those of its tests of Redshift's dialect, and those that it writes as it read them, whosever SQL they are.
``scripts/examples`` fetches them.
"""

import ast
import tarfile
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.server import ROOT, Server

REDSHIFT, IDENTITY = "tests/dialects/test_redshift.py", "tests/fixtures/identity.sql"
INTERNAL = ("XX", "58")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # Of its own: among the statements are some that drop what others need.
    with Server(tmp_path_factory.mktemp("examples") / "data") as running:
        yield running


def source(path: str) -> str:
    (archive,) = (ROOT / ".examples").glob("sqlglot-*.tar.gz")
    with tarfile.open(archive) as packed:
        file = packed.extractfile(f"{archive.name.removesuffix('.tar.gz')}/{path}")
        assert file is not None
        return file.read().decode()


def statements(path: str) -> list[str]:
    """Return what is in *path* of sqlglot: its texts that have a space, or its lines."""
    text = source(path)
    if path.endswith(".sql"):
        return [line for line in text.splitlines() if line.strip()]
    constants = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    return list(dict.fromkeys(value for value in constants if isinstance(value, str) and " " in value.strip()))


def answer(connection: psycopg.Connection, statement: str) -> str | None:
    """Return the SQLSTATE that a statement ends with, None for success."""
    try:
        cursor = connection.execute(statement.encode())
        while cursor.description is not None and cursor.fetchmany(1_000):
            pass
    except psycopg.Error as error:
        return error.sqlstate
    return None


@pytest.mark.parametrize(("path", "least"), [(REDSHIFT, 250), (IDENTITY, 900)])
def test_no_internal_error(server: Server, path: str, least: int) -> None:
    found = statements(path)
    assert len(found) >= least
    internal = []
    connection = psycopg.connect(server.dsn, autocommit=True)
    try:
        for statement in found:
            if connection.closed or connection.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
                # Some begin a transaction, or COPY from a client that sends nothing.
                connection.close()
                connection = psycopg.connect(server.dsn, autocommit=True)
                connection.execute("SET statement_timeout TO 20000")
            state = answer(connection, statement)
            if state is not None and state.startswith(INTERNAL):
                internal.append((statement, state))
    finally:
        connection.close()
    assert internal == []
    with psycopg.connect(server.dsn) as newcomer:
        assert newcomer.execute("SELECT 1").fetchone() == (1,)
