"""Users' Python functions as functions of the engine: batches of Arrow columns to the sandbox and back.

Registered under names that hold all that they depend on, so a function is made once and never changes.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from inspect import Parameter, Signature
from typing import Any, Final

import duckdb
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from engine.cursors import Connection
from engine.results import arrow_type
from engine.sandbox.pool import PythonFunction, Sandbox

KINDS: Final = {
    "int2": "int", "int4": "int", "int8": "int", "float4": "float", "float8": "float", "bool": "bool",
    "bpchar": "text", "varchar": "text", "numeric": "decimal", "date": "date", "timestamp": "timestamp",
}  # fmt: skip
"""Type of an argument or result → how it travels. Redshift, "Python UDF data types"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Udf:
    """A Python function with the types of one way to call it."""

    name: str
    """The engine's."""
    called: str
    owner: int
    code: str
    names: tuple[str, ...]
    arguments: tuple[ColumnType, ...]
    returns: ColumnType
    volatile: bool


class Udfs:
    """The Python functions that the engine knows."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Run them in *sandbox*."""
        self.sandbox = sandbox
        self._known: dict[str, Callable[..., pa.Array]] = {}
        """By name. A connection that was given a function lets go of it when it is closed; others still call it."""
        self._lock = threading.Lock()

    def install(self, connection: Connection, udf: Udf) -> None:
        """Make *udf* known to the engine, for all connections."""
        with self._lock:
            if udf.name in self._known:
                return
            kinds: list[Any] = [duckdb.sqltype(kind.engine()) for kind in udf.arguments] or [duckdb.sqltype("BIGINT")]
            function = self._callable(udf)
            connection.create_function(
                udf.name,
                function,
                kinds,
                duckdb.sqltype(udf.returns.engine()),
                type=ARROW,
                null_handling=SPECIAL,
                side_effects=udf.volatile,
            )
            self._known[udf.name] = function

    def forget(self) -> None:
        """Take note that the engine is a new one, which knows none."""
        with self._lock:
            self._known = {}

    def check(self, udf: Udf) -> None:
        """Raise what is wrong with a function's text."""
        self.sandbox.run(_function(udf), [[] for _ in udf.arguments], 0)

    def _callable(self, udf: Udf) -> Callable[..., pa.Array]:
        function, returns = _function(udf), udf.returns

        def call(*columns: Any) -> pa.Array:
            try:
                given = [] if not udf.arguments else [_listed(column) for column in columns]
                return _result(self.sandbox.run(function, given, len(columns[0])), returns)
            except SqlError as error:
                # The engine puts words of its own behind a message: what is ours ends at the mark.
                raise RuntimeError(f"duckshift:{error.state.value}:{error.message}\x1e") from None

        # The engine asks the function how many columns it takes.
        places = [Parameter(f"c{number}", Parameter.POSITIONAL_ONLY) for number in range(len(udf.arguments) or 1)]
        call.__signature__ = Signature(places)  # type: ignore[attr-defined]
        return call


def _function(udf: Udf) -> PythonFunction:
    return PythonFunction(
        key=udf.name,
        owner=udf.owner,
        name=udf.called,
        code=udf.code,
        names=udf.names,
        kinds=tuple(KINDS[kind.type.name] for kind in udf.arguments),
        result=KINDS[udf.returns.type.name],
    )


def _listed(column: Any) -> list[Any]:
    """Return a column's values as JSON holds them."""
    put = _WRITERS.get(pa.types.is_decimal(column.type) or str(column.type).partition("[")[0])
    values: list[Any] = column.to_pylist()
    return values if put is None else [None if value is None else put(value) for value in values]


_WRITERS: Final[dict[object, Callable[[Any], Any]]] = {
    True: str,
    "date32": lambda value: value.isoformat(),
    "timestamp": lambda value: value.isoformat(sep=" "),
}


def _result(values: Sequence[Any], kind: ColumnType) -> pa.Array:
    """Return a batch's results; they come from hostile code, so every one is checked."""
    read = _READERS[KINDS[kind.type.name]]
    try:
        return pa.array([None if value is None else read(value, kind) for value in values], arrow_type(kind))
    except (OverflowError, pa.ArrowInvalid):
        raise SqlError(SqlState.NUMERIC_VALUE_OUT_OF_RANGE, f"value out of range for type {kind}") from None
    except (TypeError, ValueError, InvalidOperation):
        raise SqlError(SqlState.INVALID_TEXT_REPRESENTATION, f"invalid value for type {kind} from a function") from None


def _exactly(wanted: type) -> Callable[[Any, ColumnType], Any]:
    def read(value: Any, kind: ColumnType) -> Any:
        if type(value) is not wanted:
            raise TypeError
        return value

    return read


def _float(value: Any, kind: ColumnType) -> float:
    if type(value) not in (float, int):
        raise TypeError
    return float(value)


def _text(value: Any, kind: ColumnType) -> str:
    if type(value) is not str:
        raise TypeError
    if kind.length is not None and len(value.encode()) > kind.length:
        raise SqlError(SqlState.STRING_DATA_RIGHT_TRUNCATION, f"value too long for type {kind}")
    return value.rstrip(" ") if kind.type.name == "bpchar" else value


def _decimal(value: Any, kind: ColumnType) -> Decimal:
    scale = kind.scale or 0
    return Decimal(_exactly(str)(value, kind)).quantize(Decimal(1).scaleb(-scale))


_READERS: Final[dict[str, Callable[[Any, ColumnType], Any]]] = {
    "int": _exactly(int),
    "float": _float,
    "bool": _exactly(bool),
    "text": _text,
    "decimal": _decimal,
    "date": lambda value, kind: date.fromisoformat(_exactly(str)(value, kind)),
    "timestamp": lambda value, kind: datetime.fromisoformat(_exactly(str)(value, kind)),
}
