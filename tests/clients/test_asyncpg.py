"""asyncpg: everything prepared and binary; types it does not know, cursors, time-outs, transactions, COPY."""

import asyncio
import datetime as dt
import gc
import ssl
import struct
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import pytest

from tests.clients.round_trip import CASES, RAW, Case, Value, same
from tests.support.server import Server

# asyncpg leaves the transports of refused connections to the garbage collector.
pytestmark = [
    pytest.mark.client("asyncpg"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
# What PostgreSQL has too asyncpg moves in binary only.
_TRIPS = [
    pytest.param(case, form, id=f"{case.name}-{form}")
    for case in CASES
    for form in (("binary",) if case.standard else ("text", "binary"))
]
_OWN_TYPES = ("intervaly2m", "intervald2s", "super", "varbyte")
Work = Callable[[asyncpg.Connection], Awaitable[None]]


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """Leave no such transport to the modules that follow."""
    yield
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


def _trust(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=f"{server.data}/tls/server.crt")


async def _connect(server: Server, **others: Any) -> asyncpg.Connection:
    given = {
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "password": server.password,
        "database": server.database,
        "ssl": _trust(server),
    }
    return await asyncpg.connect(**given | others)


def _run(server: Server, work: Work) -> None:
    async def scene() -> None:
        connection = await _connect(server)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(scene())


async def _teach(connection: asyncpg.Connection, form: str) -> None:
    """Give Redshift's own types a codec, as every program with asyncpg must; asyncpg looks them up in pg_type."""
    for name in _OWN_TYPES:
        keep: Callable[[Any], Any] = bytes if form == "binary" else str
        await connection.set_type_codec(name, schema="pg_catalog", encoder=keep, decoder=keep, format=form)


def _sent(value: Value, form: str) -> str | bytes:
    return value.binary_parameter if form == "binary" else value.text_parameter.decode()


@pytest.mark.parametrize(("case", "form"), _TRIPS)
def test_values_make_the_trip(server: Server, case: Case, form: str) -> None:
    values = [value for value in case.values if value.python is not RAW]

    async def work(connection: asyncpg.Connection) -> None:
        await _teach(connection, form)
        table = f"apg_{case.name}_{form}"
        await connection.execute(f"create table {table} (n integer, v {case.sql})")
        sent = [value.parameter if case.standard else _sent(value, form) for value in values]
        await connection.executemany(
            f"insert into {table} values ($1, $2)", [*enumerate(sent), (len(sent), None)]
        )
        described = await connection.prepare(f"select v from {table} where n >= $1 order by n")
        assert [attribute.type.oid for attribute in described.get_attributes()] == [case.oid]
        assert [parameter.oid for parameter in described.get_parameters()] == [23]
        found = [row["v"] for row in await described.fetch(0)]
        expected = [value.python if case.standard else getattr(value, form) for value in values]
        assert found[-1] is None
        assert len(found) == len(expected) + 1
        for one, wanted in zip(found, expected, strict=False):
            assert same(one, wanted), (one, wanted)

    _run(server, work)


# A parameter beside SUPER is a string, which an object does not equal.
_FOUND = [case for case in CASES if case.name != "super"]


@pytest.mark.parametrize("case", _FOUND, ids=[case.name for case in _FOUND])
def test_values_are_found_again(server: Server, case: Case) -> None:
    """What was read is what a comparison finds."""
    value = case.values[0]

    async def work(connection: asyncpg.Connection) -> None:
        await _teach(connection, "text")
        table = f"apg_{case.name}_found"
        await connection.execute(f"create table {table} (n integer, v {case.sql})")
        given = value.parameter if case.standard else _sent(value, "text")
        await connection.execute(f"insert into {table} values (1, $1)", given)
        wanted = value.python if case.standard else value.text
        assert await connection.fetchval(f"select n from {table} where v = $1", wanted) == 1

    _run(server, work)


def test_tls_with_and_without(server: Server) -> None:
    async def scene() -> None:
        for tls in (_trust(server), "require", "prefer", False):
            connection = await _connect(server, ssl=tls)
            assert await connection.fetchval("select 1") == 1
            await connection.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await _connect(server, ssl=ssl.create_default_context())

    asyncio.run(scene())


@pytest.mark.parametrize("tls", [True, False])
def test_who_is_refused_is_told_why(server: Server, tls: bool) -> None:
    async def refused(error: type[Exception], **wrong: str) -> str | None:
        with pytest.raises(error) as caught:
            await _connect(server, ssl=_trust(server) if tls else False, **wrong)
        return getattr(caught.value, "sqlstate", None)

    assert asyncio.run(refused(asyncpg.InvalidPasswordError, password="not this")) == "28P01"
    assert asyncio.run(refused(asyncpg.InvalidPasswordError, user="nobody")) == "28P01"
    assert asyncio.run(refused(asyncpg.InvalidCatalogNameError, database="nowhere")) == "3D000"


def test_a_prepared_statement_whose_columns_have_changed(server: Server) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute("CREATE TABLE changing AS SELECT 1 AS a")
        try:
            prepared = await connection.prepare("SELECT * FROM changing")
            assert [tuple(row) for row in await prepared.fetch()] == [(1,)]
            await connection.execute("ALTER TABLE changing ADD COLUMN b int DEFAULT 3")
            # PostgreSQL's own words, by which drivers know that they must prepare it anew.
            with pytest.raises(asyncpg.FeatureNotSupportedError, match=r"^cached plan must not change result type$"):
                await prepared.fetch()
            assert [tuple(row) for row in await connection.fetch("SELECT * FROM changing")] == [(1, 3)]
        finally:
            await connection.execute("DROP TABLE changing")

    _run(server, work)


def test_a_server_that_says_what_it_is(server: Server) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        assert connection.get_server_version()[:3] == (8, 0, 2)
        # Known as Redshift, it is not asked for advisory locks, LISTEN and what else it has not got.
        assert connection._server_caps.sql_reset is True
        await connection.reset()

    _run(server, work)


def test_a_pool_gives_connections_back(server: Server) -> None:
    async def scene() -> None:
        async with asyncpg.create_pool(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            database=server.database,
            ssl=_trust(server),
            min_size=1,
            max_size=3,
        ) as pool:
            found = await asyncio.gather(*(pool.fetchval("select $1::int * 2", n) for n in range(12)))
            assert found == [2 * n for n in range(12)]
            async with pool.acquire() as connection:
                await connection.execute("set timezone to 'Asia/Tokyo'")
            async with pool.acquire() as connection:
                assert await connection.fetchval("show timezone") == "UTC"

    asyncio.run(scene())


def test_a_statement_is_prepared_once(server: Server) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        statement = await connection.prepare("select $1::int + $2::int as total, $3::varchar as named")
        assert [parameter.name for parameter in statement.get_parameters()] == ["int4", "int4", "varchar"]
        assert [(one.name, one.type.name) for one in statement.get_attributes()] == [
            ("total", "int4"),
            ("named", "varchar"),
        ]
        assert statement.get_statusmsg() is None or statement.get_statusmsg() == ""
        assert tuple(await statement.fetchrow(1, 2, "x") or ()) == (3, "x")
        assert [tuple(row) for row in await statement.fetch(-1, 2, None)] == [(1, None)]
        assert statement.get_statusmsg() == "SELECT 1"

    _run(server, work)


def test_a_cursor_reads_on(server: Server) -> None:
    """Cursors are portals with a row limit here."""

    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute("create table apg_rows (n int)")
        await connection.executemany("insert into apg_rows values ($1)", [(n,) for n in range(25)])
        async with connection.transaction():
            found = [row[0] async for row in connection.cursor("select n from apg_rows order by n", prefetch=10)]
            assert found == list(range(25))
            cursor = await connection.cursor("select n from apg_rows where n >= $1 order by n", 5)
            assert [row[0] for row in await cursor.fetch(3)] == [5, 6, 7]
            await cursor.forward(2)
            assert [row[0] for row in await cursor.fetch(2)] == [10, 11]
            assert len(await cursor.fetch(100)) == 13
            assert await cursor.fetch(1) == []

    _run(server, work)


def test_transactions(server: Server) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute("create table apg_kept (a int)")
        with pytest.raises(ZeroDivisionError):
            async with connection.transaction():
                await connection.execute("insert into apg_kept values (1)")
                raise ZeroDivisionError
        async with connection.transaction():
            await connection.execute("insert into apg_kept values (2)")
        assert [row["a"] for row in await connection.fetch("select a from apg_kept")] == [2]

        transaction = connection.transaction()
        await transaction.start()
        with pytest.raises(asyncpg.DivisionByZeroError):
            await connection.fetchval("select 1 / $1::int", 0)
        with pytest.raises(asyncpg.InFailedSQLTransactionError):
            await connection.execute("select 1")
        await transaction.rollback()
        assert await connection.fetchval("select 1") == 1

    _run(server, work)


def test_executemany_is_all_or_nothing(server: Server) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute("create table apg_many (a smallint not null)")
        with pytest.raises(asyncpg.PostgresError):
            await connection.executemany("insert into apg_many values ($1)", [(1,), (2,), (None,), (4,)])
        assert await connection.fetchval("select count(*) from apg_many") == 0

    _run(server, work)


def test_a_time_out_cancels_what_runs(server: Server) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute("create table apg_slow as select 1::int as a")
        for _ in range(12):
            await connection.execute("insert into apg_slow select a from apg_slow")
        # Left to itself it takes minutes.
        with pytest.raises(TimeoutError):
            await connection.fetch(
                "select count(*) from apg_slow a, apg_slow b, apg_slow c where a.a + b.a + c.a = 0", timeout=0.2
            )
        assert await connection.fetchval("select 1") == 1

    _run(server, work)


def test_copy_out_and_in(server: Server) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute("create table apg_copied (a int, b varchar(10))")

        async def lines() -> Any:
            yield b"1\tone\n2\t"
            yield b"\\N\n"

        assert await connection.copy_to_table("apg_copied", source=lines()) == "COPY 2"
        told: list[bytes] = []

        async def keep(data: bytes) -> None:
            told.append(data)

        assert await connection.copy_from_query("select a, b from apg_copied order by a", output=keep) == "COPY 2"
        assert b"".join(told) == b"1\tone\n2\t\\N\n"
        told.clear()
        await connection.copy_from_query("select a from apg_copied order by a", output=keep, format="binary")
        head = b"PGCOPY\n\xff\r\n\0" + bytes(8)
        rows = b"".join(struct.pack(">hii", 1, 4, n) for n in (1, 2))
        assert b"".join(told) == head + rows + b"\xff\xff"

    _run(server, work)


def test_records_are_copied_in_binary(server: Server) -> None:
    records = [(1, "one", dt.date(2024, 2, 29)), (2, None, None)]

    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute("create table apg_records (a int, b varchar(10), c date)")
        assert await connection.copy_records_to_table("apg_records", records=records) == "COPY 2"
        assert [tuple(row) for row in await connection.fetch("select * from apg_records order by a")] == records

    _run(server, work)


def test_notices_arrive(server: Server) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        told: list[Any] = []
        connection.add_log_listener(lambda _, message: told.append((message.severity, message.message)))
        await connection.execute("begin; begin; rollback")
        await asyncio.sleep(0)
        assert told == [("WARNING", "there is already a transaction in progress")]

    _run(server, work)


def test_errors_carry_their_fields(server: Server) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        with pytest.raises(asyncpg.UndefinedTableError, match='relation "apg_nowhere" does not exist'):
            await connection.fetch("select * from apg_nowhere")
        with pytest.raises(asyncpg.PostgresSyntaxError) as caught:
            await connection.fetch("select 1 frm x y")
        assert caught.value.position is not None
        with pytest.raises(asyncpg.PostgresSyntaxError, match="cannot insert multiple commands"):
            await connection.fetch("select 1; select $1::int", 1)
        assert await connection.fetchval("select 1") == 1

    _run(server, work)


def test_types_are_looked_up(server: Server) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        found = await connection.fetch("select typname from pg_type where oid = any($1::oid[]) order by 1", [16, 23])
        assert [row[0] for row in found] == ["bool", "int4"]
        await connection.execute("create temp table apg_looked (a int, b int, primary key (b, a))")
        assert await connection.fetchval("select indkey from pg_index where indrelid = 'apg_looked'::regclass") == [2, 1]
        await connection.execute("grant select on apg_looked to public")
        rights = await connection.fetchval("select relacl from pg_class where oid = 'apg_looked'::regclass")
        assert all(isinstance(item, str) for item in rights)
        # Found in pg_type, and refused by the driver for its low OID.
        with pytest.raises(asyncpg.UnsupportedClientFeatureError, match="'super'"):
            await connection.fetchval("select json_parse('[1]')")

    _run(server, work)
