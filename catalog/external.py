"""External schemas' origins, and the built-in data catalog, as immutable values.

Redshift, "CREATE EXTERNAL SCHEMA". Where AWS Glue is not configured, external databases and tables are
documents of the metadata log like everything else (decision 26).
"""

import json
import zlib
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from catalog.model import CatalogState, Database, Kind, Schema
from storage.datacatalog import CatalogDatabase, Partition, Properties, Table

_OID_BASE: Final = 1 << 30


class OriginKind(IntEnum):
    """SVV_EXTERNAL_SCHEMAS.eskind."""

    DATA_CATALOG = 1
    POSTGRES = 3
    REDSHIFT = 4
    MYSQL = 8
    KINESIS = 9
    KAFKA = 10


STREAMS: Final = frozenset({OriginKind.KINESIS, OriginKind.KAFKA})
"""Kinds whose tables are streams, which materialized views take in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an external schema's tables are."""

    kind: int
    database: str
    options: Properties = ()
    """IAM_ROLE, REGION, CATALOG_ROLE, URI, PORT, SCHEMA, SECRET_ARN: those that were given."""

    def option(self, name: str) -> str:
        """Return what was given for *name*, empty for nothing."""
        return dict(self.options).get(name, "")

    @property
    def shown(self) -> str:
        """Return the options as SVV_EXTERNAL_SCHEMAS.esoptions shows them."""
        return json.dumps(dict(self.options), separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalDatabase:
    """A database of the built-in data catalog."""

    oid: int
    name: str
    location: str = ""
    parameters: Properties = ()

    kind = Kind.EXTERNAL_DATABASE

    @property
    def entry(self) -> CatalogDatabase:
        """Return it as any data catalog tells of it."""
        return CatalogDatabase(name=self.name, location=self.location, parameters=self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalTable:
    """A table of the built-in data catalog, with its partitions."""

    oid: int
    database: int
    name: str
    table: Table
    partitions: tuple[Partition, ...] = ()

    kind = Kind.EXTERNAL_TABLE


def external_database(state: CatalogState, name: str) -> ExternalDatabase | None:
    """Return a database of the built-in data catalog."""
    found = state.objects.get(state.names.get((Kind.EXTERNAL_DATABASE, 0, name), -1))
    return found if isinstance(found, ExternalDatabase) else None


def external_databases(state: CatalogState) -> list[ExternalDatabase]:
    """Return all databases of the built-in data catalog."""
    return state.of(ExternalDatabase)


def external_tables(state: CatalogState, database: ExternalDatabase) -> list[ExternalTable]:
    """Return the tables of a database of the built-in data catalog."""
    return [
        item for item in state.of(ExternalTable) if item.database == database.oid
    ]


def external_table(state: CatalogState, database: str, name: str) -> ExternalTable | None:
    """Return a table of the built-in data catalog."""
    place = external_database(state, database)
    if place is None:
        return None
    found = state.objects.get(state.names.get((Kind.EXTERNAL_TABLE, place.oid, name), -1))
    return found if isinstance(found, ExternalTable) else None


def with_partitions(table: ExternalTable, partitions: tuple[Partition, ...]) -> ExternalTable:
    """Return the table with other partitions, in the order of their values."""
    return replace(table, partitions=tuple(sorted(partitions, key=lambda item: item.values)))


def external_oid(place: Schema | Database, name: str) -> int:
    """Return the number that a table is known by where it is seen through *place*; the same for ever."""
    return _OID_BASE | (zlib.crc32(f"{place.oid}.{name}".encode()) & (_OID_BASE - 1))
