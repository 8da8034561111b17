"""Hosted clusters: their processes and what happens to them, from the first start to the last snapshot.

A cluster's record says what it should be; a task at a time brings it there. All end with this server and come back
with it: a record outlives both.
"""

import asyncio
import logging
import secrets
import shutil
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from api.hosting import Hosted, Kind, Source, State
from core.clock import Clock
from core.config import ConfigError, Options
from core.errors import SqlError
from server import snapshots as copies
from server.children import Child, ChildError, begin
from server.hosted import Terms
from server.tenancy import Ground, Shelf, can_listen, free_port, port_range
from storage.database import CATALOG_FILE, FolderLock, WarehouseError
from storage.snapshots import Snapshot, Snapshots

_log = logging.getLogger(__name__)
_PAUSES_S: Final = (0.0, 1.0, 3.0, 10.0, 20.0, 30.0)
"""Before each attempt to start a process: one whose server was killed may still be ending."""
_AGAIN_S: Final = 1.0
_TOKEN_BYTES: Final = 32
_RUNNING: Final = frozenset({State.CREATING, State.AVAILABLE, State.RESUMING, State.REBOOTING, State.MODIFYING})
_PROBLEMS: Final = (ChildError, ConfigError, OSError, SqlError, WarehouseError)
Work = Callable[[], Awaitable[None]]


class Clusters:
    """``api.hosting.Host``, by processes of this machine."""

    def __init__(self, options: Options, certificate: Callable[[], tuple[Path, Path]], clock: Clock) -> None:
        """Host clusters as *options* say, which share the server's certificate; raises ``WarehouseError``."""
        folder = Path(options.clusters.folder).expanduser().absolute()
        self._lock = FolderLock(folder)
        if options.clusters.ports:
            port_range(options.clusters.ports)
        self._options, self._clock = options, clock
        self._shelf = Shelf(folder)
        self._ground = Ground(options, folder, certificate)
        self._records: dict[str, Hosted] = {}
        self._children: dict[str, Child] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        """What hosted servers believe."""

    def start(self) -> None:
        """Start what was running when the server ended, and end what was ending."""
        self._records = self._shelf.load()
        for record in list(self._records.values()):
            if record.state in {State.FINAL_SNAPSHOT, State.DELETING}:
                self.delete(record, record.final_snapshot)
            elif record.state is State.PAUSING:
                self._set(replace(record, state=State.PAUSED))
            elif record.restored and not self._whole(record):
                self._set(replace(record, state=State.NOT_RESTORED))
            elif record.state in _RUNNING:
                self.run(record, State.CREATING if record.state is State.CREATING else State.REBOOTING)

    async def close(self, grace_s: float) -> None:
        """End all processes; their statements may take *grace_s* seconds more."""
        for task in self._tasks:
            task.cancel()
        children, self._children = list(self._children.values()), {}
        await asyncio.gather(*(child.end(grace_s) for child in children))
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._lock.release()

    def all(self, kind: Kind) -> list[Hosted]:
        """Return those of a kind, without the deleted ones."""
        return [each for each in self._records.values() if each.kind is kind and each.state is not State.DELETED]

    def find(self, kind: Kind, name: str) -> Hosted | None:
        """Return the cluster or namespace called *name*."""
        return next((each for each in self.all(kind) if each.name == name), None)

    def workgroup(self, name: str) -> Hosted | None:
        """Return the namespace that has the workgroup *name*."""
        return next((each for each in self.all(Kind.NAMESPACE) if each.workgroup == name), None)

    @property
    def full(self) -> bool:
        """Whether there is no room for another one."""
        return sum(each.state is not State.DELETED for each in self._records.values()) >= self._options.clusters.most

    def port_is_free(self, port: int) -> bool:
        """Tell whether a new cluster could listen on *port*."""
        return port not in self._ports() and can_listen(self._options.server.host, port)

    def add(self, wanted: Hosted, source: Source | None = None) -> Hosted:
        """Make *wanted*, of *source* where that is given, and start it unless it is to be paused."""

        async def work() -> None:
            if source is not None:
                await self._restored(wanted, source)
            if wanted.state is not State.PAUSED:
                await self._started(wanted.key)

        shutil.rmtree(self._shelf.data(wanted), ignore_errors=True)
        return self._begin(wanted, wanted.state, work)

    def change(self, known: Hosted, **values: Any) -> Hosted:
        """Keep other facts of it; what runs goes on with the old ones until it is started anew."""
        return self._set(replace(self._records[known.key], **values))

    def run(self, known: Hosted, state: State) -> Hosted:
        """Start it, anew where it runs; *state* is told meanwhile."""

        async def work() -> None:
            await self._stopped(known.key)
            await self._started(known.key)

        return self._begin(known, state, work)

    def rest(self, known: Hosted) -> Hosted:
        """Stop it."""

        async def work() -> None:
            await self._stopped(known.key)
            self._set(replace(self._records[known.key], state=State.PAUSED))

        return self._begin(known, State.PAUSING, work)

    def replace(self, known: Hosted, source: Source) -> Hosted:
        """Give it the contents of *source* in place of its own."""

        async def work() -> None:
            await self._stopped(known.key)
            data, aside = self._shelf.data(known), self._shelf.home(known) / "replaced"
            shutil.rmtree(aside, ignore_errors=True)
            if data.exists():
                data.replace(aside)
            try:
                await self._restored(known, source)
            except BaseException:
                shutil.rmtree(data, ignore_errors=True)
                if aside.exists():
                    aside.replace(data)
                raise
            await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)
            await self._started(known.key)

        return self._begin(known, State.MODIFYING, work)

    def delete(self, known: Hosted, final_snapshot: str = "") -> Hosted:
        """Stop it and remove its data, once a snapshot has been taken where that is named."""

        async def work() -> None:
            await self._stopped(known.key)
            if final_snapshot and self._whole(known):
                options = self._ground.options_of(known, self._shelf.data(known))
                await asyncio.to_thread(copies.create, options, final_snapshot, self._clock)
            self._set(replace(self._records[known.key], state=State.DELETING, final_snapshot=""))
            await asyncio.to_thread(self._remove, known)

        ending = State.FINAL_SNAPSHOT if final_snapshot else State.DELETING
        return self._begin(replace(known, final_snapshot=final_snapshot), ending, work)

    def interface(self, known: Hosted) -> int:
        """Return the port of its own interfaces over HTTP on this machine, 0 where it does not run."""
        child = self._children.get(known.key)
        return child.doors.interfaces if child is not None else 0

    async def snapshots(self) -> Mapping[str, list[Snapshot]]:
        """Return the snapshots of each hosted cluster by its key, those of deleted ones too."""
        if not self._options.snapshots.destination:
            return {}
        return await asyncio.to_thread(lambda: {key: self._copies(each).all() for key, each in self._records.items()})

    async def delete_snapshot(self, owner: str, name: str) -> None:
        """Remove a snapshot of one that does not run."""
        await asyncio.to_thread(self._copies(self._records[owner]).delete, name)

    def _begin(self, known: Hosted, state: State, work: Work) -> Hosted:
        """Set a state and begin what leads out of it, when what was begun before has ended."""
        record = self._set(replace(known, state=state))

        async def alone() -> None:
            async with self._turns[known.key]:
                try:
                    await work()
                except _PROBLEMS as error:
                    _log.exception("a cluster failed", extra={"cluster": known.name, "state": state.value})
                    restoring = isinstance(error, SqlError | WarehouseError) and not self._whole(known)
                    failed = State.NOT_RESTORED if restoring else State.FAILED
                    self._set(replace(self._records[known.key], state=failed))

        self._spawn(alone())
        return record

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _started(self, key: str) -> None:
        record = self._records[key]
        port = record.port or free_port(self._options, self._ports())
        options = self._ground.options_of(record, self._shelf.data(record), port)
        self._shelf.rule(record)
        child = await self._attempted(record, Terms(options, self.token, record.verifier))
        self._children[key] = child
        self._set(replace(self._records[key], state=State.AVAILABLE, port=child.doors.port))
        _log.info("a cluster runs", extra={"cluster": record.name, "port": child.doors.port})
        self._spawn(self._watch(key, child))

    async def _attempted(self, record: Hosted, terms: Terms) -> Child:
        for pause in _PAUSES_S[:-1]:
            await asyncio.sleep(pause)
            try:
                return await begin(terms, self._shelf.log(record))
            except ChildError:
                _log.warning("a cluster does not start", extra={"cluster": record.name})
        await asyncio.sleep(_PAUSES_S[-1])
        return await begin(terms, self._shelf.log(record))

    async def _watch(self, key: str, child: Child) -> None:
        """Start a process anew that has ended and should not have."""
        status = await child.gone()
        if self._children.get(key) is not child:
            return
        del self._children[key]
        record = self._records[key]
        _log.warning("a cluster's process has ended", extra={"cluster": record.name, "status": status})
        await asyncio.sleep(_AGAIN_S)
        if self._records[key].state is State.AVAILABLE:
            self.run(record, State.REBOOTING)

    async def _stopped(self, key: str) -> None:
        child = self._children.pop(key, None)
        if child is not None:
            await child.end(self._options.server.drain_grace_s)

    async def _restored(self, record: Hosted, source: Source) -> None:
        options = self._ground.options_of(record, self._shelf.data(record))
        given = self._options.snapshots
        if source.owner:
            origin = self._copies(self._records[source.owner])
        else:
            origin = copies.place_of(self._options, given.destination, given.copy_to)
        await asyncio.to_thread(copies.restore, options, origin, source.snapshot, source.at)

    def _remove(self, record: Hosted) -> None:
        shutil.rmtree(self._shelf.data(record), ignore_errors=True)
        left = False
        if self._options.snapshots.destination:
            place = self._copies(record)
            for where in (place, *([place.other] if place.other is not None else [])):
                for each in where.all():
                    if each.automated:
                        where.delete(each.name)
                    left = left or not each.automated
        if left:
            self._set(replace(self._records[record.key], state=State.DELETED, verifier="", port=0))
        else:
            self._records.pop(record.key)
            self._shelf.forget(record)

    def _copies(self, record: Hosted) -> Snapshots:
        return copies.place_of(self._options, self._ground.place(record), self._ground.second_place(record))

    def _whole(self, record: Hosted) -> bool:
        return (self._shelf.data(record) / CATALOG_FILE).exists()

    def _ports(self) -> list[int]:
        return [each.port for each in self._records.values() if each.port and each.state is not State.DELETED]

    def _set(self, record: Hosted) -> Hosted:
        self._records[record.key] = record
        self._shelf.save(record)
        return record
