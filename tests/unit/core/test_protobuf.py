"""Protocol Buffers by tables, and question marks as parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protobuf import Field, Kind, Malformed, decode, encode
from flight.marks import numbered
from flight.messages import COMMANDS, packed, unpacked

INNER = {1: Field("n", Kind.NUMBER)}
SHAPE = {
    1: Field("text", Kind.TEXT),
    2: Field("data", Kind.BYTES),
    3: Field("number", Kind.NUMBER),
    4: Field("flag", Kind.FLAG),
    5: Field("inner", Kind.MESSAGE, shape=INNER),
    6: Field("texts", Kind.TEXT, repeated=True),
    7: Field("numbers", Kind.NUMBER, repeated=True),
    1000: Field("far", Kind.TEXT),
}
INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)


def test_the_documented_examples() -> None:
    # "Encoding", A Simple Message, Strings, Submessages, Packed repeated fields.
    assert encode({1: Field("a", Kind.NUMBER)}, {"a": 150}) == bytes.fromhex("089601")
    assert encode({2: Field("b", Kind.TEXT)}, {"b": "testing"}) == bytes.fromhex("120774657374696e67")
    assert decode({3: Field("c", Kind.MESSAGE, shape=INNER)}, bytes.fromhex("1a03089601")) == {"c": {"n": 150}}
    assert decode({6: Field("f", Kind.NUMBER, repeated=True)}, bytes.fromhex("3206038e029ea705")) == {"f": [3, 270, 86942]}


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "text": st.text(), "data": st.binary(), "number": INT64, "flag": st.booleans(), "inner": st.fixed_dictionaries({"n": INT64}),
            "texts": st.lists(st.text(), min_size=1), "numbers": st.lists(INT64, min_size=1), "far": st.text(),
        },
    )
)  # fmt: skip
def test_what_is_written_can_be_read(message: dict[str, object]) -> None:
    assert decode(SHAPE, encode(SHAPE, message)) == message


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        decode(SHAPE, data)
        unpacked(data)
    except Malformed:
        pass


@pytest.mark.parametrize("data", ["08", "0aff", "0a05ab", "08ffffffffffffffffffff01", "0b", "0a02c328", "0d0000", "1001ff"])
def test_what_is_malformed(data: str) -> None:
    with pytest.raises(Malformed):
        decode(SHAPE, bytes.fromhex(data))


def test_fields_that_are_not_known_are_skipped() -> None:
    shape = {99: Field("x", Kind.TEXT), 98: Field("y", Kind.NUMBER)}
    assert decode(INNER, encode(shape, {"x": "a", "y": 1}) + bytes.fromhex("fd0400000000f90400000000000000000807")) == {"n": 7}


def test_commands_name_themselves() -> None:
    for name in COMMANDS:
        assert unpacked(packed(name, {})).name == name
    with pytest.raises(Malformed):
        unpacked(packed("CommandGetCatalogs", {}).replace(b"Catalogs", b"Catalogz"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1", "select 1"),
        ("select ?, ?", "select $1, $2"),
        ("select '?', \"?\", ? -- ?", "select '?', \"?\", $1 -- ?"),
        ("select /* ? */ $1 = ?", "select /* ? */ $1 = ?"),
        ("select ?::int", "select $1::int"),
    ],
)
def test_question_marks(text: str, expected: str) -> None:
    assert numbered(text) == expected
