"""What a translation tells besides its SQL: columns, parameters, uses, positions."""

import contextlib
import gc

import pytest

from core import types
from core.errors import SqlError
from sql.definitions import qualified_definition
from sql.functions import FUNCTIONS, TABLE
from sql.translate import RULES, Translated, translate, translate_expression
from tests.support.warehouse import Warehouse


def done(text: str, **options: object) -> Translated:
    return translate(text, Warehouse(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("count(*)", "count"), ("1", "?column?"), ("coalesce(null, 1)", "coalesce"), ("1::int8", "int8"),
        ("nvl(1, 2)", "coalesce"), ("dateadd(day, 1, '2008-01-01')", "date_add"), ("getdate()", "getdate"),
        ("current_date", "date"), ("len('a')", "len"), ("row_number() over (order by 1)", "row_number"),
        ("extract(year from date '2008-01-01')", "date_part"), ("qty::varchar", "qty"), ("sales.qty", "qty"),
        ("case when true then 1 end", "case"), ("case when true then 1 else qty end", "qty"), ("qty + 1", "?column?"),
        ("trim('x')", "btrim"), ("date_part(year, d)", "pgdate_part"), ("decode(1, 1, 2)", "case"),
        ("qty as \"Name\"", "name"), ("(select 1 as a)", "?column?"), ("avg(qty) over ()", "avg"),
    ],
)  # fmt: skip
def test_column_name(expression: str, name: str) -> None:
    over = "group by d, qty" if "count" in expression else ""
    assert done(f"select {expression} from sales {over}").columns[0].name == name


def test_column_origin() -> None:
    column = done("select qty, qty + 1 from sales s").columns
    assert (column[0].table_oid, column[0].attribute) == (101, 4)
    assert (column[1].table_oid, column[1].attribute) == (0, 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("select $1 + 1", ["integer"]),
        ("select * from sales where d = $1 and price > $2", ["date", "numeric(8,2)"]),
        ("select $1::bigint, $2", ["bigint", "character varying"]),
        ("select id from emp limit $1 offset $2", ["bigint", "bigint"]),
        ("insert into emp (id, name) values ($1, $2)", ["integer", "character varying"]),
        ("update emp set manager_id = $2 where id = $1", ["integer", "integer"]),
        ("select upper($1), substring($1, $2)", ["character varying", "integer"]),
        ("select id from emp where id in ($1, $2)", ["integer", "integer"]),
        ("select id from emp where id between $1 and $2", ["integer", "integer"]),
        ("select case when id = 1 then $1 else 2.5 end from emp", ["numeric(2,1)"]),
    ],
)
def test_parameter_types(text: str, found: list[str]) -> None:
    assert [str(type_) for type_ in done(text).parameter_types] == found


def test_declared_parameter_types_win() -> None:
    translated = done("select id from emp where id = $1", parameter_oids=(20,))
    assert translated.parameter_types == (types.of("int8"),)
    assert done("select id from emp where id = $1", parameter_oids=(705,)).parameter_types == (types.of("int4"),)


def test_uses_of_a_view() -> None:
    uses = {(use.source.name, use.privilege, use.owner): use.columns for use in done("select boss from managers").uses}
    assert uses == {
        ("managers", "SELECT", None): frozenset({"boss"}),
        ("emp", "SELECT", 7): frozenset({"id", "name", "manager_id"}),
    }


def test_uses_of_changes() -> None:
    translated = done("update emp set name = 'x' where id = 1")
    uses = {(use.source.name, use.privilege): use.columns for use in translated.uses}
    assert uses == {("emp", "UPDATE"): frozenset({"name"}), ("emp", "SELECT"): frozenset({"id"})}
    assert translated.target is not None
    assert translated.target.name == "emp"


def test_system_sources() -> None:
    assert done("select relname from pg_class").system
    assert not done("select name from emp").system


@pytest.mark.parametrize(
    ("text", "state", "position"),
    [
        ("select a b c", "42601", 12),
        ("select nope from emp", "42703", 8),
        ("select 1 from nope", "42P01", 15),
        ("select 1, foo(1)", "42883", 11),
        ("select id from emp a, emp b", "42702", 8),
        ("select 'x'::int", "22P02", 8),
    ],
)
def test_positions(text: str, state: str, position: int) -> None:
    with pytest.raises(SqlError) as raised:
        done(text, offset=100)
    assert raised.value.state == state
    assert raised.value.position == position + 100


def test_default_expression() -> None:
    assert translate_expression("1 + 1", Warehouse()) == "(1 + 1)"
    with pytest.raises(SqlError) as raised:
        translate_expression("id", Warehouse())
    assert raised.value.state == "42703"


def test_view_definition_is_qualified() -> None:
    text, columns, depends = qualified_definition(
        "with q as (select id from emp) select q.id, s.qty from q join sales s on s.salesid = q.id", Warehouse()
    )
    assert text == (
        "with q as (select id from public.emp) select q.id, s.qty from q join public.sales s on s.salesid = q.id"
    )
    assert [(column.name, str(column.type)) for column in columns] == [("id", "integer"), ("qty", "integer")]
    assert depends == (101, 102)


def test_escape_is_written_where_it_matters() -> None:
    # The engine's fast paths for prefixes and infixes do not take ESCAPE.
    assert done("select id from emp where name like '%a%'").engine_sql.endswith("LIKE '%a%')")
    assert "ESCAPE" in done(r"select id from emp where name like 'a\\_%'").engine_sql
    assert "ESCAPE" in done("select id from emp where name like buyer || '%'".replace("buyer", "name")).engine_sql


def test_case_sensitive_identifiers() -> None:
    facts = Warehouse(enable_case_sensitive_identifier="on")
    assert translate('select 1 as "Name"', facts).columns[0].name == "Name"
    assert translate("select 1 as Name", facts).columns[0].name == "name"


def test_current_setting_is_not_kept() -> None:
    assert not translate("select current_setting('datestyle')", Warehouse(datestyle="ISO, MDY")).cacheable


def test_deep_nesting_is_refused() -> None:
    for text in ("select " + "(" * 5000 + "1" + ")" * 5000, "select " + "qty*" * 5000 + "1 from sales", "select " + "not " * 5000):
        with pytest.raises(SqlError):
            done(text)


def test_long_chains_of_conditions_pass() -> None:
    text = "select 1 from emp where " + " or ".join(f"id = {number}" for number in range(900))
    assert done(text).engine_sql.count(" OR ") == 899


def test_nothing_but_the_table_of_functions_exists() -> None:
    for name in ("read_csv", "read_text", "glob", "getenv", "query", "columns", "struct_pack", "pragma_version"):
        assert name not in FUNCTIONS
        with pytest.raises(SqlError) as raised:
            done(f"select {name}('x')")
        assert raised.value.state == "42883"


def test_tables_are_documented() -> None:
    assert all(row.doc for row in TABLE)
    assert all(rule.doc for rule in RULES)
    assert len({rule.node for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    "text",
    [
        "select qty + 1, count(*) from sales where qty in (1, 2, 3) group by 1 having count(*) > 2 order by 2 limit 5",
        "with a as (select qty from sales) select * from a union all select qty from a where exists (select 1 from emp)",
        "insert into emp (id, name) select qty, 'x' from sales",
        "update emp set manager_id = 1 where id = 2",
        "select nothing from sales",
    ],
)
def test_nothing_is_left_to_the_collector_of_garbage(text: str) -> None:
    def translated() -> None:
        with contextlib.suppress(SqlError):
            done(text)

    translated()
    gc.collect()
    gc.disable()
    try:
        translated()
        assert gc.collect() == 0
    finally:
        gc.enable()
