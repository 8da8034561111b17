"""redshift_connector, Amazon's own driver: connection with its demands, every type, its ways of asking."""

import datetime as dt
import gc
import warnings
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import redshift_connector
from redshift_connector.interval import IntervalDayToSecond, IntervalYearToMonth

from tests.clients.round_trip import CASES, RAW, Case, Value, same
from tests.support.server import Server

# The driver makes SSL contexts in an old way and leaves sockets of failed connections to the garbage collector.
pytestmark = [
    pytest.mark.client("redshift_connector"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
_NAMES = [case.name for case in CASES]


@pytest.fixture(scope="module", autouse=True)
def _collected() -> Iterator[None]:
    """Leave no such socket to the modules that follow."""
    yield
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


def _connect(server: Server, **others: Any) -> Any:
    given = {
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "password": server.password,
        "database": server.database,
        "timeout": 20,
    }
    return redshift_connector.connect(**given | others)


@pytest.fixture
def trusted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver trusts Amazon's authorities and those of the system; a private one is named this way."""
    monkeypatch.setenv("SSL_CERT_FILE", f"{server.data}/tls/server.crt")


@pytest.fixture
def own(server: Server, trusted: None) -> Iterator[Any]:
    connection = _connect(server)
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


def _parameter(case: Case, value: Value) -> Any:
    if case.name == "varbyte":
        return value.binary
    if case.name == "interval_y2m":
        return IntervalYearToMonth(int.from_bytes(value.binary, "big", signed=True))
    if case.name == "interval_d2s":
        return IntervalDayToSecond(int.from_bytes(value.binary, "big", signed=True))
    # The driver declares every datetime.time a TIME, whose zone is not read.
    return value.given_text if case.name == "timetz" else value.parameter


def _told(case: Case, value: Value) -> Any:
    if case.name in {"interval_y2m", "interval_d2s"}:
        return _parameter(case, value)
    if case.name == "varbyte":
        # What the driver does with hexadecimal text: it takes the bytes for UTF-8.
        return value.binary.decode()
    return value.python


def _fits(case: Case, value: Value) -> bool:
    """Leave out what the driver itself cannot write or read."""
    if value.python is RAW:
        return False
    if case.name == "varbyte":
        return b"\xff" not in value.binary
    return True


@pytest.mark.parametrize("case", CASES, ids=_NAMES)
def test_values_make_the_trip(own: Any, case: Case) -> None:
    values = [value for value in case.values if _fits(case, value)]
    table = f"rsc_{case.name}"
    with own.cursor() as cursor:
        cursor.execute(f"create table {table} (n integer, v {case.sql})")
        for n, value in enumerate(values):
            cursor.execute(f"insert into {table} values (%s, %s)", (n, _parameter(case, value)))
        cursor.execute(f"insert into {table} values (%s, %s)", (len(values), None))
        cursor.execute("set extra_float_digits to 3")
        cursor.execute(f"select v from {table} order by n")
        assert [(column[0], column[1]) for column in cursor.description] == [("v", case.oid)]
        found = [row[0] for row in cursor.fetchall()]
    assert found[-1] is None
    assert len(found) == len(values) + 1
    for one, value in zip(found, values, strict=False):
        wanted = _told(case, value)
        if case.name.startswith("interval"):
            assert vars(one) == vars(wanted)
        else:
            assert same(one, wanted), (one, wanted)


def test_tls_is_checked_unless_told_otherwise(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(redshift_connector.InterfaceError):
        _connect(server)
    monkeypatch.setenv("SSL_CERT_FILE", f"{server.data}/tls/server.crt")
    for sslmode in ("verify-ca", "verify-full"):
        _connect(server, sslmode=sslmode).close()


def test_without_tls(server: Server) -> None:
    connection = _connect(server, ssl=False)
    with connection.cursor() as cursor:
        cursor.execute("select current_user")
        assert cursor.fetchone() == ["awsuser"]
    connection.close()


@pytest.mark.parametrize("ssl", [True, False])
@pytest.mark.parametrize(
    ("wrong", "state"), [({"password": "not this"}, "28P01"), ({"user": "nobody"}, "28P01"), ({"database": "no"}, "3D000")]
)
def test_who_is_refused_is_told_why(server: Server, trusted: None, wrong: dict[str, str], state: str, ssl: bool) -> None:
    with pytest.raises((redshift_connector.InterfaceError, redshift_connector.ProgrammingError)) as caught:
        _connect(server, ssl=ssl, **wrong)
    assert state in str(caught.value)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_any_protocol_that_the_driver_asks_for(server: Server, trusted: None, version: int) -> None:
    connection = _connect(server, client_protocol_version=version)
    with connection.cursor() as cursor:
        cursor.execute("select 1.50::numeric(10,2), '2024-02-29'::date, '04:05:06'::time, null::numeric(38,2)")
        assert cursor.fetchall() == ([Decimal("1.50"), dt.date(2024, 2, 29), dt.time(4, 5, 6), None],)
    connection.close()


def test_paramstyles(own: Any) -> None:
    with own.cursor() as cursor:
        for style, text, given in (
            ("format", "select %s::int, %s", (1, "it's")),
            ("qmark", "select ?::int, ?", (1, "it's")),
            ("numeric", "select :1::int, :2", (1, "it's")),
            ("named", "select :a::int, :b", {"a": 1, "b": "it's"}),
            ("pyformat", "select %(a)s::int, %(b)s", {"a": 1, "b": "it's"}),
        ):
            cursor.paramstyle = style
            cursor.execute(text, given)
            assert cursor.fetchall() == ([1, "it's"],)


def test_executemany(own: Any) -> None:
    with own.cursor() as cursor:
        cursor.execute("create table rsc_many (a int, b varchar(10))")
        cursor.executemany("insert into rsc_many values (%s, %s)", [(n, str(n)) for n in range(10)])
        cursor.execute("select count(*), sum(a), max(b) from rsc_many")
        assert cursor.fetchall() == ([10, 45, "9"],)


def test_transactions(server: Server, trusted: None) -> None:
    connection = _connect(server)
    with connection.cursor() as cursor:
        cursor.execute("create table rsc_undone (a int)")
        connection.rollback()
        with pytest.raises(redshift_connector.ProgrammingError, match="42P01"):
            cursor.execute("select * from rsc_undone")
        with pytest.raises(redshift_connector.ProgrammingError, match="25P02"):
            cursor.execute("select 1")
        connection.rollback()
        cursor.execute("create table rsc_kept (a int)")
        cursor.execute("insert into rsc_kept values (%s)", (1,))
        connection.commit()
        connection.rollback()
        cursor.execute("select a from rsc_kept")
        assert cursor.fetchone() == [1]
        connection.rollback()
    connection.close()


def test_rows_come_in_portions(own: Any) -> None:
    """Redshift's driver reads to the end unless a limit is set; then portals are suspended."""
    own.autocommit = False
    with own.cursor() as cursor:
        cursor.execute("create table rsc_rows (n int)")
        cursor.executemany("insert into rsc_rows values (%s)", [(n,) for n in range(25)])
        cursor.execute("select n from rsc_rows order by n")
        assert cursor.fetchone() == [0]
        assert cursor.fetchmany(3) == ([1], [2], [3])
        assert [row[0] for row in cursor] == list(range(4, 25))
    own.rollback()


def test_an_error_carries_its_fields(own: Any) -> None:
    with own.cursor() as cursor:
        with pytest.raises(redshift_connector.ProgrammingError) as caught:
            cursor.execute("select * from rsc_nowhere")
        fields = caught.value.args[0]
        assert (fields["S"], fields["C"]) == ("ERROR", "42P01")
        assert fields["M"] == 'relation "rsc_nowhere" does not exist'
        cursor.execute("select 1")
        assert cursor.fetchone() == [1]


def test_notices_arrive(own: Any) -> None:
    with own.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("begin")
        cursor.execute("rollback")
    assert [notice[b"M"] for notice in own.notices][-1:] == [b"there is already a transaction in progress"]


def test_what_the_driver_asks_about_the_database(own: Any) -> None:
    with own.cursor() as cursor:
        cursor.execute("create table rsc_browsed (id integer not null, name varchar(20), primary key (id))")
        tables = cursor.get_tables(schema_pattern="public", table_name_pattern="rsc_browsed")
        assert [row[2] for row in tables] == ["rsc_browsed"]
        assert [row[3] for row in cursor.get_primary_keys(schema="public", table="rsc_browsed")] == ["id"]
        assert ["public"] in [list(row[:1]) for row in cursor.get_schemas()]
        assert ["dev"] in [list(row) for row in cursor.get_catalogs()]


def test_what_the_driver_asks_about_columns(own: Any) -> None:
    with own.cursor() as cursor:
        cursor.execute("create table rsc_columns (id integer not null, name varchar(20))")
        columns = cursor.get_columns(schema_pattern="public", tablename_pattern="rsc_columns")
        assert [row[3] for row in columns] == ["id", "name"]
