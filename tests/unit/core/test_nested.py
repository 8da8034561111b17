"""Hive's names for types."""

import pytest

from core import nested
from core.errors import SqlError


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        ("int", "INTEGER"),
        ("string", "VARCHAR"),
        ("decimal(8,2)", "DECIMAL(8,2)"),
        ("decimal", "DECIMAL(10,0)"),
        ("double precision", "DOUBLE"),
        ("array<struct<a:int,b:decimal(8,2)>>", 'STRUCT("a" INTEGER, "b" DECIMAL(8,2))[]'),
        ("map<string,array<bigint>>", 'STRUCT("key" VARCHAR, "value" BIGINT[])[]'),
        ("struct<`a\"b`:date>", 'STRUCT("a""b" DATE)'),
    ],
)
def test_types_become_the_engines(text: str, engine: str) -> None:
    assert nested.engine(nested.parsed(text)) == engine


@pytest.mark.parametrize("text", ["int", "varchar(20)", "char(3)", "array<map<varchar(5),struct<x:double,y:binary>>>"])
def test_types_are_written_as_they_were_read(text: str) -> None:
    assert nested.shown(nested.parsed(text)) == text


@pytest.mark.parametrize(
    "text", ["", "integers", "array<int", "array<int,int>", "map<int>", "struct<a int>", "decimal(a)", "int>", "array<" * 200]
)
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(SqlError):
        nested.parsed(text)
