"""Stored procedures as drivers call them: parameters, results, notices, cursors, cancellation, persistence."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psycopg
import pytest
import redshift_connector
from psycopg import errors

from tests.support.canceling import until_it_runs
from tests.support.server import Server

_DOUBLE = """
create or replace procedure sp_double(a inout int, b varchar(20), c out varchar(40)) as $$
begin
  a := a * 2;
  c := b || '!';
  raise info 'doubled to %', a;
end;
$$ language plpgsql
"""


@pytest.fixture
def procedures(server: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(_DOUBLE)
        yield connection


def test_psycopg_passes_parameters_and_hears_messages(procedures: psycopg.Connection) -> None:
    heard: list[tuple[str | None, str | None]] = []
    procedures.add_notice_handler(lambda diagnosis: heard.append((diagnosis.severity, diagnosis.message_primary)))
    cursor = procedures.execute("call sp_double(%s, %s)", (21, "x"), binary=True)
    assert cursor.fetchall() == [(42, "x!")]
    assert [column.name for column in cursor.description or ()] == ["a", "c"]
    assert cursor.statusmessage == "CALL"
    assert heard == [("INFO", "doubled to 42")]


def test_redshift_connector_calls(server: Server, procedures: psycopg.Connection) -> None:
    with redshift_connector.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, database="dev", ssl=False
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("call sp_double(%s, %s)", (4, "y"))
        assert list(cursor.fetchone()) == [8, "y!"]


def test_asyncpg_calls(server: Server, procedures: psycopg.Connection) -> None:
    async def call() -> None:
        connection = await asyncpg.connect(
            host=server.host, port=server.port, user=server.user, password=server.password, database="dev"
        )
        try:
            row = await connection.fetchrow("call sp_double($1, $2)", 5, "z")
            assert tuple(row) == (10, "z!")
        finally:
            await connection.close()

    asyncio.run(call())


def test_a_procedure_without_results_describes_none(procedures: psycopg.Connection) -> None:
    procedures.execute("create or replace procedure sp_quiet(a int) as $$ begin null; end; $$ language plpgsql")
    cursor = procedures.execute("call sp_quiet(%s)", (1,))
    assert cursor.description is None
    assert cursor.statusmessage == "CALL"


def test_the_context_of_an_error_names_the_calls(procedures: psycopg.Connection) -> None:
    procedures.execute(
        "create or replace procedure sp_inner() as $$\nbegin\n  execute 'select invalid';\nend;\n$$ language plpgsql"
    )
    procedures.execute(
        "create or replace procedure sp_outer() as $$\nbegin\n  null;\n  call sp_inner();\nend;\n$$ language plpgsql"
    )
    with pytest.raises(errors.UndefinedColumn) as caught:
        procedures.execute("call sp_outer()")
    assert caught.value.diag.message_primary == 'column "invalid" does not exist'
    assert (caught.value.diag.context or "").splitlines() == [
        'SQL statement "select invalid"',
        'PL/pgSQL function "sp_inner" line 2 at execute statement',
        'SQL statement "CALL sp_inner()"',
        'PL/pgSQL function "sp_outer" line 3 at SQL statement',
    ]


@pytest.mark.parametrize("body", ["null;", "x := x + 1;", "insert into spun values (1);"], ids=["empty", "value", "sql"])
def test_an_endless_loop_is_cancelled_and_lets_others_run(
    server: Server, procedures: psycopg.Connection, body: str
) -> None:
    procedures.execute("create table if not exists spun (n int)")
    procedures.execute(
        f"create or replace procedure sp_spin() as $$ declare x int := 0; begin loop {body} end loop; end; $$"
        " language plpgsql"
    )
    failures: list[BaseException] = []

    def spin() -> None:
        try:
            procedures.execute("call sp_spin()")
        except psycopg.Error as error:
            failures.append(error)

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        with psycopg.connect(server.dsn, autocommit=True) as other:
            until_it_runs(other, procedures.info.backend_pid)
            assert other.execute("select 41 + 1").fetchone() == (42,)
    finally:
        procedures.cancel()
        thread.join(60)
    assert not thread.is_alive()
    assert [type(error) for error in failures] == [errors.QueryCanceled]
    assert procedures.execute("select count(*) from spun").fetchone() == (0,)


def test_a_cancellation_is_not_caught_and_a_time_out_ends_a_loop(procedures: psycopg.Connection) -> None:
    procedures.execute(
        "create or replace procedure sp_stubborn() as $$ begin loop null; end loop;"
        " exception when others then raise exception 'caught'; end; $$ language plpgsql"
    )
    procedures.execute("set statement_timeout to 300")
    with pytest.raises(errors.QueryCanceled):
        procedures.execute("call sp_stubborn()")
    procedures.execute("set statement_timeout to 0")


def test_routines_are_there_after_a_restart(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(_DOUBLE)
            connection.execute(
                "create function f_kept (numeric(8,2)) returns numeric(8,2) stable as $$ select $1 * 2 $$ language sql"
            )
            connection.execute("create view v_kept as select f_kept(1.25) as v")
            connection.execute("revoke usage on language plpgsql from public")
        server.stop()
        server.start()
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            assert connection.execute("call sp_double(1, 'a')").fetchall() == [(2, "a!")]
            assert str(connection.execute("select v from v_kept").fetchone()) == "(Decimal('2.50'),)"
            acls = connection.execute(
                "select lanname, lanacl from pg_language where lanname in ('plpgsql', 'sql') order by 1"
            ).fetchall()
            assert acls == [("plpgsql", ["rdsdb=U/rdsdb"]), ("sql", None)]
            with pytest.raises(errors.DependentObjectsStillExist):
                connection.execute("drop function f_kept(numeric)")


def test_messages_arrive_while_the_call_runs(procedures: psycopg.Connection) -> None:
    procedures.execute(
        "create or replace procedure sp_slow() as $$ declare i int; begin raise info 'started';"
        " for i in 1..200000 loop perform 1; end loop; end; $$ language plpgsql"
    )
    heard = threading.Event()

    def stop(_: psycopg.errors.Diagnostic) -> None:
        # Only a message that comes before the end can end the call.
        heard.set()
        threading.Thread(target=procedures.cancel).start()

    procedures.add_notice_handler(stop)
    with pytest.raises(errors.QueryCanceled):
        procedures.execute("call sp_slow()")
    assert heard.is_set()


def test_calls_and_messages_outlive_the_server(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(_DOUBLE)
        connection.execute("call sp_double(3, 'x')")
    with Server(tmp_path / "data") as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        said = connection.execute("select trim(message), aborted from svl_stored_proc_messages").fetchall()
        calls = connection.execute("select trim(querytxt), aborted from svl_stored_proc_call").fetchall()
    assert said == [("doubled to 6", 0)]
    assert calls == [("call sp_double(3, 'x')", 0)]
