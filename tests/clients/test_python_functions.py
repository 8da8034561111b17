"""Python functions: types, errors, limits, and what their processes cannot do."""

import gc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from tests.support.server import ADMIN_PASSWORD, Server

pytest.importorskip("numpy")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    environment = {"DUCKSHIFT_UDF_PYTHON": "confined", "DUCKSHIFT_UDF_TIME_LIMIT_S": "3"}
    with (
        Server(tmp_path_factory.mktemp("python") / "data", environment=environment) as server,
        psycopg.connect(server.dsn, autocommit=True) as connection,
    ):
        yield connection


def _function(connection: psycopg.Connection, name: str, arguments: str, returns: str, body: str) -> None:
    connection.execute(
        f"create or replace function {name} ({arguments}) returns {returns} stable as $$\n{body}\n$$ language plpythonu"
    )


def _one(connection: psycopg.Connection, sql: str) -> object:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def test_the_manuals_function(python: psycopg.Connection) -> None:
    _function(python, "f_py_greater", "a float, b float", "float", "  if a > b:\n    return a\n  return b")
    python.execute("create table sales (commission numeric(8,2), pricepaid numeric(8,2))")
    python.execute("insert into sales values (109.20, 728), (11.40, 76)")
    rows = python.execute("select f_py_greater(commission, pricepaid*0.20) from sales order by 1").fetchall()
    assert rows == [(15.2,), (145.6,)]


@pytest.mark.parametrize(
    ("kind", "literal", "value"),
    [
        ("smallint", "5", 5),
        ("integer", "-7", -7),
        ("bigint", "9000000000", 9_000_000_000),
        ("real", "1.5", 1.5),
        ("float8", "0.1", 0.1),
        ("boolean", "true", True),
        ("varchar(20)", "'grün'", "grün"),
        ("char(5)", "'ab'", "ab   "),
        ("numeric(10,3)", "1.125", Decimal("1.125")),
        ("date", "'2024-02-29'", "2024-02-29"),
        ("timestamp", "'2024-02-29 10:11:12.5'", "2024-02-29 10:11:12.5"),
    ],
)
def test_values_of_every_type_go_there_and_back(
    python: psycopg.Connection, kind: str, literal: str, value: object
) -> None:
    _function(python, "f_same", f"x {kind}", kind, "  return x")
    found, nothing = _one(python, f"select f_same({literal}::{kind}), f_same(null)")  # type: ignore[misc]
    assert (str(found) if isinstance(value, str) and not isinstance(found, str) else found) in (value, f"{value}00000")
    assert nothing is None
    python.execute(f"drop function f_same({kind})")


def test_anyelement_takes_the_arguments_type(python: psycopg.Connection) -> None:
    _function(python, "f_first", "a anyelement, b anyelement", "anyelement", "  return a if a is not None else b")
    assert _one(python, "select f_first(1, 2)") == 1
    assert _one(python, "select f_first(null::varchar(3), 'b')") == "b"


def test_batches_volatility_and_functions_without_arguments(python: psycopg.Connection) -> None:
    _function(python, "f_square", "n bigint", "bigint", "  return n * n")
    assert _one(python, "select sum(f_square(g)) from (select generate_series(1, 10000) as g) t") == 333_383_335_000
    python.execute(
        "create function f_random () returns float volatile as $$\nimport random\nreturn random.random()\n$$"
        " language plpythonu"
    )
    assert _one(python, "select count(distinct f_random()) from (select generate_series(1, 5000) as g) t") == 5_000


def test_a_replaced_function_is_the_new_one_and_views_use_it(python: psycopg.Connection) -> None:
    _function(python, "f_version", "x int", "int", "  return 1")
    python.execute("create view v_version as select f_version(0) as v")
    assert _one(python, "select v from v_version") == 1
    _function(python, "f_version", "x int", "int", "  return 2")
    assert _one(python, "select v from v_version") == 2


def test_in_a_sql_function_a_procedure_and_an_insert(python: psycopg.Connection) -> None:
    _function(python, "f_shout", "x varchar", "varchar", "  return x.upper() + '!'")
    python.execute("create function f_twice_shouted (varchar) returns varchar stable as $$ select f_shout($1) || f_shout($1) $$ language sql")  # fmt: skip
    assert _one(python, "select f_twice_shouted('a')") == "A!A!"
    python.execute("create procedure p_shout(inout x varchar) as $$ begin x := f_shout(x); end; $$ language plpgsql")
    assert _one(python, "call p_shout('b')") == "B!"
    python.execute("create table shouted (x varchar(10))")
    python.execute("insert into shouted select f_shout('c')")
    assert _one(python, "select x from shouted") == "C!"


@pytest.mark.parametrize(
    ("returns", "body", "error", "message"),
    [
        ("int", "  return undefined", errors.ExternalRoutineException, "NameError: name 'undefined' is not defined"),
        ("int", "  raise ValueError('no ' + str(x))", errors.ExternalRoutineException, "ValueError: no 1"),
        ("int", "  return 'abc'", errors.ExternalRoutineException, "ValueError: invalid literal"),
        ("smallint", "  return 100000", errors.NumericValueOutOfRange, "value out of range"),
        ("varchar(2)", "  return 'abc'", errors.StringDataRightTruncation, "value too long"),
        ("int", "  import os; os._exit(3)", errors.ExternalRoutineException, "has ended"),
        ("int", "  while True: pass", errors.QueryCanceled, "took more than 3 seconds"),
        ("int", "  return len('x' * 10**9)", errors.ExternalRoutineException, "MemoryError"),
    ],
)
def test_what_goes_wrong_is_said(
    python: psycopg.Connection, returns: str, body: str, error: type[Exception], message: str
) -> None:
    _function(python, "f_wrong", "x int", returns, body)
    with pytest.raises(error, match=message):
        python.execute("select f_wrong(1)")
    python.execute("drop function f_wrong(int)")
    assert _one(python, "select 1") == 1


@pytest.mark.parametrize(
    "body",
    [
        "  return open('/etc/passwd').read()",
        "  return open('/proc/self/environ').read()",
        "  import os; return str(os.listdir('/'))",
        "  return open('/tmp/escaped', 'w').name",
        "  import socket; return str(socket.socket())",
        "  import os; return str(os.fork())",
        "  import os; return str(os.kill(os.getppid(), 9))",
        "  import subprocess; return str(subprocess.run(['/bin/true']))",
        "  import os; os.execv('/bin/true', ['true'])",
        "  import threading; t = threading.Thread(target=print); t.start(); return 'started'",
        "  import duckdb; return 'found'",
        "  import ctypes; return str(1 // (1 + ctypes.CDLL(None).syscall(41, 2, 1, 0)))",
    ],
    ids=["read", "proc", "list", "write", "socket", "fork", "kill", "run", "exec", "thread", "import", "syscall"],
)
def test_a_function_reaches_nothing_outside(python: psycopg.Connection, body: str) -> None:
    _function(python, "f_out", "x int", "varchar", body)
    with pytest.raises(errors.ExternalRoutineException):
        python.execute("select f_out(1)")
    assert not Path("/tmp/escaped").exists()


def test_functions_of_two_owners_share_no_process(python: psycopg.Connection) -> None:
    _function(python, "f_leave", "x int", "int", "  import builtins; builtins.left_here = 42; return 1")
    _function(python, "f_find", "x int", "varchar", "  import builtins; return str(hasattr(builtins, 'left_here'))")
    python.execute("create user python_other password 'Passw0rd1'")
    python.execute("alter function f_find(int) owner to python_other")
    assert _one(python, "select f_leave(1)") == 1
    assert _one(python, "select f_find(1)") == "False"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("create function f_bad (x int) returns int stable as $$ return ( $$ language plpythonu", "38000"),
        ("create function f_bad (int) returns int stable as $$ return 1 $$ language plpythonu", "42P13"),
        ("create function f_bad (x super) returns int stable as $$ return 1 $$ language plpythonu", "0A000"),
        ("create function f_bad (x int) returns anyelement stable as $$ return 1 $$ language plpythonu", "42P13"),
    ],
)
def test_definitions_are_checked(python: psycopg.Connection, text: str, error: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        python.execute(text)
    assert caught.value.sqlstate == error


def test_only_who_may_use_the_language_writes_in_it(python: psycopg.Connection) -> None:
    python.execute("create user python_writer password 'Passw0rd1'")
    python.execute("set session authorization python_writer")
    text = "create function f_allowed (x int) returns int stable as $$ return x $$ language plpythonu"
    try:
        with pytest.raises(errors.InsufficientPrivilege):
            python.execute(text)
        python.execute("reset session authorization")
        python.execute("grant usage on language plpythonu to python_writer")
        python.execute("set session authorization python_writer")
        python.execute(text)
        assert _one(python, "select f_allowed(3)") == 3
    finally:
        python.execute("reset session authorization")


def test_a_function_outlives_the_session_that_called_it_first(python: psycopg.Connection) -> None:
    _function(python, "f_py_kept", "a int", "int", "  return a + 1")
    with psycopg.connect(python.info.dsn, password=ADMIN_PASSWORD, autocommit=True) as first:
        assert _one(first, "select f_py_kept(1)") == 2
    gc.collect()
    assert _one(python, "select f_py_kept(2)") == 3
