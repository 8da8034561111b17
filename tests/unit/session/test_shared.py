"""Copies of sources: one for all who read a version, gone when nobody does."""

from typing import Any, cast

import duckdb
import pyarrow as pa
import pytest

from session.shared import SharedSources
from storage.database import Database


class Memory:
    """As much of a database as the copies need."""

    def __init__(self) -> None:
        self.root = duckdb.connect()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        return self.root.cursor()

    def tables(self) -> list[str]:
        found = self.root.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        return [name for (name,) in found]


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def shared(memory: Memory) -> SharedSources:
    return SharedSources(cast("Database", memory))


def rows(*values: int) -> Any:
    return pa.table({"n": values})


def test_readers_of_a_version_share_a_copy(memory: Memory, shared: SharedSources) -> None:
    first = shared.take(1, "sys_a", 7, rows(1, 2))
    assert shared.take(2, "sys_a", 7, rows(3)) == first
    assert memory.root.execute(f"SELECT * FROM {first} ORDER BY 1").fetchall() == [(1,), (2,)]


def test_an_older_copy_stays_while_it_is_read(memory: Memory, shared: SharedSources) -> None:
    shared.take(1, "sys_a", 7, rows(1))
    shared.take(2, "sys_a", 7, rows(1))
    shared.take(2, "sys_a", 8, rows(2))
    assert memory.tables() == ["shared_sys_a_7", "shared_sys_a_8"]
    shared.release(1)
    assert memory.tables() == ["shared_sys_a_8"]


def test_the_newest_copy_stays_for_those_to_come(memory: Memory, shared: SharedSources) -> None:
    shared.take(1, "sys_a", 7, rows(1))
    shared.release(1)
    assert memory.tables() == ["shared_sys_a_7"]
    shared.take(2, "sys_a", 8, rows(2))
    assert memory.tables() == ["shared_sys_a_8"]


def test_a_late_reader_of_an_older_version_leaves_the_newest_alone(memory: Memory, shared: SharedSources) -> None:
    shared.take(1, "sys_a", 8, rows(2))
    shared.take(2, "sys_a", 7, rows(1))
    shared.release(2)
    assert memory.tables() == ["shared_sys_a_8"]
    shared.release(1)
    assert memory.tables() == ["shared_sys_a_8"]


def test_sources_are_kept_apart(memory: Memory, shared: SharedSources) -> None:
    shared.take(1, "sys_a", 7, rows(1))
    shared.take(1, "sys_b", 7, rows(1))
    shared.take(1, "sys_a", 8, rows(1))
    assert memory.tables() == ["shared_sys_a_8", "shared_sys_b_7"]
