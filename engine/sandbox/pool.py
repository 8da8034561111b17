"""Processes for users' Python functions: started when they are needed, one at a time for a batch, ended by force.

A process runs the functions of one owner only, so that nobody's function meets another's data. What comes back is
JSON and is believed nothing: it is checked like input of a client.
"""

import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState

_LENGTH: Final = struct.Struct(">I")
_PIECE: Final = 1 << 16
_START_S: Final = 20.0
_BOOT: Final = "import sys; sys.path.insert(0, {folder!r}); import engine.sandbox.worker; engine.sandbox.worker.main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """What a Python function may have."""

    confined: bool = True
    """Whether a machine that cannot take files and network from a process runs none."""
    memory_mb: int = 256
    time_limit_s: float = 10
    """For a batch of up to 2048 rows."""
    workers: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonFunction:
    """A function as a process gets it."""

    key: str
    owner: int
    name: str
    code: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    """``int``, ``float``, ``bool``, ``text``, ``decimal``, ``date``, ``timestamp``."""
    result: str


@dataclass(slots=True, eq=False)
class _Worker:
    owner: int
    process: "subprocess.Popen[bytes]"
    known: set[str] = field(default_factory=set)

    def ask(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a message and return the answer; raises ``TimeoutError``, ``OSError`` or ``ValueError``."""
        until = time.monotonic() + seconds
        body = json.dumps(message).encode()
        self._send(_LENGTH.pack(len(body)) + body, until)
        size = _LENGTH.unpack(self._receive(_LENGTH.size, until))[0]
        answer = json.loads(self._receive(size, until))
        if not isinstance(answer, dict):
            raise ValueError("not an answer")  # noqa: TRY004 - hostile input, as malformed JSON is
        return answer

    def _send(self, data: bytes, until: float) -> None:
        assert self.process.stdin is not None  # noqa: S101 - opened with a pipe
        number, left = self.process.stdin.fileno(), memoryview(data)
        while left:
            _wait(until, writable=number)
            left = left[os.write(number, left[:_PIECE]) :]

    def _receive(self, count: int, until: float) -> bytes:
        assert self.process.stdout is not None  # noqa: S101 - opened with a pipe
        number, found = self.process.stdout.fileno(), bytearray()
        while len(found) < count:
            _wait(until, readable=number)
            part = os.read(number, min(count - len(found), _PIECE))
            if not part:
                raise BrokenPipeError
            found += part
        return bytes(found)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def _wait(until: float, *, readable: int | None = None, writable: int | None = None) -> None:
    left = until - time.monotonic()
    reads = [] if readable is None else [readable]
    writes = [] if writable is None else [writable]
    if left <= 0 or select.select(reads, writes, [], left) == ([], [], []):
        raise TimeoutError


class Sandbox:
    """All processes of one server. Its methods block and may be called by any thread."""

    def __init__(self, limits: SandboxLimits) -> None:
        """Start nothing yet."""
        self._limits = limits
        self._idle: list[_Worker] = []
        self._busy = 0
        self._closed = False
        self._changed = threading.Condition()

    def run(self, function: PythonFunction, columns: Sequence[list[Any]], rows: int) -> list[Any]:
        """Return the results for a batch, as JSON holds them; raises ``SqlError``."""
        worker = self._take(function.owner)
        try:
            answer = self._asked(worker, function, columns, rows)
        except BaseException:
            self._give_back(None)
            worker.end()
            raise
        self._give_back(worker)
        error = answer.get("error")
        if error is not None:
            raise SqlError(SqlState.EXTERNAL_ROUTINE_EXCEPTION, str(error), detail=f"in function {function.name}")
        values = answer.get("values")
        if not isinstance(values, list) or len(values) != rows:
            raise SqlError(SqlState.EXTERNAL_ROUTINE_EXCEPTION, f"function {function.name} did not answer")
        return values

    def close(self) -> None:
        """End all processes."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()

    def _asked(
        self, worker: _Worker, function: PythonFunction, columns: Sequence[list[Any]], rows: int
    ) -> dict[str, Any]:
        message = {
            "key": function.key,
            "kinds": function.kinds,
            "result": function.result,
            "columns": columns,
            "rows": rows,
        }
        if function.key not in worker.known:
            message |= {"code": function.code, "names": function.names}
        limit = self._limits.time_limit_s
        try:
            answer = worker.ask(message, limit)
        except TimeoutError:
            spent = f"function {function.name} took more than {limit:g} seconds for a batch of rows"
            raise SqlError(SqlState.QUERY_CANCELED, spent) from None
        except (OSError, ValueError, struct.error):
            raise SqlError(
                SqlState.EXTERNAL_ROUTINE_EXCEPTION, f"the process of function {function.name} has ended"
            ) from None
        worker.known.add(function.key)
        return answer

    def _take(self, owner: int) -> _Worker:
        """Return a process of *owner*'s, which is no other's until it is given back."""
        found = self._free(owner)
        if found is not None and found.owner == owner:
            return found
        if found is not None:
            found.end()
        try:
            return self._started(owner)
        except BaseException:
            self._give_back(None)
            raise

    def _free(self, owner: int) -> _Worker | None:
        """Wait for a place; return an idle process of *owner*'s, or another's that must go, or None for a new one."""
        until = time.monotonic() + self._limits.time_limit_s
        with self._changed:
            while True:
                mine = [worker for worker in self._idle if worker.owner == owner]
                full = self._busy + len(self._idle) >= self._limits.workers
                if mine or self._idle or not full:
                    found = mine[0] if mine else self._idle[0] if full else None
                    if found is not None:
                        self._idle.remove(found)
                    self._busy += 1
                    return found
                if self._closed or not self._changed.wait(until - time.monotonic()):
                    raise SqlError(SqlState.INSUFFICIENT_RESOURCES, "no process is free for a Python function")

    def _give_back(self, worker: _Worker | None) -> None:
        with self._changed:
            self._busy -= 1
            if worker is not None and not self._closed:
                self._idle.append(worker)
                worker = None
            self._changed.notify()
        if worker is not None:
            worker.end()

    def _started(self, owner: int) -> _Worker:
        folder = str(Path(__file__).parents[2])
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and text
            [sys.executable, "-I", "-S", "-B", "-c", _BOOT.format(folder=folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LANG": "C.UTF-8"},
            cwd="/",
            bufsize=0,
            start_new_session=True,
        )
        worker = _Worker(owner, process)
        settings = {"memory_bytes": self._limits.memory_mb << 20, "confined": self._limits.confined}
        try:
            answer = worker.ask(settings, _START_S)
        except (OSError, ValueError, TimeoutError, struct.error):
            answer = {}
        if answer.get("ready") is not True:
            worker.end()
            raise not_supported(
                "LANGUAGE plpythonu on this machine", hint="The system cannot confine a process (Landlock and seccomp)."
            )
        return worker
