"""What UNLOAD wrote, COPY reads back equal: random tables, types, values and parameters.

Redshift, "UNLOAD": the parameters that its manual pairs, such as ADDQUOTES with REMOVEQUOTES and ESCAPE with ESCAPE.
"""

import datetime
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.server import Server

NULL = "@null@"
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)) | st.sampled_from("|,\"'\\\n\r\t N@"), max_size=14)
_ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8)
_STAMPS = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcK", min_size=1, max_size=3), inner, max_size=3),
    max_leaves=6,
)
TYPES: dict[str, st.SearchStrategy[Any]] = {
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "decimal(12,4)": st.decimals(-99_999_999, 99_999_999, places=4),
    "decimal(38,10)": st.integers(-(10**38) + 1, 10**38 - 1).map(lambda number: Decimal(f"{number}E-10")),
    # What six and fifteen digits say whole, which is what is written.
    "real": st.integers(-99_999, 99_999).map(lambda number: number / 8),
    "double precision": st.integers(-(10**10), 10**10).map(lambda number: number / 256),
    "boolean": st.booleans(),
    "date": st.dates(datetime.date(1, 1, 1)),
    "timestamp": _STAMPS,
    "timestamptz": _STAMPS.map(lambda stamp: stamp.replace(tzinfo=datetime.UTC)),
    "time": st.times(),
    "char(8)": _ASCII,
    "varchar(60)": _TEXT,
    "varbyte(20)": st.binary(max_size=20),
    "super": _JSON,
}
LOST = {"PARQUET": {"varbyte(20)", "super"}, "JSON": {"varbyte(20)"}}
"""Redshift unloads VARBYTE as text and CSV only, and SUPER to Parquet as strings, which strings they remain."""


@dataclass(frozen=True)
class Way:
    """Parameters that go together: UNLOAD's and COPY's."""

    unload: str
    copy: str


WAYS = (
    Way(f"DELIMITER '|' ADDQUOTES ESCAPE NULL AS '{NULL}'", f"DELIMITER '|' REMOVEQUOTES ESCAPE NULL AS '{NULL}'"),
    Way(f"DELIMITER '\\t' ESCAPE NULL AS '{NULL}'", f"DELIMITER '\\t' ESCAPE NULL AS '{NULL}'"),
    Way(f"FORMAT CSV NULL AS '{NULL}'", f"FORMAT CSV NULL AS '{NULL}'"),
    Way(f"CSV DELIMITER ';' HEADER NULL AS '{NULL}'", f"CSV DELIMITER ';' IGNOREHEADER 1 NULL AS '{NULL}'"),
    Way("FORMAT JSON", "FORMAT JSON 'auto'"),
    Way("FORMAT PARQUET", "FORMAT PARQUET"),
)


@dataclass(frozen=True)
class Case:
    """One table and how it leaves and comes back."""

    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    way: Way
    packing: str
    more: str


@st.composite
def cases(draw: st.DrawFn) -> Case:
    way = draw(st.sampled_from(WAYS))
    refused = next((types for form, types in LOST.items() if form in way.unload), ())
    kinds = [kind for kind in TYPES if kind not in refused]
    types = tuple(draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=5)))
    row = st.tuples(*(st.none() | TYPES[kind] for kind in types))
    return Case(
        types=types,
        rows=draw(st.lists(row, max_size=12)),
        way=way,
        packing="" if "PARQUET" in way.unload else draw(st.sampled_from(["", "GZIP", "BZIP2", "ZSTD"])),
        more=draw(st.sampled_from(["", "PARALLEL OFF", "MANIFEST", "MAXFILESIZE 5 MB"])),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("unloaded")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[psycopg.Connection]:
    data = tmp_path_factory.mktemp("round") / "data"
    with (
        Server(data, environment={"DUCKSHIFT_COPY_LOCAL_FOLDERS": str(folder)}) as server,
        psycopg.connect(server.dsn, autocommit=True) as connection,
    ):
        yield connection


def _given(kind: str, value: Any) -> Any:
    return json.dumps(value) if kind == "super" and value is not None else value


def _placeholder(kind: str) -> str:
    if kind == "super":
        return "json_parse(%s)"
    return f"%s::{kind.partition('(')[0]}" if kind.startswith("varbyte") else f"%s::{kind}"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
def test_round_trip(db: psycopg.Connection, folder: Path, case: Case) -> None:
    names = ", ".join(f"c{number} {kind}" for number, kind in enumerate(case.types))
    db.execute(f"DROP TABLE IF EXISTS first; DROP TABLE IF EXISTS second; CREATE TABLE first ({names}); CREATE TABLE second ({names})")  # type: ignore[arg-type]
    if case.rows:
        one = f"SELECT {', '.join(_placeholder(kind) for kind in case.types)}"
        values = [_given(kind, value) for row in case.rows for kind, value in zip(case.types, row, strict=True)]
        db.execute(f"INSERT INTO first {' UNION ALL '.join([one] * len(case.rows))}", values)  # type: ignore[arg-type]
    shutil.rmtree(folder / "out", ignore_errors=True)
    manifest = case.more == "MANIFEST"
    db.execute(f"UNLOAD ('SELECT * FROM first') TO '{folder}/out/part_' {case.way.unload} {case.packing} {case.more}")  # type: ignore[arg-type]
    source = f"{folder}/out/part_{'manifest' if manifest else ''}"
    if case.rows or manifest:
        db.execute(f"COPY second FROM '{source}' {case.way.copy} {case.packing} {'MANIFEST' if manifest else ''}")  # type: ignore[arg-type]
    sent = sorted(db.execute("SELECT * FROM first").fetchall(), key=repr)
    assert sorted(db.execute("SELECT * FROM second").fetchall(), key=repr) == sent
    assert len(sent) == len(case.rows)
