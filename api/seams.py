"""What the doors over HTTP ask of the server: values' texts, which ``server.wire`` reads and writes."""

from collections.abc import Callable
from typing import Protocol

import pyarrow as pa

from core.types import Column, ColumnType
from session.answers import Style, Value

Encode = Callable[[pa.RecordBatch], bytes]


class Codec(Protocol):
    """Values as the PostgreSQL protocol reads and shows them."""

    def value(self, type_: ColumnType, text: str) -> Value:
        """Return the parameter that *text* is; raises ``SqlError`` where it is none of the type."""
        ...

    def csv(self, columns: tuple[Column, ...], style: Style) -> Encode:
        """Return what writes batches as lines of CSV, NULL as nothing between two commas."""
        ...
