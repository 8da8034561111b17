"""COPY streams byte for byte as PostgreSQL sends them."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from core import types
from core.types import Column
from server.wire.encode import CSV, CopyBinaryEncoder, CopyForm, CopyTextEncoder, OutputStyle
from tests.support import postgres
from tests.support.raw_postgres import Client, quoted

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(postgres.programs() is None, reason="PostgreSQL is not installed"),
]


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Return a connection to a new server."""
    with postgres.running() as server:
        connection = Client(server)
        yield connection
        connection.close()


_AWKWARD = [
    "plain",
    "",
    "\\N",
    "\\.",
    "a\tb",
    "a|b",
    'say "x"',
    "back\\slash",
    "line\nfeed",
    "return\rcar",
    "\b\f\v",
    "comma,",
    "NULL",
    "'",
    "x" * 5000,
    '"' * 600,
    "\t" * 700,
]
_FORMS = {
    "": CopyForm(),
    "(delimiter '|', null 'NULL')": CopyForm(delimiter="|", null="NULL"),
    "(format text, header)": CopyForm(header=True),
    "(format csv)": CSV,
    "(format csv, header, delimiter '|', null 'NULL', quote '''', escape '\\')": CopyForm(
        csv=True, delimiter="|", null="NULL", header=True, quote="'", escape="\\"
    ),
    '(format csv, force_quote ("b c"))': CopyForm(csv=True, delimiter=",", null="", force_quote=frozenset({"b c"})),
}


def _table(width: int) -> tuple[tuple[Column, ...], pa.RecordBatch, str]:
    names = ["a", "b c"][:width]
    texts = [[*_AWKWARD, None], [None, *reversed(_AWKWARD)]][:width]
    columns = tuple(Column(name, types.with_length("varchar", 6000)) for name in names)
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in texts], names=names)
    items = ", ".join(
        f"({i}, " + ", ".join("null" if item is None else quoted(item) for item in row) + ")"
        for i, row in enumerate(zip(*texts, strict=True))
    )
    listed = ", ".join(f'"{name}"' for name in names)
    return columns, batch, f"(select {listed} from (values {items}) as v(i, {listed}) order by i)"


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("width", [1, 2])
def test_copy_text(client: Client, form: str, width: int) -> None:
    if width == 1 and "force_quote" in form:
        pytest.skip("the column that is quoted is the second")
    columns, batch, query = _table(width)
    encoder = CopyTextEncoder(columns, OutputStyle(), _FORMS[form])
    assert encoder.start + bytes(encoder.encode(batch)) + encoder.end == client.copy(f"copy {query} to stdout {form}")


def test_copy_binary(client: Client) -> None:
    columns, batch, query = _table(2)
    encoder = CopyBinaryEncoder(columns)
    expected = client.copy(f"copy {query} to stdout (format binary)")
    assert encoder.start + bytes(encoder.encode(batch)) + encoder.end == expected
