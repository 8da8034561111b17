"""Who may read another database's objects, and which of those cannot be read over a datashare.

Redshift, "Managing permissions for a datashare", "ALTER TABLE" (ROW LEVEL SECURITY … FOR DATASHARES): without
WITH PERMISSIONS who may use the database made of a datashare, or an external schema over it, reads all of it.
"""

from typing import TYPE_CHECKING

from auth.authorize import Principal, check
from catalog.model import CatalogState, Database, Relation, Schema
from catalog.policies import shared_openly
from catalog.scopes import acl_of
from catalog.shares import Door
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState

if TYPE_CHECKING:
    from session.context import Work


def require_door(
    state: CatalogState, door: object, who: Principal, relation: Relation, columns: frozenset[str]
) -> bool:
    """Raise 42501 unless *who* may go through a door; return whether that is enough to read a relation."""
    if not isinstance(door, Door):
        return False
    via = state.objects.get(door.via.oid)
    if isinstance(via, Schema):
        check(who, "USAGE", via.owner, acl_of(state, via), kind="schema", name=via.name)
    elif isinstance(via, Database):
        check(who, "USAGE", via.owner, via.acl, kind="database", name=via.name)
    if door.origin is not None and door.origin.permissions:
        acl = door.origin.acl(relation.oid)
        owner = via.owner if isinstance(via, Database | Schema) else 0
        check(who, "SELECT", owner, acl, kind="relation", name=relation.name, columns=columns)
    return door.share is not None


def refuse_shared(database: Database) -> None:
    """Raise 0A000 for a database that is made of a datashare: nothing can be made in it."""
    if database.share is not None:
        raise not_supported("changing what another database shares")


def refuse_replica(work: "Work", schema: int) -> None:
    """Raise 25006 for what is in a schema (OID) of a database that copies another: only what follows that writes."""
    objects = work.state.objects
    place = objects.get(schema)
    database = objects.get(place.database) if isinstance(place, Schema) else None
    if isinstance(database, Database):
        refuse_copied(work, database)


def written(work: "Work", oid: int) -> frozenset[int]:
    """Return the relation (OID) that a statement writes; raise 25006 for one that is a copy."""
    found = work.state.objects.get(oid)
    if isinstance(found, Relation):
        refuse_replica(work, found.schema)
    return frozenset({oid})


def refuse_copied(work: "Work", database: Database) -> None:
    """Raise 25006 for a database that copies another."""
    if database.integration is not None and work.session.arrival.feeds != database.oid:
        raise SqlError(
            SqlState.READ_ONLY_SQL_TRANSACTION, f'database "{database.name}" is read-only: it is made of an integration'
        )


def refuse_guarded(door: Door, relation: Relation) -> None:
    """Raise 42501 for a relation that is protected and was not opened to datashares."""
    if door.share is not None and not shared_openly(relation.protection):
        raise SqlError(
            SqlState.INSUFFICIENT_PRIVILEGE,
            f'relation "{relation.name}" is protected and cannot be accessed over a datashare',
        )
