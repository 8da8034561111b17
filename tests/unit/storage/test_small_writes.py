"""Rows that go into the lake past DuckLake leave it as DuckLake itself would have."""

import json
import random
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from storage.database import LAKE, Database, LakeLocation, Resources, WarehouseError
from storage.keys import DataKey
from storage.small_writes import Batch, Form, Store, position
from storage.write_log import WriteLog, rewrite

TYPES = {
    "i2": "SMALLINT", "i4": "INTEGER", "i8": "BIGINT", "n": "DECIMAL(6,2)", "w": "DECIMAL(38,10)", "f4": "FLOAT",
    "f8": "DOUBLE", "v": "VARCHAR", "b": "BOOLEAN", "d": "DATE", "t": "TIMESTAMP", "h": "TIME", "z": "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
GIVEN = dict(zip(TYPES, [pa.int64()] * 3 + [pa.string()] * 2 + [pa.float64()] * 2 + [pa.string(), pa.bool_()] + [pa.string()] * 4, strict=True))  # fmt: skip
VALUES = ", ".join(f'CAST(given."{name}" AS {kind})' for name, kind in TYPES.items())
METADATA = f"__ducklake_metadata_{LAKE}"
OURS = Form(("dev.public", "ours"), tuple(TYPES), tuple(TYPES.values()), VALUES)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    made = Database(LakeLocation(folder=tmp_path_factory.mktemp("lake") / "data"), Resources(threads=1))
    connection = made.cursor()
    connection.execute(f'CREATE SCHEMA {LAKE}."dev.public"')
    for name in ("ours", "theirs"):
        columns = ", ".join(f"{column} {kind}" for column, kind in TYPES.items())
        connection.execute(f'CREATE TABLE {LAKE}."dev.public".{name} ({columns})')
    yield made
    made.close()


def _row(chance: random.Random) -> dict[str, Any]:
    day = f"{chance.randint(1000, 2999)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    clock = f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:00" + chance.choice(["", ".5", ".123456"])
    # DuckLake writes floats as text, which not all of them survive: halves do.
    row = {
        "i2": chance.randint(-30_000, 30_000), "i4": chance.randint(-(2**31), 2**31 - 1),
        "i8": chance.randint(-(2**63), 2**63 - 1), "n": f"{chance.randint(-9_999, 9_999)}.{chance.randint(0, 99):02}",
        "w": f"{chance.randint(-(10**27), 10**27)}.5", "f4": chance.randint(-999, 999) / 2, "f8": chance.randint(-999, 999) / 2,
        "v": chance.choice(["", "x", "ünï", "it's", "a\nb", "z" * 400, "\u20ac", "A"]), "b": chance.random() < 0.5,
        "d": day, "t": f"{day} {clock}", "h": clock, "z": f"{day} {clock}" + chance.choice(["", "+02", "-05:30"]),
    }  # fmt: skip
    return {name: None if chance.random() < 0.1 else value for name, value in row.items()}


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({name: pa.array([row[name] for row in rows], type=kind) for name, kind in GIVEN.items()})


def _known(connection: duckdb.DuckDBPyConnection, name: str) -> list[Any]:
    number = f"(SELECT table_id FROM {METADATA}.ducklake_table WHERE table_name = '{name}')"
    return [
        connection.execute(
            f"SELECT * EXCLUDE (table_id) FROM {METADATA}.{place} WHERE table_id = {number} ORDER BY ALL"
        ).fetchall()
        for place in ("ducklake_table_stats", "ducklake_table_column_stats")
    ]


def test_the_lake_is_as_ducklake_would_have_left_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, store, connection, slow = random.Random(3), Store(), database.cursor(), []
    monkeypatch.setattr("storage.small_writes._inserted", _spied(slow))
    for number in range(1, 31):
        given = _table([_row(chance) for _ in range(chance.choice([1, 1, 2, 50]))])
        store.put(database.cursor(), [Batch(OURS, given)], number)
        assert position(database) == number
        connection.register("given", given)
        connection.execute(f'INSERT INTO {LAKE}."dev.public".theirs SELECT {VALUES} FROM given')
        connection.unregister("given")
        assert _known(connection, "ours") == _known(connection, "theirs"), number
        ours, theirs = (
            connection.execute(f'SELECT * FROM {LAKE}."dev.public".{name} ORDER BY ALL').fetchall()
            for name in ("ours", "theirs")
        )
        assert ours == theirs
        if number == 15:
            for name in ("ours", "theirs"):
                connection.execute(
                    f"CALL ducklake_flush_inlined_data('{LAKE}', schema_name => 'dev.public', table_name => '{name}')"
                )
    # DuckLake is asked as long as a column has had nothing but NULL.
    assert 1 <= len(slow) < 10
    newest = connection.execute(f"SELECT max(snapshot_id) FROM {METADATA}.ducklake_snapshot").fetchone()
    inserted = f"ducklake_table_insertions('{LAKE}', 'dev.public', 'ours', 0, {newest[0] if newest else 0})"
    assert connection.execute(f"SELECT count(*) FROM {inserted}").fetchone() == (len(ours),)


def _spied(seen: list[int]) -> Any:
    from storage.small_writes import _inserted as real

    def spy(*arguments: Any) -> None:
        seen.append(1)
        real(*arguments)

    return spy


def test_a_transaction_that_is_open_meanwhile_sees_nothing_of_it_and_commits(database: Database) -> None:
    store, open_one, other = Store(), database.cursor(), database.cursor()
    count = f'SELECT count(*) FROM {LAKE}."dev.public".ours'
    open_one.execute("BEGIN")
    before = open_one.execute(count).fetchall()
    store.put(other, [Batch(OURS, _table([_row(random.Random(1))]))], 1_000)
    assert open_one.execute(count).fetchall() == before
    open_one.execute(f'INSERT INTO {LAKE}."dev.public".ours (i4) VALUES (7)')
    open_one.execute("COMMIT")
    assert other.execute(count).fetchall() == [(before[0][0] + 2,)]
    # What it knew of the table is old now.
    store.put(other, [Batch(OURS, _table([_row(random.Random(2))]))], 1_001)
    assert other.execute(count).fetchall() == [(before[0][0] + 3,)]
    numbers = other.execute(f'SELECT count(DISTINCT rowid) FROM {LAKE}."dev.public".ours').fetchall()
    assert numbers == [(before[0][0] + 3,)]


def test_a_row_that_is_wrong_keeps_no_other_from_the_lake(database: Database) -> None:
    store, connection = Store(), database.cursor()
    connection.execute(f'CREATE TABLE {LAKE}."dev.public".checked (a INTEGER)')
    form = Form(("dev.public", "checked"), ("a",), ("INTEGER",), "CAST(given.a AS INTEGER)")

    def batches(values: Sequence[str]) -> list[Batch]:
        return [Batch(form, pa.table({"a": pa.array(values, type=pa.string())}))]

    for until, values in ((2_003, ["1", "x", "2"]), (2_006, ["3", "4", "y"]), (2_008, ["5", "6e99"])):
        refused = store.put_all(database.cursor(), values, batches, until)
        assert refused == [value for value in values if not value.isdigit()]
    found = connection.execute(f'SELECT a FROM {LAKE}."dev.public".checked ORDER BY a').fetchall()
    assert found == [(1,), (2,), (3,), (4,), (5,)]
    assert store.put_all(database.cursor(), ["7"], batches, 2_009) == []


KEYS = (DataKey(b"n" * 32), DataKey(b"o" * 32))


@pytest.mark.parametrize("keys", [(), KEYS])
def test_a_log_is_read_up_to_what_was_written_whole(tmp_path: Path, keys: tuple[DataKey, ...]) -> None:
    path = tmp_path / "log"
    log = WriteLog(path, keys)
    log.append(map(json.dumps, [{"position": 1, "text": "a\nb€"}, {"position": 2}]))
    log.append(['{"position":3}'])
    assert [document["position"] for document in log.documents()] == [1, 2, 3]
    assert next(log.documents())["text"] == "a\nb€"
    log.close()
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole[:-cut])
        again = WriteLog(path, keys)
        found = [document["position"] for document in again.documents()]
        # What was committed together is there together; the first line is the file's name.
        assert found == [[], [], [1, 2], [1, 2, 3]][whole[:-cut].count(b"\n")]
        again.close()
    other = b"y" if whole[-4:-3] == b"x" else b"x"
    path.write_bytes(whole[:-4] + other + whole[-3:])
    again = WriteLog(path, keys)
    assert len(list(again.documents())) == 2
    again.clear()
    assert list(again.documents()) == [] and again.size == 0
    again.close()


def test_what_stood_in_a_log_before_it_was_begun_anew_is_never_read_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = WriteLog(path)
    for number in range(1, 6):
        log.append([f'{{"position":{number}}}'])
    before = path.read_bytes()
    log.clear()
    assert list(log.documents()) == [] and list(WriteLog(path).documents()) == []
    log.append(['{"position":6}'])
    # Lines are as long as they were: what is behind this one is whole, and begins where it ends.
    assert path.read_bytes()[log.size :].startswith(before[log.size :].rstrip(b"\0"))
    assert b'"position":2' in path.read_bytes()
    for each in (log, WriteLog(path)):
        assert [document["position"] for document in each.documents()] == [6]
    log.append(['{"position":7}'])
    assert [document["position"] for document in WriteLog(path).documents()] == [6, 7]
    log.close()
    again = WriteLog(path)
    again.append(['{"position":8}'])
    assert [document["position"] for document in again.documents()] == [6, 7, 8]
    # A kill in the midst of the next beginning: the name may be on disk and the line not, or neither.
    again.clear()
    cleared = path.read_bytes()
    again.append(['{"position":9}'])
    begun = path.read_bytes()
    for half in (cleared, begun[:18] + cleared[18:], cleared[:18] + begun[18:]):
        path.write_bytes(half)
        assert list(WriteLog(path).documents()) == []


def test_a_log_neither_grows_with_each_line_nor_stays_long(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = WriteLog(path)
    log.append(['{"position":1}'])
    long = path.stat().st_size
    for number in range(2, 1_000):
        log.append([f'{{"position":{number}}}'])
    assert path.stat().st_size == long
    log.append([json.dumps({"position": 1_000, "text": "x" * (5 << 20)})])
    assert len(list(log.documents())) == 1_000
    log.clear()
    assert path.stat().st_size == 0
    log.append(['{"position":1001}'])
    log.close()
    assert path.stat().st_size == log.size < 100


def test_a_line_that_was_refused_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    log = WriteLog(path)
    log.append(['{"position":1}'])

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fdatasync", broken)
    with pytest.raises(OSError, match="Input"):
        log.append(['{"position":2}'])
    monkeypatch.undo()
    for each in (log, WriteLog(path)):
        assert [document["position"] for document in each.documents()] == [1]
    log.append(['{"position":3}'])
    assert [document["position"] for document in WriteLog(path).documents()] == [1, 3]


def test_a_log_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    body = b'{"position":4}'
    path.write_bytes(b"%08x " % zlib.crc32(body) + body + b"\n")
    log = WriteLog(path)
    log.append(['{"position":5}'])
    assert [document["position"] for document in log.documents()] == [4, 5]
    log.close()


def test_an_encrypted_log_says_nothing_without_its_key(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for keys in (KEYS[1:], KEYS):
        log = WriteLog(path, keys)
        for number in range(2):
            log.append([json.dumps({"position": number, "text": "secret words"})])
        assert [document["text"] for document in log.documents()][-1] == "secret words"
        log.close()
    assert b"secret" not in path.read_bytes() and b"position" not in path.read_bytes()
    lines = [line for line in path.read_bytes().split(b"\n")[:-1] if not line.startswith(b"#")]
    assert len(set(lines)) == len(lines) == 4
    with pytest.raises(WarehouseError):
        list(WriteLog(path, KEYS[1:]).documents())
    rewrite(path, KEYS)
    assert [document["position"] for document in WriteLog(path, KEYS[:1]).documents()] == [0, 1, 0, 1]
    rewrite(tmp_path / "nothing", KEYS)
    assert not (tmp_path / "nothing").exists()
