"""What translated statements answer, against values that Redshift's manual gives or its rules imply."""

from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest

from sql.translate import translate
from tests.support.warehouse import Warehouse, engine

# statement, first row as text, types as text
ANSWERS = [
    # Computations with numeric values
    ("select 7/2", "3", "integer"),
    ("select -7/2", "-3", "integer"),
    ("select 7/2.0", "3.5000", "numeric(15,4)"),
    ("select 10.00/3", "3.3333333333333", "numeric(15,13)"),
    ("select 1/3.0", "0.3333", "numeric(15,4)"),
    ("select 10/4*2", "4", "integer"),
    ("select 100::bigint/3", "33", "bigint"),
    ("select count(*)/3 from sales", "1", "bigint"),
    ("select qty/3 from sales where salesid=1", "3", "integer"),
    ("select 1::smallint + 1::smallint", "2", "smallint"),
    ("select 1::smallint + 1", "2", "integer"),
    ("select 1.5 + 1", "2.5", "numeric(12,1)"),
    ("select 1.5 * 1.25", "1.875", "numeric(6,3)"),
    ("select 1 + 1.5::float", "2.5", "double precision"),
    ("select @ -5", "5", "integer"),
    ("select 5 # 3", "6", "integer"),
    ("select |/ 16", "4.0", "double precision"),
    ("select 2 ^ 3", "8.0", "double precision"),
    ("select 1 + '2'", "3", "integer"),
    ("select avg(qty) from sales", "20", "bigint"),
    ("select avg(price) from sales", "12.00", "numeric(38,2)"),
    ("select sum(qty) from sales", "60", "bigint"),
    ("select sum(price) from sales", "36.00", "numeric(38,2)"),
    ("select median(qty) from sales", "20.0", "numeric(20,1)"),
    ("select stddev(qty) from sales", "10.0", "double precision"),
    ("select 1.5::int", "1", "integer"),
    ("select (-1.5)::int", "-1", "integer"),
    ("select 2.55::numeric(3,1)", "2.6", "numeric(3,1)"),
    ("select round(28.05, 1)", "28.1", "numeric(4,1)"),
    ("select round(-2.5)", "-3", "numeric(2,0)"),
    ("select mod(-5, 3)", "-2", "integer"),
    ("select sign(-2)", "-1", "integer"),
    ("select length('a')", "1", "integer"),
    # Strings
    ("select 'a' + 'b'", "ab", "character varying(2)"),
    ("select name + ' x' from emp where id=1", "A x", "character varying(22)"),
    ("select 'a' || 1", "a1", "character varying"),
    ("select concat('a', null)", "NULL", "character varying"),
    ("select len(cast('cat   ' as char(10)))", "3", "integer"),
    ("select substring('caterpillar', 6, 4)", "pill", "character varying(11)"),
    ("select substring('caterpillar', -5, 10)", "cate", "character varying(11)"),
    ("select split_part('a,b,c', ',', 2)", "b", "character varying(5)"),
    ("select regexp_substr('the fox', 'FOX', 1, 1, 'i')", "fox", "character varying"),
    ("select regexp_replace('the fox', 'fox', 'quick brown fox')", "the quick brown fox", "character varying"),
    ("select regexp_count('abcabcabc', 'b')", "3", "integer"),
    ("select regexp_instr('the fox fox', 'fox', 1, 2)", "9", "integer"),
    ("select 'a_b' like 'a\\\\_b'", "t", "boolean"),
    ("select 'axb' like 'a\\\\_b'", "f", "boolean"),
    ("select 'abc' similar to '%(b|d)%'", "t", "boolean"),
    ("select 'abc' ~ '^a'", "t", "boolean"),
    ("select initcap('nibh.enim@egestas.ca')", "Nibh.Enim@Egestas.Ca", "character varying(20)"),
    ("select 'héllo'::varchar(2)", "h", "character varying(2)"),
    ("select lower(name)::varchar(1) from emp where id=1", "a", "character varying(1)"),
    ("select strtol('0xf', 16)", "15", "bigint"),
    ("select func_sha1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d", "character varying(40)"),
    ("select md5('Amazon Redshift')", "f7415e33f972c03abd4f3fed36748f7a", "character varying(32)"),
    ("select translate('mint tea', 'inea', 'osin')", "most tin", "character varying(8)"),
    ("select charindex('fish', 'dogfish')", "4", "integer"),
    ("select quote_ident('MLB')", '"MLB"', "character varying"),
    ("select code from codes where id = 1", "ab", "character(4)"),
    ("select id from codes where code = 'ab   '", "1", "integer"),
    ("select len(code) from codes where id = 1", "2", "integer"),
    ("select 'it\\'s\\n'", "it's\n", "character varying(5)"),
    # Dates
    ("select dateadd(month, 18, '2008-02-28')", "2009-08-28 00:00:00", "timestamp without time zone"),
    ("select datediff(week, '2009-01-01', '2009-12-31')", "52", "bigint"),
    ("select datediff(qtr, '1998-07-01', '2008-07-01')", "40", "bigint"),
    ("select dateadd(minute, 5, time '20:00:00')", "20:05:00", "time without time zone"),
    ("select date_part(minute, timestamp '20230104 04:05:06.789')", "5.0", "double precision"),
    ("select date_part(yearday, date '2008-02-01')", "32.0", "double precision"),
    ("select extract(ms from timestamp '2009-09-09 12:08:43.101')", "101", "integer"),
    ("select date_trunc('week', date '2008-01-05')", "2007-12-31 00:00:00", "timestamp without time zone"),
    ("select trunc(timestamp '2011-07-21 10:32:38.248109')", "2011-07-21", "date"),
    ("select trunc(sysdate)", "2020-02-03", "date"),
    ("select getdate()", "2020-02-03 04:05:06", "timestamp without time zone"),
    ("select sysdate", "2020-02-03 04:05:06.789000", "timestamp without time zone"),
    ("select next_day('2014-08-20', 'Tuesday')", "2014-08-26", "date"),
    ("select last_day('2004-01-20')", "2004-01-31", "date"),
    ("select add_months('2008-04-30', 1)", "2008-05-31 00:00:00", "timestamp without time zone"),
    ("select months_between('1969-01-18', '1969-03-18')", "-2.0", "double precision"),
    ("select convert_timezone('EST', 'PST', '20080305 12:25:29')", "2008-03-05 09:25:29",
     "timestamp without time zone"),
    ("select '20080105'::date", "2008-01-05", "date"),
    ("select 'Jan 5 2008'::date", "2008-01-05", "date"),
    ("select '01/05/2008'::date", "2008-01-05", "date"),
    ("select '31-Jan-2000'::date", "2000-01-31", "date"),
    ("select '2008.366'::date", "2008-12-31", "date"),
    ("select '2008-01-05 3:04 PM'::timestamp", "2008-01-05 15:04:00", "timestamp without time zone"),
    ("select cast(lower('Jan 5 2008') as date)", "2008-01-05", "date"),
    ("select date '2008-01-01' - date '2007-01-01'", "365", "integer"),
    ("select date '2008-01-01' + 1", "2008-01-02", "date"),
    ("select to_char(timestamp '2009-12-31 23:15:59', 'MONTH-DY-DD-YYYY HH12:MIPM')",
     "DECEMBER -THU-31-2009 11:15PM", "character varying"),
    ("select to_char(timestamp '2009-12-31 23:15:59', 'Mon DD, YYYY')", "Dec 31, 2009", "character varying"),
    ("select to_char(timestamp '2009-12-31 23:15:59', 'FMDay')", "Thursday", "character varying"),
    ("select to_char(timestamp '2009-12-31 23:15:59', 'WW')", "53", "character varying"),
    ("select to_char(timestamp '2009-12-31 23:15:59', 'ID')", "4", "character varying"),
    ("select to_char(timestamp '2009-12-31 23:15:59', 'RM')", "XII ", "character varying"),
    ("select to_char(timestamp '2009-12-31 23:15:59', '\"Q\"Q')", "Q4", "character varying"),
    ("select to_char(timestamp '2009-12-31 23:15:59', 'DDth')", "31st", "character varying"),
    ("select to_char(1234.5, '999,999.99')", "   1,234.50", "character varying"),
    ("select to_char(12, '00000')", " 00012", "character varying"),
    ("select to_char(-1234.5, '999999.99S')", "  1234.50-", "character varying"),
    ("select to_char(485, 'RN')", "        CDLXXXV", "character varying"),
    ("select to_char(1234567, 'FM9,999,999')", "1,234,567", "character varying"),
    ("select to_char(12.34, 'FM$999.00')", "$12.34", "character varying"),
    ("select to_char(125.8, '999D99')", " 125.80", "character varying"),
    ("select to_char(-12, '9999')", "  -12", "character varying"),
    ("select to_char(null::int, '999')", "NULL", "character varying"),
    ("select to_date('02 Oct 2001', 'DD Mon YYYY')", "2001-10-02", "date"),
    ("select to_number('12,454.8-', '99G999D9S')", "-12454.8", "numeric(6,1)"),
    # JSON and SUPER
    ("select json_extract_path_text('{\"f4\":{\"f5\":99,\"f6\":\"star\"}}', 'f4', 'f6')", "star",
     "character varying"),
    ("select json_extract_path_text('{bad', 'a', true)", "NULL", "character varying"),
    ("select json_extract_array_element_text('[111,112,113]', 2)", "113", "character varying"),
    ("select json_array_length('[11,12,13]')", "3", "integer"),
    ("select is_valid_json('{\"a\":2}')", "t", "boolean"),
    ("select is_valid_json('{a')", "f", "boolean"),
    ("select is_valid_json('5')", "f", "boolean"),
    ("select json_typeof(json_parse('{}'))", "object", "character varying"),
    ("select json_serialize(json_parse('[1,2]'))", "[1,2]", "character varying"),
    ("select object('a', 1, 'b', true)", '{"a":1,"b":true}', "super"),
    ("select subarray(array('a','b','c'), 1, 2)", '["b","c"]', "super"),
    ("select s.a.b + 1 from sup where id=1", "6", "super"),
    ("select s[0] from sup where id=2", "10", "super"),
    ("select s.s = 'P' from sup where id=1", "t", "boolean"),
    ("select s.items[1].n::varchar from sup where id=1", "y", "character varying"),
    ("select s.nope.x is null from sup where id=1", "t", "boolean"),
    # Conditions
    ("select nvl(null, 2)", "2", "integer"),
    ("select decode(null, null, 'same', 'other')", "same", "character varying"),
    ("select nvl2(qty, 'a', 'b') from sales", "a", "character varying"),
    ("select greatest(1, null, 3)", "3", "integer"),
    ("select coalesce(qty, 0.5) from sales where salesid=1", "10.0", "numeric(11,1)"),
    ("select current_user", "bob", "name"),
]  # fmt: skip


def shown(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    opened = engine()
    yield opened
    opened.close()


@pytest.mark.parametrize(("text", "expected", "type_"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_answer(connection: duckdb.DuckDBPyConnection, text: str, expected: str, type_: str) -> None:
    translated = translate(text, Warehouse())
    row = connection.execute(translated.engine_sql).fetchone()
    assert row is not None
    assert shown(row[0]) == expected
    assert str(translated.columns[0].type) == type_


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("select manager_id from emp order by manager_id", [1, 1, 2, None]),
        ("select manager_id from emp order by manager_id desc", [None, 2, 1, 1]),
        ("select i.n::varchar from sup t, t.s.items i where t.id=1 order by 1", ["x", "y"]),
        ("select idx from sup t, t.s.items i at idx where t.id=1 order by 1", [0, 1]),
        ("select n from generate_series(1,2) n order by 1", [1, 2]),
        ("select m.name from emp e, emp m where e.manager_id = m.id(+) order by e.id", [None, "A", "A", "B"]),
        ("with recursive r(n) as (select 1 union all select n+1 from r where n<3) select n from r order by 1",
         [1, 2, 3]),
        ("select 1 union select '2' order by 1", [1, 2]),
        ("select id from emp minus select 1 order by 1", [2, 3, 4]),
        ("select boss from managers", [1]),
        ("select round(ratio_to_report(qty) over (), 4) from sales order by salesid", [0.1667, 0.3333, 0.5]),
        ("select a + 1 as b from (select id as a from emp) q where b > 3 order by b desc", [5, 4]),
        ("select listagg(name, ',') within group (order by name desc) from emp", ["D,C,B,A"]),
        ("select name from emp where id in (select sellerid from sales) order by 1", ["A", "B"]),
    ],
)  # fmt: skip
def test_rows(connection: duckdb.DuckDBPyConnection, text: str, rows: list[object]) -> None:
    found = connection.execute(translate(text, Warehouse()).engine_sql).fetchall()
    assert [row[0] for row in found] == rows


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("select 1.0/0", "22012"),
        ("select 1/0", "22012"),
        ("select qty % 0 from sales", "22012"),
        ("select sqrt(-1)", "2201F"),
        ("select ln(0)", "2201E"),
        ("select split_part('a,b', ',', -1)", "22023"),
        ("select substring('abc', 1, -1)", "22011"),
        ("select json_parse('{a')", "22023"),
        ("select cast(name as int) from emp", "22P02"),
        ("select cast(name as date) from emp", "22007"),
        ("insert into orders (note) select 'abcdef' || name from emp", "22001"),
        ("insert into orders (note) select nullif(name, name) from emp", "23502"),
        ("insert into orders (code) values ('a')", "23502"),
    ],
)
def test_error_while_running(connection: duckdb.DuckDBPyConnection, text: str, state: str) -> None:
    with pytest.raises(duckdb.Error, match=f"duckshift:{state}:"):
        connection.execute(translate(text, Warehouse()).engine_sql).fetchall()


def test_changes() -> None:
    opened = engine()

    def run(text: str) -> None:
        opened.execute(translate(text, Warehouse()).engine_sql)

    run("insert into orders (note, code, amount) values ('ab   ', 'x  ', 2.25), ('cd      ', null, default)")
    rows = opened.execute("SELECT * FROM orders ORDER BY id").fetchall()
    assert rows == [(7, "ab   ", "x", Decimal("2.3")), (8, "cd   ", None, Decimal("1.3"))]
    run("update orders set note = upper(note), amount = amount + emp.id from emp where emp.id = orders.id - 6")
    assert opened.execute("SELECT note, amount FROM orders ORDER BY id").fetchall() == [
        ("AB   ", Decimal("3.3")),
        ("CD   ", Decimal("3.3")),
    ]
    run("merge into emp using (select 4 as id, 'x' as name union all select 5, 'y') s on emp.id = s.id"
        " when matched then update set name = s.name when not matched then insert (id, name) values (s.id, s.name)")
    assert opened.execute("SELECT name FROM emp WHERE id > 3 ORDER BY id").fetchall() == [("x",), ("y",)]
    run("delete from emp using sales where emp.id = sales.salesid")
    assert opened.execute("SELECT count(*) FROM emp").fetchall() == [(2,)]
