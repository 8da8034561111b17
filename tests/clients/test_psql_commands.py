r"""Every backslash command of psql 15 that asks the server something, its variables, \copy, \password, completion."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.server import Server

pytestmark = pytest.mark.client("psql")

SETUP = """
CREATE SCHEMA psqlc;
CREATE TABLE psqlc.venue (venueid smallint NOT NULL PRIMARY KEY, name varchar(100) DEFAULT 'x', seats integer, extra super);
CREATE TABLE psqlc.event (eventid integer IDENTITY(1,1), venueid smallint REFERENCES psqlc.venue(venueid), price numeric(8,2), UNIQUE (price));
CREATE VIEW psqlc.big AS SELECT venueid, name FROM psqlc.venue WHERE seats > 10;
CREATE VIEW psqlc.late AS SELECT venueid FROM psqlc.venue WITH NO SCHEMA BINDING;
CREATE MATERIALIZED VIEW psqlc.mv AS SELECT venueid, count(*) AS n FROM psqlc.event GROUP BY venueid;
CREATE FUNCTION psqlc.twice(integer) RETURNS integer STABLE AS $$ SELECT $1 * 2 $$ LANGUAGE sql;
CREATE PROCEDURE psqlc.doubled(a inout integer) AS $$ BEGIN a := a * 2; END $$ LANGUAGE plpgsql;
CREATE USER psqlc_reader PASSWORD 'Ticket5ales';
"""
# \\dAc, \\dAf, \\dAo and \\dAp call format(), which servers before 9.1 and Redshift do not have.
COMMANDS = r"""
\d|\d+|\dS|\dS+|\d psqlc.*|\d+ psqlc.*|\d+ psqlc.venue|\d+ psqlc.big|\d+ psqlc.late|\d+ psqlc.mv|\da|\da+|\daS|\dA|\dA+
\db|\db+|\dc|\dc+|\dcS|\dC|\dC+|\dconfig|\dconfig+ search_path|\dd|\ddS|\dD|\dD+|\dDS|\ddp|\dE|\dE+|\di|\di+|\diS+|\dm|\dm+
\ds|\ds+|\dsS|\dt|\dt+|\dtS+|\dt psqlc.*|\dt *.*|\dv|\dv+|\dvS+|\dtvmsi+|\des|\des+|\det|\det+|\deu|\deu+|\dew|\dew+
\df|\df+|\dfS|\dfS+|\dfa|\dfn|\dfp|\dft|\dfw|\df psqlc.*|\df+ psqlc.*|\df psqlc.twice int|\dF|\dF+|\dFd|\dFd+|\dFp|\dFp+
\dFt|\dFt+|\dg|\dg+|\dgS+|\dl|\dl+|\dL|\dL+|\dLS+|\dn|\dn+|\dnS+|\dn psqlc|\do|\do+|\doS|\dO|\dO+|\dOS+|\dp|\dp psqlc.*|\z
\dP|\dP+|\dPt|\dPi|\drds|\dRp|\dRp+|\dRs|\dRs+|\dT|\dT+|\dTS|\dTS+|\du|\du+|\duS+|\dx|\dx+|\dX|\dy|\dy+|\l|\l+
\sf psqlc.twice|\sf+ psqlc.twice|\sf psqlc.doubled|\sv psqlc.big|\sv+ psqlc.big|\conninfo|\encoding|\encoding UTF8|\lo_list
\dS pg_class|\d pg_catalog.pg_attribute|\d stl_query|\d svv_table_info|\d information_schema.tables|\d "psqlc"."venue"
""".replace("\n", "|").strip("|").split("|")
COMPLETIONS = (
    ("SELECT * FROM psqlc.ve", "psqlc.venue "),
    (r"\d psqlc.ve", "psqlc.venue"),
    ("ALTER TABLE psqlc.venue ALTER COLUMN na", "COLUMN name "),
    ("DROP VIEW psqlc.bi", "psqlc.big "),
    ("GRANT SELECT ON psqlc.ev", "psqlc.event "),
    ("DROP USER psqlc_re", "psqlc_reader "),
    ("SET search_pa", "search_path "),
    (r"\df psqlc.tw", "psqlc.twice "),
    (r"\c de", "dev "),
    ("SELECT * FROM psqlc.venue WHERE na", "WHERE name "),
    ("DROP FUNCTION psqlc.tw", "psqlc.twice "),
)
"""(what is typed before the tabulator, what is then in the line)."""


def arguments(server: Server, *more: str) -> list[str]:
    return ["psql", "-X", "-h", server.host, "-p", str(server.port), "-U", server.user, "-d", server.database, *more]


def environment(server: Server) -> dict[str, str]:
    return os.environ | {"PGPASSWORD": server.password, "PAGER": "cat", "TERM": "dumb", "INPUTRC": "/dev/null"}


def said(server: Server, script: str, *more: str) -> str:
    """Return all that psql prints for a script, errors included."""
    done = subprocess.run(
        arguments(server, *more), env=environment(server), input=script, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=100, check=False,
    )  # fmt: skip
    return done.stdout


@pytest.fixture(scope="module")
def prepared(server: Server) -> Iterator[Server]:
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        for statement in SETUP.strip().split("\n"):
            admin.execute(statement)
        yield server
        admin.execute("DROP SCHEMA psqlc CASCADE")
        admin.execute("DROP USER psqlc_reader")


@pytest.fixture(scope="module")
def answers(prepared: Server) -> dict[str, str]:
    """What one psql answered to each of the commands."""
    script = "".join(f"\\echo ==== {place}\n{command}\n" for place, command in enumerate(COMMANDS))
    parts = said(prepared, script).split("==== ")[1:]
    return {COMMANDS[int(part.split("\n", 1)[0])]: part for part in parts}


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_answered(answers: dict[str, str], command: str) -> None:
    assert "ERROR" not in answers[command]


def test_definitions_are_shown(answers: dict[str, str]) -> None:
    assert "FUNCTION psqlc.twice(integer)" in answers[r"\sf psqlc.twice"]
    assert "PROCEDURE psqlc.doubled(INOUT a integer)" in answers[r"\sf psqlc.doubled"]
    assert "search_path | $user, public" in answers[r"\dconfig+ search_path"]


def test_results_go_into_variables_and_tables(prepared: Server) -> None:
    script = r"""
select 1 as a, 'x' as b \gset
\echo :a :b
select 1 as n, 'y'::varchar(5) as s \gdesc
select 'select 7 * 6 as answer' \gexec
select v, h, sum(n) from (select 'a' as v, 'p' as h, 1 as n union all select 'b', 'q', 2) t group by 1, 2 order by 1 \crosstabview
select 1\; select 2;
\if :a
select 'taken' as branch;
\endif
"""
    lines = said(prepared, script, "-A", "-t").split()
    assert lines == ["1", "x", "n|integer", "s|character", "varying(5)", "42", "a|1|", "b||2", "1", "2", "taken"]


def test_copy_of_the_client(prepared: Server, tmp_path: Path) -> None:
    path = tmp_path / "copied.csv"
    script = f"""
create temp table copied (a int, b varchar(9));
\\copy (select 1, 'it''s' union all select 2, null order by 1) to '{path}' csv
\\copy copied from '{path}' csv
select count(*), max(b) from copied;
"""
    assert said(prepared, script, "-A", "-t", "-q").split() == ["2|it's"]
    assert path.read_text() == "1,it's\n2,\n"


def type_in(server: Server, *typed: tuple[str, str]) -> list[str]:
    """Return what psql shows after each of some keys, typed at a terminal, until it has shown what comes with them."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("psql", arguments(server), environment(server))
    shown = []
    until(terminal, "=# ")
    for keys, sign in typed:
        os.write(terminal, keys.encode())
        shown.append(until(terminal, sign))
        # Control-U takes the line away.
        os.write(terminal, b"\x15")
    os.write(terminal, b"\\q\n")
    os.close(terminal)
    os.waitpid(pid, 0)
    return shown


def until(terminal: int, sign: str) -> str:
    """Read until *sign* has come and nothing more for a moment, for no sign until the program has ended."""
    text, end = "", time.monotonic() + 60
    while time.monotonic() < end:
        found = sign and sign in text.replace("\x07", "")
        ready, _, _ = select.select([terminal], [], [], 0.1)
        if ready:
            try:
                text += os.read(terminal, 65_536).decode(errors="replace")
            except OSError:
                break
        elif found:
            break
    return text


@pytest.fixture(scope="module")
def completed(prepared: Server) -> dict[str, str]:
    shown = type_in(prepared, *((f"{before}\t", after.strip()) for before, after in COMPLETIONS))
    return {before: text for (before, _), text in zip(COMPLETIONS, shown, strict=True)}


@pytest.mark.parametrize(("before", "after"), COMPLETIONS)
def test_names_are_completed(completed: dict[str, str], before: str, after: str) -> None:
    assert after.strip() in completed[before].replace("\x07", "")


def test_passwords_are_changed_without_being_sent(prepared: Server) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("psql", arguments(prepared, "-c", r"\password psqlc_reader"), environment(prepared))
    for _ in range(2):
        until(terminal, ": ")
        os.write(terminal, b"Changed4ever\n")
    until(terminal, "")
    os.close(terminal)
    os.waitpid(pid, 0)
    given = f"host={prepared.host} port={prepared.port} user=psqlc_reader password=Changed4ever dbname=dev"
    with psycopg.connect(given) as connection:
        assert connection.execute("select current_user").fetchone() == ("psqlc_reader",)
