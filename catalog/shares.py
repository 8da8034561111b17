"""Datashares, as immutable values: what of a database others may read, who they are, and what they see of it.

Redshift, "CREATE DATASHARE", "ALTER DATASHARE", "CREATE DATABASE" (FROM DATASHARE), "CREATE EXTERNAL SCHEMA" (FROM
REDSHIFT). A ``Door`` is the way that leads from a name to another database's objects: a database made of a datashare,
or an external schema over a database of this server.
"""

from dataclasses import dataclass, replace
from typing import Final

from catalog.external import Origin, OriginKind
from catalog.model import Acl, CatalogState, Database, Kind, Relation, Schema
from catalog.routines import Routine
from core.errors import SqlError
from core.sqlstate import SqlState

_PUBLIC: Final = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSchema:
    """A schema that is in a datashare; what is in it must be added too."""

    schema: int
    new_from: int = 0
    """INCLUDENEW: objects with this OID and later ones are in the datashare by themselves; 0 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Who may use a datashare."""

    account: str = ""
    namespace: str = ""
    """Empty where it is a whole account."""
    since: str = ""
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Datashare:
    """A datashare of a database."""

    oid: int
    name: str
    source: int
    """OID of the database."""
    owner: int
    acl: Acl = ()
    """ALTER and SHARE."""
    public: bool = False
    """PUBLICACCESSIBLE."""
    managed_by: str = ""
    created: str = ""
    """ISO 8601, UTC."""
    schemas: tuple[SharedSchema, ...] = ()
    objects: tuple[int, ...] = ()
    """OIDs of tables, views and functions."""
    consumers: tuple[Consumer, ...] = ()

    kind = Kind.DATASHARE

    def place(self, schema: int) -> SharedSchema | None:
        """Return what is said of a schema (OID), None where it is not shared."""
        return next((item for item in self.schemas if item.schema == schema), None)

    def holds(self, item: Relation | Routine) -> bool:
        """Tell whether an object is shared."""
        place = self.place(item.schema)
        return place is not None and (item.oid in self.objects or 0 < place.new_from <= item.oid)

    def serves(self, account: str, namespace: str) -> bool:
        """Tell whether somebody may use it."""
        return any(
            item.namespace == namespace if item.namespace else item.account == account for item in self.consumers
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectGrants:
    """What was granted on an object in a database made of a datashare WITH PERMISSIONS."""

    object: int
    acl: Acl


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareOrigin:
    """Which datashare a database is made of."""

    name: str
    namespace: str
    account: str = ""
    permissions: bool = False
    """WITH PERMISSIONS: USAGE of the database is not enough, objects are granted singly."""
    grants: tuple[ObjectGrants, ...] = ()

    def acl(self, item: int) -> Acl:
        """Return what was granted on an object (OID)."""
        return next((row.acl for row in self.grants if row.object == item), ())

    def with_acl(self, item: int, acl: Acl) -> "ShareOrigin":
        """Return it with other grants on an object."""
        kept = tuple(row for row in self.grants if row.object != item)
        return replace(self, grants=(*kept, ObjectGrants(object=item, acl=acl)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A way to another database's objects."""

    via: Database | Schema
    """Whose USAGE counts."""
    name: tuple[str, str]
    """The database and schema as they are called here."""
    database: Database
    """Where the objects are."""
    schema: Schema
    share: Datashare | None = None
    origin: ShareOrigin | None = None

    def holds(self, item: Relation | Routine) -> bool:
        """Tell whether an object is seen through it."""
        return self.share is None or self.share.holds(item)


def grants_inside(item: object) -> Acl:
    """Return all that was granted on objects of a database made of a datashare; () of anything else."""
    origin = item.share if isinstance(item, Database) else None
    return () if origin is None else tuple(grant for row in origin.grants for grant in row.acl)


def datashare(state: CatalogState, name: str) -> Datashare | None:
    """Return the datashare called *name*."""
    found = state.objects.get(state.names.get((Kind.DATASHARE, 0, name), -1))
    return found if isinstance(found, Datashare) else None


def datashares(state: CatalogState) -> list[Datashare]:
    """Return all datashares."""
    return state.of(Datashare)


def consumers(state: CatalogState, share: Datashare) -> list[Database]:
    """Return the databases that are made of a datashare."""
    return [item for item in state.databases() if item.share is not None and item.share.name == share.name]


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors that names may lead through, for one cluster."""

    state: CatalogState
    account: str
    namespace: str

    def at(self, here: Database, qualifiers: tuple[str, ...], path: tuple[str, ...]) -> list[Door]:
        """Return the doors that what stands before a relation's name means, in order; [] for what needs none.

        *here* is the database that names are looked up in, *path* its search path. Raises 3D000, 3F000, 42501.
        """
        if len(qualifiers) > 1:
            database = self.state.database(qualifiers[0])
            return [] if database is None else self._named(database, qualifiers[-1])
        if qualifiers:
            return self._named(here, qualifiers[0])
        if here.share is None:
            return []
        return [door for name in path if (door := self._shared(here, here, (here.name, name))) is not None]

    def _named(self, database: Database, name: str) -> list[Door]:
        if database.share is not None:
            door = self._shared(database, database, (database.name, name))
            if door is None:
                raise SqlError(SqlState.INVALID_SCHEMA_NAME, f'schema "{name}" does not exist')
            return [door]
        schema = self.state.schema(database.oid, name)
        origin = None if schema is None else schema.external
        if schema is None or origin is None or origin.kind != OriginKind.REDSHIFT:
            return []
        return [self.of_schema(schema, origin, database.name)]

    def of_schema(self, schema: Schema, origin: Origin, database: str) -> Door:
        """Return the door that an external schema over a database is; raises where what it is over is gone."""
        there, name = self.state.database(origin.database), origin.option("SCHEMA") or _PUBLIC
        if there is None:
            raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{origin.database}" does not exist')
        if there.share is not None:
            door = self._shared(schema, there, (database, schema.name), name)
        else:
            place = self.state.schema(there.oid, name)
            door = None if place is None else Door(
                via=schema, name=(database, schema.name), database=there, schema=place
            )  # fmt: skip
        if door is None:
            raise SqlError(SqlState.INVALID_SCHEMA_NAME, f'schema "{name}" does not exist')
        return door

    def _shared(
        self, via: Database | Schema, database: Database, shown: tuple[str, str], name: str = ""
    ) -> Door | None:
        """Return the door to a schema of the datashare that a database is made of, None where it is not shared."""
        origin = database.share
        share = None if origin is None else self.share(origin)
        source = None if share is None else self.state.objects.get(share.source)
        if share is None or not isinstance(source, Database):
            raise SqlError(
                SqlState.INSUFFICIENT_PRIVILEGE, f'the datashare of database "{database.name}" is not accessible'
            )
        schema = self.state.schema(source.oid, name or shown[1])
        if schema is None or share.place(schema.oid) is None:
            return None
        return Door(via=via, name=shown, database=source, schema=schema, share=share, origin=origin)

    def share(self, origin: ShareOrigin) -> Datashare | None:
        """Return the datashare that a database is made of, None where it is gone or may not be used any more."""
        # Another server's may be called as one of ours is.
        found = datashare(self.state, origin.name) if origin.namespace == self.namespace else None
        return found if found is not None and found.serves(self.account, self.namespace) else None


def shared_relations(state: CatalogState, door: Door) -> list[Relation]:
    """Return the tables and views that are seen through a door."""
    return [item for item in state.relations(door.schema.oid) if door.holds(item) and not _is_storage(state, item)]


def _is_storage(state: CatalogState, item: Relation) -> bool:
    """Tell whether a table keeps the rows of a materialized view."""
    return any(other.materialized is not None and other.materialized.table == item.oid for other in state.relations())
