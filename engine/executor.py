"""The threads that run DuckDB, so that the event loop never waits for it.

A pool of a few threads serves all sessions: a connection is used by one thread at a time, and a session
that is idle holds none.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Executor:
    """Runs blocking functions on worker threads."""

    def __init__(self, workers: int) -> None:
        """Make room for *workers* functions at a time."""
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="engine")

    async def run(self, function: Callable[[], T]) -> T:
        """Run *function* on a worker and return its result; a cancelled caller does not stop it."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function)

    def close(self) -> None:
        """Wait for what runs and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)
