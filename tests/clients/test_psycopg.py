"""psycopg 3: every type in both formats both ways, statements, transactions, cursors, pipelines, COPY, notices."""

import datetime as dt
import struct
from typing import Any

import psycopg
import pytest
from psycopg import errors, pq

from tests.clients.round_trip import CASES, RAW, Case, same
from tests.support.canceling import canceled
from tests.support.server import Server

pytestmark = pytest.mark.client("psycopg")

_NAMES = [case.name for case in CASES]


def _table(connection: psycopg.Connection, case: Case, suffix: str) -> str:
    name = f"pg3_{case.name}_{suffix}"
    connection.execute(f"create table {name} (n integer, v {case.sql})")
    return name


@pytest.mark.parametrize("case", CASES, ids=_NAMES)
@pytest.mark.parametrize("sent", [0, 1], ids=["text", "binary"])
def test_bytes_make_the_trip(connection: psycopg.Connection, case: Case, sent: int) -> None:
    """Without psycopg's own conversions: what libpq is given, and exactly what it gets."""
    table = _table(connection, case, f"raw{sent}")
    wire = connection.pgconn
    insert = f"insert into {table} values ($1, $2)".encode()
    parameters = [value.binary_parameter if sent else value.text_parameter for value in case.values]
    for n, parameter in enumerate([*parameters, None]):
        done = wire.exec_params(
            insert, [str(n).encode(), parameter], param_types=[23, case.oid], param_formats=[0, sent]
        )
        assert done.status == pq.ExecStatus.COMMAND_OK, (case.values[n], done.error_message)
        assert done.command_status == b"INSERT 0 1"
    for code in (0, 1):
        result = wire.exec_params(f"select v from {table} order by n".encode(), [], result_format=code)
        assert result.status == pq.ExecStatus.TUPLES_OK, result.error_message
        assert (result.fname(0), result.ftype(0), result.fmod(0), result.fformat(0)) == (
            b"v",
            case.oid,
            case.modifier,
            code,
        )
        expected = [value.binary if code else value.text.encode() for value in case.values]
        assert [result.get_value(row, 0) for row in range(result.ntuples)] == [*expected, None]


@pytest.mark.parametrize("case", CASES, ids=_NAMES)
@pytest.mark.parametrize("placeholder", ["%t", "%b", "%s"], ids=["text", "binary", "auto"])
def test_python_values_make_the_trip(connection: psycopg.Connection, case: Case, placeholder: str) -> None:
    values = [value for value in case.values if value.python is not RAW]
    table = _table(connection, case, {"%t": "text", "%b": "binary", "%s": "auto"}[placeholder])
    with connection.cursor() as cursor:
        cursor.executemany(
            f"insert into {table} values (%s, {placeholder})",
            [*((n, _given(case, value, placeholder)) for n, value in enumerate(values)), (len(values), None)],
        )
        assert cursor.rowcount == len(values) + 1
    connection.execute("set extra_float_digits to 3")
    for binary in (False, True):
        rows = connection.execute(f"select v from {table} order by n", binary=binary).fetchall()
        expected = [_seen(case, value, binary=binary) for value in values]
        assert [row[0] for row in rows][-1] is None
        assert len(rows) == len(expected) + 1
        for (found,), wanted in zip(rows, expected, strict=False):
            assert same(_narrowed(case, found), _narrowed(case, wanted)), (found, wanted)
    connection.execute("reset extra_float_digits")


def _given(case: Case, value: Any, placeholder: str) -> Any:
    """Return a parameter; as text libpq writes bytes for server_version 8.0 in octal, which only BYTEA reads."""
    return value.binary if case.name == "varbyte" and placeholder != "%t" else value.parameter


def _narrowed(case: Case, value: Any) -> Any:
    """Return a REAL as the double it is exactly: nine digits tell two of them apart, not more."""
    return struct.unpack(">f", struct.pack(">f", value))[0] if case.name == "float4" else value


def _seen(case: Case, value: Any, *, binary: bool) -> Any:
    """Return what psycopg makes of a value: types that PostgreSQL has not got stay text or bytes."""
    if case.standard:
        return value.python
    return value.binary if binary else value.text


@pytest.mark.parametrize("case", CASES, ids=_NAMES)
def test_columns_are_described_before_they_run(connection: psycopg.Connection, case: Case) -> None:
    table = _table(connection, case, "described")
    wire = connection.pgconn
    name = table.encode()
    assert wire.prepare(name, f"select v, n from {table} where v = $1".encode()).status == pq.ExecStatus.COMMAND_OK
    described = wire.describe_prepared(name)
    assert described.status == pq.ExecStatus.COMMAND_OK, described.error_message
    assert [described.ftype(column) for column in range(described.nfields)] == [case.oid, 23]
    assert described.fmod(0) == case.modifier
    # What a SUPER value is compared with is a string until it says otherwise.
    expected = 1043 if case.name == "super" else case.oid
    assert [described.param_type(n) for n in range(described.nparams)] == [expected]


def test_a_connection_is_encrypted_unless_told_otherwise(url: dict[str, Any], server: Server) -> None:
    with psycopg.connect(**url) as made:
        assert made.pgconn.ssl_in_use
    with psycopg.connect(**url, sslmode="verify-full", sslrootcert=f"{server.data}/tls/server.crt") as made:
        assert made.pgconn.ssl_in_use
    with psycopg.connect(**url, sslmode="disable") as made:
        assert not made.pgconn.ssl_in_use


def test_a_stranger_certificate_is_not_trusted(url: dict[str, Any]) -> None:
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(**url, sslmode="verify-full", sslrootcert="system").close()


@pytest.mark.parametrize("sslmode", ["require", "disable"])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"password": "not this"}, 'FATAL:  password authentication failed for user "awsuser"'),
        ({"user": "nobody"}, 'FATAL:  password authentication failed for user "nobody"'),
        ({"dbname": "nowhere"}, 'FATAL:  database "nowhere" does not exist'),
    ],
)
def test_who_is_refused_is_told_why(url: dict[str, Any], wrong: dict[str, str], message: str, sslmode: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=message):
        psycopg.connect(**url | wrong, sslmode=sslmode).close()


def test_parameter_status(connection: psycopg.Connection) -> None:
    told = connection.pgconn.parameter_status
    assert told(b"server_version") == b"8.0.2"
    assert told(b"client_encoding") == b"UTF8"
    assert told(b"standard_conforming_strings") == b"off"
    assert told(b"integer_datetimes") == b"on"
    assert connection.info.timezone.utcoffset(None) == dt.timedelta(0)


def test_parameter_types_are_inferred(connection: psycopg.Connection) -> None:
    wire = connection.pgconn
    assert wire.prepare(b"inferred", b"select $1::int + 1, $2::varchar(5), $3::numeric(10,2)").error_message == b""
    described = wire.describe_prepared(b"inferred")
    assert [described.param_type(n) for n in range(3)] == [23, 1043, 1700]
    assert [described.ftype(n) for n in range(3)] == [23, 1043, 1700]
    assert [described.fmod(n) for n in range(3)] == [-1, 9, (10 << 16 | 2) + 4]


def test_prepared_statements_are_used_again(own: psycopg.Connection) -> None:
    own.prepare_threshold = 0
    for n in range(5):
        assert own.execute("select %s::int * 2", (n,)).fetchone() == (2 * n,)
    assert own.execute("select 1 where %s = 1", (2,)).fetchall() == []
    # psycopg forgets statements this way, one by one and all at once.
    own.prepared_max = 1
    assert own.execute("select %s::int + 1", (1,)).fetchone() == (2,)
    assert own.execute("select %s::int + 2", (1,)).fetchone() == (3,)
    own.execute("deallocate all")


def test_a_prepared_statement_survives_a_changed_table(own: psycopg.Connection) -> None:
    own.execute("create table pg3_changing (a int)")
    own.execute("insert into pg3_changing values (1)")
    own.prepare_threshold = 0
    query = "select a from pg3_changing where a > %s"
    assert own.execute(query, (0,)).fetchall() == [(1,)]
    own.execute("alter table pg3_changing add column b varchar(10)")
    assert own.execute(query, (0,)).fetchall() == [(1,)]


def test_a_rollback_takes_everything_back(own: psycopg.Connection) -> None:
    own.autocommit = False
    own.execute("create table pg3_undone (a int)")
    own.execute("insert into pg3_undone values (1)")
    assert own.info.transaction_status == pq.TransactionStatus.INTRANS
    own.rollback()
    assert own.info.transaction_status == pq.TransactionStatus.IDLE
    with pytest.raises(errors.UndefinedTable):
        own.execute("select * from pg3_undone")


def test_a_failed_transaction_refuses_until_its_end(own: psycopg.Connection) -> None:
    own.autocommit = False
    own.execute("create table pg3_failing (a int)")
    with pytest.raises(errors.DivisionByZero):
        own.execute("select 1 / %s", (0,))
    assert own.info.transaction_status == pq.TransactionStatus.INERROR
    with pytest.raises(errors.InFailedSqlTransaction):
        own.execute("select 1")
    own.rollback()
    assert own.execute("select 1").fetchone() == (1,)


def test_commits_are_seen_by_others(own: psycopg.Connection, connection: psycopg.Connection) -> None:
    connection.execute("create table pg3_seen (a int)")
    with own.transaction():
        own.execute("insert into pg3_seen values (1)")
        assert connection.execute("select count(*) from pg3_seen").fetchone() == (0,)
    assert connection.execute("select count(*) from pg3_seen").fetchone() == (1,)


def test_an_error_says_where(connection: psycopg.Connection) -> None:
    with pytest.raises(errors.UndefinedTable) as caught:
        connection.execute("select * from pg3_nowhere")
    assert caught.value.diag.message_primary == 'relation "pg3_nowhere" does not exist'
    assert caught.value.diag.severity == "ERROR"
    with pytest.raises(errors.SyntaxError) as caught_syntax:
        connection.execute("select 1 frm x y")
    assert caught_syntax.value.diag.statement_position is not None
    with pytest.raises(errors.InvalidTextRepresentation):
        connection.execute("select %s::int", ("x",))


def test_a_canceled_statement_ends(own: psycopg.Connection) -> None:
    own.execute("create table pg3_many as select 1::int as a")
    for _ in range(12):
        own.execute("insert into pg3_many select a from pg3_many")
    # It takes minutes when it is not canceled.
    with canceled(own):
        own.execute("select count(*) from pg3_many a, pg3_many b, pg3_many c where a.a + b.a + c.a = 0")
    assert own.execute("select 1").fetchone() == (1,)


def test_a_cancel_that_comes_late_harms_nothing(own: psycopg.Connection) -> None:
    own.execute("select 1")
    own.cancel_safe(timeout=60)
    assert own.execute("select 2").fetchone() == (2,)


def test_statement_timeout(own: psycopg.Connection) -> None:
    own.execute("create temp table pg3_slow as select 1::int as a")
    for _ in range(12):
        own.execute("insert into pg3_slow select a from pg3_slow")
    own.execute("set statement_timeout to 200")
    with pytest.raises(errors.QueryCanceled):
        own.execute("select count(*) from pg3_slow a, pg3_slow b, pg3_slow c where a.a + b.a + c.a = 0")
    own.execute("set statement_timeout to 0")
    assert own.execute("select 1").fetchone() == (1,)


def test_a_server_side_cursor_reads_on(own: psycopg.Connection) -> None:
    own.autocommit = False
    own.execute("create table pg3_rows (n int)")
    own.cursor().executemany("insert into pg3_rows values (%s)", [(n,) for n in range(25)])
    with own.cursor(name="reader") as cursor:
        cursor.itersize = 10
        cursor.execute("select n from pg3_rows order by n")
        assert cursor.fetchone() == (0,)
        assert cursor.fetchmany(3) == [(1,), (2,), (3,)]
        assert [row[0] for row in cursor] == list(range(4, 25))
    own.rollback()


def test_rows_stream_one_by_one(connection: psycopg.Connection) -> None:
    rows = connection.cursor().stream("select %s::int union all select 2 union all select 3 order by 1", (1,))
    assert list(rows) == [(1,), (2,), (3,)]


def test_a_pipeline_keeps_its_order(own: psycopg.Connection) -> None:
    own.execute("create table pg3_piped (a int)")
    with own.pipeline() as pipeline:
        cursors = [own.execute("insert into pg3_piped values (%s)", (n,)) for n in range(5)]
        counted = own.execute("select count(*), sum(a) from pg3_piped")
        pipeline.sync()
        assert [cursor.rowcount for cursor in cursors] == [1] * 5
        assert counted.fetchone() == (5, 10)


def test_an_error_in_a_pipeline_skips_to_the_next_sync(own: psycopg.Connection) -> None:
    own.execute("create table pg3_skipped (a int)")
    # Up to the synchronisation it is one transaction: the row before the error goes too.
    with pytest.raises(errors.UndefinedTable), own.pipeline() as pipeline:
        own.execute("insert into pg3_skipped values (1)")
        own.execute("insert into pg3_nowhere values (1)")
        own.execute("insert into pg3_skipped values (2)")
        pipeline.sync()
    assert own.execute("select count(*) from pg3_skipped").fetchone() == (0,)


def test_several_statements_in_one_query(own: psycopg.Connection) -> None:
    cursor = own.execute("select 1; select 'a', 2; create table pg3_several (a int)")
    assert cursor.fetchall() == [(1,)]
    assert cursor.nextset()
    assert cursor.fetchall() == [("a", 2)]
    assert cursor.nextset()
    assert cursor.statusmessage == "CREATE TABLE"
    # The second error takes the first statement back with it.
    with pytest.raises(errors.UndefinedTable):
        own.execute("insert into pg3_several values (1); select * from pg3_nowhere")
    assert own.execute("select count(*) from pg3_several").fetchone() == (0,)


def test_notices_arrive(own: psycopg.Connection) -> None:
    told: list[tuple[str | None, str | None]] = []
    own.add_notice_handler(lambda diagnosis: told.append((diagnosis.severity, diagnosis.message_primary)))
    own.execute("begin")
    own.execute("begin")
    own.execute("rollback")
    assert told == [("WARNING", "there is already a transaction in progress")]


def test_a_setting_that_drivers_watch_is_reported(own: psycopg.Connection) -> None:
    own.execute("set timezone to 'Europe/Berlin'")
    assert own.pgconn.parameter_status(b"TimeZone") == b"Europe/Berlin"
    (moment,) = own.execute("select '2024-07-01 12:00:00+00'::timestamptz").fetchone() or (None,)
    assert moment == dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
    assert moment.utcoffset() == dt.timedelta(hours=2)


def test_an_empty_query(connection: psycopg.Connection) -> None:
    assert connection.pgconn.exec_(b"").status == pq.ExecStatus.EMPTY_QUERY
    assert connection.pgconn.exec_params(b" -- nothing", []).status == pq.ExecStatus.EMPTY_QUERY


def test_a_user_types_backslashes(connection: psycopg.Connection) -> None:
    """Literals that the client quotes itself (ClientCursor, psql's variables) mean what Python meant."""
    for text in ("a\\b", "it's", "\\", "'\\''"):
        cursor = psycopg.ClientCursor(connection)
        assert cursor.execute("select %s", (text,)).fetchone() == (text,)


def test_parameters_without_blanks_between_them(connection: psycopg.Connection) -> None:
    row = connection.execute("select left(%s,%s), right(%s,%s), %s || %s", ("abc", 2, "abc", 1, "x", "y")).fetchone()
    assert row == ("ab", "c", "xy")


@pytest.mark.parametrize("binary", [False, True])
def test_parameters_of_text_functions(connection: psycopg.Connection, binary: bool) -> None:
    query = (
        "select regexp_replace(%s,%s,%s,%s,'p'), quote_literal(%s), json_extract_path_text(%s,%s),"
        " strtol(%s,%s), to_varbyte(%s,%s), fnv_hash(%s), sha2(%s,%s)"
    )
    given = ("aab", "(a)\\1", "x", 1, "it's", '{"a":1}', "a", "ff", 16, "0110", "binary", "Amazon Redshift", "a", 7)
    with connection.cursor(binary=binary) as cursor:
        row = cursor.execute(query, given).fetchone()
    assert row is not None
    assert row[:4] == ("xb", "'it''s'", "1", 255)
    assert row[5:] == (7783490368944507294, "")
