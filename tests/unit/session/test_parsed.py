"""Texts that differ from one that was read in their numbers only are not read again."""

import asyncio

import pytest

from core.errors import SqlError
from session import parsed
from session.parsed import Parsed
from session.warehouse import Cache
from sql.statement import Statement


def read(known: Parsed, text: str, *, keep: bool = False) -> list[Statement]:
    found = known.known(text, keep=keep)
    return found if found is not None else asyncio.run(known.read(text, keep=keep))[0]


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were read, and not known."""
    found: list[str] = []
    split = parsed.split

    def noting(text: str) -> list[object]:
        found.append(text)
        return [*split(text)]

    monkeypatch.setattr(parsed, "split", noting)
    return found


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("SELECT a FROM t WHERE b = 7", "SELECT a FROM t WHERE b = 123456789"),
        ("  SELECT a FROM t WHERE b = 123 ; ", "  SELECT a FROM t WHERE b = 4 ; "),
        ("SELECT 'b = 5' AS a FROM t WHERE b >= 10 AND c < 20", "SELECT 'b = 5' AS a FROM t WHERE b >= 1 AND c < 2000"),
        ("UPDATE t SET a = 1 WHERE b = 2;", "UPDATE t SET a = 10 WHERE b = 20;"),
    ],
)
def test_a_text_with_other_numbers_is_known(readings: list[str], first: str, second: str) -> None:
    known = Parsed(Cache(10))
    assert read(known, first) == read(Parsed(Cache(10)), first)
    readings.clear()
    fresh = read(Parsed(Cache(10)), second)
    assert read(known, second) == fresh
    assert read(known, first) == read(known, first)
    assert readings == [second]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("SELECT a FROM t WHERE b = 7", "SELECT a FROM u WHERE b = 7"),
        ("SELECT a FROM t WHERE b = '7'", "SELECT a FROM t WHERE b = '8'"),
        ("SELECT 1 WHERE 1 = 2; SELECT 2", "SELECT 1 WHERE 1 = 3; SELECT 2"),
        ("SET query_group TO a", "SET query_group TO b"),
        ("SELECT a FROM t WHERE b = 7 -- b = 7", "SELECT a FROM t WHERE b = 8 -- b = 7"),
    ],
)
def test_other_texts_are_read(readings: list[str], first: str, second: str) -> None:
    known = Parsed(Cache(10))
    read(known, first)
    assert read(known, second) == read(Parsed(Cache(10)), second)
    assert readings == [first, second, second]


def test_names_keep_their_case_where_that_was_asked_for(readings: list[str]) -> None:
    known, text = Parsed(Cache(10)), 'SELECT "A" FROM t WHERE b = 7'
    for keep in (False, True, False, True):
        read(known, text, keep=keep)
        read(known, text.replace("7", "8"), keep=keep)
    assert readings == [text, text]


def test_a_syntax_error_is_one_each_time() -> None:
    known = Parsed(Cache(10))
    for number in (1, 2):
        with pytest.raises(SqlError):
            read(known, f"SELECT (a FROM t WHERE 'b = {number}")


def test_names_that_are_cut_are_told_each_time() -> None:
    known, name = Parsed(Cache(10)), "a" * 130
    for number in (1, 2):
        statements, cut = asyncio.run(known.read(f"SELECT {name} FROM t WHERE b = {number}", keep=False))
        assert (len(statements), len(cut)) == (1, 1)
