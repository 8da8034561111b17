"""The system catalogs on a plain engine: shapes, rows, who sees what, functions, and speed."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import duckdb
import pytest

from catalog.model import (
    CatalogState,
    Constraint,
    Database,
    Grant,
    Group,
    Identity,
    Relation,
    RelationKind,
    Schema,
    TableColumn,
    User,
)
from catalog.system import functions, shapes, sources
from catalog.system.views import ROWS, VIEWS
from core import types

ADMIN, BOB, EVE, READERS = 100, 101, 102, 103
SALES, EVENTS, BIG, OTHER, SECRET = 100_010, 100_011, 100_012, 100_013, 100_014
PUBLIC_SCHEMA, PRIVATE_SCHEMA, FAR_SCHEMA = 2_200, 100_003, 100_004


def column(number: int, name: str, kind: types.ColumnType, **more: Any) -> TableColumn:
    return TableColumn(name=name, type=kind, number=number, **more)


SALES_COLUMNS = (
    column(1, "salesid", types.of("int4"), not_null=True, identity=Identity(seed=1, step=2), distkey=True),
    column(2, "eventid", types.of("int4"), encoding="az64", sortkey=1),
    column(3, "price", types.numeric(8, 2), comment="in dollars"),
    column(4, "buyer", types.with_length("varchar", 30), default="'nobody'"),
    column(5, "code", types.with_length("bpchar", 3)),
    column(6, "sold", types.of("timestamp")),
)
STATE = CatalogState().with_changes((
    Database(oid=90, name="dev", owner=1),
    Database(oid=91, name="far", owner=1),
    Schema(oid=PUBLIC_SCHEMA, database=90, name="public", owner=1,
           acl=(Grant(0, 1, frozenset({"CREATE", "USAGE"})),)),
    Schema(oid=PRIVATE_SCHEMA, database=90, name="private", owner=ADMIN),
    Schema(oid=FAR_SCHEMA, database=91, name="public", owner=1),
    User(oid=ADMIN, name="awsuser", superuser=True),
    User(oid=BOB, name="bob"),
    User(oid=EVE, name="eve"),
    Group(oid=READERS, name="readers", members=(BOB,)),
    Relation(oid=EVENTS, schema=PUBLIC_SCHEMA, name="event", owner=ADMIN,
             columns=(column(1, "eventid", types.of("int4"), not_null=True),),
             constraints=(Constraint(name="event_pkey", kind="p", columns=("eventid",)),)),
    Relation(oid=SALES, schema=PUBLIC_SCHEMA, name="sales", owner=ADMIN, columns=SALES_COLUMNS, comment="tickets sold",
             diststyle="KEY(salesid)", created="2026-01-02T03:04:05+00:00",
             acl=(Grant(READERS, ADMIN, frozenset({"SELECT", "INSERT"}), frozenset({"SELECT"})),
                  Grant(EVE, ADMIN, frozenset({"SELECT"}), columns=("price",))),
             constraints=(Constraint(name="sales_fk", kind="f", columns=("eventid",), references=EVENTS,
                                     referenced_columns=("eventid",)),)),
    Relation(oid=BIG, schema=PUBLIC_SCHEMA, name="big", owner=ADMIN, type=RelationKind.VIEW, depends=(SALES,),
             columns=(column(1, "salesid", types.of("int4")),), definition="SELECT salesid FROM public.sales"),
    Relation(oid=OTHER, schema=FAR_SCHEMA, name="sales", owner=ADMIN),
    Relation(oid=SECRET, schema=PRIVATE_SCHEMA, name="sales", owner=ADMIN),
))  # fmt: skip

Ask = Callable[..., list[tuple[Any, ...]]]


def connect(
    state: CatalogState, user: int = ADMIN, given: dict[str, list[dict[str, Any]]] | None = None
) -> duckdb.DuckDBPyConnection:
    live = sources.Live(
        database="dev", tables={name: sources.live_table(name, rows) for name, rows in (given or {}).items()}
    )
    connection = duckdb.connect()
    for name in sources.SOURCES:
        connection.register(name, sources.empty(name))
    for statement in functions.statements():
        connection.execute(statement)
    for name, build in sources.SOURCES.items():
        connection.register(name, build(state, live))
    for variable, value in (
        ("current_user_id", f"{user}::UINTEGER"), ("current_user", "'awsuser'"), ("current_database", "'dev'"),
        ("current_schemas_list", "['pg_catalog', 'public']"), ("hidden_relations", "['']"), ("version", "'PostgreSQL 8.0.2'"),
        ("type_oids", str(list(sources.type_names()))), ("type_names", str(list(sources.type_names().values()))),
    ):  # fmt: skip
        connection.execute(f"SET VARIABLE {variable} = {value}")
    return connection


def ask_of(connection: duckdb.DuckDBPyConnection) -> Ask:
    """Return a function that answers a query in which {name} stands for a system view."""
    views = {view.name: f"({view.definition})" for view in ROWS}

    def ask(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query.format(**views)).fetchall()

    return ask


@pytest.fixture(scope="module")
def ask() -> Ask:
    return ask_of(connect(STATE))


@pytest.mark.parametrize("view", ROWS, ids=lambda view: f"{view.schema}.{view.name}")
def test_a_view_has_its_declared_shape(view: Any) -> None:
    connection = SHAPES
    described = connection.execute(f"DESCRIBE {view.definition}").fetchall()
    engine = {name: kind.engine() for name, kind in view.columns}
    assert [row[0] for row in described] == list(engine)
    spelled = [row[1].replace("FLOAT", "REAL") if row[1] == "FLOAT" else row[1] for row in described]
    assert spelled == list(engine.values())
    connection.execute(view.definition).fetchall()


SHAPES = connect(STATE)


def test_oids_and_names_are_unique() -> None:
    assert len({view.oid for view in ROWS}) == len(ROWS) == len(VIEWS)
    assert max(view.oid for view in ROWS) < 16_384


def test_system_views_list_themselves(ask: Ask) -> None:
    (found,) = ask(
        "SELECT count(*) FROM {pg_class} c JOIN {pg_attribute} a ON a.attrelid = c.oid"
        " WHERE c.relname = 'pg_namespace' AND a.attname IN ('oid', 'nspname', 'nspowner', 'nspacl')"
    )
    assert found == (4,)


def test_other_databases_are_elsewhere(ask: Ask) -> None:
    assert ask("SELECT oid FROM {pg_class} WHERE relname = 'sales' ORDER BY oid") == [(SALES,), (SECRET,)]
    everywhere = ask("SELECT database_name FROM {svv_all_tables} WHERE table_name = 'sales' ORDER BY 1")
    assert everywhere == [("dev",), ("dev",), ("far",)]


def test_columns_as_information_schema_tells_them(ask: Ask) -> None:
    rows = ask(
        "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable,"
        " column_default FROM {columns} WHERE table_schema = 'public' AND table_name = 'sales'"
        " ORDER BY ordinal_position"
    )
    assert rows == [
        ("salesid", "integer", None, 32, 0, "NO", f"\"identity\"({SALES}, 0, '1,2'::text)"),
        ("eventid", "integer", None, 32, 0, "YES", None),
        ("price", "numeric", None, 8, 2, "YES", None),
        ("buyer", "character varying", 30, None, None, "YES", "'nobody'"),
        ("code", "character", 3, None, None, "YES", None),
        ("sold", "timestamp without time zone", None, None, None, "YES", None),
    ]


def test_pg_table_def_knows_the_search_path(ask: Ask) -> None:
    rows = ask(
        'SELECT "column", type, encoding, distkey, sortkey, "notnull" FROM {pg_table_def} WHERE tablename = \'sales\''
    )
    assert rows[:2] == [("salesid", "integer", "none", True, 0, True), ("eventid", "integer", "az64", False, 1, False)]
    assert [row[1] for row in rows[2:]] == [
        "numeric(8,2)", "character varying(30)", "character(3)", "timestamp without time zone",
    ]  # fmt: skip


def test_keys(ask: Ask) -> None:
    assert ask(
        "SELECT conname, contype, conkey, confkey, rs_pg_get_constraintdef(oid) FROM {pg_constraint} ORDER BY 1"
    ) == [
        ("event_pkey", "p", "{1}", None, "PRIMARY KEY (eventid)"),
        ("sales_fk", "f", "{2}", "{1}", "FOREIGN KEY (eventid) REFERENCES event(eventid)"),
    ]
    assert ask("SELECT i.indkey, c.relname, rs_pg_get_indexdef(c.oid) FROM {pg_index} i JOIN {pg_class} c"
               " ON c.oid = i.indexrelid AND c.relkind = 'i'") == [
        ("1", "event_pkey", "CREATE UNIQUE INDEX event_pkey ON public.event USING btree (eventid)"),
    ]  # fmt: skip
    assert ask("SELECT table_name, column_name FROM {constraint_column_usage} ORDER BY constraint_name") == [
        ("event", "eventid"), ("event", "eventid"),
    ]  # fmt: skip


def test_access_lists(ask: Ask) -> None:
    (acl,) = ask("SELECT relacl, rs_array_to_string(relacl, ';') FROM {pg_class} WHERE relname = 'sales' AND oid < 100011")
    # PostgreSQL quotes the items of an array that hold blanks.
    assert acl[0] == '{awsuser=arwdRxtDPA/awsuser,"group readers=ar*/awsuser"}'
    assert ask("SELECT attacl FROM {pg_attribute} WHERE attname = 'price'") == [("{eve=r/awsuser}",)]
    assert ask("SELECT nspacl FROM {pg_namespace} WHERE nspname = 'public'") == [("{rdsdb=UCAD/rdsdb,=UC/rdsdb}",)]
    assert ask(
        "SELECT relation_name, privilege_type, identity_name, identity_type, admin_option"
        " FROM {svv_relation_privileges} ORDER BY 2"
    ) == [("sales", "INSERT", "readers", "group", False), ("sales", "SELECT", "readers", "group", True)]


FUNCTION_CASES = (
    ("rs_format_type(1043, 34)", "character varying(30)"),
    ("rs_format_type(1700, (8 << 16) + 2 + 4)", "numeric(8,2)"),
    ("rs_format_type(23, NULL)", "integer"),
    ("rs_format_type(0, -1)", "-"),
    ("rs_format_type(1, -1)", "???"),
    ("rs_regclass('sales')", SALES),
    ("rs_regclass('PUBLIC.\"sales\"')", SALES),
    ("rs_regclass('private.sales')", SECRET),
    (f"rs_regclass('{SECRET}')", SECRET),
    (f"rs_regclass_name({SALES})", "sales"),
    (f"rs_regclass_name({SECRET})", "private.sales"),
    ("rs_to_regclass('nothing')", None),
    ("rs_regtype('pg_catalog.int4')", 23),
    ("rs_regtype('character varying')", 1043),
    ("rs_pg_get_userbyid(101)", "bob"),
    ("rs_pg_get_userbyid(7)", "unknown (OID=7)"),
    (f"rs_pg_table_is_visible({SALES})", True),
    (f"rs_pg_table_is_visible({SECRET})", False),
    (f"rs_pg_table_is_visible({OTHER})", False),
    (f"rs_pg_get_viewdef({BIG})", "SELECT salesid FROM public.sales"),
    ("rs_pg_get_viewdef_named('big')", "SELECT salesid FROM public.sales"),
    (f"rs_obj_description({SALES}, 'pg_class')", "tickets sold"),
    (f"rs_col_description({SALES}, 3)", "in dollars"),
    ("rs_has_table_privilege('bob', 'sales', 'SELECT')", True),
    ("rs_has_table_privilege('bob', 'sales', 'select with grant option')", True),
    ("rs_has_table_privilege('bob', 'sales', 'insert with grant option')", False),
    ("rs_has_table_privilege('bob', 'sales', 'update, insert')", True),
    ("rs_has_table_privilege('bob', 'sales', 'DELETE')", False),
    ("rs_has_table_privilege('eve', 'sales', 'SELECT')", False),
    ("rs_has_column_privilege('eve', 'sales', 'price', 'SELECT')", True),
    ("rs_has_column_privilege('eve', 'sales', 'buyer', 'SELECT')", False),
    ("rs_has_table_privilege('sales', 'DELETE')", True),
    ("rs_has_schema_privilege('eve', 'public', 'create')", True),
    ("rs_has_schema_privilege('eve', 'private', 'usage')", False),
    ("rs_has_database_privilege('eve', 'dev', 'connect')", True),
    ("rs_has_database_privilege('eve', 'dev', 'create')", False),
    ("rs_pg_size_pretty(10239)", "10239 bytes"),
    ("rs_pg_size_pretty(10240)", "10 kB"),
    ("rs_pg_size_pretty(20971520)", "20 MB"),
    ("rs_array_to_string('{a,b}', ' + ')", "a + b"),
    ("rs_array_out(['a', 'b c', NULL, ''])", '{a,"b c",NULL,""}'),
    ("rs_quote_ident('My table')", '"My table"'),
    ("rs_format_encoding(12)", "az64"),
    ("rs_user_is_member_of('bob', 'readers')", True),
    ("rs_pg_encoding_to_char(6)", "UTF8"),
)


@pytest.mark.parametrize(("call", "expected"), FUNCTION_CASES, ids=[case[0] for case in FUNCTION_CASES])
def test_functions(ask: Ask, call: str, expected: object) -> None:
    assert ask(f"SELECT {call}".replace("{", "{{").replace("}", "}}")) == [(expected,)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("rs_regclass('nothing')", 'duckshift:42P01:relation "nothing" does not exist'),
        ("rs_regtype('nothing')", 'duckshift:42704:type "nothing" does not exist'),
        ("rs_has_table_privilege('nobody', 'sales', 'select')", 'duckshift:42704:role "nobody" does not exist'),
        ("rs_has_table_privilege('sales', 'fly')", 'duckshift:22023:unrecognized privilege type: "fly"'),
        ("rs_has_schema_privilege('nothing', 'usage')", 'duckshift:3F000:schema "nothing" does not exist'),
    ],
)
def test_functions_refuse(ask: Ask, call: str, message: str) -> None:
    with pytest.raises(duckdb.InvalidInputException, match=message):
        ask(f"SELECT {call}")


def test_arguments_keep_their_meaning(ask: Ask) -> None:
    """A query's aliases must not be taken for those inside a macro."""
    for alias in "abcdefghijklmnopqrstuvwxyz":
        assert ask(
            f"SELECT rs_format_type({alias}.atttypid, {alias}.atttypmod) FROM {{pg_attribute}} AS {alias}"
            f" WHERE {alias}.attrelid = {SALES} AND {alias}.attname = 'price'"
        ) == [("numeric(8,2)",)]
        assert ask(
            f"SELECT rs_pg_get_userbyid({alias}.relowner), rs_pg_table_is_visible({alias}.oid),"
            f" rs_has_table_privilege('bob', {alias}.oid, 'select'), rs_regclass_name({alias}.oid)"
            f" FROM {{pg_class}} AS {alias} WHERE {alias}.oid = {SALES}"
        ) == [("awsuser", True, True, "sales")]


def test_users_see_what_is_theirs() -> None:
    connection = connect(
        STATE,
        EVE,
        {
            "sys_load_errors": [
                {"userid": ADMIN, "query": 1, "err_reason": "Invalid digit"},
                {"userid": EVE, "query": 2, "err_reason": "Invalid digit"},
            ],
            "sys_queries": [
                {"userid": user, "query": user, "text": "select 1", "kind": "SELECT", "status": "success",
                 "started": datetime(2026, 1, 1), "ended": datetime(2026, 1, 1, 0, 0, 1)}
                for user in (ADMIN, EVE)
            ],
        },
    )  # fmt: skip
    ask = ask_of(connection)
    assert ask("SELECT query FROM {stl_load_errors}") == [(2,)]
    assert ask("SELECT userid, elapsed FROM {svl_qlog}") == [(EVE, 1_000_000)]
    assert ask("SELECT count(*) FROM {pg_shadow}") == [(0,)]
    # A column's grant shows the table; without one the table is not there.
    assert ask("SELECT table_name FROM {svv_tables} WHERE table_schema = 'public' ORDER BY 1") == [("sales",)]
    assert ask("SELECT count(*) FROM {tables} WHERE table_schema = 'private'") == [(0,)]


def test_statements_are_cut_into_pieces_of_200() -> None:
    text = "select\n" + "x" * 300
    rows = [{"userid": ADMIN, "query": 5, "text": text, "kind": "SELECT", "status": "success"}]
    ask = ask_of(connect(STATE, given={"sys_queries": rows}))
    pieces = ask("SELECT sequence, text FROM {stl_querytext} ORDER BY sequence")
    assert [sequence for sequence, _ in pieces] == [0, 1]
    assert "".join(piece for _, piece in pieces) == text.replace("\n", "\\n")
    assert len(pieces[0][1]) == 200


def test_ten_thousand_tables_are_quick() -> None:
    columns = tuple(column(n, f"column_{n}", types.with_length("varchar", 20)) for n in range(1, 11))
    many = STATE.with_changes(
        tuple(
            Relation(oid=200_000 + n, schema=PUBLIC_SCHEMA, name=f"table_{n}", owner=ADMIN, columns=columns,
                     constraints=(Constraint(name=f"table_{n}_pkey", kind="p", columns=("column_1",)),))
            for n in range(10_000)
        )
    )  # fmt: skip
    live = sources.Live(database="dev")
    # The processor's time, with room for a slow one: where work grows with the square of the tables it takes minutes.
    started = time.process_time()
    tables = {name: build(many, live) for name, build in sources.CATALOG_SOURCES.items()}
    assert time.process_time() - started < 5
    assert tables["sys_columns"].num_rows > 110_000
    ask = ask_of(connect(many))
    for query, rows in (
        ("SELECT relname FROM {pg_class} c WHERE rs_has_table_privilege('awsuser', c.oid, 'select') AND c.oid > 199999"
         " AND relkind = 'r' AND rs_pg_table_is_visible(c.oid)", 10_000),
        ("SELECT rs_has_table_privilege(c.relname, 'select') FROM {pg_class} c WHERE c.oid BETWEEN 200000 AND 209999",
         10_000),
        ("SELECT rs_has_column_privilege(c.oid, 'column_1', 'select') FROM {pg_class} c WHERE relkind = 'i'", 10_001),
        ("SELECT rs_pg_table_size(c.oid), rs_obj_description(c.oid) FROM {pg_class} c WHERE relkind = 'i'", 10_001),
    ):  # fmt: skip
        started = time.process_time()
        assert len(ask(query)) == rows
        assert time.process_time() - started < 5
    for name in shapes.CATALOG:
        assert tables[name].schema == shapes.CATALOG[name]
