"""The data catalog of AWS Glue, or of anything that speaks its protocol.

AWS Glue, "Catalog API". Names there are lower case.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from core.errors import SqlError
from core.sqlstate import SqlState
from storage.aws import service_client
from storage.database import S3Access
from storage.datacatalog import CatalogDatabase, Column, Partition, Properties, Storage, Table

T = TypeVar("T")

_BATCH: Final = 100
"""Partitions that one call may add."""
_ABSENT: Final = "EntityNotFoundException"
_PRESENT: Final = "AlreadyExistsException"
_MEANWHILE: Final = "ConcurrentModificationException"
_KEPT: Final = ("Description", "Owner", "Retention", "ViewOriginalText", "ViewExpandedText")
"""What a table's definition has that is not looked at."""


class GlueCatalog:
    """One account's data catalog in one region."""

    def __init__(self, access: S3Access) -> None:
        """Reach the catalog with the keys, in the region and at the address of *access*."""
        self._client: Any = service_client(access, "glue")

    def databases(self) -> list[CatalogDatabase]:
        """Return all databases."""
        found = self._pages("get_databases", "DatabaseList")
        return [
            CatalogDatabase(
                name=item["Name"],
                location=item.get("LocationUri", ""),
                parameters=_properties(item.get("Parameters")),
            )
            for item in found
        ]

    def create_database(self, name: str) -> bool:
        """Make a database; False where there is one."""
        return self._done(lambda: self._client.create_database(DatabaseInput={"Name": name}), _PRESENT)

    def drop_database(self, name: str) -> None:
        """Remove a database with its tables' definitions; one that is not there is no error."""
        self._done(lambda: self._client.delete_database(Name=name), _ABSENT)

    def tables(self, database: str) -> list[Table]:
        """Return the tables of a database."""
        return [_table(item) for item in self._pages("get_tables", "TableList", DatabaseName=database)]

    def table(self, database: str, name: str) -> Table | None:
        """Return a table, None where there is none."""
        found: list[Any] = []
        self._done(
            lambda: found.append(self._client.get_table(DatabaseName=database, Name=name)["Table"]), _ABSENT
        )
        return _table(found[0]) if found else None

    def create_table(self, database: str, table: Table) -> None:
        """Add a table."""
        self._asked(lambda: self._client.create_table(DatabaseName=database, TableInput=_table_input(table)))

    def update_table(self, database: str, table: Table) -> None:
        """Replace a table's definition."""
        self._asked(lambda: self._client.update_table(DatabaseName=database, TableInput=_table_input(table)))

    def point_table(self, database: str, table: Table, name: str, expected: str | None) -> bool:
        """Replace a table's definition if its property *name* still is *expected*; False where it is not.

        What the definition has beside that of *table* is kept. Of two that do this at once one fails, for each says
        which version of the definition it knows.
        """
        found = self._asked(lambda: self._client.get_table(DatabaseName=database, Name=table.name)["Table"])
        if (found.get("Parameters") or {}).get(name) != expected:
            return False
        version = {"VersionId": found["VersionId"]} if found.get("VersionId") else {}
        kept = {key: found[key] for key in _KEPT if key in found}
        return self._done(
            lambda: self._client.update_table(
                DatabaseName=database, TableInput=kept | _table_input(table), SkipArchive=True, **version
            ),
            _MEANWHILE,
        )

    def drop_table(self, database: str, name: str) -> None:
        """Remove a table's definition; its files stay."""
        self._done(lambda: self._client.delete_table(DatabaseName=database, Name=name), _ABSENT)

    def partitions(self, database: str, name: str) -> list[Partition]:
        """Return a table's partitions."""
        found = self._pages("get_partitions", "Partitions", DatabaseName=database, TableName=name)
        return [_partition(item) for item in found]

    def add_partitions(self, database: str, name: str, partitions: Sequence[Partition]) -> list[Partition]:
        """Add partitions; return those that were there already."""
        present: list[Partition] = []
        by_values = {item.values: item for item in partitions}
        for start in range(0, len(partitions), _BATCH):
            some = [_partition_input(item) for item in partitions[start : start + _BATCH]]
            call = functools.partial(
                self._client.batch_create_partition,
                DatabaseName=database, TableName=name, PartitionInputList=some,
            )  # fmt: skip
            answer = self._asked(call)
            for error in answer.get("Errors", ()):
                if error.get("ErrorDetail", {}).get("ErrorCode") != _PRESENT:
                    raise _refused(error.get("ErrorDetail", {}).get("ErrorMessage", ""))
                present.append(by_values[tuple(error["PartitionValues"])])
        return present

    def update_partition(self, database: str, name: str, partition: Partition) -> bool:
        """Replace the partition of the same values; False where there is none."""
        return self._done(
            lambda: self._client.update_partition(
                DatabaseName=database,
                TableName=name,
                PartitionValueList=list(partition.values),
                PartitionInput=_partition_input(partition),
            ),
            _ABSENT,
        )

    def drop_partition(self, database: str, name: str, values: tuple[str, ...]) -> bool:
        """Remove a partition; False where there is none."""
        return self._done(
            lambda: self._client.delete_partition(
                DatabaseName=database, TableName=name, PartitionValues=list(values)
            ),
            _ABSENT,
        )

    def _pages(self, operation: str, key: str, **arguments: str) -> list[Any]:
        def read() -> list[Any]:
            pages = self._client.get_paginator(operation).paginate(**arguments)
            return [item for page in pages for item in page.get(key, ())]

        return self._asked(read)

    def _done(self, call: Callable[[], object], code: str) -> bool:
        """Carry out a call; return False where it fails with *code*."""
        try:
            self._asked(call)
        except _FailedError as failure:
            if failure.code == code:
                return False
            raise
        return True

    def _asked(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except ClientError as error:
            facts = error.response.get("Error", {})
            raise _FailedError(facts.get("Code", ""), facts.get("Message", "")) from None
        except BotoCoreError:
            raise SqlError(SqlState.IO_ERROR, "the external data catalog cannot be reached") from None


class _FailedError(SqlError):
    """The catalog said no."""

    def __init__(self, code: str, message: str) -> None:
        denied = code in {"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException"}
        state = SqlState.INSUFFICIENT_PRIVILEGE if denied else SqlState.INTERNAL_ERROR
        super().__init__(state, _text(message or code))
        self.code = code


def _refused(message: str) -> SqlError:
    return SqlError(SqlState.INTERNAL_ERROR, _text(message))


def _text(message: str) -> str:
    return f"Failed to perform AWS request in external catalog: {message}"


def _properties(values: "dict[str, str] | None") -> Properties:
    return tuple((str(name), str(value)) for name, value in (values or {}).items())


def _columns(items: Sequence[Any]) -> tuple[Column, ...]:
    # Of an Iceberg table the columns that it had are listed too.
    present = (item for item in items if (item.get("Parameters") or {}).get("iceberg.field.current") != "false")
    return tuple(Column(item["Name"].lower(), item.get("Type", "string")) for item in present)


def _storage(item: Any) -> Storage:
    serde = item.get("SerdeInfo") or {}
    return Storage(
        location=item.get("Location", ""),
        input_format=item.get("InputFormat", ""),
        output_format=item.get("OutputFormat", ""),
        serde=serde.get("SerializationLibrary", ""),
        serde_parameters=_properties(serde.get("Parameters")),
        compressed=bool(item.get("Compressed")),
    )


def _table(item: Any) -> Table:
    described = item.get("StorageDescriptor") or {}
    return Table(
        name=item["Name"].lower(),
        columns=_columns(described.get("Columns") or ()),
        keys=_columns(item.get("PartitionKeys") or ()),
        storage=_storage(described),
        parameters=_properties(item.get("Parameters")),
        type=item.get("TableType", ""),
    )


def _partition(item: Any) -> Partition:
    return Partition(
        values=tuple(item["Values"]),
        storage=_storage(item.get("StorageDescriptor") or {}),
        parameters=_properties(item.get("Parameters")),
    )


def _storage_input(storage: Storage, columns: Sequence[Column] = ()) -> dict[str, Any]:
    described: dict[str, Any] = {
        "Columns": [{"Name": column.name, "Type": column.type} for column in columns],
        "Location": storage.location,
    }
    if storage.input_format or storage.serde:
        described |= {
            "InputFormat": storage.input_format,
            "OutputFormat": storage.output_format,
            "Compressed": storage.compressed,
            "SerdeInfo": {"SerializationLibrary": storage.serde, "Parameters": dict(storage.serde_parameters)},
        }
    return described


def _table_input(table: Table) -> dict[str, Any]:
    return {
        "Name": table.name,
        "TableType": table.type or "EXTERNAL_TABLE",
        "StorageDescriptor": _storage_input(table.storage, table.columns),
        "PartitionKeys": [{"Name": column.name, "Type": column.type} for column in table.keys],
        "Parameters": dict(table.parameters),
    }


def _partition_input(partition: Partition) -> dict[str, Any]:
    return {
        "Values": list(partition.values),
        "StorageDescriptor": _storage_input(partition.storage),
        "Parameters": dict(partition.parameters),
    }
