"""No spelling of a client's reaches the engine's own doors: files, settings, catalogs, extensions, the environment.

Attempts are data (``escapes``); each is put into several places of statements, as a superuser, whom no privilege
stops. It must be refused with an error of Redshift's, or be one of the few that mean something harmless here.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import pq

from tests.security import escapes
from tests.support.server import Server

CANARY = "CANARY-4711-e5c4"
HARMLESS = (
    "pg_timezone_names()", "txid_current()", "@a", "TRY_CAST('x' AS int)", "1 == 1", "escape_target POSITIONAL JOIN escape_target b",
    "SELECT E'\\'; ATTACH \\'x'", "SELECT '\\'; ATTACH ''x''; --'",
)  # fmt: skip
"""What means something in Redshift's SQL, or in ours: it may succeed."""
PLACES = 4
"""Carriers that one attempt is put into, beside SELECT; which ones, its number decides."""
_SETUP = """
CREATE SCHEMA escape_place;
SET search_path TO escape_place;
CREATE TABLE escape_target (a int, b text);
INSERT INTO escape_target VALUES (1, 'x');
CREATE PROCEDURE escape_run (t varchar(max)) AS $$ BEGIN EXECUTE t; END $$ LANGUAGE plpgsql;
CREATE PROCEDURE escape_late (t varchar(max)) AS $$ BEGIN EXECUTE 'CREATE VIEW escape_view AS ' || t || ' WITH NO SCHEMA BINDING';
EXECUTE 'SELECT * FROM escape_view'; END $$ LANGUAGE plpgsql
"""


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("escapes")
    (folder / "canary.csv").write_text(f"a,b\n{CANARY},2\n")
    (folder / "out").mkdir()
    with Server(folder / "data", environment={"ESCAPE_CANARY": CANARY}) as server:
        yield server, folder


@pytest.fixture(scope="module")
def connection(fenced: tuple[Server, Path]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(fenced[0].dsn, autocommit=True) as made:
        for statement in _split(_SETUP):
            made.execute(statement)
        yield made


def _split(text: str) -> list[str]:
    """Cut *text* at semicolons that end a line outside of procedures."""
    found: list[str] = []
    for part in text.strip().split(";\n"):
        if found and found[-1].count("$$") % 2:
            found[-1] += ";\n" + part
        else:
            found.append(part)
    return found


class Attempts:
    """Runs attempts, each in a transaction that is rolled back, and gathers what went wrong."""

    def __init__(self, connection: psycopg.Connection, folder: Path) -> None:
        self.connection = connection
        self.problems: list[str] = []
        self._paths = {"{file}": folder / "canary.csv", "{folder}": folder / "out", "{lake}": folder / "data"}
        self._folder = folder

    def sql(self, text: str) -> str:
        for mark, path in self._paths.items():
            text = text.replace(mark, str(path))
        return text.replace("{{", "{").replace("}}", "}")

    def run(self, text: str, *, allowed: bool, block: bool = True) -> None:
        sql = self.sql(text)
        raw = self.connection.pgconn
        if block:
            raw.exec_(b"BEGIN")
        problem = self._judged(sql, raw.exec_(sql.encode()), allowed=allowed)
        raw.exec_(b"ROLLBACK")
        if problem is None and block:
            problem = self._judged(sql, raw.prepare(b"", sql.encode()), allowed=True)
            raw.exec_(b"ROLLBACK")
        if problem is not None:
            self.problems.append(f"{problem}: {sql}")

    def _judged(self, sql: str, result: pq.abc.PGresult, *, allowed: bool) -> str | None:
        if self.connection.pgconn.status != pq.ConnStatus.OK:
            pytest.fail(f"the server hung up on {sql}")
        if result.status == pq.ExecStatus.FATAL_ERROR:
            state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
            told = result.error_message.decode()
            if state.startswith("XX"):
                return "internal error"
            if CANARY in told or (str(self._folder) in told and str(self._folder) not in sql):
                return f"the error tells {told}"
            shown = "duckdb" in told.lower() and "duckdb" not in sql.lower().replace("\\", "")
            return "the engine's error shows" if shown else None
        values = [result.get_value(row, column) for row in range(result.ntuples) for column in range(result.nfields)]
        if any(CANARY.encode() in (value or b"") for value in values):
            return "the canary got out"
        return None if allowed else "succeeded"

    def check(self) -> None:
        assert not list((self._folder / "out").iterdir())
        assert not self.problems, "\n".join(self.problems[:40])
        assert self.connection.execute("SELECT count(*) FROM escape_target").fetchone() == (1,)


def _chosen(carriers: dict[str, str], number: int) -> list[str]:
    """Return SELECT and ``PLACES`` more, others for each number, so that each carrier meets each kind of attempt."""
    rest = [text for name, text in carriers.items() if name != "select"]
    start = number * PLACES
    return [carriers["select"], *(rest[(start + step) % len(rest)] for step in range(PLACES))]


def test_relations(connection: psycopg.Connection, fenced: tuple[Server, Path]) -> None:
    attempts = Attempts(connection, fenced[1])
    for number, relation in enumerate(escapes.relations()):
        for carrier in _chosen(escapes.CARRIERS, number):
            attempts.run(carrier.replace("{relation}", relation), allowed=relation in HARMLESS)
    attempts.check()


def test_expressions(connection: psycopg.Connection, fenced: tuple[Server, Path]) -> None:
    attempts = Attempts(connection, fenced[1])
    for number, expression in enumerate(escapes.EXPRESSIONS):
        # A star is fine in a select list, a column or row where there is one.
        allowed = expression in HARMLESS or expression in {"*", "escape_target"}
        for carrier in _chosen(escapes.EXPRESSION_CARRIERS, number):
            attempts.run(carrier.replace("{expression}", expression), allowed=allowed)
    attempts.check()


def test_statements(connection: psycopg.Connection, fenced: tuple[Server, Path]) -> None:
    attempts = Attempts(connection, fenced[1])
    for statement in escapes.STATEMENTS:
        attempts.run(statement, allowed=statement in HARMLESS, block=False)
    attempts.check()


FUZZED = 1_200
_PIECES = (
    "SELECT", "FROM", "WHERE", "(", ")", ",", "*", "a", "b", "escape_target", "'{file}'", '"{file}"', "read_text", "glob", "duckdb_settings()",
    "getenv('ESCAPE_CANARY')", "JOIN", "ON", "true", "AS", "t", ".", "1", "UNION ALL", "WITH", "x", "IN", "EXISTS", "LIMIT", "ORDER BY",
    "GROUP BY", "$$", "/*", "*/", "--\n", ";", "::", "int", "CAST(", "||", "'x'", "NOT", "NULL", "LATERAL", "UNNEST(", "[", "]", "main",
    "system", "lake", "ATTACH", "PRAGMA", "COPY", "TO", "SET", "CALL", "lambda", ":", "->", "{", "}", "#1", "$1", "sys_users", "rs_member",
)  # fmt: skip


def test_fuzz(connection: psycopg.Connection, fenced: tuple[Server, Path]) -> None:
    """Random statements of fragments of attempts: whatever they come to, nothing gets out and the server goes on."""
    attempts = Attempts(connection, fenced[1])
    chance = random.Random(20_261_126)
    relations = list(escapes.relations())
    for number in range(FUZZED):
        kind = number % 3
        if kind == 0:
            text = " ".join(chance.choice(_PIECES) for _ in range(chance.randint(2, 14)))
            text = f"SELECT {text}"
        elif kind == 1:
            relation = _mutated(chance.choice(relations), chance)
            text = chance.choice(list(escapes.CARRIERS.values())).replace("{relation}", relation)
        else:
            expression = _mutated(chance.choice(escapes.EXPRESSIONS), chance)
            text = chance.choice(list(escapes.EXPRESSION_CARRIERS.values())).replace("{expression}", expression)
        attempts.run(text, allowed=True)
    attempts.check()


def _mutated(text: str, chance: random.Random) -> str:
    """Return *text* with a character gone, doubled or changed, a piece put in, or as it is in other letters."""
    place = chance.randrange(len(text) + 1)
    match chance.randrange(5):
        case 0:
            return text[:place] + text[place + 1 :]
        case 1:
            return text[:place] + text[place : place + 1] * 2 + text[place + 1 :]
        case 2:
            return text[:place] + chance.choice("'\"();,.*-/ \t\n$#@{}[]\\é\u2019") + text[place:]
        case 3:
            return f"{text[:place]} {chance.choice(_PIECES)} {text[place:]}"
        case _:
            return "".join(chance.choice((letter.lower(), letter.upper())) for letter in text)
