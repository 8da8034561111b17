"""What CREATE DATABASE … FROM INTEGRATION and ALTER DATABASE … INTEGRATION say.

Redshift, "CREATE DATABASE", "ALTER DATABASE" (zero-ETL integrations).
"""

from dataclasses import dataclass, replace
from typing import Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql.stream import Stream

_LONGEST_S: Final = 432_000
_FLAGS: Final = {
    "ACCEPTINVCHARS": "accept_invalid", "QUERY_ALL_STATES": "all_states", "TRUNCATECOLUMNS": "truncate_columns",
}  # fmt: skip
_WITHOUT: Final = ("HISTORY_MODE", "AUTO_REMEDIATION")


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationOptions:
    """How a source is followed; None where nothing is said."""

    accept_invalid: bool | None = None
    all_states: bool | None = None
    truncate_columns: bool | None = None
    refresh_interval_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FromIntegration:
    """FROM INTEGRATION 'id' [DATABASE 'source'] [SET] options."""

    id: str
    source: str = ""
    options: IntegrationOptions = IntegrationOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTables:
    """INTEGRATION REFRESH: which tables are to be copied anew."""

    failed: bool = False
    """INERROR: only those that failed."""
    schemas: tuple[str, ...] = ()
    tables: tuple[tuple[str, ...], ...] = ()
    """Schema and name; without schemas and tables all are."""


def read_from_integration(stream: Stream) -> FromIntegration:
    """Take what follows FROM."""
    stream.expect("INTEGRATION")
    name = stream.string()
    source = _source(stream) if stream.take("DATABASE") else ""
    stream.take("SET")
    return FromIntegration(id=name, source=source, options=_options(stream))


def _source(stream: Stream) -> str:
    return stream.string() if stream.at_string() else stream.identifier()


def read_alter_integration(stream: Stream) -> RefreshTables | IntegrationOptions:
    """Take what follows INTEGRATION."""
    if stream.take("SET"):
        if stream.ended:
            stream.fail()
        return _options(stream)
    stream.expect("REFRESH")
    if stream.take("TABLE") or stream.take("TABLES"):
        return RefreshTables(tables=stream.names(2))
    failed = stream.expect_any("ALL", "INERROR") == "INERROR"
    stream.expect("TABLES")
    return RefreshTables(failed=failed, schemas=stream.identifiers() if stream.take("IN", "SCHEMA") else ())


def _options(stream: Stream) -> IntegrationOptions:
    found = IntegrationOptions()
    while word := stream.take_any(*_FLAGS, "REFRESH_INTERVAL", *_WITHOUT):
        stream.take("=")
        if word == "REFRESH_INTERVAL":
            found = replace(found, refresh_interval_s=_interval(stream))
            continue
        position = stream.position
        on = stream.expect_any("TRUE", "FALSE") == "TRUE"
        if word not in _WITHOUT:
            found = replace(found, **{_FLAGS[word]: on})
        elif on:
            raise not_supported(word, position=position)
    return found


def _interval(stream: Stream) -> int:
    found = stream.integer()
    if not 0 <= found <= _LONGEST_S:
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE, f"REFRESH_INTERVAL must be between 0 and {_LONGEST_S} seconds"
        )
    return found
