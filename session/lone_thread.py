"""One thread for what is done one after the other: little stands between the event loop and it.

A pool's futures, and those that follow them, take longer than a small write.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final

_Task = tuple[Callable[[], Any], "asyncio.Future[Any]"]
_JOIN_S: Final = 60


class LoneThread:
    """A thread, begun when it is first wanted. Belongs to one event loop."""

    def __init__(self, name: str) -> None:
        """Be ready; *name* is the thread's."""
        self._name = name
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, function: Callable[[], Any]) -> Any:
        """Run *function*, which blocks, and return its result; a cancelled caller does not stop it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._tasks.put((function, done))
        return await done

    def close(self) -> None:
        """Let what was given to it end."""
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join(_JOIN_S)
            self._thread = None

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            function, done = task
            try:
                result, error = function(), None
            except BaseException as raised:  # noqa: BLE001 - whoever waits gets it
                result, error = None, raised
            # Where the loop has ended nobody waits.
            with contextlib.suppress(RuntimeError):
                done.get_loop().call_soon_threadsafe(_tell, done, result, error)


def _tell(done: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
