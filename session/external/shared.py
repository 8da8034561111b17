"""Tables and views that another server shares: looked up there, and read from the files that it names.

The producer decides at every statement what is seen and where it is (``session.statements.handover``); all objects of
one datashare that a statement reads are of one snapshot. The files are read where they lie.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from auth.authorize import Principal, check
from catalog.external import OriginKind, external_oid
from catalog.model import CatalogState, Database, Schema
from catalog.scopes import acl_of
from core import types
from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState
from core.types import ColumnType
from engine.cursors import Connection
from sql.facts import Source, SourceColumn, SourceKind
from storage import shared_rows
from storage.objects import StoreAccess
from storage.peers import Peers

if TYPE_CHECKING:
    from session.warehouse import Limits

_PUBLIC: Final = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a name that leads to another server leads."""

    via: Database | Schema
    """Whose USAGE counts."""
    database: Database
    """The database made of the datashare."""
    schema: str
    """The schema as the producer calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTable:
    """A table or view of another server: what ``Source.external`` holds."""

    oid: int
    place: Place
    name: str
    columns: tuple[tuple[str, ColumnType], ...]

    @property
    def view(self) -> str:
        """What the engine calls it."""
        return f"temp.main.{quote(f'rs_shared_{self.place.database.oid}_{self.oid}')}"


def places(
    state: CatalogState, peers: Peers, here: Database, qualifiers: tuple[str, ...], path: tuple[str, ...]
) -> list[Place]:
    """Return where what stands before a relation's name leads on other servers, in order; [] for nowhere."""
    if len(qualifiers) > 1:
        database = state.database(qualifiers[0])
        return _of(peers, database, database, qualifiers[-1:])
    if _elsewhere(peers, here):
        return _of(peers, here, here, qualifiers or path)
    schema = state.schema(here.oid, qualifiers[0]) if qualifiers else None
    origin = schema.external if schema is not None else None
    if origin is None or origin.kind != OriginKind.REDSHIFT:
        return []
    return _of(peers, schema, state.database(origin.database), (origin.option("SCHEMA") or _PUBLIC,))


def _of(
    peers: Peers, via: Database | Schema | None, database: Database | None, schemas: Sequence[str]
) -> list[Place]:
    if via is None or database is None or not _elsewhere(peers, database):
        return []
    return [Place(via=via, database=database, schema=name) for name in schemas]


def _elsewhere(peers: Peers, database: Database) -> bool:
    return database.share is not None and peers.knows(database.share.namespace)


def asked(peers: Peers, database: Database, request: Mapping[str, Any]) -> Any:
    """Return what the producer of a database says to a request; it blocks."""
    origin = database.share
    if origin is None:
        raise SqlError(SqlState.INTERNAL_ERROR, f'database "{database.name}" is not made of a datashare')
    rows = peers.ask(origin.namespace, f"HANDOVER {literal(json.dumps({'share': origin.name, **request}))}")
    return json.loads(rows[0][0] or "{}")


def described(peers: Peers, place: Place, name: str) -> SharedTable | None:
    """Return the table *name* of a place, None where there is none; it blocks."""
    found = asked(peers, place.database, {"objects": [[place.schema, name]]})["objects"][0]
    if found is None:
        return None
    columns = tuple((str(column), types.of(kind, modifier)) for column, kind, modifier in found["columns"])
    return SharedTable(oid=int(found["oid"]), place=place, name=name, columns=columns)


def source(table: SharedTable) -> Source:
    """Return a shared table as the translator sees it."""
    return Source(
        oid=external_oid(table.place.database, f"{table.place.schema}.{table.name}"),
        kind=SourceKind.EXTERNAL,
        database=table.place.database.name,
        schema=table.place.schema,
        name=table.name,
        owner=table.place.database.owner,
        columns=tuple(SourceColumn(name=name, type=kind) for name, kind in table.columns),
        engine_name=table.view,
        external=table,
        door=table.place,
        changing=True,
    )


def require_shared(state: CatalogState, table: SharedTable, who: Principal, privilege: str) -> None:
    """Raise 42501 unless *who* may use what leads to a shared table, which can be read only."""
    via = state.objects.get(table.place.via.oid)
    if isinstance(via, Schema):
        check(who, "USAGE", via.owner, acl_of(state, via), kind="schema", name=via.name)
    elif isinstance(via, Database):
        check(who, "USAGE", via.owner, via.acl, kind="database", name=via.name)
    if privilege != "SELECT":
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, "what another database shares is read only")


def reading(limits: "Limits", tables: Sequence[SharedTable]) -> Callable[[Connection], None]:
    """Return what makes the engine's views of shared tables, over the files that hold their rows now."""
    by_database: dict[int, list[SharedTable]] = {}
    for item in tables:
        by_database.setdefault(item.place.database.oid, []).append(item)

    def run(connection: Connection) -> None:
        for group in by_database.values():
            names = [[item.place.schema, item.name] for item in group]
            found = asked(limits.peers, group[0].place.database, {"objects": names, "read": True})["objects"]
            for item, facts in zip(group, found, strict=True):
                _make(connection, item, _rows(connection, limits, item, facts))

    return run


def shaping(tables: Sequence[SharedTable]) -> Callable[[Connection], None]:
    """Return what makes views of the right shape without rows."""

    def run(connection: Connection) -> None:
        for item in tables:
            _make(connection, item, _nothing(item))

    return run


def _make(connection: Connection, table: SharedTable, query: str) -> None:
    connection.execute(f"CREATE OR REPLACE TEMPORARY VIEW {table.view} AS {query}")


def _nothing(table: SharedTable) -> str:
    shown = ", ".join(f"CAST(NULL AS {kind.engine()}) AS {quote(name)}" for name, kind in table.columns)
    return f"SELECT {shown} WHERE false"


def _rows(connection: Connection, limits: "Limits", table: SharedTable, facts: Any) -> str:
    if facts is None:
        raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{table.place.schema}.{table.name}" does not exist')
    origin = table.place.database.share
    role = limits.peers.of(origin.namespace).role if origin is not None else ""
    paths = _Paths(limits.stores, role)
    shown = ", ".join(f"CAST({quote(name)} AS {kind.engine()}) AS {quote(name)}" for name, kind in table.columns)
    names = ", ".join(quote(name) for name, _ in table.columns)
    if "rows" in facts:
        given = f"rs_given_{table.place.database.oid}_{table.oid}"
        connection.register(given, shared_rows.unpacked(facts["rows"]))
        return f"SELECT {shown} FROM {given} AS given({names})"
    if "file" in facts:
        # What a query gives may be called as its columns are, or twice the same.
        return f"SELECT {shown} FROM read_parquet({literal(paths.of(facts['file']))}) AS given({names})"
    plain = [data for data, deletes in facts["files"] if deletes is None]
    pieces = [_scan(table, facts["fields"], [paths.of(data) for data in plain])] if plain else []
    pieces += [
        f"{_scan(table, facts['fields'], [paths.of(data)])} AS d WHERE NOT EXISTS (SELECT 1 FROM"
        f" read_parquet({literal(paths.of(deletes))}) AS x WHERE x.pos = d.file_row_number)"
        for data, deletes in facts["files"] if deletes is not None
    ]  # fmt: skip
    return " UNION ALL ".join(f"SELECT {shown} FROM {piece}" for piece in pieces) or _nothing(table)


def _scan(table: SharedTable, numbers: Mapping[str, int], files: Sequence[str]) -> str:
    shape = ", ".join(
        f"{numbers[name]}: {{name: {literal(name)}, type: {literal(kind.engine())}, default_value: NULL}}"
        for name, kind in table.columns
    )
    return f"read_parquet([{', '.join(map(literal, files))}], schema=MAP{{{shape}}})"


class _Paths:
    """Places of a producer's files as the engine reads them."""

    def __init__(self, stores: StoreAccess, role: str) -> None:
        self._stores = stores
        self._role = role

    def of(self, location: str) -> str:
        """Return the path or address of a file."""
        if not self._role or not location.startswith("s3://"):
            return location
        return self._stores.store(location, role=self._role).engine_path(location)
