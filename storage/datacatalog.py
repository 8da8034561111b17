"""Data catalogs: databases and tables that live outside the lake, as AWS Glue's API describes them.

Values only, and what any catalog can be asked. ``storage.glue`` asks AWS Glue or what speaks its protocol.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

Properties = tuple[tuple[str, str], ...]
"""Names and values, in their order."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an external table."""

    name: str
    type: str
    """As Hive writes it (``core.nested``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where files are and how they are read."""

    location: str = ""
    input_format: str = ""
    output_format: str = ""
    serde: str = ""
    serde_parameters: Properties = ()
    compressed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """The files that have certain values of the partition keys."""

    values: tuple[str, ...]
    storage: Storage
    parameters: Properties = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An external table's definition."""

    name: str
    columns: tuple[Column, ...] = ()
    keys: tuple[Column, ...] = ()
    """Partition keys: columns that the files do not have."""
    storage: Storage = Storage()
    parameters: Properties = ()
    type: str = "EXTERNAL_TABLE"

    def parameter(self, name: str) -> str | None:
        """Return a table property, None where it is not set."""
        return dict(self.parameters).get(name)

    def with_parameters(self, properties: Properties) -> "Table":
        """Return the table with *properties* set, others kept."""
        return replace(self, parameters=tuple((dict(self.parameters) | dict(properties)).items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogDatabase:
    """A database of a data catalog."""

    name: str
    location: str = ""
    parameters: Properties = ()


class DataCatalog(Protocol):
    """What a data catalog can be asked; names are as the catalog has them. Methods raise ``SqlError``."""

    def databases(self) -> list[CatalogDatabase]:
        """Return all databases."""
        ...

    def create_database(self, name: str) -> bool:
        """Make a database; False where there is one."""
        ...

    def drop_database(self, name: str) -> None:
        """Remove a database with its tables' definitions; one that is not there is no error."""
        ...

    def tables(self, database: str) -> list[Table]:
        """Return the tables of a database."""
        ...

    def table(self, database: str, name: str) -> Table | None:
        """Return a table, None where there is none."""
        ...

    def create_table(self, database: str, table: Table) -> None:
        """Add a table."""
        ...

    def update_table(self, database: str, table: Table) -> None:
        """Replace a table's definition."""
        ...

    def point_table(self, database: str, table: Table, name: str, expected: str | None) -> bool:
        """Replace a table's definition if its property *name* still is *expected*; False where it is not."""
        ...

    def drop_table(self, database: str, name: str) -> None:
        """Remove a table's definition; its files stay."""
        ...

    def partitions(self, database: str, name: str) -> list[Partition]:
        """Return a table's partitions."""
        ...

    def add_partitions(self, database: str, name: str, partitions: Sequence[Partition]) -> list[Partition]:
        """Add partitions; return those that were there already."""
        ...

    def update_partition(self, database: str, name: str, partition: Partition) -> bool:
        """Replace the partition of the same values; False where there is none."""
        ...

    def drop_partition(self, database: str, name: str, values: tuple[str, ...]) -> bool:
        """Remove a partition; False where there is none."""
        ...


PARQUET_INPUT: Final = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
PARQUET_OUTPUT: Final = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
PARQUET_SERDE: Final = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
TEXT_INPUT: Final = "org.apache.hadoop.mapred.TextInputFormat"
TEXT_OUTPUT: Final = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
TEXT_SERDE: Final = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
