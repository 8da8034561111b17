"""External tables as the translator sees them: names looked up in data catalogs, columns with their types.

A name in a catalog elsewhere is looked up off the event loop: until it is known, translation stops with
``Unfetched``, and ``resolved`` runs it again once it is. What was fetched holds for one statement.
"""

import functools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, TypeVar

from catalog.external import Origin, OriginKind, external_oid, external_table
from catalog.model import CatalogState, Database, Schema
from catalog.shares import Doors
from core import nested, types
from core.errors import SqlError, not_supported
from core.names import quote
from core.nested import Nested, Scalar
from core.types import ColumnType
from engine.external.formats import is_iceberg
from engine.external.scan import OID, PATH, SIZE
from engine.iceberg import metadata
from session.external import shared, streams
from session.external.shared import Place, SharedTable
from session.places import location
from session.settings import Settings
from sql.facts import Source, SourceColumn, SourceKind
from storage.datacatalog import Partition, Table

if TYPE_CHECKING:
    from session.session import Session
    from session.warehouse import Limits

T = TypeVar("T")

_TRIES: Final = 200
"""Names that one statement may need from catalogs elsewhere."""
_JSON: Final = types.with_length("varchar", types.VARCHAR_MAX)
_PSEUDO: Final = ((PATH, types.of("varchar")), (SIZE, types.of("int8")), (OID, types.of("int8")))


class Unfetched(Exception):
    """A name that translation needs is not known yet."""

    def __init__(self, schema: Schema, name: str, table: Table | None = None) -> None:
        """Ask for the table *name* of *schema*, or for what *table*, which is known, does not say itself."""
        super().__init__(name)
        self.schema = schema
        self.name = name
        self.table = table


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An external table that a name means: what ``Source.external`` holds."""

    oid: int
    schema: Schema
    origin: Origin
    table: Table
    partitions: tuple[Partition, ...] | None
    """None: they are asked for when the table is read."""
    serialized: bool
    """Whether nested values are JSON text."""

    @property
    def files(self) -> bool:
        """Whether it is made of files, and not a table of another server."""
        return self.origin.kind == OriginKind.DATA_CATALOG

    @property
    def view(self) -> str:
        """What the engine calls it."""
        return f"temp.main.{quote(f'rs_external_{self.oid}')}"

    @property
    def changed(self) -> str:
        """What the engine calls its rows while they are changed; empty where they cannot be."""
        return f"temp.main.{quote(f'rs_changed_{self.oid}')}" if is_iceberg(self.table) else ""

    def columns(self) -> list[tuple[str, Nested]]:
        """Return the columns that the files have."""
        return [(column.name, nested.parsed(column.type)) for column in self.table.columns]

    def partition_keys(self) -> list[tuple[str, ColumnType]]:
        """Return the partition keys."""
        return [(column.name, nested.result(nested.parsed(column.type))) for column in self.table.keys]


class UnfetchedShare(Unfetched):
    """A name of another server's that translation needs is not known yet."""

    def __init__(self, place: Place, name: str) -> None:
        """Ask for the table *name* of a place."""
        Exception.__init__(self, name)
        self.place = place
        self.name = name


class Outside:
    """What one session has of external data at hand, for one statement."""

    def __init__(self) -> None:
        """Have nothing yet."""
        self.shared: dict[tuple[int, str, str], SharedTable | None] = {}
        """Tables as other servers described them, by database (OID), schema and name."""
        self.fetched: dict[int, Table | None] = {}
        """Tables as catalogs elsewhere had them when the statement first named them."""
        self.folders: list[TemporaryDirectory[str]] = []
        """Copies of files that the statement reads."""

    def forget(self) -> None:
        """Know nothing any more of what is elsewhere."""
        self.fetched.clear()
        self.shared.clear()

    def close(self) -> None:
        """Remove the copies."""
        while self.folders:
            self.folders.pop().cleanup()


class Lookup:
    """External tables by name, for one statement."""

    def __init__(
        self, state: CatalogState, settings: Settings, limits: "Limits", outside: Outside
    ) -> None:
        """Look into *state*, or where catalogs are elsewhere into what is at hand of them for this statement."""
        self._state = state
        self._settings = settings
        self._catalogs = limits.catalogs
        self.doors = Doors(state, limits.account, limits.namespace)
        """The ways to other databases' objects."""
        self._fetched = outside.fetched
        self._shared = outside.shared
        self._peers = limits.peers

    def places(self, here: Database, qualifiers: tuple[str, ...], path: tuple[str, ...]) -> list[Place]:
        """Return where what stands before a name leads on other servers."""
        return shared.places(self._state, self._peers, here, qualifiers, path)

    def shared(self, places: Sequence[Place], name: str) -> Source | None:
        """Return the first table *name* of places on other servers; raises ``Unfetched``."""
        for place in places:
            key = (place.database.oid, place.schema, name)
            if key not in self._shared:
                raise UnfetchedShare(place, name)
            found = self._shared[key]
            if found is not None:
                return shared.source(replace(found, place=place))
        return None

    def source(self, schema: Schema, name: str) -> Source | None:
        """Return the table *name* of an external schema; raises ``Unfetched``."""
        origin = schema.external
        if origin is None:
            return None
        if streams.is_stream(origin):
            return streams.source(self._state, schema, origin, name)
        oid = external_oid(schema, name)
        elsewhere = self._catalogs is not None and self._catalogs.elsewhere(origin)
        if elsewhere:
            if oid not in self._fetched:
                raise Unfetched(schema, name)
            table, partitions = self._fetched[oid], None
        else:
            item = external_table(self._state, origin.database, name)
            table = None if item is None else item.table
            partitions = None if item is None else item.partitions
            if item is not None and is_iceberg(item.table):
                if oid not in self._fetched:
                    raise Unfetched(schema, name, item.table)
                table = self._fetched[oid]
        if table is None:
            return None
        serialized = self._settings.on("json_serialization_enable")
        known = Known(
            oid=oid, schema=schema, origin=origin, table=table, partitions=partitions, serialized=serialized
        )
        return self._source(known, changing=elsewhere)

    def _source(self, known: Known, *, changing: bool) -> Source:
        database = self._state.objects.get(known.schema.database)
        return Source(
            oid=known.oid,
            kind=SourceKind.EXTERNAL,
            database=database.name if isinstance(database, Database) else "",
            schema=known.schema.name,
            name=known.table.name,
            owner=known.schema.owner,
            columns=tuple(self._columns(known)),
            engine_name=known.view,
            external=known,
            changed_as=known.changed,
            changing=changing,
        )

    def _columns(self, known: Known) -> Sequence[SourceColumn]:
        found = []
        for name, kind in known.columns():
            inside = None if isinstance(kind, Scalar) or known.serialized else kind
            type_ = _JSON if known.serialized and not isinstance(kind, Scalar) else nested.result(kind)
            found.append(SourceColumn(name=name, type=type_, nested=inside))
        found += [SourceColumn(name=name, type=kind) for name, kind in known.partition_keys()]
        if known.files and self._settings.on("spectrum_enable_pseudo_columns"):
            shown = _PSEUDO if self._settings.on("enable_spectrum_oid") else _PSEUDO[:2]
            found += [SourceColumn(name=name, type=kind, hidden=True) for name, kind in shown]
        return found


async def resolved(session: "Session", run: Callable[[], Awaitable[T]]) -> T:
    """Return what *run* returns, once the external names that it needs are known."""
    for _ in range(_TRIES):
        try:
            return await run()
        except Unfetched as missing:
            await session.warehouse.executor.run(functools.partial(_fetch, session, missing))
    raise _too_many()


async def known(session: "Session", make: Callable[[], T]) -> T:
    """Return what *make* makes, once the external names that it needs are known."""
    for _ in range(_TRIES):
        try:
            return make()
        except Unfetched as missing:
            await session.warehouse.executor.run(functools.partial(_fetch, session, missing))
    raise _too_many()


def known_here(session: "Session", make: Callable[[], T]) -> T:
    """Do as ``known`` on a worker thread, which may wait."""
    for _ in range(_TRIES):
        try:
            return make()
        except Unfetched as missing:
            _fetch(session, missing)
    raise _too_many()


def _too_many() -> SqlError:
    return not_supported(f"a statement over more than {_TRIES} external tables")


def _fetch(session: "Session", missing: Unfetched) -> None:
    limits = session.warehouse.limits
    if isinstance(missing, UnfetchedShare):
        place = missing.place
        key = (place.database.oid, place.schema, missing.name)
        session.outside.shared[key] = shared.described(limits.peers, place, missing.name)
        return
    schema = missing.schema
    origin = schema.external
    if origin is None or limits.catalogs is None:
        return
    table = missing.table or limits.catalogs.of(origin).table(origin.database, missing.name)
    if table is not None and is_iceberg(table):
        role, user = origin.option("IAM_ROLE") or None, session.user.name
        table = metadata.described(
            table, lambda place: limits.stores.store(location(place), role=role, user=user)
        )
    session.outside.fetched[external_oid(schema, missing.name)] = table
