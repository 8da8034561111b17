"""Rows as JSON fields, and named parameters as numbered ones."""

import json

import pyarrow as pa
import pytest

from api.data.paging import start_of, token
from api.data.parameters import check_used, numbered
from api.data.records import json_rows
from api.errors import ApiError
from core.types import Column, of
from server.codec import WireCodec
from session.answers import Style

STYLE = Style("UTC", 3, "ISO, MDY", "postgres")
NASTY = ["", None, ' ', '"', "\\", 'a"b\\"c', "\x00\x01\x1f\n\r\t\b\f", "é\u2028😀", "a,b", "\\N", "NULL", "\n", "x\r\ny", "'", "\x7f"]


def rows(arrays: list[pa.Array], names: list[str]) -> list[list[dict[str, object]]]:
    columns = tuple(Column(f"c{number}", of(name)) for number, name in enumerate(names))
    batch = pa.record_batch(arrays, names=[str(number) for number in range(len(arrays))])
    return json.loads(json_rows(WireCodec().csv(columns, STYLE)(batch), columns))


def test_any_text_survives() -> None:
    texts = [text for text in NASTY if text is None or "\x00" not in text] + ["\x01\x02\x1f"]
    for others in ([], [pa.array(range(len(texts)), pa.int32())]):
        found = rows([pa.array(texts), *others], ["varchar", *["int4"] * len(others)])
        assert [next(iter(row[0].values())) if "isNull" not in row[0] else None for row in found] == texts


def test_fields_of_numbers() -> None:
    found = rows(
        [
            pa.array([1.5, float("nan"), float("inf"), float("-inf"), 1e300, None, -0.0, 0.1]),
            pa.array([True, False, None, True, True, True, True, True]),
            pa.array([2**62, -1, 0, None, 1, 1, 1, 1]),
        ],
        ["float8", "bool", "int8"],
    )
    assert [row[0] for row in found] == [
        {"doubleValue": 1.5}, {"stringValue": "NaN"}, {"stringValue": "Infinity"}, {"stringValue": "-Infinity"},
        {"doubleValue": 1e300}, {"isNull": True}, {"doubleValue": 0}, {"doubleValue": 0.1},
    ]  # fmt: skip
    assert [row[1] for row in found][:3] == [{"booleanValue": True}, {"booleanValue": False}, {"isNull": True}]
    assert [row[2] for row in found][:4] == [{"longValue": 2**62}, {"longValue": -1}, {"longValue": 0}, {"isNull": True}]


def test_no_rows() -> None:
    assert json_rows(b"", (Column("a", of("int4")),)) == b"[]"


@pytest.mark.parametrize(
    ("text", "names", "expected", "order"),
    [
        ("select :a", ["a"], "select $1", ("a",)),
        ("select :b, :a, :b", ["a", "b"], "select $1, $2, $1", ("b", "a")),
        ("select ':a', \":a\", :a -- :a", ["a"], "select ':a', \":a\", $1 -- :a", ("a",)),
        ("select /* :a */ x::int, $$:a$$, :a::int", ["a", "int"], "select /* :a */ x::int, $$:a$$, $1::int", ("a",)),
        ("select :A, :a", ["A", "a"], "select $1, $2", ("A", "a")),
        ("select :other", ["a"], "select :other", ()),
        ("select :a", [], "select :a", ()),
        ("select (:a)", ["a"], "select ($1)", ("a",)),
    ],
)
def test_names_become_numbers(text: str, names: list[str], expected: str, order: tuple[str, ...]) -> None:
    found = numbered(text, names)
    assert (found.text, found.names) == (expected, order)


def test_every_parameter_must_be_used() -> None:
    statements = [numbered("select :a", ["a", "b"]), numbered("select :b", ["a", "b"])]
    check_used(statements, ["a", "b"])
    with pytest.raises(ApiError):
        check_used(statements[:1], ["a", "b"])


def test_tokens_are_bound_to_what_they_page_through() -> None:
    assert start_of("x", token("x", 7)) == 7
    for wrong in (token("y", 7), "%%", "abcd", token("x", 7)[:-4]):
        with pytest.raises(ApiError):
            start_of("x", wrong)
