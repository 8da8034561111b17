"""SUPER in data files: COPY of JSON, CSV, text and Parquet into it, UNLOAD out of it.

Redshift, "Loading semi-structured data", "COPY from JSON format", "UNLOAD" (SUPER).
"""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.server import Server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[psycopg.Connection]:
    data = tmp_path_factory.mktemp("super") / "data"
    with (
        Server(data, environment={"DUCKSHIFT_COPY_LOCAL_FOLDERS": str(folder)}) as server,
        psycopg.connect(server.dsn, autocommit=True) as connection,
    ):
        yield connection


def loaded(db: psycopg.Connection, columns: str, source: Path, options: str, query: str) -> list[tuple[object, ...]]:
    db.execute("DROP TABLE IF EXISTS loaded")
    db.execute(f"CREATE TABLE loaded ({columns})")  # type: ignore[arg-type]
    db.execute(f"COPY loaded FROM '{source}' {options}")  # type: ignore[arg-type]
    return db.execute(query).fetchall()  # type: ignore[arg-type]


def test_json_documents_whole(db: psycopg.Connection, folder: Path) -> None:
    source = folder / "whole.json"
    source.write_text('{"a": {"b": [1, 2.50]}, "s": "x"}\n{"a": 1e3}\n')
    rows = loaded(db, "s super", source, "FORMAT JSON 'noshred'", "SELECT s, s.a.b[1], s.s FROM loaded ORDER BY s.s")
    assert rows == [('{"a":{"b":[1,2.50]},"s":"x"}', "2.50", '"x"'), ('{"a":1e+3}', None, None)]


def test_json_attributes(db: psycopg.Connection, folder: Path) -> None:
    source = folder / "shred.json"
    source.write_text('{"id": 1, "name": "plain", "tags": ["p", 1.10], "more": {"k": null}}{"id": 2, "name": 5, "tags": true}')
    rows = loaded(
        db, "id int, name super, tags super, more super", source, "FORMAT JSON 'auto'", "SELECT * FROM loaded ORDER BY id"
    )
    assert rows == [(1, '"plain"', '["p",1.10]', '{"k":null}'), (2, "5", "true", None)]


def test_json_paths(db: psycopg.Connection, folder: Path) -> None:
    source, paths = folder / "documents.json", folder / "paths.json"
    source.write_text('{"deep": {"list": [{"x": 1}, {"x": "two"}]}, "id": 7}')
    paths.write_text(json.dumps({"jsonpaths": ["$.id", "$.deep.list[1].x", "$['deep']"]}))
    rows = loaded(db, "id int, x super, d super", source, f"FORMAT JSON '{paths}'", "SELECT id, x, d.list[0].x FROM loaded")
    assert rows == [(7, '"two"', "1")]


@pytest.mark.parametrize(
    ("text", "options"),
    [('1,"[1, 2.0]"\n2,"{""k"": ""v""}"\n3,\n', "CSV"), ('1|[1, 2.0]\n2|{"k": "v"}\n3|\n', "DELIMITER '|' EMPTYASNULL")],
)
def test_text(db: psycopg.Connection, folder: Path, text: str, options: str) -> None:
    source = folder / f"text{len(options)}.txt"
    source.write_text(text)
    rows = loaded(db, "id int, s super", source, options, "SELECT id, s, s.k, s[0] FROM loaded ORDER BY id")
    assert rows == [(1, "[1,2.0]", None, "1"), (2, '{"k":"v"}', '"v"', None), (3, None, None, None)]


def test_what_is_no_json_is_refused(db: psycopg.Connection, folder: Path) -> None:
    source = folder / "bad.csv"
    source.write_text("1,{bad\n")
    with pytest.raises(psycopg.Error, match="Check 'stl_load_errors'"):
        loaded(db, "id int, s super", source, "CSV", "SELECT 1")
    code = db.execute("SELECT err_code FROM stl_load_errors ORDER BY starttime DESC LIMIT 1").fetchone()
    assert code == (1224,)


def test_parquet(db: psycopg.Connection, folder: Path) -> None:
    source = folder / "nested.parquet"
    nested = pa.array([{"x": 1, "l": ["a", "b"]}, None], type=pa.struct([("x", pa.int64()), ("l", pa.list_(pa.string()))]))
    pq.write_table(pa.table({"id": pa.array([1, 2], type=pa.int32()), "s": nested}), source)
    rows = loaded(db, "id int, s super", source, "FORMAT PARQUET SERIALIZETOJSON", "SELECT id, s, s.l[1] FROM loaded ORDER BY id")
    assert rows == [(1, '{"x":1,"l":["a","b"]}', '"b"'), (2, None, None)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", "1|{\"a\":1.50,\"f\":[2e+0]}\n2|\"x\"\n3|\n"),
        ("CSV", '1,"{""a"":1.50,""f"":[2e+0]}"\n2,"""x"""\n3,\n'),
        ("FORMAT JSON", '{"id":1,"s":{"a":1.50,"f":[2e+0]}}\n{"id":2,"s":"x"}\n{"id":3,"s":null}\n'),
    ],
)  # fmt: skip
def test_unload(db: psycopg.Connection, folder: Path, options: str, expected: str) -> None:
    db.execute("DROP TABLE IF EXISTS docs")
    db.execute("CREATE TABLE docs (id int, s super)")
    db.execute("INSERT INTO docs VALUES (1, OBJECT('a', 1.50, 'f', ARRAY(2::float))), (2, 'x'), (3, NULL)")
    target = folder / f"out{len(options)}_"
    db.execute(f"UNLOAD ('SELECT * FROM docs ORDER BY id') TO '{target}' {options} PARALLEL OFF")  # type: ignore[arg-type]
    files = sorted(folder.glob(f"{target.name}*"))
    assert "".join(file.read_text() for file in files) == expected


def test_unload_and_back_by_parquet(db: psycopg.Connection, folder: Path) -> None:
    db.execute("DROP TABLE IF EXISTS docs")
    db.execute("CREATE TABLE docs (id int, s super)")
    db.execute("INSERT INTO docs VALUES (1, OBJECT('a', 1.50)), (2, NULL)")
    target = folder / "back_"
    db.execute(f"UNLOAD ('SELECT * FROM docs ORDER BY id') TO '{target}' FORMAT PARQUET PARALLEL OFF")  # type: ignore[arg-type]
    (file,) = folder.glob("back_*")
    assert pq.read_table(file)["s"].to_pylist() == ['{"a":1.50}', None]
