"""The messages of Spark Connect that are sent and read here, as tables: a row a field.

Apache Spark, sql/connect/common/src/main/protobuf/spark/connect: base.proto, relations.proto, commands.proto.
"""

from typing import Final

from core.protobuf import Field, Kind, Shape

_T, _B, _N, _F, _M = Kind.TEXT, Kind.BYTES, Kind.NUMBER, Kind.FLAG, Kind.MESSAGE


def _inner(name: str, shape: Shape, *, repeated: bool = False) -> Field:
    return Field(name, _M, repeated=repeated, shape=shape)


_USER: Final[Shape] = {1: Field("user_id", _T), 2: Field("user_name", _T)}
_PAIR: Final[Shape] = {1: Field("key", _T), 2: Field("value", _T)}
_SOURCE: Final[Shape] = {
    1: Field("format", _T), 3: _inner("options", _PAIR, repeated=True), 4: Field("paths", _T, repeated=True),
}  # fmt: skip
_READ: Final[Shape] = {2: _inner("data_source", _SOURCE)}
_RELATION: Final[Shape] = {
    2: _inner("read", _READ), 10: _inner("sql", {1: Field("query", _T)}),
    11: _inner("local_relation", {1: Field("data", _B)}),
}  # fmt: skip
_VIEW: Final[Shape] = {
    1: _inner("input", _RELATION), 2: Field("name", _T), 3: Field("is_global", _F), 4: Field("replace", _F),
}  # fmt: skip
_PLAN: Final[Shape] = {1: _inner("root", _RELATION), 2: _inner("command", {3: _inner("create_dataframe_view", _VIEW)})}
_OPERATION: Final[Shape] = {1: _inner("set", {1: _inner("pairs", _PAIR, repeated=True)})}

EXECUTE: Final[Shape] = {
    1: Field("session_id", _T), 2: _inner("user_context", _USER), 3: _inner("plan", _PLAN), 4: Field("client_type", _T),
    6: Field("operation_id", _T),
}  # fmt: skip
EXECUTED: Final[Shape] = {2: _inner("arrow_batch", {1: Field("row_count", _N), 2: Field("data", _B)})}
CONFIG: Final[Shape] = {
    1: Field("session_id", _T), 2: _inner("user_context", _USER), 3: _inner("operation", _OPERATION),
    4: Field("client_type", _T),
}  # fmt: skip
INTERRUPT: Final[Shape] = {
    1: Field("session_id", _T), 2: _inner("user_context", _USER), 3: Field("client_type", _T),
    4: Field("interrupt_type", _N),
}  # fmt: skip
RELEASE: Final[Shape] = {1: Field("session_id", _T), 2: _inner("user_context", _USER), 3: Field("client_type", _T)}
NOTHING: Final[Shape] = {}
"""An answer of which only its coming matters."""
INTERRUPT_ALL: Final = 1
