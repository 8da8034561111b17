"""The history: what is recorded can be read at once, is bounded, and is written by whoever asks first."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from storage.history import TABLES, History, HistoryError

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(duckdb.connect(), tmp_path, retention_days=7, rows=10)


def load(number: int, ended: datetime) -> tuple[object, ...]:
    return (number, 100, "file", 5, 50, ended.replace(tzinfo=None), "csv", -1)


def test_what_was_recorded_is_read_without_waiting(history: History) -> None:
    history.record("load_files", load(1, NOW))
    assert history.waiting
    assert history.read("load_files").to_pylist() == [
        dict(zip((name for name, _ in TABLES["load_files"].columns), load(1, NOW), strict=True))
    ]
    assert not history.waiting


def test_old_rows_and_too_many_rows_go(history: History) -> None:
    history.record("load_files", load(1, NOW - timedelta(days=8)))
    for number in range(2, 30):
        history.record("load_files", load(number, NOW))
    history.flush()
    history.prune(NOW)
    assert history.read("load_files").column("query").to_pylist() == list(range(20, 30))


def test_numbers_go_on_from_the_highest(history: History) -> None:
    assert history.last("load_files", "query") == 0
    history.record("load_files", load(17, NOW))
    history.flush()
    assert history.last("load_files", "query") == 17


def test_a_file_of_an_earlier_run_is_read(tmp_path: Path) -> None:
    first = duckdb.connect()
    history = History(first, tmp_path, retention_days=7, rows=10)
    history.record("load_files", load(3, NOW))
    history.flush()
    first.close()
    again = History(duckdb.connect(), tmp_path, retention_days=7, rows=10)
    assert again.read("load_files").num_rows == 1


def test_waiting_rows_are_bounded(history: History) -> None:
    for number in range(100_010):
        history.record("load_files", load(number, NOW))
    assert history.read("load_files").column("query").to_pylist()[0] == 10


def test_what_cannot_be_written_is_one_kind_of_error(tmp_path: Path) -> None:
    connection = duckdb.connect()
    history = History(connection, tmp_path, retention_days=7, rows=10)
    history.record("load_files", load(1, NOW))
    connection.close()
    with pytest.raises(HistoryError):
        history.prune(NOW)
