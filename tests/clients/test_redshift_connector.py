"""redshift_connector, Amazon's own driver: connection with its demands, every type, its ways of asking."""

import datetime as dt
import gc
import warnings
from collections.abc import Iterator
from decimal import Decimal, localcontext
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
BINARY = 2
"""The client_protocol_version from which NUMERIC, dates and times travel in Redshift's binary forms."""


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


def _told(case: Case, value: Value, version: int) -> Any:
    if case.name in {"interval_y2m", "interval_d2s"}:
        return _parameter(case, value)
    if case.name == "varbyte":
        # What the driver does with hexadecimal text: it takes the bytes for UTF-8, or leaves it alone.
        return value.binary.hex() if version >= BINARY else value.binary.decode()
    return value.python


def _fits(case: Case, value: Value, version: int) -> bool:
    """Leave out what the driver itself cannot write or read."""
    if value.python is RAW:
        return False
    if case.name == "time" and version >= BINARY:
        # It divides microseconds as floating-point numbers.
        return not value.text.endswith("999999")
    if case.name == "varbyte":
        return b"\xff" not in value.binary
    return True


@pytest.fixture(scope="module")
def leveled(server: Server) -> Iterator[Any]:
    """Connections of both ways in which values travel."""
    made = {version: _connect(server, ssl=False, client_protocol_version=version) for version in (0, BINARY)}
    for connection in made.values():
        connection.autocommit = True
    yield made
    for connection in made.values():
        connection.close()


@pytest.mark.parametrize("version", [0, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("case", CASES, ids=_NAMES)
def test_values_make_the_trip(leveled: Any, case: Case, version: int) -> None:
    values = [value for value in case.values if _fits(case, value, version)]
    table = f"rsc_{case.name}_{version}"
    with leveled[version].cursor() as cursor:
        cursor.execute(f"create table {table} (n integer, v {case.sql})")
        for n, value in enumerate(values):
            cursor.execute(f"insert into {table} values (%s, %s)", (n, _parameter(case, value)))
        cursor.execute(f"insert into {table} values (%s, %s)", (len(values), None))
        cursor.execute("set extra_float_digits to 3")
        # It shifts the point of a binary NUMERIC in the present decimal context, which has 28 digits by default.
        with localcontext(prec=38):
            cursor.execute(f"select v from {table} order by n")
        assert [(column[0], column[1]) for column in cursor.description] == [("v", case.oid)]
        found = [row[0] for row in cursor.fetchall()]
    assert found[-1] is None
    assert len(found) == len(values) + 1
    for one, value in zip(found, values, strict=False):
        wanted = _told(case, value, version)
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
    assert connection._client_protocol_version == version
    with connection.cursor() as cursor:
        cursor.execute("select 1.50::numeric(10,2), '2024-02-29'::date, '04:05:06'::time, null::numeric(38,2)")
        assert cursor.fetchall() == ([Decimal("1.50"), dt.date(2024, 2, 29), dt.time(4, 5, 6), None],)
    connection.close()


@pytest.mark.parametrize("version", [0, 1, 2])
def test_where_columns_come_from(server: Server, version: int) -> None:
    connection = _connect(server, ssl=False, client_protocol_version=version)
    with connection.cursor() as cursor:
        cursor.execute("create table rsc_origin (id bigint identity(1,1), name varchar(10) not null)")
        cursor.execute("select name as called, id, id + 1 as next from rsc_origin")
        assert [column[0] for column in cursor.description] == ["called", "id", "next"]
        names = ("catalog_name", "schema_name", "table_name", "column_name")
        flags = ("nullable", "autoincrement", "read_only", "searchable")
        told = [tuple(field.get(name) for name in (*names, *flags)) for field in cursor.ps["row_desc"]]
        if version == 0:
            assert told == [(None,) * 8] * 3
        else:
            # The driver calls nullable the bit that says NOT NULL.
            assert told == [
                (b"dev", b"public", b"rsc_origin", b"name", 1, 0, 0, 1),
                (b"dev", b"public", b"rsc_origin", b"id", 1, 1, 0, 1),
                (b"", b"", b"", b"next", 0, 0, 1, 1),
            ]
    connection.rollback()
    connection.close()


@pytest.mark.parametrize(
    "expression",
    [
        "1.5", "1.5 * 3", "1.50 / 3", "sum(v)", "avg(v)", "max(v)", "v + 1", "v * v", "round(v, 1)", "coalesce(v, 0)",
        "case when v > 1 then v else 0 end", "nvl(null, v)", "abs(v)", "v::numeric", "null::numeric(38,37)", "%s::numeric(12,4)",
        "sum(v * 100)", "stddev(v)", "trunc(v)", "greatest(v, 2.125)", "(select max(v) from rsc_decimals)", "cast(sum(1) as decimal(19,2))",
        "power(v, 2)", "median(v)", "ratio_to_report(v) over ()", "sum(v) over ()",
    ],
)  # fmt: skip
def test_a_decimal_is_the_same_in_text_and_binary(leveled: Any, expression: str) -> None:
    """Its scale is not in the value: the driver takes it from the type modifier."""
    found = []
    for connection in leveled.values():
        with connection.cursor() as cursor:
            cursor.execute("create table if not exists rsc_decimals (v numeric(12,3))")
            cursor.execute("select count(*) from rsc_decimals")
            if cursor.fetchone() == [0]:
                cursor.execute("insert into rsc_decimals values (2.125)")
            cursor.execute(f"select {expression} from rsc_decimals" + (" group by v" if "v" in expression and "(v" not in expression else ""),
                           ("7.25",) if "%s" in expression else None)  # fmt: skip
            found.append(cursor.fetchone())
    assert found[0] == found[1]


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


def test_a_refused_query_leaves_the_next_one_its_name(server: Server, own: Any) -> None:
    with own.cursor() as cursor:
        cursor.execute("create user refused password 'Refused1'")
    made = _connect(server, user="refused", password="Refused1")
    try:
        with made.cursor() as cursor:
            for _ in range(2):
                with pytest.raises(redshift_connector.ProgrammingError, match="permission denied"):
                    cursor.execute("select * from stl_connection_log")
                made.rollback()
            cursor.execute("select 1")
            assert cursor.fetchone() == [1]
    finally:
        made.close()
        with own.cursor() as cursor:
            cursor.execute("drop user refused")


def test_notices_arrive(own: Any) -> None:
    with own.cursor() as cursor:
        cursor.execute("begin")
        cursor.execute("begin")
        cursor.execute("rollback")
    assert [notice[b"M"] for notice in own.notices][-1:] == [b"there is already a transaction in progress"]
