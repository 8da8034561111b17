"""The messages of Flight SQL and of Flight's own actions, as tables: a row a field.

Apache Arrow, format/FlightSql.proto and format/Flight.proto. Commands travel in a google.protobuf.Any whose
type names the message.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from core.protobuf import Field, Kind, Malformed, Shape, decode, encode

_PREFIX: Final = "type.googleapis.com/arrow.flight.protocol.sql."
_T, _B, _N, _F, _M = Kind.TEXT, Kind.BYTES, Kind.NUMBER, Kind.FLAG, Kind.MESSAGE


def _shape(*fields: tuple[int, str, Kind]) -> Shape:
    return {number: Field(name, kind) for number, name, kind in fields}


_ANY: Final = _shape((1, "type_url", _T), (2, "value", _B))
_ENTRY: Final = _shape((1, "key", _T), (2, "value", _T))
_DEFINITION: Final = _shape((1, "if_not_exist", _N), (2, "if_exists", _N))
_HANDLE: Final = _shape((1, "prepared_statement_handle", _B))
_QUERY: Final = _shape((1, "query", _T), (2, "transaction_id", _B))
_TABLE: Final = _shape((1, "catalog", _T), (2, "db_schema", _T), (3, "table", _T))

COMMANDS: Final[Mapping[str, Shape]] = {
    "CommandStatementQuery": _QUERY,
    "CommandStatementUpdate": _QUERY,
    "CommandPreparedStatementQuery": _HANDLE,
    "CommandPreparedStatementUpdate": _HANDLE,
    "TicketStatementQuery": _shape((1, "statement_handle", _B)),
    "CommandStatementIngest": {
        1: Field("table_definition_options", _M, shape=_DEFINITION),
        2: Field("table", _T),
        3: Field("schema", _T),
        4: Field("catalog", _T),
        5: Field("temporary", _F),
        6: Field("transaction_id", _B),
        1000: Field("options", _M, repeated=True, shape=_ENTRY),
    },
    "CommandGetCatalogs": {},
    "CommandGetDbSchemas": _shape((1, "catalog", _T), (2, "db_schema_filter_pattern", _T)),
    "CommandGetTables": {
        1: Field("catalog", _T),
        2: Field("db_schema_filter_pattern", _T),
        3: Field("table_name_filter_pattern", _T),
        4: Field("table_types", _T, repeated=True),
        5: Field("include_schema", _F),
    },
    "CommandGetTableTypes": {},
    "CommandGetPrimaryKeys": _TABLE,
    "CommandGetExportedKeys": _TABLE,
    "CommandGetImportedKeys": _TABLE,
    "CommandGetCrossReference": _shape(
        (1, "pk_catalog", _T), (2, "pk_db_schema", _T), (3, "pk_table", _T),
        (4, "fk_catalog", _T), (5, "fk_db_schema", _T), (6, "fk_table", _T),
    ),
    "CommandGetSqlInfo": {1: Field("info", _N, repeated=True)},
    "CommandGetXdbcTypeInfo": _shape((1, "data_type", _N)),
    "ActionCreatePreparedStatementRequest": _QUERY,
    "ActionCreatePreparedStatementResult": _shape(
        (1, "prepared_statement_handle", _B), (2, "dataset_schema", _B), (3, "parameter_schema", _B)
    ),
    "ActionClosePreparedStatementRequest": _HANDLE,
    "ActionBeginTransactionRequest": {},
    "ActionBeginTransactionResult": _shape((1, "transaction_id", _B)),
    "ActionEndTransactionRequest": _shape((1, "transaction_id", _B), (2, "action", _N)),
    "ActionCancelQueryRequest": _shape((1, "info", _B)),
    "ActionCancelQueryResult": _shape((1, "result", _N)),
}  # fmt: skip
"""By their names in arrow.flight.protocol.sql."""

UPDATE_RESULT: Final = _shape((1, "record_count", _N))
PREPARED_RESULT: Final = _HANDLE
STATUS: Final = _shape((1, "status", _N))
"""CancelFlightInfoResult, CloseSessionResult."""
CANCEL_INFO: Final = _shape((1, "info", _B))
OWN_HANDLE: Final = _shape((1, "nonce", _B), (2, "query", _T), (3, "transaction_id", _B))
"""What this server writes into a TicketStatementQuery."""

CANCELLED, NOT_CANCELLABLE = 1, 3
CLOSED: Final = 1
COMMIT, ROLLBACK = 1, 2
CREATE_TABLE: Final = 1
FAIL_ON_TABLE, APPEND_TO_TABLE, REPLACE_TABLE = 1, 2, 3


class Command(NamedTuple):
    """A message that named itself."""

    name: str
    fields: dict[str, Any]


def unpacked(data: bytes) -> Command:
    """Return the message in an Any; raises ``Malformed`` for one that is not known."""
    outer = decode(_ANY, data)
    url = outer.get("type_url", "")
    name = url.removeprefix(_PREFIX)
    shape = COMMANDS.get(name)
    if shape is None or name == url:
        raise Malformed(f'unknown command "{url[:100]}"')
    return Command(name, decode(shape, outer.get("value", b"")))


def packed(name: str, fields: Mapping[str, Any]) -> bytes:
    """Return a message in an Any."""
    return encode(_ANY, {"type_url": _PREFIX + name, "value": encode(COMMANDS[name], fields)})
