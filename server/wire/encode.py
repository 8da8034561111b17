"""Results on the wire: RowDescription, DataRow messages, and the streams of COPY TO STDOUT.

A batch of Arrow rows becomes bytes in one call of compiled code over the Arrow buffers (decision record
0006). ``encode_arrow`` plans the columns, ``encode_native`` calls. Protocol: PostgreSQL 15, sections 55.7
and "COPY", "File Formats"; levels of Redshift's drivers: ``row_description``.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column, Origin, of
from server.wire.encode_arrow import Arrangement, Wish
from server.wire.encode_native import DateForm, Framing, IntervalForm, Layout, NativeEncoder

_NOT_NULL: Final = 1
_CASE_SENSITIVE: Final = 1 << 1
_IDENTITY: Final = 1 << 4
_READ_ONLY: Final = 1 << 8
_SEARCHABLE: Final = 1 << 12
"""Bits of a field's flags from client_protocol_version 1 on, that of the case from 3 on."""
_NAMED_LEVEL: Final = 1
_CASE_LEVEL: Final = 3
_DATE_FORMS: Final = {
    "iso": DateForm.ISO,
    "sql": DateForm.SQL,
    "postgres": DateForm.POSTGRES,
    "german": DateForm.GERMAN,
}
_VARCHAR: Final = of("varchar")
_MESSAGE_HEAD: Final = 5
"""Bytes of a message's tag and length."""
_DAY_FIRST: Final = frozenset({"dmy", "euro", "european"})


@dataclass(frozen=True, slots=True)
class OutputStyle:
    """The session's settings that shape a value's text."""

    timezone: str = "UTC"
    extra_float_digits: int = 0
    datestyle: str = "ISO, MDY"
    intervalstyle: str = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyForm:
    """The options of COPY … TO STDOUT that shape its text; each sign is one byte."""

    csv: bool = False
    delimiter: str = "\t"
    null: str = "\\N"
    header: bool = False
    quote: str = '"'
    escape: str = '"'
    force_quote: frozenset[str] = frozenset()
    """Names of the columns whose values are always quoted."""


CSV: Final = CopyForm(csv=True, delimiter=",", null="")


def row_description(
    columns: Sequence[Column],
    formats: Sequence[int],
    protocol_level: int = 0,
    origins: Sequence[Origin | None] = (),
) -> bytes:
    """Return the RowDescription message.

    From client_protocol_version 1 on Redshift adds to each field the schema, table, column and catalog that
    it comes from and flags (redshift_connector, core.py, handle_ROW_DESCRIPTION; JDBC, QueryExecutorImpl).
    """
    fields = []
    for index, (column, code) in enumerate(zip(columns, spread(formats, len(columns)), strict=True)):
        kind = column.type.type
        fields.append(
            _string(column.name)
            + struct.pack(
                ">IhIhih", column.table_oid, column.attribute, kind.oid, kind.length, column.type.modifier, code
            )
        )
        if protocol_level >= _NAMED_LEVEL:
            fields.append(_origin(column, origins[index] if origins else None, protocol_level))
    body = struct.pack(">h", len(columns)) + b"".join(fields)
    return b"T" + struct.pack(">i", len(body) + 4) + body


def _origin(column: Column, origin: Origin | None, level: int) -> bytes:
    if origin is None:
        return b"\0\0" + _string(column.name) + b"\0" + struct.pack(">h", _READ_ONLY | _SEARCHABLE)
    flags = (
        _SEARCHABLE
        | _NOT_NULL * origin.not_null
        | _IDENTITY * origin.identity
        | _CASE_SENSITIVE * (origin.case_sensitive and level >= _CASE_LEVEL)
    )
    names = (origin.schema, origin.table, origin.column, origin.catalog)
    return b"".join(map(_string, names)) + struct.pack(">h", flags)


def _string(text: str) -> bytes:
    return text.encode().replace(b"\0", b"") + b"\0"


def spread(formats: Sequence[int], width: int) -> tuple[int, ...]:
    """Return a format code a column: none given means text, one given is for all."""
    if len(formats) == width:
        return tuple(formats)
    if len(formats) > 1:
        raise SqlError(
            SqlState.PROTOCOL_VIOLATION,
            f"bind message has {len(formats)} result formats but query has {width} columns",
        )
    return (formats[0] if formats else 0,) * width


class _Encoder:
    """Batches of one result to bytes; the plans are made for the first batch's schema and kept."""

    def __init__(self, wishes: Callable[[], Sequence[Wish]], layout: Layout) -> None:
        # Made where batches are encoded: for many columns that is not on the event loop.
        self._wishes = wishes
        self._layout = layout
        self._schema: pa.Schema | None = None
        self._way: tuple[Arrangement, NativeEncoder] | None = None

    def encode(self, batch: pa.RecordBatch) -> bytes | memoryview:
        """Return all rows of the batch, ``b""`` for none."""
        found = list(self.pieces(batch))
        return found[0] if len(found) == 1 else b"".join(found)

    def pieces(self, batch: pa.RecordBatch) -> Iterator[memoryview]:
        """Return the rows of the batch in pieces of whole rows, about 1 MiB each."""
        schema = batch.schema
        if self._way is None or (self._schema is not schema and not schema.equals(self._schema)):
            arrangement = Arrangement(schema, self._wishes())
            self._way = arrangement, NativeEncoder(self._layout, arrangement.plans)
            self._schema = schema
        arrangement, native = self._way
        return native.pieces(arrangement.apply(batch))


class RowEncoder(_Encoder):
    """Batches to DataRow messages."""

    def __init__(
        self, columns: Sequence[Column], formats: Sequence[int], style: OutputStyle, protocol_level: int = 0
    ) -> None:
        codes = spread(formats, len(columns))
        zone_names = _names_zones(style)

        def wishes() -> list[Wish]:
            return [
                Wish(
                    column=column,
                    binary=code == 1,
                    zone=style.timezone,
                    zone_names=zone_names,
                    level=protocol_level,
                )
                for column, code in zip(columns, codes, strict=True)
            ]

        super().__init__(wishes, _layout(style, Framing.DATA_ROW, CopyForm()))


class CopyTextEncoder(_Encoder):
    """Batches to lines of COPY's text or CSV format."""

    def __init__(
        self, columns: Sequence[Column], style: OutputStyle, form: CopyForm = CopyForm(), *, messages: bool = False
    ) -> None:
        zone_names = _names_zones(style)

        def wishes() -> list[Wish]:
            return [
                Wish(
                    column=column,
                    binary=False,
                    zone=style.timezone,
                    zone_names=zone_names,
                    force_quote=column.name in form.force_quote,
                )
                for column in columns
            ]

        layout = _layout(style, Framing.COPY_CSV if form.csv else Framing.COPY_TEXT, form)
        super().__init__(wishes, _in_messages(layout) if messages else layout)
        self.start = _header(columns, layout) if form.header else b""
        """What stands before the first row."""
        self.end = b""
        """What stands behind the last row."""


class CopyBinaryEncoder(_Encoder):
    """Batches to tuples of COPY's binary format."""

    def __init__(self, columns: Sequence[Column], *, messages: bool = False) -> None:
        wishes = [Wish(column=column, binary=True, zone="UTC", zone_names=False) for column in columns]
        layout = _layout(OutputStyle(), Framing.COPY_BINARY, CopyForm())
        super().__init__(lambda: wishes, _in_messages(layout) if messages else layout)
        head = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
        self.start = b"" if messages else head
        """What stands before the first row."""
        self._head = head if messages else b""
        """The same where rows are messages: PostgreSQL sends it in the first row's, which psycopg relies on."""

    @property
    def end(self) -> bytes:
        """Return what stands behind the last row."""
        return self._head + struct.pack(">h", -1)

    def pieces(self, batch: pa.RecordBatch) -> Iterator[memoryview]:
        """Yield the rows of the batch in pieces of whole rows, the first of all behind the header."""
        for piece in super().pieces(batch):
            if self._head:
                (size,) = struct.unpack_from(">I", piece, 1)
                begun = struct.pack(">cI", b"d", size + len(self._head)) + self._head
                self._head = b""
                yield memoryview(begun + bytes(piece[_MESSAGE_HEAD:]))
            else:
                yield piece


def _in_messages(layout: Layout) -> Layout:
    """Return the layout with each row in a CopyData message of its own, as the protocol wants (55.2.6)."""
    return replace(layout, message=b"d")


def _header(columns: Sequence[Column], layout: Layout) -> bytes:
    named = [Column(column.name, _VARCHAR) for column in columns]
    wishes = [Wish(column=column, binary=False, zone="UTC", zone_names=False) for column in named]
    line = pa.RecordBatch.from_arrays(
        [pa.array([column.name]) for column in columns], names=[column.name for column in columns]
    )
    return bytes(_Encoder(lambda: wishes, layout).encode(line))


def _layout(style: OutputStyle, framing: Framing, form: CopyForm) -> Layout:
    date_form, day_first = _date_style(style.datestyle)
    extra = min(style.extra_float_digits, 3)
    return Layout(
        framing=framing,
        date_form=date_form,
        day_first=day_first,
        interval_form=IntervalForm.__members__.get(style.intervalstyle.upper(), IntervalForm.POSTGRES),
        # FLT_DIG and DBL_DIG plus the setting (Redshift, "extra_float_digits"), at most what tells values apart.
        float8_digits=max(1, min(17, 15 + extra)),
        float4_digits=max(1, min(9, 6 + extra)),
        null=form.null.encode(),
        delimiter=_byte("delimiter", form.delimiter),
        quote=_byte("quote", form.quote),
        escape=_byte("escape", form.escape),
    )


def _byte(option: str, sign: str) -> bytes:
    data = sign.encode()
    if len(data) != 1:
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, f"COPY {option} must be a single one-byte character")
    return data


def _date_style(datestyle: str) -> tuple[DateForm, bool]:
    words = [word.strip().lower() for word in datestyle.split(",")]
    form = next((_DATE_FORMS[word] for word in words if word in _DATE_FORMS), DateForm.ISO)
    return form, any(word in _DAY_FIRST for word in words)


def _names_zones(style: OutputStyle) -> bool:
    return _date_style(style.datestyle)[0] is not DateForm.ISO
