"""System views in translated statements have the columns that these name."""

import pytest

from core import types
from sql.facts import Source, SourceColumn, SourceKind
from sql.narrowing import filled, place

VIEW = Source(
    oid=7, kind=SourceKind.SYSTEM, database="dev", schema="pg_catalog", name="v", owner=1, definition="SELECT all",
    columns=(SourceColumn(name="a", type=types.of("int4")),), narrow=lambda names: f"SELECT {','.join(sorted(names))}",
)  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "whole"),
    [
        ('SELECT "c"."a" FROM {} AS "c" WHERE "c"."b"', 'SELECT "c"."a" FROM (SELECT a,b) AS "c" WHERE "c"."b"'),
        # One alias for two: both have what is asked of either.
        ('SELECT "c"."a" FROM {} AS "c" WHERE (SELECT "c"."b" FROM {} AS "c")',
         'SELECT "c"."a" FROM (SELECT a,b) AS "c" WHERE (SELECT "c"."b" FROM (SELECT a,b) AS "c")'),
        ('SELECT "ac"."a" FROM {} AS "c"', 'SELECT "ac"."a" FROM (SELECT ) AS "c"'),
        ('SELECT * FROM {} AS "c"', 'SELECT * FROM (SELECT all) AS "c"'),
        ('SELECT *, 1 FROM (SELECT "c"."a" FROM {} AS "c")', 'SELECT *, 1 FROM (SELECT "c"."a" FROM (SELECT all) AS "c")'),
        ('SELECT * FROM (SELECT "c"."a" FROM {} AS "c")', 'SELECT * FROM (SELECT "c"."a" FROM (SELECT a) AS "c")'),
        ("SELECT '{} AS \"c\"', \"c\".\"a\" FROM {} AS \"c\"", "SELECT '(\0{n}\0) AS \"c\"', \"c\".\"a\" FROM (SELECT a) AS \"c\""),
    ],
)  # fmt: skip
def test_a_view_has_what_is_named(sql: str, whole: str) -> None:
    text = sql.replace("{}", place(VIEW))
    assert filled(text, {7: VIEW}) == whole.replace("{n}", "7")
