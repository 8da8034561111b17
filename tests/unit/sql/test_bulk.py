"""INSERT of many literal rows: what it reads is what the parser would have read, and the rest it leaves."""

import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from engine.given import table
from sql import literals
from sql.bulk import GIVEN, LEAST
from sql.cells import KINDS, Parameter, UnfitError, contents, single
from sql.facts import Source, SourceColumn, SourceKind
from sql.parse import split
from sql.translate import Translated, translate, translate_rows
from tests.support.warehouse import Warehouse, engine

TYPES = {
    "i2": types.of("int2"), "i4": types.of("int4"), "i8": types.of("int8"), "n": types.numeric(6, 2),
    "w": types.numeric(18, 0), "f4": types.of("float4"), "f8": types.of("float8"), "v": types.with_length("varchar", 8),
    "c": types.with_length("bpchar", 5), "b": types.of("bool"), "d": types.of("date"), "t": types.of("timestamp"),
    "z": types.of("timestamptz"), "h": types.of("time"), "s": types.of("super"),
}  # fmt: skip
TYPED = "1 -1 0 127 32767 32768 -32768 2147483647 2147483648 9223372036854775807 9223372036854775808 007 -0 1_000"
NUMBERS = [
    *TYPED.split(), "1.5", "-1.25", "1.005", "-1.005", "9999.99", "9999.994", "9999.995", "999.999", "0.1", "1e2", "1.5e-3",
    "123456.7890123456789", "1.", ".5", "3.4e38", "1e400", "0.8444218515250481", "0.30000000000000004", "1.0049999", "-0.005",
    "9007199254740993", "0.1234567890123456789012345678901234567", "1.504497542668212227", "-0.20250123456789012345", "2.5", "-2.5", "0.50", "00.5", "123456789012345678",
    "1.17549435082228751e-38", "16777217.0", "5e-324", "12345678901234567890123456789012345678901234567890",
]  # fmt: skip
STRINGS = [
    "", " ", "a", "abcdefgh", "abcdefghi", "abc   ", "abcde    ", "ünïcöde", "ÄÖÜß", "it''s", "a\\\\b", "a\\nb", "\\x41", "::", "),(",
    "1", " 1 ", "1.5", "12.345", "9999.999", "true", "T", "no", "on", "maybe", "2020-02-29", "2021-02-29", "2020-1-5", "01/02/2020",
    "2020-02-03 04:05:06", "2020-02-03 04:05:06.7", "2020-02-03 24:00:00", "2020-02-03T04:05:06", "2020-02-03 04:05:06+02",
    "2020-02-03 04:05:06-05:30", "04:05:06", "25:00:00", "now", "NULL", "{\"a\": 1}", "[1]", "null", "1e5", "infinity", "nan",
    "+5", "-0", "0.1", "1e-7", "1e400", "-1.5e3", "2020-02-03T04:05:06.123456", "2020-02-03 04:05:06.1234567", "2020-02-03 23:59:60",
    "2020-02-03 04:05", "1899-12-31", "0999-01-01", "3000-01-01", "2000-02-29", "1900-02-29", "04:05:06.5", "04:05", "a\\'b",
    "tab\\t", "\\101", "a\\ ", "a\\", "x  ''", "$1", ";--", "2020-02-03 04:05:06+15", "2020-02-03 04:05:06 UTC", "Yes", "\u2003",
]  # fmt: skip
CELLS = st.one_of(
    st.sampled_from(NUMBERS), st.sampled_from(STRINGS).map(lambda text: f"'{text}'"),
    st.sampled_from(["NULL", "null", "TRUE", "false", "-5", "- 5", "+5", "1+1", "'a' 'b'", "E'x'", "'2020-01-01'::date", "5::int"]),
    st.deferred(lambda: CAST),
)  # fmt: skip
SPELLED = (
    "int", "INTEGER", "smallint", "int8", "bigint", "numeric(6,2)", "decimal( 6 , 2 )", "numeric", "numeric(7,3)", "real", "float4",
    "float", "double precision", "DOUBLE  PRECISION", "varchar", "varchar(8)", "character varying(9)", "varchar(3)", "text", "char(5)",
    "char", "bpchar", "bool", "date", "timestamp", "timestamp without time zone", "timestamptz", "timestamp with time zone", "time",
    "super", "nothing", "interval",
)  # fmt: skip
PLAIN = [*NUMBERS, *(f"'{text}'" for text in STRINGS), "NULL", "TRUE", "-5", "- 5", "+5", "E'x\\n'"]
CAST = st.tuples(
    st.sampled_from(["{0}::{1}", "{0} :: {1}", "CAST({0} AS {1})", "cast( {0} as {1} )", "{1} {0}", "{0}::{1}::{1}", "CAST({0} AS {1})::{1}"]),
    st.sampled_from(PLAIN), st.sampled_from(SPELLED),
).map(lambda parts: parts[0].format(*parts[1:]))  # fmt: skip
CONNECTION = engine()


class Many(Warehouse):
    """A table ``many`` of one column of each type, and ``ids`` with an identity and a default."""

    def source(self, parts: tuple[str, ...]) -> Source | None:
        """Resolve a name."""
        if parts[-1] not in ("many", "ids"):
            return super().source(parts)
        columns = tuple(SourceColumn(name=name, type=kind, number=place)
                        for place, (name, kind) in enumerate(TYPES.items(), start=1))  # fmt: skip
        if parts[-1] == "ids":
            columns = (
                SourceColumn(name="id", type=types.of("int8"), number=1, identity=(1, 1)),
                SourceColumn(name="note", type=types.with_length("varchar", 9), number=2, not_null=True),
                SourceColumn(name="amount", type=types.numeric(5, 1), number=3, default="1.25"),
            )
        return Source(oid=901, kind=SourceKind.TABLE, database="dev", schema="public", name=parts[-1], owner=100,
                      columns=columns, engine_name=f'main."{parts[-1]}"')  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def tables() -> None:
    columns = ", ".join(f'"{name}" {kind.engine()}' for name, kind in TYPES.items())
    CONNECTION.execute(f"CREATE OR REPLACE TABLE many ({columns})")
    CONNECTION.execute("CREATE OR REPLACE TABLE ids (id BIGINT, note VARCHAR, amount DECIMAL(5,1))")
    CONNECTION.execute("SET VARIABLE identity_901 = 100")


def statement(name: str, cells: list[str]) -> str:
    padding = " " * LEAST
    return f"INSERT INTO many ({name}){padding}VALUES {', '.join(f'({cell})' for cell in cells)}"


def stored(translated: Translated, parameters: tuple[str | int | None, ...] = (), target: str = "many") -> list[object]:
    CONNECTION.execute(f"DELETE FROM {target}")
    if translated.rows is None:
        CONNECTION.execute(translated.engine_sql, list(parameters) or None)
    else:
        values = translated.rows.values(parameters)
        assert values is not None
        CONNECTION.register(GIVEN, table(values))
        CONNECTION.execute(translated.engine_sql)
        CONNECTION.unregister(GIVEN)
    return CONNECTION.execute(f"SELECT * FROM {target} ORDER BY ALL").fetchall()


@pytest.fixture(params=["compiled", "python"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Read rows with the compiled library, and without."""
    if request.param == "python":
        monkeypatch.setattr(literals, "_library", lambda: None)
    return str(request.param)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(TYPES)), cells=st.lists(CELLS, min_size=1, max_size=4))
@pytest.mark.usefixtures("way")
def test_what_is_read_is_what_the_parser_reads(name: str, cells: list[str]) -> None:
    text = statement(name, cells)
    fast = translate_rows(text, Many())
    if fast is None or fast.rows is None or fast.rows.values() is None:
        return
    # Raises where the fast way took what it should not.
    assert stored(fast) == stored(translate(text, Many()))


@pytest.mark.parametrize("name", sorted(TYPES))
@pytest.mark.usefixtures("way")
def test_each_value_of_each_type(name: str) -> None:
    for cell in PLAIN:
        text = statement(name, [cell, "NULL"])
        fast = translate_rows(text, Many())
        if fast is not None and fast.rows is not None and fast.rows.values() is not None:
            assert stored(fast) == stored(translate(text, Many())), cell


@pytest.mark.parametrize(
    ("name", "cell"),
    [("i4", "5"), ("i4", "-5"), ("i8", "'5'"), ("n", "1.25"), ("f8", "1.5"), ("v", "'it''s'"), ("c", "'ab '"), ("b", "true"),
     ("d", "'2020-02-29'"), ("d", "'2020-02-29'::date"), ("t", "'2020-02-03 04:05:06'"), ("s", "'[1]'"), ("n", "12.345")],
)  # fmt: skip
@pytest.mark.usefixtures("way")
def test_what_seeds_are_made_of_is_read(name: str, cell: str) -> None:
    fast = translate_rows(statement(name, [cell, cell]), Many())
    assert fast is not None
    assert fast.rows is not None
    assert fast.rows.values() is not None


@pytest.mark.parametrize(
    "text",
    ["INSERT INTO many (i4) VALUES (1), (2", "INSERT INTO many (i4) VALUES (1), (2, 3)", "INSERT INTO many (i4) VALUES (1),",
     "INSERT INTO many (i4) VALUES (1) (2)", "INSERT INTO many (i4) VALUES (1), (DEFAULT)", "INSERT INTO many (i4) SELECT 1",
     "INSERT INTO many (i4) VALUES (1), (random())", "WITH a AS (SELECT 1) INSERT INTO many (i4) VALUES (1)"],
)  # fmt: skip
@pytest.mark.usefixtures("way")
def test_what_is_not_a_list_of_literals_is_left(text: str) -> None:
    fast = translate_rows(text.replace(" ", " " * LEAST, 1), Many())
    assert fast is None or fast.rows is None or fast.rows.values() is None


@pytest.mark.parametrize("before", ["/* {\"app\": \"dbt\"} */\n", "-- a comment\n  "])
@pytest.mark.usefixtures("way")
def test_a_comment_may_stand_before(before: str) -> None:
    fast = translate_rows(before + statement("i4", ["5", "6"]), Many())
    assert fast is not None
    assert fast.rows is not None
    assert fast.rows.values() is not None


@pytest.mark.parametrize(
    ("name", "cell"),
    [("d", "DATE '2020-02-29'"), ("t", "CAST('2020-02-29' AS timestamp)"), ("t", "timestamp without time zone '2020-02-29 01:02:03'"),
     ("n", "1.5::numeric( 6, 2)"), ("f8", "-1.504497542668212227"), ("f4", "'1e-7'"), ("v", "E'it\\'s'"), ("v", "12.50"), ("i4", "+ 5"),
     ("v", "'a'::character varying(20)"), ("t", "'2020-02-03T04:05:06.5'"), ("b", "'yes'::bool"), ("i8", "2.5")],
)  # fmt: skip
def test_what_only_compiled_code_reads(name: str, cell: str) -> None:
    fast = translate_rows(statement(name, [cell, "NULL", cell]), Many())
    assert fast is not None
    assert fast.rows is not None
    assert fast.rows.values() is not None


@pytest.mark.parametrize(("name", "call"), [("t", "getdate()"), ("d", "current_date"), ("z", "SYSDATE"), ("v", "current_user")])
def test_what_is_the_same_in_all_rows_is_computed_once(name: str, call: str) -> None:
    rows = ", ".join(f"({number}, {call})" for number in range(3))
    text = f"INSERT INTO many (i4, {name}){' ' * LEAST}VALUES {rows}"
    fast = translate_rows(text, Many())
    assert fast is not None
    assert stored(fast) == stored(translate(text, Many()))
    for other in ("NULL", "random()", f"{call.lower()} || ''", "DEFAULT", "'2020-01-01'"):
        mixed = translate_rows(f"{text}, (4, {other})", Many())
        assert mixed is None or mixed.rows is None or mixed.rows.values() is None


@pytest.mark.parametrize("call", ["random()", "nothing()", "i4", "nosuch", "(SELECT 1)", "getdate() + 1"])
def test_what_may_differ_from_row_to_row_is_left(call: str) -> None:
    text = f"INSERT INTO many (i4, t){' ' * LEAST}VALUES (1, {call}), (2, {call})"
    assert translate_rows(text, Many()) is None


def test_long_texts_end_at_the_same_semicolon() -> None:
    """What compiled code passes over in a long text is what the tokens pass over."""
    pieces = ["'it''s;'", '"a;b"', "-- x;\n", "/* ;/* ' */ */", "$$ ; $$", "$1", "'\\';'", "a-b/c", "ü", "';"]
    chosen = random.Random(7)
    for _ in range(300):
        text = " ".join(chosen.choices(pieces, k=chosen.randrange(1, 9)))
        found = []
        for padding in ("", " " * 3_000):
            try:
                found.append([each.text.strip() for each in split(padding + text)])
            except SqlError as error:
                found.append([(error.position or 0) - len(padding), str(error).strip()])
        assert found[0] == found[1], text


def test_short_statements_are_left() -> None:
    assert translate_rows("INSERT INTO many (i4) VALUES (1)", Many()) is None


@pytest.mark.usefixtures("way")
def test_identity_and_defaults_are_filled_in() -> None:
    text = f"INSERT INTO ids (note, amount){' ' * LEAST}VALUES ('a', DEFAULT), ('b', DEFAULT)"
    fast = translate_rows(text, Many())
    assert fast is not None
    assert fast.identity
    assert stored(fast, target="ids") == stored(translate(text, Many()), target="ids")


@pytest.mark.usefixtures("way")
def test_null_for_not_null_is_left_to_the_ordinary_way() -> None:
    fast = translate_rows(f"INSERT INTO ids (note){' ' * LEAST}VALUES ('a'), (NULL)", Many())
    assert fast is not None
    assert fast.rows is not None
    assert fast.rows.values() is None


def test_parameters_have_the_columns_types() -> None:
    text = f"INSERT INTO many (i4, v, d){' ' * LEAST}VALUES ($1, $2, $3), ($4, $5, $6)"
    fast, parameters = translate_rows(text, Many()), (1, "it's", "2020-01-02", None, None, None)
    assert fast is not None
    assert [kind.type.name for kind in fast.parameter_types] == ["int4", "varchar", "date"] * 2
    assert stored(fast, parameters) == stored(translate(text, Many()), parameters)


def test_a_table_that_is_not_there_has_its_place() -> None:
    text = f"INSERT INTO nothing VALUES{' ' * LEAST}(1), (2)"
    with pytest.raises(SqlError) as caught:
        translate_rows(text, Many())
    assert caught.value.state is SqlState.UNDEFINED_TABLE
    assert caught.value.position == len("INSERT INTO ") + 1




PARAMETERS = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False), st.sampled_from(STRINGS))


@given(
    st.sampled_from([*(text for text in NUMBERS if text[0] != "."), *(f"'{text}'" for text in STRINGS), "NULL", "null", "TRUE", "false", "$1"]), PARAMETERS,
    st.sampled_from(sorted(TYPES)), st.booleans(),
)  # fmt: skip
@settings(max_examples=2_000, deadline=None)
def test_a_cell_by_itself_is_read_as_in_a_column(cell: str, parameter: Parameter, name: str, not_null: bool) -> None:
    column = SourceColumn(name=name, type=TYPES[name], not_null=not_null)
    kind, read = KINDS[TYPES[name].type.name]

    def seen(values: Callable[[], list[object]]) -> object:
        try:
            return [(type(value), value) for value in values()]
        except (UnfitError, ValueError, OverflowError):
            return None

    assert seen(lambda: single(cell, (parameter,), column)) == seen(
        lambda: read(contents((cell,), (parameter,), column), column.type)
    )
    assert kind
