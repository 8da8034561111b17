"""The catalog as one statement sees it: names resolved along the search path.

Implements ``sql.facts.Facts`` over the catalog's state, the system views and the session's settings.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from auth.authorize import Principal
from catalog.model import BOOTSTRAP_USER, CatalogState, Database, Relation, RelationKind, Schema
from catalog.routines import Parameter, Routine, RoutineKind, routines
from catalog.shares import Door
from catalog.system.reduction import narrowed, only_database, reduced, without_rows
from catalog.system.spec import SystemView
from catalog.system.views import VIEWS
from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from core.types import TYPNAMES, ColumnType
from session.aside import WIDE, Aside
from session.external.shared import Place
from session.external.streams import kept_rows
from session.external.tables import Lookup
from session.protection import guard_of
from session.settings import AS_WRITTEN, Settings
from session.sharing import refuse_guarded
from sql.facts import FunctionSource, Source, SourceColumn, SourceKind

_ROW_VERSION = (SourceColumn(name="xmin", type=ColumnType(TYPNAMES["xid"]), hidden=True),)
SYSTEM_SCHEMAS = ("pg_catalog", "information_schema")


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks, and with what of a session."""

    who: Principal
    settings: Settings
    temporary: Schema | None = None
    """The schema of temporary tables, once there is one."""
    languages: frozenset[str] = frozenset()
    """Those that functions may run in beside SQL."""
    external: Lookup | None = None
    """Tables of external schemas."""
    begun_again: Callable[[], bool] = bool
    """Whether what asks can be begun again on a thread (``session.aside``)."""


class Visible:
    """Name resolution for one statement."""

    def __init__(self, state: CatalogState, database: Database, search_path: tuple[str, ...], viewer: Viewer) -> None:
        """See *state* from *database* along *search_path* (schema names, ``$user`` already replaced)."""
        self._viewer = viewer
        self._external = viewer.external
        self.state = state
        self.database = database
        self.search_path = search_path
        self._settings = viewer.settings
        self._temporary = viewer.temporary
        self._home = database
        """What the client is connected to: the system views are of that database."""

    def source(self, parts: tuple[str, ...]) -> Source | None:
        """Resolve a name; see ``sql.facts.Facts``."""
        view = self._system(parts)
        if view is not None:
            return view
        places = self._places(parts[:-1])
        if places and self._external is not None and (len(parts) > 1 or self._own(parts[0]) is None):
            return self._external.shared(places, parts[-1])
        doors = self.doors(parts[:-1])
        # A bare name may be a temporary table's everywhere.
        relation = None if doors and len(parts) > 1 else self.relation(parts)
        if relation is not None:
            if len(relation.columns) > WIDE and self._viewer.begun_again():
                raise Aside
            return self.stored(relation)
        if doors:
            return self._through(doors, parts[-1])
        schema = self.external_schema(parts)
        return None if schema is None or self._external is None else self._external.source(schema, parts[-1])

    def doors(self, qualifiers: tuple[str, ...]) -> list[Door]:
        """Return the ways to other databases' objects that *qualifiers* mean, [] where they mean none."""
        own = self._temporary.name if self._temporary is not None else ""
        if self._external is None or (qualifiers and qualifiers[-1] in {*SYSTEM_SCHEMAS, "pg_temp", own}):
            return []
        if self._places(qualifiers):
            return []
        return self._external.doors.at(self.database, qualifiers, self.search_path)

    def _places(self, qualifiers: tuple[str, ...]) -> list[Place]:
        """Return where *qualifiers* lead on other servers, [] for nowhere."""
        own = self._temporary.name if self._temporary is not None else ""
        if self._external is None or (qualifiers and qualifiers[-1] in {*SYSTEM_SCHEMAS, "pg_temp", own}):
            return []
        return self._external.places(self.database, qualifiers, self.search_path)

    def _own(self, name: str) -> Relation | None:
        """Return the session's temporary table called *name*."""
        return None if self._temporary is None else self.state.relation(self._temporary.oid, name)

    def _through(self, doors: list[Door], name: str) -> Source | None:
        for door in doors:
            relation = self.state.relation(door.schema.oid, name)
            if relation is not None and door.holds(relation):
                refuse_guarded(door, relation)
                source, (database, schema) = self.stored(relation), door.name
                guard = source.guard if door.share is None else None
                return replace(source, database=database, schema=schema, home=source.database, door=door, guard=guard)
        return None

    def external_schema(self, parts: tuple[str, ...]) -> Schema | None:
        """Return the external schema that a relation's name begins with, None where it is no such name."""
        if len(parts) == 1 or (len(parts) > 1 and parts[-2] in SYSTEM_SCHEMAS):
            return None
        schema = self.schema(parts[:-1])
        return schema if schema.external is not None else None

    def setting(self, name: str) -> str:
        """Return a session parameter's value."""
        return self._settings.get(name)

    def within(self, database: str) -> "Visible":
        """Return the catalog as it is seen from another database; see ``sql.facts.Facts``."""
        other = self.state.database(database)
        if other is None or other.oid == self.database.oid:
            return self
        seen = Visible(self.state, other, self.search_path, self._viewer)
        seen._home = self._home
        return seen

    def functions(self, parts: tuple[str, ...]) -> tuple[FunctionSource, ...]:
        """Resolve the name of a function; see ``sql.facts.Facts``."""
        found = self.routines(parts)
        return tuple(self.function(item) for item in found if item.type is RoutineKind.FUNCTION)

    def runs(self, language: str) -> bool:
        """Tell whether functions in *language* may run."""
        return language == "sql" or language in self._viewer.languages

    def routines(self, parts: tuple[str, ...]) -> list[Routine]:
        """Return the routines called *parts*, in the order of the search path; raises 3F000."""
        doors = self.doors(parts[:-1])
        if doors:
            found = [(door, item) for door in doors for item in routines(self.state, door.schema.oid, parts[-1])]
            return [item for door, item in found if door.holds(item)]
        if len(parts) > 1:
            return routines(self.state, self.schema(parts[:-1]).oid, parts[-1])
        places = [schema for name in self.search_path if (schema := self._schema(name)) is not None]
        return [item for schema in places for item in routines(self.state, schema.oid, parts[0])]

    def function(self, item: Routine) -> FunctionSource:
        """Return a function as the translator sees it."""
        schema = self.state.objects.get(item.schema)
        return FunctionSource(
            oid=item.oid,
            schema=schema.name if isinstance(schema, Schema) else "",
            name=item.name,
            owner=item.owner,
            arguments=tuple(_type(parameter) for parameter in item.parameters),
            returns=_type(item.returns) if item.returns else None,
            language=item.language,
            body=item.body,
            names=tuple(parameter.name for parameter in item.parameters),
            volatile=item.volatility == "VOLATILE",
        )

    def relation(self, parts: tuple[str, ...]) -> Relation | None:
        """Resolve a name to a user's table or view, None where there is none."""
        if len(parts) == 1:
            places = [schema for name in self.search_path if (schema := self._schema(name)) is not None]
            if self._temporary is not None:
                places.insert(0, self._temporary)
            for schema in places:
                found = self.state.relation(schema.oid, parts[0])
                if found is not None:
                    return found
            return None
        schema = self.schema(parts[:-1])
        return self.state.relation(schema.oid, parts[-1])

    def schema(self, parts: tuple[str, ...]) -> Schema:
        """Return the schema called ``schema`` or ``database.schema``; raises 3F000."""
        database = self.database
        if len(parts) > 1:
            other = self.state.database(parts[0])
            if other is None:
                raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{parts[0]}" does not exist')
            if len(parts) > 2:
                raise SqlError(SqlState.SYNTAX_ERROR, f"improper qualified name: {'.'.join(parts)}")
            database = other
        found = self._schema(parts[-1], database)
        if found is None and database.share is not None:
            raise not_supported("changing what another database shares")
        if found is None:
            raise SqlError(SqlState.INVALID_SCHEMA_NAME, f'schema "{parts[-1]}" does not exist')
        return found

    def creation_schema(self) -> Schema:
        """Return the schema that new objects without a schema go to; raises 3F000."""
        for name in self.search_path:
            found = self._schema(name)
            if found is not None and found.external is None:
                return found
        raise SqlError(SqlState.INVALID_SCHEMA_NAME, "no schema has been selected to create in")

    def schemas(self) -> list[str]:
        """Return the names of the existing schemas of the search path, pg_catalog left out."""
        return [name for name in self.search_path if self._schema(name) is not None]

    def _schema(self, name: str, database: Database | None = None) -> Schema | None:
        if self._temporary is not None and name in {"pg_temp", self._temporary.name}:
            return self._temporary
        return self.state.schema((database or self.database).oid, name)

    def _system(self, parts: tuple[str, ...]) -> Source | None:
        if len(parts) > 1 and parts[-2] not in SYSTEM_SCHEMAS:
            return None
        if len(parts) > 2:
            self._at_home(parts[0])
        # pg_catalog is searched first, as long as the path does not name it later.
        schema = parts[-2] if len(parts) > 1 else "pg_catalog"
        view: SystemView | None = VIEWS.get((schema, parts[-1]))
        if view is None:
            if len(parts) > 1:
                raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{".".join(parts)}" does not exist')
            return None
        definition = self.reduced(view.definition)
        return Source(
            oid=view.oid,
            kind=SourceKind.SYSTEM,
            database=self.database.name,
            schema=view.schema,
            name=view.name,
            owner=BOOTSTRAP_USER,
            columns=tuple(
                SourceColumn(name=name, type=kind, number=number)
                for number, (name, kind) in enumerate(view.columns, start=1)
            )
            + (_ROW_VERSION if view.table else ()),
            definition=definition,
            narrow=partial(narrowed, definition),
        )

    def reduced(self, sql: str) -> str:
        """Return engine SQL over the system views' sources without what is idle for this user in this catalog."""
        return reduced(
            sql,
            superuser=self._viewer.who.superuser,
            alone=self.state.once(only_database) == self._home.oid,
            empty=self.state.once(without_rows),
        )

    def _at_home(self, database: str) -> None:
        """Raise for the catalogs of another database, which cannot be read from here."""
        if self.state.database(database) is None:
            raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{database}" does not exist')
        if database != self._home.name:
            raise not_supported("reading the system catalogs of another database")

    def stored(self, relation: Relation) -> Source:
        """Return a table or view as the translator sees it."""
        schema = self.state.objects.get(relation.schema)
        name = schema.name if isinstance(schema, Schema) else ""
        owner = self.state.objects.get(schema.database) if isinstance(schema, Schema) else None
        if relation.type not in _KINDS:
            raise not_supported(f"reading {relation.name}")
        columns = _columns(relation)
        return Source(
            oid=relation.oid,
            kind=_KINDS[relation.type],
            database=owner.name if isinstance(owner, Database) else self.database.name,
            schema=name,
            name=relation.name,
            owner=relation.owner,
            columns=columns,
            engine_name=relation.engine_name,
            definition=self._read_as(relation),
            late_binding=relation.late_binding,
            settings=relation.settings if relation.materialized is None else AS_WRITTEN,
            seen={item.relation: item.columns for item in relation.seen},
            guard=guard_of(relation, columns, self._viewer.who, self.state),
            storage=relation.materialized.table if relation.materialized is not None else 0,
            kept=self._kept(relation),
        )

    def _kept(self, relation: Relation) -> Source | None:
        rows = kept_rows(self.state, relation)
        return None if rows is None else replace(self.stored(rows), name=relation.name)

    def _read_as(self, relation: Relation) -> str | None:
        """Return the query that a view stands for; a materialized one's is to read its table."""
        if relation.materialized is None:
            return relation.definition
        table = self.state.objects.get(relation.materialized.table)
        schema = self.state.objects.get(table.schema) if isinstance(table, Relation) else None
        database = self.state.objects.get(schema.database) if isinstance(schema, Schema) else None
        if table is None or schema is None or database is None:
            raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{relation.name}" does not exist')
        return f"SELECT * FROM {'.'.join(quote(item.name) for item in (database, schema, table))}"


def require_system(source: Source, who: Principal) -> None:
    """Raise 42501 unless *who* may read a system view."""
    view = VIEWS[source.schema, source.name]
    if view.visible == "superuser" and not who.may("ACCESS SYSTEM TABLE"):
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"permission denied for relation {view.name}")


def _type(parameter: Parameter) -> ColumnType | None:
    if parameter.type == "anyelement":
        return None
    return ColumnType(TYPNAMES[parameter.type], parameter.modifier)


_KINDS = {RelationKind.TABLE: SourceKind.TABLE, RelationKind.VIEW: SourceKind.VIEW}


_SOURCE_COLUMNS: Final[dict[int, tuple[Relation, tuple[SourceColumn, ...]]]] = {}
_REMEMBERED: Final = 1_000


def _columns(relation: Relation) -> tuple[SourceColumn, ...]:
    """Return a relation's columns as the translator sees them: made once, as a relation never changes."""
    known = _SOURCE_COLUMNS.get(id(relation))
    if known is not None and known[0] is relation:
        return known[1]
    columns = tuple(
        SourceColumn(
            name=column.name,
            type=column.type,
            number=column.number,
            not_null=column.not_null,
            default=column.default,
            identity=(column.identity.seed, column.identity.step) if column.identity else None,
            identity_by_default=bool(column.identity and column.identity.by_default),
            folded=column.collation == "case_insensitive",
            stored_as=column.stored_as,
        )
        for column in relation.columns
    )
    if len(_SOURCE_COLUMNS) >= _REMEMBERED:
        _SOURCE_COLUMNS.clear()
    _SOURCE_COLUMNS[id(relation)] = (relation, columns)
    return columns
