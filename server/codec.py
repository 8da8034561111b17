"""Values' texts for the doors that are not the PostgreSQL protocol, by that protocol's own code."""

import pyarrow as pa

from core.types import Column, ColumnType
from server.wire.decode import decode_parameter
from server.wire.encode import CSV, CopyTextEncoder, OutputStyle
from session.answers import Style, Value


class WireCodec:
    """``api.seams.Codec`` and ``flight.seams.Codec``."""

    def value(self, type_: ColumnType, text: str) -> Value:
        """Return the parameter that *text* is; raises ``SqlError`` where it is none of the type."""
        return decode_parameter(type_, 0, text.encode())

    def csv(self, columns: tuple[Column, ...], style: Style) -> "_Csv":
        """Return what writes batches as lines of CSV."""
        shown = OutputStyle(
            timezone=style.timezone,
            extra_float_digits=style.extra_float_digits,
            datestyle=style.datestyle,
            intervalstyle=style.intervalstyle,
        )
        return _Csv(CopyTextEncoder(columns, shown, CSV))


class _Csv:
    """Lines of one result."""

    def __init__(self, encoder: CopyTextEncoder) -> None:
        self._encoder = encoder

    def __call__(self, batch: pa.RecordBatch) -> bytes:
        return bytes(self._encoder.encode(batch))
