"""Rows a second by Arrow Flight SQL and by the PostgreSQL port, each client in a process of its own.

    python -m bench.flight [ROWS]

Reads and loads a table of the width of TPC-H's lineitem; prints the best of three.
"""

import subprocess
import sys
import tempfile
from typing import Final

import psycopg

from tests.support import aws
from tests.support.server import Server

_RUNS: Final = 3
_TABLE: Final = """
    create table lines as select a::bigint as orderkey, (a * 7 % 200000)::int as partkey, (a % 10000)::int as suppkey,
        (a % 7)::smallint as number, (a % 50)::decimal(12,2) as quantity, (a * 3.17)::decimal(12,2) as price,
        0.05::decimal(12,2) as discount, 'N'::char(1) as flag, 'O'::char(1) as status,
        dateadd(day, (a % 2500)::int, date '1992-01-01')::date as shipped,
        'DELIVER IN PERSON'::char(25) as instructions, 'TRUCK'::char(10) as mode, 'carefully final deposits' as comment
    from generate_series(1, {rows}) as g(a)"""
_PRELUDE: Final = """
import sys, time
host, pgport, url, user, password = sys.argv[1:6]
"""
_FLIGHT: Final = """
import pyarrow.flight as pf
from flight.messages import packed
client = pf.connect(url)
options = pf.FlightCallOptions(headers=[client.authenticate_basic_token(user, password)])
def read():
    descriptor = pf.FlightDescriptor.for_command(packed("CommandStatementQuery", {"query": "select * from lines"}))
    info = client.get_flight_info(descriptor, options)
    return client.do_get(info.endpoints[0].ticket, options).read_all()
"""
_CLIENTS: Final = {
    "Flight SQL, Arrow table": _FLIGHT + """
started = time.perf_counter()
rows = read().num_rows
""",
    "PostgreSQL, psycopg COPY binary": """
import psycopg
connection = psycopg.connect(f"host={host} port={pgport} user={user} password={password} dbname=dev sslmode=disable")
started = time.perf_counter()
rows = 0
with connection.cursor().copy("copy (select * from lines) to stdout (format binary)") as copy:
    for piece in copy:
        rows += 1
""",
    "PostgreSQL, asyncpg fetch": """
import asyncio, asyncpg
async def read():
    global started, rows
    given = {"user": user, "password": password, "database": "dev", "ssl": False}
    connection = await asyncpg.connect(host=host, port=int(pgport), **given)
    started = time.perf_counter()
    rows = len(await connection.fetch("select * from lines"))
asyncio.run(read())
""",
    "PostgreSQL, psycopg fetchall": """
import psycopg
connection = psycopg.connect(f"host={host} port={pgport} user={user} password={password} dbname=dev sslmode=disable")
started = time.perf_counter()
rows = len(connection.execute("select * from lines").fetchall())
""",
    "Flight SQL, bulk load": _FLIGHT + """
table = read()
definition = {"if_not_exist": 1, "if_exists": 3}
command = packed("CommandStatementIngest", {"table": "loaded", "table_definition_options": definition})
started = time.perf_counter()
writer, reader = client.do_put(pf.FlightDescriptor.for_command(command), table.schema, options)
writer.write_table(table, max_chunksize=65536)
writer.done_writing()
reader.read()
writer.close()
rows = table.num_rows
""",
    "PostgreSQL, psycopg COPY FROM STDIN": """
import psycopg
connection = psycopg.connect(f"host={host} port={pgport} user={user} password={password} dbname=dev sslmode=disable")
with connection.cursor().copy("copy (select * from lines) to stdout (format csv)") as copy:
    pieces = [bytes(piece) for piece in copy]
connection.execute("drop table if exists copied")
connection.execute("create table copied as select * from lines where false")
started = time.perf_counter()
with connection.cursor().copy("copy copied from stdin (format csv)") as copy:
    for start in range(0, len(pieces), 5000):
        copy.write(b"".join(pieces[start:start + 5000]))
connection.commit()
rows = len(pieces)
""",
}


def main(rows: int) -> None:
    """Measure and print."""
    folder = tempfile.mkdtemp()
    environment = {"DUCKSHIFT_FLIGHT_LISTEN": "grpc://127.0.0.1:0"}
    with Server(f"{folder}/data", environment=environment) as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(_TABLE.format(rows=rows))
        where = [server.host, str(server.port), aws.urls(server)[0], server.user, server.password]
        for name, script in _CLIENTS.items():
            text = f"{_PRELUDE}{script}\nprint(rows, time.perf_counter() - started)"
            best = min(_timed(text, where) for _ in range(_RUNS))
            print(f"{name:<36} {rows / best:>12,.0f} rows/s")


def _timed(text: str, where: list[str]) -> float:
    done = subprocess.run([sys.executable, "-c", text, *where], capture_output=True, text=True, check=True, timeout=300)
    return float(done.stdout.split()[1])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500_000)
