"""The warehouse's database, opened by a thread of its own while the rest of the server is still being imported.

DuckDB reads the lake's catalog then, which takes as long as Python takes to import the server.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

from core.config import ConfigError, Options
from server.access import s3_access
from server.health import note
from server.keyring import data_keys
from storage.beginning import begin as begin_lake
from storage.database import Database, Install, LakeLocation, Resources

if TYPE_CHECKING:
    from engine.cursors import Connection


def begin(options: Options) -> "Future[Database]":
    """Begin to open the database that *options* describe."""
    future: Future[Database] = Future()

    def work() -> None:
        try:
            future.set_result(opened(options, _install))
        except BaseException as error:  # noqa: BLE001 - it is raised where the database is awaited
            future.set_exception(error)

    Thread(target=work, name="duckshift-opening", daemon=True).start()
    return future


class EndedEarly(Exception):
    """The server was told to end before its database was open."""


async def awaited(opening: "Future[Database]", stop: asyncio.Event) -> Database:
    """Return the database once it is open; raises ``EndedEarly`` where *stop* is set before, as PostgreSQL is away."""
    future = asyncio.wrap_future(opening)
    stopping = asyncio.create_task(stop.wait())
    waited: set[asyncio.Future[Any]] = {future, stopping}
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not future.done():
        raise EndedEarly
    return await future


def opened(options: Options, install: Install | None = None) -> Database:
    """Return the database that *options* describe; it blocks."""
    storage, engine = options.storage, options.engine
    started = _alone(options)
    location = LakeLocation(
        folder=storage.state_folder,
        data=storage.parquet if storage.shared or storage.is_remote else "",
        catalog=storage.catalog,
        s3=s3_access(options.s3),
        inline_row_limit=storage.inline_row_limit,
        keys=data_keys(options),
    )
    resources = Resources(
        threads=engine.threads, memory_limit=engine.memory_limit, temp_folder=engine.temp_folder,
        temp_limit=engine.temp_limit, niceness=engine.niceness,
    )  # fmt: skip
    database = Database(location, resources, install)
    if started is not None:
        database.started = started
    begin_lake(database)
    return database


def _alone(options: Options) -> Callable[[], None] | None:
    """Keep other servers of the lake from starting and return what lets them, None where there are none."""
    storage = options.storage
    if not storage.shared:
        return None
    if not storage.folder:
        raise ConfigError("storage.shared needs a storage.folder of this server's own")
    # Few servers need it.
    from storage.coordination import check
    from storage.starting import StartLock

    check(storage.catalog)
    return StartLock(storage.catalog, storage.catalog_wait_s, partial(note, storage.state_folder)).release


def _install(connection: "Connection") -> None:
    # Imported here: the thread begins before the sessions are there.
    from session.functions import install_functions

    install_functions(connection)
