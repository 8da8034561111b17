"""Scoped permissions, as immutable values: what holds on all objects of a kind in a schema or database, now and later.

Redshift, "Scoped permissions": they are kept, granted and revoked apart from those on single objects. Functions and
procedures are one kind.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.model import BOOTSTRAP_USER, Acl, CatalogState, Database, Kind, Relation, Schema
from catalog.routines import Language, Routine

TABLES = "TABLES"
SCHEMAS = "SCHEMAS"
FUNCTIONS = "FUNCTIONS"
LANGUAGES = "LANGUAGES"
COPY_JOBS = "COPY JOBS"
KINDS = (TABLES, SCHEMAS, FUNCTIONS, LANGUAGES, COPY_JOBS)
"""As catalogs name them (privilege_scope)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedPrivileges:
    """What is held on all objects of one kind in one schema or database."""

    oid: int
    scope: int
    """OID of the schema or database."""
    object_kind: str
    acl: Acl = ()
    owner: int = BOOTSTRAP_USER
    """Superusers grant them first: whoever it is, the system's user is the grantor."""

    kind = Kind.SCOPED_PRIVILEGES

    @property
    def name(self) -> str:
        """Return what tells it from the others."""
        return f"{self.scope} {self.object_kind}"


def scoped(state: CatalogState, scope: int, object_kind: str) -> ScopedPrivileges | None:
    """Return what is held on the objects of a kind in a schema or database."""
    found = state.objects.get(state.names.get((Kind.SCOPED_PRIVILEGES, 0, f"{scope} {object_kind}"), -1))
    return found if isinstance(found, ScopedPrivileges) else None


def all_scoped(state: CatalogState) -> list[ScopedPrivileges]:
    """Return all of them."""
    return state.of(ScopedPrivileges)


def in_scopes(state: CatalogState, scopes: Iterable[int]) -> list[ScopedPrivileges]:
    """Return those of schemas and databases, by OID: they go with them."""
    found = (scoped(state, scope, kind) for scope in scopes for kind in KINDS)
    return [item for item in found if item is not None]


def acl_of(state: CatalogState, item: Relation | Schema | Routine | Language, database: int = 0) -> Acl:
    """Return all that is granted on an object: on itself, in its schema and in its database.

    A language is of every *database*.
    """
    kind, schema = _place(item)
    holder = item if isinstance(item, Schema) else state.objects.get(schema)
    if isinstance(holder, Schema):
        database = holder.database
    rows = (scoped(state, scope, kind) for scope in (schema, database))
    return tuple(item.acl) + tuple(grant for row in rows if row is not None for grant in row.acl)


def _place(item: Relation | Schema | Routine | Language) -> tuple[str, int]:
    if isinstance(item, Relation):
        return TABLES, item.schema
    if isinstance(item, Routine):
        return FUNCTIONS, item.schema
    return (SCHEMAS if isinstance(item, Schema) else LANGUAGES), 0


def where(state: CatalogState, row: ScopedPrivileges) -> tuple[Schema | None, Database | None]:
    """Return the schema, where it is one, and the database that a row is about."""
    holder = state.objects.get(row.scope)
    schema = holder if isinstance(holder, Schema) else None
    database = state.objects.get(schema.database) if schema is not None else holder
    return schema, database if isinstance(database, Database) else None
