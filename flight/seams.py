"""What the Flight door asks of the server: values' texts, and who somebody is."""

from collections.abc import Callable
from typing import Protocol

import pyarrow as pa

from auth.exchange import Entry
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


class Judge(Protocol):
    """Says whether a password is a user's."""

    def password(self, user: str, password: str, database: str) -> Entry:
        """Return whom the password lets in; raises ``ConnectionFatal`` where it is wrong. Blocking."""
        ...

    def admitted(self, user: str, database: str, peer: str, *, encrypted: bool) -> None:
        """Raise ``ConnectionFatal`` where the rules of authentication refuse such a connection."""
        ...
