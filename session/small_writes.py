"""INSERTs of few plain values that are transactions of their own: logged now, put into the lake many at a time.

DuckLake's commit costs milliseconds whatever it commits. Here the rows of all sessions that commit at a time are
written to a log together (``storage.write_log``) and acknowledged; they go into the lake (``storage.small_writes``)
before anybody looks: before a statement that reads, before any other commit, and a moment later in any case. So nobody
sees the lake without them who could have, and there is one place to read from.

For a lake whose catalogue is a file of this server alone.
"""

import asyncio
import contextlib
import errno
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from core.errors import SqlError
from core.sqlstate import SqlState
from engine.cursors import DuckDbEngine
from engine.workers import Workers
from session.logged_rows import Addition, addition, batches, document, gathered
from session.moments import Moment, Moments
from session.recipes import Recipes
from session.serializability import Footprint
from sql.bulk import GIVEN
from storage import inlining
from storage.small_writes import Store, inserting, position
from storage.write_log import FILES, WriteLog

if TYPE_CHECKING:
    from session.context import Work
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
ROWS_MAX: Final = 1_000
"""Rows of one statement at most."""
_GATHERED_S: Final = 0.1
"""How long rows wait for others to go into the lake with."""
_SHARE: Final = 10
"""Where that takes long they wait so many times longer, so that it is not all that is done."""
_GATHERED_MOST_S: Final = 1.0
_GATHERED_ROWS: Final = 5_000
_RETRY_S: Final = 5.0
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL: Final = (SqlState.DISK_FULL, "Disk Full")
_BROKEN: Final = (SqlState.IO_ERROR, "could not write the log of small writes")


@dataclass(eq=False, slots=True)
class _Commit:
    """A transaction that waits for its rows to be logged."""

    additions: list[Addition]
    footprint: Footprint | None
    done: "asyncio.Future[None]"


class Turn:
    """The turn to commit to the lake, which has all that was committed before then."""

    def __init__(self, writes: "SmallWrites") -> None:
        """Share *writes*' lock."""
        self._writes = writes

    async def __aenter__(self) -> None:
        """Wait for the turn."""
        await self._writes.lock.acquire()
        try:
            await self._writes.take_turn()
        except BaseException:
            self._writes.end_turn()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the next one commit."""
        self._writes.end_turn()


class SmallWrites:
    """The log of one warehouse and what of it is not in the lake yet. Lives on the event loop."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Open the log, where *warehouse* has one, and put into the lake what is left in it; blocking."""
        self._warehouse = warehouse
        self.lock = asyncio.Lock()
        """Held while something is committed."""
        self.recipes = Recipes(warehouse)
        self._moments = Moments()
        self._turn: asyncio.Future[None] | None = None
        self._queue: list[_Commit] = []
        self._waiting: list[Addition] = []
        self._rows = 0
        self._logged = self._stored = 0
        self._unsure = False
        self._writer: asyncio.Task[None] | None = None
        self._storing: asyncio.Task[SqlError | None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pause_s = _GATHERED_S
        self._closing = False
        self._store = Store()
        location = warehouse.database.location
        self._file: WriteLog | None = None
        if warehouse.fleet is None and not location.catalog:
            self._file = WriteLog(location.folder / FILES[0], location.keys)
            self._thread = Workers(1, "writes")
            self._replay(self._file)

    # What statements ask.

    def takes(self, work: "Work") -> bool:
        """Tell whether an INSERT that runs now may be taken."""
        return self._file is not None and work.environment is None and work.tx.adds

    async def settled(self) -> None:
        """See that the lake has all that is committed by now; raises what keeps it from that."""
        until = self._logged
        while self._stored < until:
            if self._storing is None:
                self._storing = asyncio.get_running_loop().create_task(self._put_alone())
            error = await asyncio.shield(self._storing)
            if error is not None and self._stored < until:
                raise error

    async def commit(self, additions: list[Addition], footprint: Footprint | None) -> None:
        """Commit a transaction that has done nothing else; raises 40001, 58030."""
        loop = asyncio.get_running_loop()
        mine = _Commit(additions, footprint, loop.create_future())
        self._queue.append(mine)
        if self._writer is None:
            self._writer = loop.create_task(self._write())
        await mine.done

    async def run(self, engine: DuckDbEngine, additions: list[Addition]) -> None:
        """Have a transaction that is open on *engine* insert what it was going to log."""
        for each in batches(additions):
            await engine.inline(inlining.rows(self._warehouse.database.location, each.form.types))
            await engine.run_given(f"{inserting(each.form)} FROM {GIVEN} AS given", GIVEN, each.rows)

    # The moments of transaction blocks.

    async def noted(self, begin: Callable[[], Awaitable[None]]) -> Moment:
        """Return the moment that is now; *begin* has the engine begin a transaction that sees the lake as it is."""
        while self._turn is not None:
            # Nobody can tell whether what is being committed will have been before or after.
            await asyncio.shield(self._turn)
        moment = Moment(self._logged, begin)
        self._moments.note(moment)
        return moment

    async def seen(self, moment: Moment) -> None:
        """See that the engine's transaction of *moment*'s block has begun; raises what keeps it from that."""
        async with self.lock:
            if moment in self._moments:
                await self._put_before(moment.until)
                self._moments.forget(moment)
                await moment.begin()
        if moment.lost is not None:
            raise moment.lost

    async def forget(self, moment: Moment) -> None:
        """Do without the transaction of *moment*'s block, or wait for one that is just beginning."""
        if not self._moments.forget(moment) and not moment.settled:
            async with self.lock:
                return

    async def close(self) -> None:
        """Put everything into the lake and let go of the log."""
        self._closing = True
        if self._file is None:
            return
        if self._writer is not None:
            await asyncio.wait([self._writer])
        try:
            await self.settled()
            self._file.clear()
        except SqlError:
            _log.exception("could not store small writes; the next start does it")
        if self._timer is not None:
            self._timer.cancel()
        self._thread.close()
        self._file.close()

    # The way into the log.

    async def _write(self) -> None:
        """Log what has gathered, all at once, as long as there is something."""
        commits: list[_Commit] = []
        try:
            while self._queue:
                async with self.lock:
                    commits, self._queue = self._queue, []
                    await self._append([each for each in commits if self._agree(each)])
        except OSError as error:
            _log.warning("could not write the log of small writes", exc_info=error)
            self._refuse(commits, *(_FULL if error.errno in _NO_ROOM else _BROKEN))
        except BaseException:
            self._refuse(commits, *_BROKEN)
            raise
        finally:
            self._writer = None

    async def _append(self, commits: list[_Commit]) -> None:
        """Log what may be committed."""
        warehouse = self._warehouse
        additions = gathered([each for commit in commits for each in commit.additions])
        documents = [document(each, self._logged + place) for place, each in enumerate(additions, start=1)]
        tables = frozenset(each.table for each in additions)
        with warehouse.graph.settling(), warehouse.scans.changing(tables):
            await self._in_turn(lambda file: file.append(documents))
            self._logged += len(documents)
            self._waiting += additions
            self._rows += sum(each.rows for each in additions)
        for each in commits:
            if not each.done.done():
                each.done.set_result(None)
        _log.debug("logged small writes", extra={"statements": len(additions)})
        warehouse.upkeep.views.note(tables)
        self._hurry()

    def _refuse(self, commits: list[_Commit], state: SqlState, message: str) -> None:
        waiting, self._queue = [*commits, *self._queue], []
        for each in waiting:
            if not each.done.done():
                if each.footprint is not None:
                    self._warehouse.graph.forget(each.footprint)
                each.done.set_exception(SqlError(state, message))

    def _agree(self, commit: _Commit) -> bool:
        """Tell whether a transaction may commit; it is told if not."""
        try:
            if commit.footprint is not None:
                self._warehouse.graph.commit(commit.footprint)
        except SqlError as error:
            if not commit.done.done():
                commit.done.set_exception(error)
            return False
        return True

    def _hurry(self) -> None:
        """See that what is logged goes into the lake soon."""
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        if self._rows > _GATHERED_ROWS:
            self._due()
        elif self._timer is None:
            self._timer = loop.call_later(self._pause_s, self._due)

    def _due(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._storing is None and self._waiting:
            self._storing = asyncio.get_running_loop().create_task(self._put_alone())

    async def _in_turn(self, work: Any) -> None:
        file = self._file
        assert file is not None  # noqa: S101 - only then is there anything to write
        await self._thread.run(lambda: work(file))

    # The way into the lake.

    async def _put_alone(self) -> SqlError | None:
        """Put what is logged into the lake; return what kept it from that."""
        try:
            async with self.lock:
                await self._put_before(self._logged)
        except SqlError as error:
            _log.warning("could not store small writes", extra={"state": error.state.value})
            self._warehouse.mending.suspect(error)
            self._timer = self._timer or asyncio.get_running_loop().call_later(_RETRY_S, self._due)
            return error
        finally:
            self._storing = None
        return None

    async def take_turn(self) -> None:
        """Let who holds the lock commit: the lake has all that is logged, and who must not see more has begun."""
        self._turn = asyncio.get_running_loop().create_future()
        await self._put_before(self._logged, every=True)

    def end_turn(self) -> None:
        """Give the turn back, and the lock."""
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.set_result(None)
        self.lock.release()

    async def _put_before(self, until: int, *, every: bool = False) -> None:
        """Put what is logged up to the position *until* into the lake; who must not see all of it begins before."""
        for moment in self._moments.before(None if every else until):
            await self._put(moment.until)
            if self._moments.forget(moment):
                await moment.begin()
        await self._put(until)

    async def _put(self, until: int) -> None:
        waiting = self._waiting[: max(until - self._stored, 0)]
        if not waiting:
            return
        warehouse = self._warehouse
        counts: Counter[int] = Counter()
        for each in waiting:
            counts[each.table] += each.rows
        clock = asyncio.get_running_loop().time
        begun, engine = clock(), warehouse.connect()

        def work() -> None:
            if self._unsure and position(warehouse.database) >= until:
                return
            self._unsure = True
            self._keep_aside(self._store.put_all(engine.connection, waiting, batches, until))
            self._unsure = False

        try:
            with warehouse.scans.changing(frozenset(counts)):
                await engine.settle(work)
                del self._waiting[: len(waiting)]
                self._rows, self._stored = self._rows - counts.total(), until
        finally:
            engine.close()
        self._pause_s = min(max(_GATHERED_S, _SHARE * (clock() - begun)), _GATHERED_MOST_S)
        for oid, rows in () if self._closing else counts.items():
            warehouse.upkeep.note([oid], rows)
        # The lake does not say for ever up to where it has the log.
        if not self._waiting:
            with contextlib.suppress(OSError):
                await self._in_turn(WriteLog.clear)

    def _keep_aside(self, refused: Sequence[Addition]) -> None:
        """Write down what the lake does not take, for whoever looks after the server; blocking."""
        if not refused:
            return
        location = self._warehouse.database.location
        place = location.folder / FILES[1]
        _log.error("the lake refuses rows that were committed", extra={"count": len(refused), "file": str(place)})
        file = WriteLog(place, location.keys)
        file.append(document(each, 0) for each in refused)
        file.close()

    def _replay(self, file: WriteLog) -> None:
        """Put into the lake what a server that was killed has left."""
        self._stored = position(self._warehouse.database)
        documents = [each for each in file.documents() if each["position"] > self._stored]
        if documents:
            _log.warning("small writes of the last run go into the lake", extra={"count": len(documents)})
            self._stored = documents[-1]["position"]
            connection = self._warehouse.database.cursor()
            additions = [addition(each) for each in documents]
            self._keep_aside(self._store.put_all(connection, additions, batches, self._stored))
            connection.close()
        file.clear()
        self._logged = self._stored
