"""Copy jobs that run by themselves: each has a task that lists its prefix again and again and loads what is new.

Redshift, "COPY JOB". A file is taken once two looks have found it the same, so that one which is being written to a
local folder is left alone. Of files that fail together each half is tried; one that fails alone for what it holds is
written down as failed and not tried again by itself. Where the store cannot be asked, the table is gone, or the owner
may not load any more, the files wait, and the job looks less and less often. What went wrong is in SYS_COPY_JOB_INFO.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from catalog.copy_jobs import CopyJob, copy_jobs
from catalog.model import CatalogState, Database, User
from core.errors import SqlError
from engine.load.source import existing
from session.places import location
from session.watching import Watch
from storage import copied
from storage.objects import StoredObject, StoreError

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
_LONGEST_S: Final = 60.0
_AT_ONCE: Final = 2
"""Jobs that list or load at a time."""
_FILES: Final = 1_000
"""Files of one transaction."""
_NOT_THE_FILES: Final = ("08", "25", "40", "42", "53", "55", "57", "58")
"""Classes of errors that are no fault of a file's content."""


class CopyJobs:
    """The tasks of all copy jobs that run by themselves."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look after *warehouse*'s jobs."""
        self._warehouse = warehouse
        self._watch = Watch(lambda: warehouse.store.state, _automatic, self._poll, self._forget)
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting: dict[int, list[StoredObject]] = {}
        self._listed: dict[int, list[StoredObject]] = {}
        self._settled: dict[int, list[StoredObject]] = {}
        self._said: dict[int, str] = {}

    def start(self) -> None:
        """Begin."""
        self._watch.start()

    async def close(self) -> None:
        """End after the loads that are under way; one that takes long is ended, and its files wait."""
        await self._watch.close()

    def waiting(self) -> list[dict[str, Any]]:
        """Return the files that jobs have seen and not yet loaded, as rows of sys_copied_files."""
        now = self._warehouse.clock.now().astimezone(UTC).replace(tzinfo=None)
        return [
            {
                "job": job, "location": item.location, "bytes": item.size_bytes, "version": item.version,
                "modified": item.modified.astimezone(UTC).replace(tzinfo=None) if item.modified else None,
                "enqueued": now, "status": "P",
            }
            for job, items in self._waiting.items()
            for item in items
        ]  # fmt: skip

    def _forget(self, job: int) -> None:
        for kept in (self._waiting, self._listed, self._settled):
            kept.pop(job, None)
        self._said.pop(job, None)

    async def _poll(self, oid: int) -> None:
        usual_s = self._warehouse.limits.copy_poll_ms / 1_000
        pause_s = usual_s
        while self._watch.is_on(oid):
            async with self._turns:
                try:
                    if self._warehouse.leads:
                        await self._look(oid)
                    pause_s = usual_s
                except SqlError as error:
                    self._tell(oid, error)
                    pause_s = min(pause_s * 2, _LONGEST_S)
            await self._watch.sleep(pause_s)

    def _tell(self, oid: int, error: SqlError) -> None:
        """Record what keeps a job from loading, once."""
        warehouse = self._warehouse
        job = warehouse.store.state.objects.get(oid)
        if not isinstance(job, CopyJob) or self._said.get(oid) == error.message:
            return
        self._said[oid] = error.message
        _log.warning("a copy job could not load", extra={"job": oid, "state": error.state.value})
        place = warehouse.store.state.objects.get(job.database)
        warehouse.recorder.job_message(job, place.name if place is not None else "", error.message)

    async def _look(self, oid: int) -> None:
        """List what is under the prefix, and load what is new and the same as the last time."""
        from session.statements.copy_jobs import stored

        warehouse = self._warehouse
        job = warehouse.store.state.objects.get(oid)
        owner = warehouse.store.state.objects.get(job.owner) if isinstance(job, CopyJob) else None
        if not isinstance(job, CopyJob) or not isinstance(owner, User):
            return
        command = stored(job)
        region = command.options.text("region") or ""

        def listed() -> list[StoredObject]:
            place, stores = location(command.source), warehouse.limits.stores
            store = stores.store(place, role=job.iam_role or None, region=region, user=owner.name)
            return existing(store, place)

        found = await warehouse.executor.run(listed)
        if found == self._settled.get(oid):
            return
        new = await warehouse.executor.run(lambda: self._new(oid, found))
        before, self._listed[oid] = set(self._listed.get(oid, ())), found
        ready = [item for item in new if item in before]
        self._waiting[oid] = new
        for start in range(0, len(ready), _FILES):
            await self._take_in(job, ready[start : start + _FILES])
        if len(ready) == len(new):
            self._settled[oid] = found
            self._waiting.pop(oid, None)
            self._said.pop(oid, None)

    def _new(self, oid: int, found: Sequence[StoredObject]) -> list[StoredObject]:
        connection = self._warehouse.database.cursor()
        try:
            return copied.known(connection, oid).new(found, again=False)
        finally:
            connection.close()

    async def _take_in(self, job: CopyJob, files: list[StoredObject]) -> None:
        """Load *files* in one transaction, or those that can be, each apart from those that cannot."""
        if self._watch.is_closing:
            return
        try:
            await self._load(job, files)
        except SqlError as error:
            if isinstance(error, StoreError) or error.state.value[:2] in _NOT_THE_FILES:
                raise
            if len(files) > 1:
                half = len(files) // 2
                await self._take_in(job, files[:half])
                await self._take_in(job, files[half:])
                return
            self._tell(job.oid, error)
            await self._load(job, files, failed=True)

    async def _load(self, job: CopyJob, files: list[StoredObject], *, failed: bool = False) -> None:
        """Run *job* for *files* as its owner, or write them down as *failed*, in a session that no client sees."""
        # Sessions and their handlers know the warehouse, which knows this.
        from session.context import Work
        from session.session import Session
        from session.statements.copy_jobs import run_job
        from sql.statement import Kind

        warehouse, state = self._warehouse, self._warehouse.store.state
        owner, place = state.objects.get(job.owner), state.objects.get(job.database)
        if not isinstance(owner, User) or not isinstance(place, Database) or job.oid not in state.objects:
            return
        # Clients' sessions have positive numbers.
        session = Session(-job.oid, warehouse, owner, place, "")
        try:
            await session.open({})
            session.begin_statement(job.text, Kind.COPY)
            session.tx.start()
            work = Work(session)
            if failed:
                await work.tx.writing(frozenset())
                now, connection = warehouse.clock.now(), work.engine.connection
                await work.engine.work(lambda: copied.note(connection, job.oid, files, copied.FAILED, now))
            else:
                await run_job(work, work.engine, job, files)
            await session.commit()
        except SqlError as error:
            session.end_statement(error)
            raise
        finally:
            await session.close()


def _automatic(state: CatalogState) -> set[int]:
    return {job.oid for job in copy_jobs(state) if job.auto}
