"""What all sessions of one server share: engine, lake, catalog, locks, numbers, history.

Built once by ``server.app``; holds no connection's state.
"""

import itertools
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from auth.lockout import Lockouts
from catalog.copy_jobs import CopyJob
from catalog.documents import parsed
from catalog.model import (
    BOOTSTRAP_USER,
    PUBLIC,
    CatalogObject,
    Database,
    Grant,
    Kind,
    Schema,
    User,
)
from catalog.store import CatalogStore, Changes
from catalog.system.parts import Parts
from core.clock import Clock
from core.errors import ConnectionFatal
from engine.cursors import DuckDbEngine
from engine.effects import Effects
from engine.executor import Executor
from engine.udfs import Udfs
from engine.wlm.configuration import AUTOMATIC, Configuration, read
from engine.wlm.workload import Capacity, Workload
from session.estimates import Estimates
from session.external.catalogs import DataCatalogs
from session.fleet.fleet import Fleet
from session.fleet.order import commit_order, locks_of
from session.identities import IDENTITY, Identities
from session.lake_schema import DROPPED, LakeSchema
from session.listed import Listed
from session.mending import Mending
from session.paces import Paces
from session.parsed import Parsed
from session.recorder import Records
from session.replication import Configured, Replication
from session.result_cache import ResultCache
from session.rounds import Policy
from session.row_plans import RowPlans
from session.scans import Scans
from session.serializability import SerializationGraph
from session.shared import SharedSources
from session.small_writes import SmallWrites, Turn
from session.snapshots import SnapshotKeeper
from session.summaries import Summaries
from session.table_cache import copies
from session.templates import Templates
from session.upkeep import Upkeep
from storage import copied, lake
from storage import database as storage
from storage.metastore import STREAM, Entry, Metastore
from storage.objects import StoreAccess
from storage.peers import Peers

if TYPE_CHECKING:
    from session.session import Session
    from session.spark import SparkEngine

K = TypeVar("K")
V = TypeVar("V")

_FIRST_DATABASE: Final = 100_000
_FIRST_SCHEMA: Final = 2_200
_PYTHON: Final = frozenset({"plpythonu"})
_APPLIED: Final = 10_000
_KINDS: Final = frozenset(kind.value for kind in Kind)
_REFRESH: Final = "refresh"


class Cache(Generic[K, V]):
    """A bounded map that forgets what was used least recently."""

    def __init__(self, size: int) -> None:
        """Keep up to *size* entries."""
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._size = size

    def get(self, key: K) -> V | None:
        """Return what is kept under *key*."""
        value = self._entries.get(key)
        if value is not None:
            try:
                self._entries.move_to_end(key)
            except KeyError:
                # Another thread may have had it forgotten meanwhile.
                return value
        return value

    def put(self, key: K, value: V) -> None:
        """Keep *value*, forgetting the oldest entry where there is no room."""
        self._entries[key] = value
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)


@dataclass(slots=True, kw_only=True)
class Limits:
    """What the administrator allows, as sessions need it."""

    stores: StoreAccess = field(default_factory=StoreAccess)
    """Where COPY and UNLOAD may reach, and as whom."""
    translation_cache: int = 2_000
    copies: tuple[int, int] = (0, 0)
    """Bytes for copies of tables: of memory for small ones, of disk for ones in the engine's own format."""
    result_bytes: int = 0
    """Memory for the results of queries that may be asked again."""
    udfs: Udfs | None = None
    """Where Python functions run, None where they may not."""
    spark: "SparkEngine | None" = None
    """The second engine, where there is one."""
    snapshots: SnapshotKeeper | None = None
    """What takes snapshots, where there is a place for them."""
    catalogs: DataCatalogs | None = None
    """Data catalogs outside the warehouse."""
    integrations: Mapping[str, Configured] = field(default_factory=dict)
    """Sources that databases can be made of, by the integrations' identifiers."""
    stream_poll_ms: int = 1_000
    """How often streams are asked that views follow by themselves."""
    upkeep: Policy = field(default_factory=Policy)
    """What is done to tables' files by itself."""
    copy_poll_ms: int = 1_000
    """How often copy jobs look for new files."""
    requires_ssl: bool = False
    """Whether nobody comes in without TLS, as require_ssl shows."""
    account: str = "123456789012"
    """The AWS account that the cluster says it belongs to."""
    namespace: str = "00000000-0000-0000-0000-000000000000"
    """The cluster's namespace."""
    peers: Peers = field(default_factory=lambda: Peers({}))
    """Other servers that datashares come from or go to."""
    queues: Configuration = field(default_factory=lambda: read(AUTOMATIC))
    """How statements share the engine."""
    workers: int = 16
    """Threads of the engine."""
    fleet: Fleet | None = None
    """The other servers of the lake, where it is shared."""
    queue_length: int = 1_000
    """Statements that may wait for one queue."""

    @property
    def languages(self) -> frozenset[str]:
        """The languages that functions may run in beside SQL."""
        return frozenset() if self.udfs is None else _PYTHON


@dataclass(frozen=True, slots=True, kw_only=True)
class Founder:
    """What a new warehouse begins with."""

    database: str = "dev"
    admin: Callable[[], User]
    """Makes the first superuser; called only for a new warehouse."""


class Warehouse:
    """One server's warehouse."""

    terminate: Callable[[int, ConnectionFatal], bool]
    """Ends a session and its connection; whoever has the connections sets it."""
    cancel: Callable[[int, bytes], bool]
    """Cancels what a session runs, for who has its key; set likewise."""
    engines: weakref.WeakSet[DuckDbEngine]
    """Connections to the engine, of sessions and of what is done for none."""

    def __init__(
        self,
        database: storage.Database,
        executor: Executor,
        clock: Clock,
        limits: Limits,
        records: Records,
        founder: Founder,
    ) -> None:
        """Read the catalog from the lake; a new lake gets what *founder* says."""
        self.database, self.executor, self.clock, self.limits = database, executor, clock, limits
        self.journal, self.recorder = records.journal, records.recorder
        self.terminate, self.cancel, self.engines = _no_connections, _no_keys, weakref.WeakSet()
        self.priorities: dict[str, str] = {}
        """What CHANGE_USER_PRIORITY said, by user's name."""
        self.fleet = fleet = limits.fleet
        self.locks, self.graph, self.lockouts = locks_of(fleet), SerializationGraph(), Lockouts()
        self.translations: Cache[Any, Any] = Cache(limits.translation_cache)
        size = limits.translation_cache
        self.templates, self.paces, self.listed = Templates(Cache(size)), Paces(Cache(size)), Listed()
        self.constants: Cache[tuple[str, bool], Any] = Cache(500)
        self.hopeless, self.parsed = Cache[str, str](size), Parsed(Cache[tuple[object, bool], Any](500))
        self.results = ResultCache(limits.result_bytes)
        self.messages: dict[int, deque[dict[str, Any]]] = {}
        """What procedures that run have raised, by the number of their call."""
        self.applied: deque[dict[str, Any]] = deque(maxlen=_APPLIED)
        """Policies that stood between statements and relations, newest last."""
        self.parts, self.shared, self.effects = Parts(), SharedSources(database), Effects(self._carry_out)
        """What was built of the catalog for the system views, the engine's copies of it, and calls back to sessions."""
        self.hot, self.cache, self.together = copies(self, *limits.copies)
        self.scans = Scans(database, self.hot, self.cache, self.caught_up)
        self.workload, self.estimates = _workload(database, limits, clock), Estimates(self, Cache(size))
        self.summaries, self.mending, self.upkeep, self.replication = (
            Summaries(self), Mending(self), Upkeep(self), Replication(self, limits.integrations),
        )  # fmt: skip
        self.metastore, self.rows = Metastore(database.cursor()), RowPlans(Cache(size), Cache(size))
        self.small_writes = SmallWrites(self)
        self.commit_lock = commit_order(fleet, self.metastore) or Turn(self.small_writes)
        entries = self.metastore.load(compact=(alone := fleet is None or fleet.alone))
        self.identities = Identities(entries, shared=fleet is not None)
        self.refreshed, self.streamed = _refreshes(entries)
        """Materialized view (OID) → the lake's snapshot that its rows were made from, absent where unknown; and up to
        where it has taken its stream in (``session.ingestion``)."""
        self.lake_schema = LakeSchema(self, entries, alone=alone)
        objects = [parsed(entry.kind, entry.body) for entry in entries if entry.kind in _KINDS and entry.body]
        if not objects:
            objects = self._found(founder.database, founder.admin())
        copied.prepare(database.cursor(), [item.oid for item in objects if isinstance(item, CopyJob)])
        self.store = CatalogStore(objects, self.metastore.highest_oid())
        self.sessions: dict[int, Session] = {}
        # Numbers go on where the history ends: they stay unique over restarts.
        self.transactions = _after(max(999, records.recorder.history.last("queries", "xid")))
        self.queries = _after(records.recorder.history.last("queries", "query"))

    def connect(self) -> DuckDbEngine:
        """Return a new session's connection to the engine."""
        engine = DuckDbEngine(self.database.cursor, self.executor)
        self.engines.add(engine)
        return engine

    def _carry_out(self, pid: int, name: str, values: Sequence[Any]) -> Any:
        # The two import each other: what is carried out works with the warehouse.
        from session.statements.effects import called

        return called(self.sessions[pid], name, values)

    @property
    def leads(self) -> bool:
        """Whether this server does what one does for all."""
        return self.fleet is None or self.fleet.leads

    async def caught_up(self) -> None:
        """See that the lake shows all that is committed, and take in what other servers have."""
        await (self.small_writes.settled() if self.fleet is None else self.fleet.sync())

    async def informed(self) -> None:
        """Take in what other servers have committed to the catalogue."""
        if self.fleet is not None:
            await self.fleet.sync()

    def take_in(self, entries: Iterable[Entry]) -> None:
        """Make what other servers have committed to the log what everyone sees here."""
        changes = Changes()
        for entry in entries:
            if entry.kind in _KINDS:
                changes.take_in(entry.oid, entry.kind, parsed(entry.kind, entry.body) if entry.body else None)
            elif entry.kind == DROPPED:
                self.lake_schema.left_behind(entry.oid, entry.body)
            elif entry.kind == IDENTITY:
                self.identities.take_in(entry)
            elif entry.kind == _REFRESH:
                self.note_refreshes({entry.oid: None if entry.body is None else int(entry.body)}, {})
            elif entry.kind == STREAM:
                self.note_refreshes({}, {entry.oid: entry.body})
        if changes:
            self.publish(changes)

    def publish(self, changes: Changes) -> None:
        """Make committed *changes* of the catalog what everyone sees."""
        if self.fleet is not None:
            self.fleet.published(changes, self.store.state)
        made = changes.puts.keys() - self.store.state.objects.keys()
        self.store.publish(changes)
        self.upkeep.anticipation.note(made)

    async def close(self) -> None:
        """Wait for what is done in the background, and end it."""
        await self.upkeep.close()
        await self.lake_schema.close()
        await self.small_writes.close()
        self.together.close()
        await self.hot.close()
        await self.cache.close()
        if self.fleet is not None:
            await self.fleet.close()
        if self.limits.spark is not None:
            await self.limits.spark.cluster.close()

    def next_transaction(self) -> int:
        """Return a new transaction number (xid)."""
        return next(self.transactions)

    def next_query(self) -> int:
        """Return a new query number."""
        return next(self.queries)

    def refresh_entry(self, view: int, snapshot: int | None) -> Entry:
        """Return the log entry that says which snapshot a materialized view's rows were made from."""
        return Entry(_REFRESH, view, None if snapshot is None else str(snapshot))

    def note_refreshes(self, snapshots: dict[int, int | None], positions: dict[int, str | None]) -> None:
        """Take note of committed refreshes: of tables, and of streams."""
        for view, position in positions.items():
            if position is None:
                self.streamed.pop(view, None)
            else:
                self.streamed[view] = position
        for view, snapshot in snapshots.items():
            if snapshot is None:
                self.refreshed.pop(view, None)
            else:
                self.refreshed[view] = snapshot

    def _found(self, name: str, admin: User) -> list[CatalogObject]:
        """Write the first objects of a new lake."""
        everyone = Grant(grantee=PUBLIC, grantor=BOOTSTRAP_USER, privileges=frozenset({"TEMPORARY"}))
        public = Grant(grantee=PUBLIC, grantor=BOOTSTRAP_USER, privileges=frozenset({"CREATE", "USAGE"}))
        place = lake.schema_name(name, "public")
        objects: list[CatalogObject] = [
            User(oid=BOOTSTRAP_USER, name="rdsdb", superuser=True, createdb=True),
            admin,
            Database(oid=_FIRST_DATABASE, name=name, owner=BOOTSTRAP_USER, acl=(everyone,)),
            Schema(
                oid=_FIRST_SCHEMA,
                database=_FIRST_DATABASE,
                name="public",
                owner=BOOTSTRAP_USER,
                acl=(public,),
                engine_name=place,
            ),
        ]
        changes = Changes()
        changes.put(*objects)
        connection = self.database.cursor()
        connection.execute("BEGIN")
        for sql in lake.create_schema(place):
            connection.execute(sql)
        self.metastore.append(connection, [Entry(item.kind, item.oid, item.body) for item in changes.entries()])
        connection.execute("COMMIT")
        connection.close()
        return objects


def _workload(database: storage.Database, limits: Limits, clock: Clock) -> Workload:
    memory = database.memory_bytes()
    capacity = Capacity(workers=limits.workers, memory_bytes=memory, queue_length=limits.queue_length)
    return Workload(limits.queues, capacity, clock)


def _after(last: int) -> Iterator[int]:
    return itertools.count(last + 1)


def _no_keys(pid: int, secret: bytes) -> bool:
    return False


def _no_connections(pid: int, reason: ConnectionFatal) -> bool:
    return False


def _refreshes(entries: list[Entry]) -> tuple[dict[int, int], dict[int, str]]:
    """Return what the log knows of refreshes: of tables, and of streams."""
    snapshots = {entry.oid: int(entry.body) for entry in entries if entry.kind == _REFRESH and entry.body}
    return snapshots, {entry.oid: entry.body for entry in entries if entry.kind == STREAM and entry.body}
