"""External schemas over other database servers, asked as data catalogs are: read only.

Redshift, "CREATE EXTERNAL SCHEMA" (FROM POSTGRES, FROM MYSQL) and "Querying data with federated queries".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from catalog.external import Origin, OriginKind
from core.errors import SqlError
from core.sqlstate import SqlState
from engine.external import federated
from storage.datacatalog import CatalogDatabase, Partition, Table
from storage.federation import Federation, Secrets, Server
from storage.objects import StoreAccess

TYPES: Final = {OriginKind.POSTGRES: "POSTGRES", OriginKind.MYSQL: "MYSQL"}
"""``Table.type`` of what is in them."""
_SCHEMA: Final = "public"
_HOST: Final = re.compile(r"[A-Za-z0-9_.:-]+\Z")
"""No path: a socket of the machine is nobody's business here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What reaching servers takes."""

    federation: Federation
    secrets: Secrets
    stores: StoreAccess


def check(origin: Origin) -> None:
    """Raise where an external schema over a server names it by what is no host."""
    if _HOST.match(origin.option("URI")) is None:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"'{origin.option('URI')}' is no host name")


def _type(origin: Origin) -> str:
    return TYPES[OriginKind(origin.kind)]


class FederatedCatalog:
    """The tables of one schema of a server; see ``storage.datacatalog.DataCatalog``."""

    def __init__(self, reached: Reached, origin: Origin) -> None:
        """Ask the server of *origin*."""
        self._reached = reached
        self._origin = origin

    def databases(self) -> list[CatalogDatabase]:
        """Return the one that the schema is over."""
        return [CatalogDatabase(name=self._origin.database)]

    def create_database(self, name: str) -> bool:
        """Refuse."""
        raise _read_only()

    def drop_database(self, name: str) -> None:
        """Refuse."""
        raise _read_only()

    def tables(self, database: str) -> list[Table]:
        """Return the tables of the schema."""
        return self._found("")

    def table(self, database: str, name: str) -> Table | None:
        """Return a table, None where there is none."""
        return next(iter(self._found(name)), None)

    def create_table(self, database: str, table: Table) -> None:
        """Refuse."""
        raise _read_only()

    def update_table(self, database: str, table: Table) -> None:
        """Refuse."""
        raise _read_only()

    def point_table(self, database: str, table: Table, name: str, expected: str | None) -> bool:
        """Refuse."""
        raise _read_only()

    def drop_table(self, database: str, name: str) -> None:
        """Refuse."""
        raise _read_only()

    def partitions(self, database: str, name: str) -> list[Partition]:
        """Return nothing: there are none."""
        return []

    def add_partitions(self, database: str, name: str, partitions: Sequence[Partition]) -> list[Partition]:
        """Refuse."""
        raise _read_only()

    def update_partition(self, database: str, name: str, partition: Partition) -> bool:
        """Refuse."""
        raise _read_only()

    def drop_partition(self, database: str, name: str, values: tuple[str, ...]) -> bool:
        """Refuse."""
        raise _read_only()

    def _found(self, name: str) -> list[Table]:
        type_ = _type(self._origin)
        dialect = federated.DIALECTS[type_]
        place = self._place(dialect)
        schema = self._schema(type_)
        rows = self._reached.federation.rows(dialect.query, place, federated.column_query(type_, schema, name))
        found = federated.tables(type_, place, schema, [(str(row[0]), str(row[1]), str(row[2])) for row in rows])
        for table in found:
            self._reached.federation.refresh(dialect.kind, table.parameter("engine_name") or "", table)
        return found

    def _schema(self, type_: str) -> str:
        # MySQL's schemas are its databases.
        return self._origin.database if type_ == "MYSQL" else self._origin.option("SCHEMA") or _SCHEMA

    def _place(self, dialect: federated.Dialect) -> str:
        origin, reached = self._origin, self._reached
        role, arn = origin.option("IAM_ROLE"), origin.option("SECRET_ARN")
        access = reached.stores.role(role).access if role and arn not in reached.secrets.given else None
        server = Server(
            kind=dialect.kind, host=origin.option("URI"), port=int(origin.option("PORT") or dialect.port),
            database=origin.database,
        )  # fmt: skip
        try:
            return reached.federation.attached(server, reached.secrets.login(arn, access))
        except SqlError:
            reached.secrets.forget(arn)
            raise


def _read_only() -> SqlError:
    return SqlError(SqlState.FEATURE_NOT_SUPPORTED, "Operation not supported on external tables")
