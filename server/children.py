"""A process that serves a hosted cluster: started, waited for, ended."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Final

from server.hosted import Doors, Terms, announced

_COMMAND: Final = ("-P", "-m", "server.main", "serve", "--hosted")
_READY_S: Final = 120
_KILLED_S: Final = 10


class ChildError(Exception):
    """A process does not come up; the message is for the administrator."""


class Child:
    """One process. Its standard input is what keeps it alive."""

    def __init__(self, process: asyncio.subprocess.Process, doors: Doors) -> None:
        """Have *process*, which listens at *doors*; ``begin`` makes one."""
        self._process = process
        self.doors = doors

    async def end(self, grace_s: float) -> None:
        """Ask it to end, and end it when it has not after *grace_s* seconds."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        await _ended(self._process, grace_s + _KILLED_S)

    async def gone(self) -> int:
        """Wait until it has ended, by itself or not, and return its status."""
        return await self._process.wait()


async def begin(terms: Terms, log: Path) -> Child:
    """Start a server and return it once it listens; what it writes goes to *log*. Raises ``ChildError``."""
    with log.open("ab") as lines:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *_COMMAND,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=lines, start_new_session=True,
        )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None  # noqa: S101 - both are pipes
    try:
        async with asyncio.timeout(_READY_S):
            process.stdin.write(terms.line())
            await process.stdin.drain()
            doors = announced(await process.stdout.readline())
    except (OSError, ValueError, TimeoutError):
        await _ended(process, 0)
        raise ChildError(f"the server of a cluster does not start: see {log}") from None
    except BaseException:
        await _ended(process, 0)
        raise
    return Child(process, doors)


async def _ended(process: asyncio.subprocess.Process, seconds: float) -> None:
    if seconds:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await process.wait()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
