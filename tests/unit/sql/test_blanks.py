"""Which strings are marked as a table's, so that their blanks need not be cut where it has none at the end."""

import re

import pytest

from sql.blanks import without
from sql.translate import translate
from tests.support.warehouse import Warehouse

EMP, NAME = next(
    (source.oid, column.number)
    for source in [Warehouse().source(("emp",))] if source is not None
    for column in source.columns if column.name == "name"
)  # fmt: skip
MARK = f"/*{EMP}.{NAME}*/"


def engine_sql(text: str) -> str:
    return translate(text, Warehouse()).engine_sql


@pytest.mark.parametrize(
    "text",
    [
        "select id from emp where name = 'a'",
        "select id from emp where 'a' <> name",
        "select id from emp where name in ('a', 'b')",
        "select name, count(*) from emp group by name",
        "select distinct name from emp",
        "select e.id from emp e join emp d on e.name = d.name || ' '",
        "select id from (select id, name as called from emp) as q where called = 'a'",
        "with q as (select name from emp) select count(*) from q where name = 'a'",
        "select count(*) from managers where title = 'a'",
        "select count(*) from emp where name = $1",
    ],
)
def test_what_a_table_keeps_is_marked(text: str) -> None:
    assert MARK in engine_sql(text)


@pytest.mark.parametrize(
    "text",
    [
        "select id from emp where name || ' ' = 'a'",
        "select count(*) from (select name from emp union all select 'a ') as q where name = 'a'",
        "select count(*) from (select max(name) as name from emp) as q where name = 'a'",
        "with recursive r(w, n) as (select name, 1 from emp union all select w || ' ', n + 1 from r where n < 3)"
        " select count(*) from r where w = 'a'",
    ],
)
def test_what_is_made_of_it_is_not(text: str) -> None:
    assert MARK not in engine_sql(text)


def test_marks_are_replaced_for_the_columns_that_are_known_alone() -> None:
    sql = engine_sql("select a.id from emp a join emp b on a.name = b.name where a.name in ('a', 'b')")
    assert without(sql, {EMP: frozenset({NAME})}) == {f"rs_bare{MARK}": "", f"suffix{MARK}": "FALSE AND suffix"}
    assert without(sql, {EMP: frozenset()}) == without(sql, {EMP: frozenset({NAME + 1})}) == {}
    assert without(sql, {EMP + 1: frozenset({NAME})}) == {}


def test_one_value_of_a_group_is_not_looked_for_where_all_are_the_same() -> None:
    sql = engine_sql("select name, count(*) from emp where name <> 'a' group by name")
    known = without(sql, {EMP: frozenset({NAME})})
    assert known == {f"rs_bare{MARK}": "", f"any_value{MARK}": ""}
    for mark, name in known.items():
        sql = sql.replace(mark, name)
    assert sql == (
        'SELECT ("emp"."name") AS "name", count(*) AS "count" FROM main."emp" AS "emp"'
        """ WHERE (("emp"."name") <> 'a') GROUP BY ("emp"."name")"""
    )
    # Of what is made of it there may be several.
    assert "any_value(" in engine_sql("select name || ' ' from emp group by name || ' '")


def test_a_text_that_looks_like_a_mark_is_a_text() -> None:
    sql = engine_sql(f"select id from emp where name <> 'rs_bare{MARK}(x)'")
    assert len(re.findall(re.escape(MARK), sql)) > 1
    assert without(sql, {EMP: frozenset({NAME})}) == {f"rs_bare{MARK}": ""}


@pytest.mark.parametrize("text", ["a", "a  ", "it''s", "a\"b", ""])
def test_a_string_that_equals_a_text_is_in_no_range_where_it_has_no_blanks(text: str) -> None:
    sql = engine_sql(f"select case when name = '{text}' then 1 end from emp where '{text}' = name and id = 1")
    known = without(sql, {EMP: frozenset({NAME})})
    assert without(sql, {EMP: frozenset({NAME + 1})}) == {}
    for mark in sorted(known, key=len, reverse=True):
        sql = sql.replace(mark, known[mark])
    same = f"""("emp"."name" = '{text.rstrip()}')"""
    assert f"WHEN {same} THEN" in sql
    assert f"WHERE ({same} AND" in sql
    assert ">=" not in sql
