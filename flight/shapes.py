"""Results in Arrow: which schema a result has, and batches brought into it.

The engine's batches go out as they are wherever they can. What is cast: types that the engine has and Redshift
has not, CHAR, which is stored without its trailing blanks, and what Arrow has no type for, which leaves as the
text that the PostgreSQL protocol would show.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from catalog.model import CatalogState, Relation
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column
from engine.results import arrow_type
from flight.seams import Codec
from session.answers import Style
from session.texts import texts

_META: Final = "ARROW:FLIGHT:SQL:"
_CASED: Final = frozenset({"bpchar", "varchar", "text", "super"})
Convert = Callable[[pa.Array], pa.Array]


def field(column: Column, state: CatalogState | None = None, *, nullable: bool = True) -> pa.Field:
    """Return the Arrow field of a result's or table's column."""
    type_ = column.type
    described = {
        "TYPE_NAME": str(type_),
        "IS_CASE_SENSITIVE": "1" if type_.type.name in _CASED else "0",
        "IS_AUTO_INCREMENT": "0",
        "IS_SEARCHABLE": "1",
    }
    size = type_.precision if type_.precision is not None else type_.length
    if size is not None:
        described["PRECISION"] = str(size)
    if type_.scale is not None:
        described["SCALE"] = str(type_.scale)
    relation = state.objects.get(column.table_oid) if state is not None else None
    if isinstance(relation, Relation) and state is not None:
        described["TABLE_NAME"] = relation.name
        described["SCHEMA_NAME"] = getattr(state.objects.get(relation.schema), "name", "")
    metadata = {_META + name: value for name, value in described.items()}
    return pa.field(column.name, arrow_type(type_), nullable, metadata)


def schema(columns: Sequence[Column], state: CatalogState | None = None) -> pa.Schema:
    """Return the Arrow schema of a result."""
    return pa.schema([field(column, state) for column in columns])


class Shaper:
    """Brings the batches of one result into its schema."""

    def __init__(self, columns: tuple[Column, ...], target: pa.Schema, style: Style, codec: Codec) -> None:
        """Shape batches that hold *columns*."""
        self._columns = columns
        self._target = target
        self._style = style
        self._codec = codec
        self._source: pa.Schema | None = None
        self._ways: list[Convert | None] = []

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return *batch* in the result's schema."""
        if self._source is None or not self._source.equals(batch.schema):
            self._source = batch.schema
            self._ways = [
                self._way(column, own.type, wanted.type)
                for column, own, wanted in zip(self._columns, batch.schema, self._target, strict=True)
            ]
        arrays = [array if way is None else way(array) for way, array in zip(self._ways, batch.columns, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=self._target)

    def _way(self, column: Column, own: pa.DataType, wanted: pa.DataType) -> Convert | None:
        if column.type.type.name == "bpchar" and column.type.length is not None and _is_text(own):
            return partial(_padded, width=column.type.length)
        if own == wanted:
            return None
        if pa.types.is_string(wanted) and not _is_text(own):
            return partial(self._shown, column)
        return partial(_cast, wanted=wanted, column=column)

    def _shown(self, column: Column, array: pa.Array) -> pa.Array:
        batch = pa.RecordBatch.from_arrays([array], names=[column.name])
        return texts(self._codec.csv((column,), self._style)(batch), 1)[0]


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _padded(array: pa.Array, *, width: int) -> pa.Array:
    """Return CHAR values with the blanks that they are stored without; *width* is in bytes."""
    # This one counts bytes, whatever they are.
    return pc.ascii_rpad(array.cast(pa.string()), width)


def _cast(array: pa.Array, *, wanted: pa.DataType, column: Column) -> pa.Array:
    cut = pa.types.is_timestamp(wanted) or pa.types.is_time(wanted)
    try:
        return pc.cast(array, options=pc.CastOptions(target_type=wanted, allow_time_truncate=cut))
    except pa.ArrowInvalid:
        raise SqlError(SqlState.NUMERIC_VALUE_OUT_OF_RANGE, f"value out of range for type {column.type}") from None
    except pa.ArrowNotImplementedError:
        raise SqlError(SqlState.CANNOT_COERCE, f"the result cannot be shown as type {column.type}") from None


def plain_schema(given: pa.Schema) -> pa.Schema:
    """Return a client's schema without dictionaries and views, which are ways to hold values and no types."""
    return pa.schema([pa.field(item.name, _plain_type(item.type), item.nullable) for item in given])


def plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a client's batch in ``plain_schema``."""
    target = plain_schema(batch.schema)
    arrays = [
        array if array.type == item.type else _plain_array(array, item.type)
        for array, item in zip(batch.columns, target, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=target)


def _plain_array(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    while pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(wanted)


def _plain_type(type_: pa.DataType) -> pa.DataType:
    while pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_string_view(type_):
        return pa.string()
    return pa.binary() if pa.types.is_binary_view(type_) or pa.types.is_fixed_size_binary(type_) else type_
