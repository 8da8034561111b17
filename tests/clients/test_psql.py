"""Stock psql 15 against the server: its backslash commands, which it words for a server of version 8.0.2."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.client("psql")

SETUP = """
CREATE TABLE venue_psql (venueid smallint NOT NULL PRIMARY KEY, name varchar(100) DEFAULT 'x', seats integer);
CREATE TABLE event_psql (eventid integer IDENTITY(1,1), venueid smallint REFERENCES venue_psql(venueid), price numeric(8,2));
CREATE VIEW big_psql AS SELECT venueid, name FROM venue_psql WHERE seats > 10;
COMMENT ON TABLE venue_psql IS 'where it happens';
CREATE GROUP readers_psql;
CREATE USER bob_psql PASSWORD 'Ticket5ales' IN GROUP readers_psql;
GRANT SELECT ON venue_psql TO GROUP readers_psql;
"""
TEARDOWN = """
DROP VIEW big_psql; DROP TABLE event_psql; DROP TABLE venue_psql; DROP USER bob_psql; DROP GROUP readers_psql;
"""


def psql(server: Server, command: str, *, options: tuple[str, ...] = ()) -> str:
    """Return what psql prints for *command*; fails where it reports an error."""
    done = subprocess.run(
        ["psql", "-X", "-h", server.host, "-p", str(server.port), "-U", server.user, "-d", server.database,
         "-v", "ON_ERROR_STOP=1", *options, "-c", command],
        env=os.environ | {"PGPASSWORD": server.password}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tickets(server: Server) -> Iterator[Server]:
    """The server with two tables, a view, a group and a user."""
    for statement in SETUP.strip().split("\n"):
        psql(server, statement)
    yield server
    for statement in TEARDOWN.strip().split(";")[:-1]:
        psql(server, statement)


LISTED = (
    ("\\dt", "public|event_psql|table|awsuser"),
    ("\\dt public.venue_psql", "public|venue_psql|table|awsuser"),
    ("\\dt *.ven*", "public|venue_psql|table|awsuser"),
    ("\\d", "public|big_psql|view|awsuser"),
    ("\\dv", "public|big_psql|view|awsuser"),
    ("\\dn", "public|rdsdb"),
    ("\\du", "awsuser|Superuser, Create role, Create DB|{}"),
    ("\\du bob_psql", "bob_psql||{readers_psql}"),
    ("\\di", "public|venue_psql_pkey|index|awsuser|venue_psql"),
    ("\\dp venue_psql", "group readers_psql=r/awsuser"),
    ("\\z venue_psql", "awsuser=arwdRxtDPA/awsuser"),
    ("\\df pg_catalog.initcap", "pg_catalog|initcap|text|text|func"),
    ("\\dT pg_catalog.int4", "pg_catalog|integer|"),
)
"""(command, part of a line that psql prints with -At)."""


@pytest.mark.parametrize(("command", "line"), LISTED)
def test_lists(tickets: Server, command: str, line: str) -> None:
    assert line in psql(tickets, command, options=("-A", "-t"))


def test_databases(tickets: Server) -> None:
    rows = [line.split("|") for line in psql(tickets, "\\l", options=("-A", "-t")).splitlines()]
    assert ["dev", "rdsdb", "UTF8"] in [row[:3] for row in rows]


def test_describes_a_table(tickets: Server) -> None:
    shown = psql(tickets, "\\d venue_psql")
    assert 'Table "public.venue_psql"' in shown
    columns = [[cell.strip() for cell in line.split("|")] for line in shown.splitlines() if line.count("|") == 4]
    assert columns[1:] == [
        ["venueid", "smallint", "", "not null", ""],
        ["name", "character varying(100)", "", "", "'x'"],
        ["seats", "integer", "", "", ""],
    ]
    assert '"venue_psql_pkey" PRIMARY KEY, btree (venueid)' in shown
    assert 'TABLE "event_psql" CONSTRAINT' in shown
    assert "FOREIGN KEY (venueid) REFERENCES venue_psql(venueid)" in shown


def test_describes_with_comments(tickets: Server) -> None:
    assert "where it happens" in psql(tickets, "\\dt+ venue_psql")
    psql(tickets, "\\d+ venue_psql")


def test_describes_a_view(tickets: Server) -> None:
    shown = psql(tickets, "\\d+ big_psql")
    assert 'View "public.big_psql"' in shown
    assert "View definition:" in shown
    assert "venue_psql" in shown.split("View definition:")[1]
    assert "big_psql" in psql(tickets, "\\sv big_psql")


def test_describes_everything_of_a_schema(tickets: Server) -> None:
    shown = psql(tickets, "\\d public.*")
    assert 'Index "public.venue_psql_pkey"' in shown
    assert 'primary key, btree, for table "public.venue_psql"' in shown


def test_describes_a_system_table(tickets: Server) -> None:
    assert "relname" in psql(tickets, "\\d pg_catalog.pg_class")


@pytest.mark.parametrize(
    "command",
    ["\\dt+", "\\dn+", "\\dn public", "\\du+", "\\l+", "\\l dev", "\\dv+", "\\df", "\\df+ lower", "\\dp", "\\ds", "\\dT",
     "\\dT+", "\\dd", "\\db", "\\dS", "\\dg", "\\ddp", "\\dD", "\\da", "\\dC int4", "\\dC", "\\do", "\\dc", "\\dO",
     "\\det", "\\des", "\\dew", "\\deu", "\\drds", "\\dL", "\\dx", "\\dF", "\\dm", "\\dE", "\\conninfo", "\\encoding"],
)  # fmt: skip
def test_runs(tickets: Server, command: str) -> None:
    psql(tickets, command)
