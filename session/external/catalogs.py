"""Which data catalog an external schema is over, and how it is asked.

The built-in one is part of the warehouse's own catalog and answers at once; others are asked on a worker thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from catalog.external import (
    ExternalDatabase,
    ExternalTable,
    Origin,
    OriginKind,
    external_database,
    external_databases,
    external_table,
    external_tables,
    with_partitions,
)
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from session.external import federated
from session.external.federated import FederatedCatalog, Reached
from session.external.streams import service
from storage.datacatalog import CatalogDatabase, DataCatalog, Partition, Table
from storage.glue import GlueCatalog
from storage.streams import Streams

if TYPE_CHECKING:
    from session.context import Work
    from session.warehouse import Limits

T = TypeVar("T")


class DataCatalogs:
    """The data catalogs outside the warehouse, for all sessions."""

    def __init__(self, reached: Reached, *, glue: bool = False) -> None:
        """Ask servers as *reached* says, and AWS Glue too if *glue*; else DATA CATALOG is the built-in one."""
        self._reached = reached
        self._glue = glue

    def elsewhere(self, origin: Origin) -> bool:
        """Tell whether an external schema's tables are known elsewhere."""
        return origin.kind in federated.TYPES or (self._glue and origin.kind == OriginKind.DATA_CATALOG)

    def streams(self, origin: Origin) -> Streams:
        """Return the service that has the streams of an external schema."""
        return service(self._reached, origin)

    def of(self, origin: Origin) -> DataCatalog:
        """Return the catalog of an external schema; raises 42501 for a role that is not known. It blocks."""
        if origin.kind != OriginKind.DATA_CATALOG:
            return FederatedCatalog(self._reached, origin)
        role = origin.option("CATALOG_ROLE") or origin.option("IAM_ROLE")
        access, region = self._reached.stores.role(role).access, origin.option("REGION")
        return GlueCatalog(replace(access, region=region) if region else access)


class BuiltIn:
    """The data catalog that is kept with the warehouse's own; see ``storage.datacatalog.DataCatalog``."""

    def __init__(self, work: "Work") -> None:
        """Read and change the catalog as *work*'s transaction sees it."""
        self._work = work

    def databases(self) -> list[CatalogDatabase]:
        """Return all databases."""
        return sorted((item.entry for item in external_databases(self._work.state)), key=lambda item: item.name)

    def create_database(self, name: str) -> bool:
        """Make a database; False where there is one."""
        if external_database(self._work.state, name) is not None:
            return False
        self._work.change(ExternalDatabase(oid=self._work.next_oid(), name=name))
        return True

    def drop_database(self, name: str) -> None:
        """Remove a database with its tables' definitions."""
        found = external_database(self._work.state, name)
        if found is not None:
            tables = external_tables(self._work.state, found)
            self._work.change(drops=(found.oid, *(item.oid for item in tables)))

    def tables(self, database: str) -> list[Table]:
        """Return the tables of a database."""
        found = external_database(self._work.state, database)
        return [] if found is None else [item.table for item in external_tables(self._work.state, found)]

    def table(self, database: str, name: str) -> Table | None:
        """Return a table, None where there is none."""
        found = external_table(self._work.state, database, name)
        return None if found is None else found.table

    def create_table(self, database: str, table: Table) -> None:
        """Add a table."""
        place = external_database(self._work.state, database)
        if place is None:
            raise missing_database(database)
        self._work.change(ExternalTable(oid=self._work.next_oid(), database=place.oid, name=table.name, table=table))

    def update_table(self, database: str, table: Table) -> None:
        """Replace a table's definition."""
        self._work.change(replace(self._found(database, table.name), table=table))

    def point_table(self, database: str, table: Table, name: str, expected: str | None) -> bool:
        """Replace a table's definition if its property *name* still is *expected*; False where it is not."""
        if self._found(database, table.name).table.parameter(name) != expected:
            return False
        self.update_table(database, table)
        return True

    def drop_table(self, database: str, name: str) -> None:
        """Remove a table's definition."""
        self._work.change(drops=(self._found(database, name).oid,))

    def partitions(self, database: str, name: str) -> list[Partition]:
        """Return a table's partitions."""
        return list(self._found(database, name).partitions)

    def add_partitions(self, database: str, name: str, partitions: Sequence[Partition]) -> list[Partition]:
        """Add partitions; return those that were there already."""
        table = self._found(database, name)
        taken = {item.values for item in table.partitions}
        fresh = tuple(item for item in partitions if item.values not in taken)
        self._work.change(with_partitions(table, (*table.partitions, *fresh)))
        return [item for item in partitions if item.values in taken]

    def update_partition(self, database: str, name: str, partition: Partition) -> bool:
        """Replace the partition of the same values; False where there is none."""
        return self.drop_partition(database, name, partition.values) and not self.add_partitions(
            database, name, [partition]
        )

    def drop_partition(self, database: str, name: str, values: tuple[str, ...]) -> bool:
        """Remove a partition; False where there is none."""
        table = self._found(database, name)
        kept = tuple(item for item in table.partitions if item.values != values)
        self._work.change(with_partitions(table, kept))
        return len(kept) < len(table.partitions)

    def _found(self, database: str, name: str) -> ExternalTable:
        found = external_table(self._work.state, database, name)
        if found is None:
            raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{name}" does not exist')
        return found


def missing_database(name: str) -> SqlError:
    """Return the error for an external database that is not there."""
    return SqlError(SqlState.INVALID_CATALOG_NAME, f'external database "{name}" does not exist')


async def asked(work: "Work", origin: Origin, question: Callable[[DataCatalog], T]) -> T:
    """Return what *question* asks the catalog of an external schema."""
    catalogs = work.limits.catalogs
    if catalogs is None or not catalogs.elsewhere(origin):
        return question(BuiltIn(work))
    remote = catalogs
    return await work.warehouse.executor.run(lambda: question(remote.of(origin)))


def streams_of(limits: "Limits", origin: Origin) -> Streams:
    """Return the service that has the streams of an external schema."""
    if limits.catalogs is None:
        raise not_supported("streams")
    return limits.catalogs.streams(origin)
