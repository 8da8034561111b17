"""Arrow Flight SQL with pyarrow's client: every type beside the PostgreSQL port, streams, rights, tokens, cancelling."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.flight as pf
import pytest

from core.protobuf import decode, encode
from core.types import BY_OID, Column, ColumnType
from flight.messages import (
    CANCEL_INFO,
    STATUS,
    packed,
    unpacked,
)
from server.codec import WireCodec
from session.answers import Style
from session.texts import texts as cut
from tests.clients.round_trip import CASES, Case
from tests.support.flight import Door, memory_mb
from tests.support.server import Server

SLOW = "select count(*) from (select a from generate_series(1,3000000) as g(a)) x, (select b from generate_series(1,300000) as h(b)) y where x.a % 7 = y.b % 5 and x.a * y.b % 3 = 1"


@pytest.fixture(scope="module")
def served(doors: Server) -> Server:
    return doors


@pytest.fixture(scope="module")
def sql(served: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(served.dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def door(served: Server) -> Iterator[Door]:
    made = Door(served)
    yield made
    made.client.close()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_each_type_is_as_on_the_postgresql_port(door: Door, sql: psycopg.Connection, case: Case) -> None:
    table = f"fl_{case.name}"
    sql.execute(f"create table {table} (n int, v {case.sql})")
    for number, value in enumerate(case.values):
        shown = value.given_text or value.text
        sql.execute(f"insert into {table} values (%s, %s)", (number, shown))
    sql.execute(f"insert into {table} values (%s, null)", (len(case.values),))
    query = f"select v from {table} order by n"
    cursor = sql.cursor()
    cursor.execute(query)
    result = cursor.pgresult
    assert result is not None
    texts = [None if (data := result.get_value(row, 0)) is None else data.decode() for row in range(result.ntuples)]
    column = Column("v", ColumnType(BY_OID[case.oid], case.modifier))
    found = door.read(query).combine_chunks()
    encode_ = WireCodec().csv((column,), Style("UTC", 0, "ISO, MDY", "postgres"))
    assert [text for batch in found.to_batches() for text in cut(encode_(batch), 1)[0].to_pylist()] == texts


def test_values_are_arrows_own(door: Door) -> None:
    table = door.read(
        "select 1::smallint as s, 2::bigint as b, 1.5::float4 as f, 12.50::numeric(6,2) as n, true as t, 'ab'::char(4) as c, 'é'::varchar(4) as u, "
        "date '2020-02-29' as d, timestamp '2020-01-02 03:04:05' as ts, null::int as x, json_parse('{\"a\":1}') as j"
    )
    assert [str(item.type) for item in table.schema] == [
        "int16", "int64", "float", "decimal128(6, 2)", "bool", "string", "string", "date32[day]", "timestamp[us]", "int32", "string",
    ]  # fmt: skip
    (row,) = table.to_pylist()
    assert (row["c"], row["u"], row["x"], row["j"]) == ("ab  ", "é", None, '{"a":1}')
    metadata = table.schema.field("n").metadata
    assert (metadata[b"ARROW:FLIGHT:SQL:TYPE_NAME"], metadata[b"ARROW:FLIGHT:SQL:PRECISION"]) == (b"numeric(6,2)", b"6")


def test_many_rows_stream(door: Door) -> None:
    info = door.info("select a, repeat('x', 100) as b from generate_series(1, 400000) as g(a)")
    reader = door.client.do_get(info.endpoints[0].ticket, door.options)
    assert reader.schema == info.schema
    batches = 0
    rows = total = 0
    for chunk in reader:
        batches += 1
        rows += chunk.data.num_rows
        total += sum(chunk.data.column(0).to_pylist()[:1])
    assert rows == 400_000 and batches > 5


def test_a_slow_reader_costs_no_memory(served: Server) -> None:
    door = Door(served)
    info = door.info("select a, repeat('slow', 100) as b from generate_series(1, 20000000) as g(a)")
    reader = door.client.do_get(info.endpoints[0].ticket, door.options)
    for _ in range(5):
        reader.read_chunk()
    before = memory_mb(served)
    time.sleep(2)
    # The whole result has eight gigabytes.
    assert memory_mb(served) - before < 100
    reader.cancel()
    door.client.close()


def test_a_reader_that_leaves_stops_the_statement(served: Server, sql: psycopg.Connection) -> None:
    door = Door(served)
    info = door.info("select a, repeat('leave', 100) as b from generate_series(1, 30000000) as g(a)")
    reader = door.client.do_get(info.endpoints[0].ticket, door.options)
    reader.read_chunk()
    reader.cancel()
    del reader
    deadline = time.monotonic() + 60
    query = "select count(*) from stv_recents where status = 'Running' and query like '%%repeat(''leave%%' and query not like '%%stv_recents%%'"
    while time.monotonic() < deadline and sql.execute(query).fetchone() != (0,):
        time.sleep(0.1)
    assert sql.execute(query).fetchone() == (0,)
    assert door.read("select 1 as a").to_pylist() == [{"a": 1}]
    door.client.close()


def test_readers_that_leave_spoil_nothing(served: Server, sql: psycopg.Connection) -> None:
    sql.execute("create table fl_left (a int)")
    door = Door(served)
    for number in range(12):
        transaction = door.begin() if number % 2 else b""
        door.read(f"insert into fl_left values ({number})", transaction)
        info = door.info("select a, repeat('x', 100) as b from generate_series(1, 3000000) as g(a)", transaction)
        reader = door.client.do_get(info.endpoints[0].ticket, door.options)
        for _ in range(number % 3):
            reader.read_chunk()
        reader.cancel()
        assert door.read("select 1 as a", transaction).to_pylist() == [{"a": 1}]
        if transaction:
            door.end(transaction, 1)
    assert sql.execute("select count(*) from fl_left").fetchone() == (12,)
    door.client.close()


def test_a_statement_is_cancelled_by_its_ticket(served: Server, sql: psycopg.Connection) -> None:
    door = Door(served)
    info = door.info(SLOW)
    failures: list[Exception] = []

    def work() -> None:
        try:
            door.client.do_get(info.endpoints[0].ticket, door.options).read_all()
        except pa.ArrowException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    running = "select count(*) from stv_recents where status = 'Running' and query like '%%3000000%%' and query not like '%%stv_recents%%'"
    deadline = time.monotonic() + 60
    while sql.execute(running).fetchone() == (0,):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (answer,) = door.act("CancelFlightInfo", encode(CANCEL_INFO, {"info": info.serialize()}))
    thread.join(20)
    assert decode(STATUS, answer) == {"status": 1}
    assert len(failures) == 1 and "cancel" in str(failures[0]).lower()
    (answer,) = door.act("CancelFlightInfo", encode(CANCEL_INFO, {"info": info.serialize()}))
    assert decode(STATUS, answer) == {"status": 3}
    door.client.close()


def test_errors_tell_their_sqlstate_and_nothing_of_the_server(door: Door) -> None:
    for query, state in (("select * from nowhere", "42P01"), ("selec 1", "42601"), ("select 1/0 as a", "22012"), ("copy t from stdin", "")):
        with pytest.raises(pa.ArrowException) as caught:
            door.read(query)
        text = str(caught.value)
        assert state in text and "Traceback" not in text and ".py" not in text


def test_settings_and_temporary_tables_last(served: Server) -> None:
    door = Door(served)
    door.read("create temp table mine as select 7 as a")
    door.read("set search_path to pg_catalog, public")
    assert door.read("select a from mine").to_pylist() == [{"a": 7}]
    assert door.read("show search_path").to_pylist()[0]["search_path"] == "pg_catalog, public"
    other = Door(served)
    with pytest.raises(pa.ArrowException, match="42P01"):
        other.read("select a from mine")
    door.client.close()
    other.client.close()


def test_transactions(door: Door, sql: psycopg.Connection) -> None:
    sql.execute("create table fl_tx (a int)")
    first = door.begin()
    door.put("CommandStatementUpdate", pa.table({}), query="insert into fl_tx values (1)", transaction_id=first)
    assert door.read("select a from fl_tx", first).num_rows == 1 and door.read("select a from fl_tx").num_rows == 0
    door.end(first, 2)
    assert sql.execute("select count(*) from fl_tx").fetchone() == (0,)
    second = door.begin()
    assert door.put("CommandStatementUpdate", pa.table({}), query="insert into fl_tx values (1), (2)", transaction_id=second) == 2
    # Two streams of one transaction, read in turns.
    streams = [
        door.client.do_get(door.info(f"select a from generate_series(1, 200000) as g(a) where a > {number}", second).endpoints[0].ticket, door.options)
        for number in range(2)
    ]
    firsts = [stream.read_chunk().data.num_rows for stream in streams]
    assert firsts[0] + streams[0].read_all().num_rows == 200_000 and firsts[1] + streams[1].read_all().num_rows == 199_999
    door.end(second, 1)
    assert sql.execute("select count(*) from fl_tx").fetchone() == (2,)
    with pytest.raises(pa.ArrowException, match="25P01"):
        door.end(second, 1)


def test_prepared_statements(door: Door, sql: psycopg.Connection) -> None:
    sql.execute("create table fl_prep (a int, b varchar(10), c date)")

    def prepare(query: str) -> dict[str, Any]:
        return unpacked(door.act("CreatePreparedStatement", packed("ActionCreatePreparedStatementRequest", {"query": query}))[0]).fields

    made = prepare("insert into fl_prep values (?, ?, ?)")
    assert made.get("dataset_schema", b"") == b""
    parameters = pa.ipc.read_schema(pa.py_buffer(made["parameter_schema"]))
    assert [str(item.type) for item in parameters] == ["int32", "string", "date32[day]"]
    rows = pa.table({"1": pa.array([1, 2, None], pa.int64()), "2": ["x", "", None], "3": pa.array([0, 1, None], pa.date32())})
    handle = made["prepared_statement_handle"]
    assert door.put("CommandPreparedStatementUpdate", rows, prepared_statement_handle=handle) == 3
    assert sql.execute("select a, b, c::varchar from fl_prep order by a").fetchall() == [(1, "x", "1970-01-01"), (2, "", "1970-01-02"), (None, None, None)]
    bad = pa.table({"1": [5, 6], "2": ["y", "z" * 40], "3": pa.array([0, 0], pa.date32())})
    with pytest.raises(pa.ArrowException):
        door.put("CommandPreparedStatementUpdate", bad, prepared_statement_handle=handle)
    assert sql.execute("select count(*) from fl_prep").fetchone() == (3,)
    query = prepare("select b from fl_prep where a = $1")
    assert pa.ipc.read_schema(pa.py_buffer(query["dataset_schema"])).names == ["b"]
    handle = query["prepared_statement_handle"]
    door.send("CommandPreparedStatementQuery", pa.table({"1": [1]}), prepared_statement_handle=handle)
    info = door.client.get_flight_info(
        pf.FlightDescriptor.for_command(packed("CommandPreparedStatementQuery", {"prepared_statement_handle": handle})), door.options
    )
    assert door.client.do_get(info.endpoints[0].ticket, door.options).read_all().to_pylist() == [{"b": "x"}]
    door.act("ClosePreparedStatement", packed("ActionClosePreparedStatementRequest", {"prepared_statement_handle": handle}))
    with pytest.raises(pa.ArrowException, match="26000"):
        door.client.get_flight_info(info.descriptor, door.options)


def test_bulk_loads(door: Door, sql: psycopg.Connection) -> None:
    table = pa.table({
        "n": pa.array([1, 2, None], pa.int32()), "s": ["a", "", 'c,"d\n'], "b": pa.array([b"\x00\xff", None, b""]),
        "f": [1.5, float("nan"), None], "t": pa.array([0, None, 1], pa.timestamp("ns")), "k": pa.array(["x", None, "x"]).dictionary_encode(),
    })  # fmt: skip
    fields = {"table": "fl_bulk", "table_definition_options": {"if_not_exist": 1, "if_exists": 1}}
    assert door.put("CommandStatementIngest", table, **fields) == 3
    with pytest.raises(pa.ArrowException, match="42P07"):
        door.put("CommandStatementIngest", table, **fields)
    append = {"if_not_exist": 2, "if_exists": 2}
    assert door.put("CommandStatementIngest", table, table="fl_bulk", schema="public", table_definition_options=append) == 3
    assert sql.execute("select count(*), count(n), count(b) from fl_bulk").fetchone() == (6, 4, 4)
    assert sql.execute("select s, k from fl_bulk where n = 2").fetchall() == [("", None)] * 2
    replace = {"if_not_exist": 1, "if_exists": 3}
    assert door.put("CommandStatementIngest", table.select(["n"]), table="fl_bulk", table_definition_options=replace) == 3
    assert sql.execute("select * from fl_bulk order by n limit 1").fetchone() == (1,)
    with pytest.raises(pa.ArrowException, match="42P01"):
        door.put("CommandStatementIngest", table, table="fl_none", table_definition_options=append)
    many = pa.table({"a": pa.array(range(200_000)), "b": ["some text"] * 200_000})
    assert door.put("CommandStatementIngest", many, table="fl_many", table_definition_options=fields["table_definition_options"]) == 200_000
    assert sql.execute("select count(*), sum(a) from fl_many").fetchone() == (200_000, 199_999 * 100_000)


def test_a_bulk_load_that_fails_leaves_nothing(door: Door, sql: psycopg.Connection) -> None:
    sql.execute("create table fl_strict (s varchar(2))")
    table = pa.table({"s": ["a", "too long"]})
    with pytest.raises(pa.ArrowException):
        door.put("CommandStatementIngest", table, table="fl_strict", table_definition_options={"if_not_exist": 2, "if_exists": 2})
    assert sql.execute("select count(*) from fl_strict").fetchone() == (0,)


def test_catalogs(door: Door, sql: psycopg.Connection) -> None:
    sql.execute("create schema fl_cat")
    sql.execute("create table fl_cat.one (id int not null primary key, name varchar(10))")
    sql.execute("create table fl_cat.two (id int, one_id int references fl_cat.one (id))")
    sql.execute("create view fl_cat.shown as select id from fl_cat.one")
    assert {"catalog_name": "dev"} in door.metadata("CommandGetCatalogs")
    assert door.metadata("CommandGetDbSchemas", db_schema_filter_pattern="fl\\_c%") == [{"catalog_name": "dev", "db_schema_name": "fl_cat"}]
    tables = door.metadata("CommandGetTables", catalog="dev", db_schema_filter_pattern="fl_cat", include_schema=True)
    assert [(row["table_name"], row["table_type"]) for row in tables] == [("one", "TABLE"), ("two", "TABLE"), ("shown", "VIEW")]
    inner = pa.ipc.read_schema(pa.py_buffer(tables[0]["table_schema"]))
    assert inner.names == ["id", "name"] and not inner.field("id").nullable and inner.field("name").nullable
    assert [row["table_name"] for row in door.metadata("CommandGetTables", db_schema_filter_pattern="fl_cat", table_types=["VIEW"])] == ["shown"]
    (key,) = door.metadata("CommandGetPrimaryKeys", catalog="dev", db_schema="fl_cat", table="one")
    assert (key["column_name"], key["key_sequence"]) == ("id", 1)
    for name, table in (("CommandGetImportedKeys", "two"), ("CommandGetExportedKeys", "one")):
        (key,) = door.metadata(name, db_schema="fl_cat", table=table)
        assert (key["pk_table_name"], key["pk_column_name"], key["fk_table_name"], key["fk_column_name"]) == ("one", "id", "two", "one_id")
    crossed = {"pk_db_schema": "fl_cat", "pk_table": "one", "fk_db_schema": "fl_cat", "fk_table": "two"}
    assert len(door.metadata("CommandGetCrossReference", **crossed)) == 1
    assert door.metadata("CommandGetCrossReference", **{**crossed, "pk_table": "other"}) == []
    assert "VIEW" in [row["table_type"] for row in door.metadata("CommandGetTableTypes")]
    assert door.metadata("CommandGetSqlInfo", info=[0, 4, 8]) == [
        {"info_name": 0, "value": "duckshift"}, {"info_name": 4, "value": True}, {"info_name": 8, "value": 1},
    ]  # fmt: skip
    assert [row["type_name"] for row in door.metadata("CommandGetXdbcTypeInfo", data_type=4)] == ["integer"]


def test_users_have_their_rights(served: Server, sql: psycopg.Connection) -> None:
    sql.execute("create user flyer password 'Flyer1Password'")
    sql.execute("create table fl_secret (a int)")
    door = Door(served, "flyer", "Flyer1Password")
    assert door.read("select current_user as u").to_pylist() == [{"u": "flyer"}]
    with pytest.raises(pf.FlightUnauthorizedError, match="permission denied"):
        door.read("select a from fl_secret")
    assert "fl_secret" not in [row["table_name"] for row in door.metadata("CommandGetTables", db_schema_filter_pattern="public")]
    door.client.close()


def test_a_connection_is_logged_and_can_be_ended(served: Server, sql: psycopg.Connection) -> None:
    door = Door(served)
    (row,) = door.read("select pg_backend_pid() as pid").to_pylist()
    assert sql.execute("select trim(user_name) from stv_sessions where process = %s", (row["pid"],)).fetchone() == ("awsuser",)
    found: list[Any] = []
    for _ in range(300):
        found = sql.execute("select trim(application_name) from stl_connection_log where pid = %s and event like 'authenticated%%'", (row["pid"],)).fetchall()
        if found:
            break
        time.sleep(0.2)
    assert found and "grpc" in found[0][0]
    assert sql.execute("select pg_terminate_backend(%s)", (row["pid"],)).fetchone() == (1,)
    with pytest.raises(pa.ArrowException):
        door.read("select 1 as a")
    again = Door(served)
    again.act("CloseSession", b"")
    with pytest.raises(pf.FlightUnauthenticatedError):
        again.read("select 1 as a")


@pytest.mark.parametrize("command", [b"", b"\xff\xff", b"\x0a\x05nope!", packed("CommandStatementUpdate", {"query": "select 1"}), packed("TicketStatementQuery", {"statement_handle": b"\xff"})])
def test_commands_that_cannot_be_read(door: Door, command: bytes) -> None:
    for call in (
        lambda: door.client.get_flight_info(pf.FlightDescriptor.for_command(command), door.options),
        lambda: door.client.do_get(pf.Ticket(command), door.options).read_all(),
    ):
        with pytest.raises(pa.ArrowException) as caught:
            call()
        assert "Traceback" not in str(caught.value)
    with pytest.raises(pa.ArrowException):
        door.act("CreatePreparedStatement", command)
    with pytest.raises(pa.ArrowException):
        door.act("NoSuchAction", command)


def test_connections_at_once(served: Server) -> None:
    sums: list[int] = []

    def work(number: int) -> None:
        own = Door(served)
        sums.append(own.read(f"select sum(a) as s from generate_series(1, {number}) as g(a)").to_pylist()[0]["s"])
        own.act("CloseSession", b"")
        own.client.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert sorted(int(each) for each in sums) == [number * (number + 1) // 2 for number in range(1, 7)]
