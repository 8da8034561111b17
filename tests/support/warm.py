"""Servers that start from a process which has imported the program already: tests start hundreds of them.

A third of a server's start is Python reading modules. ``Nursery`` keeps one process that has done so, and every server
is a fork of it: the same program, with descriptors, variables and arguments of its own. What a command line does from
nothing is tested where it is started as a command (tests/faults/test_lifecycle.py, test_damage.py).

The process has one thread only, opens nothing, and kills what it has started when the tests end.
"""

import atexit
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final, NoReturn

_ROOT: Final = Path(__file__).parents[2]
_MESSAGE_MAX: Final = 1 << 20
_COMMAND: Final = "import sys; from tests.support.warm import keep; keep(int(sys.argv[1]))"


class Child:
    """A server's process, with those parts of ``subprocess.Popen`` that tests use."""

    def __init__(self, pid: int, stderr: IO[str]) -> None:
        self.pid = pid
        self.stderr = stderr
        self.returncode: int | None = None
        self._ended = threading.Event()

    def end(self, code: int) -> None:
        """Take note that it has ended."""
        self.returncode = code
        self._ended.set()

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code."""
        if not self._ended.wait(timeout) or self.returncode is None:
            raise subprocess.TimeoutExpired("duckshift serve", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The tests' side of the process that servers are forked from."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._asking = threading.Lock()
        self._newborn: list[int] = []
        self._children: dict[int, Child] = {}
        self._ended: dict[int, int] = {}
        self._changed = threading.Condition()

    def close(self) -> None:
        """End the process and all servers that still run."""
        if self._socket is not None and self._process is not None:
            self._socket.shutdown(socket.SHUT_RDWR)
            self._process.wait(10)
            self._socket.close()

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _COMMAND, str(theirs.fileno())],
                env=os.environ | {"PYTHONPATH": str(_ROOT)},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        threading.Thread(target=self._listen, args=(ours,), daemon=True).start()
        return ours

    def start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start the program with *arguments* and exactly these variables."""
        reading, writing = os.pipe()
        request = json.dumps({"arguments": list(arguments), "environment": dict(environment)}).encode()
        with self._asking:
            self._socket = self._socket or self._open()
            socket.send_fds(self._socket, [request], [writing])
            os.close(writing)
            with self._changed:
                self._changed.wait_for(lambda: self._newborn, 120)
                pid = self._newborn.pop()
                child = Child(pid, os.fdopen(reading, encoding="utf-8", errors="replace"))
                self._children[pid] = child
                if pid in self._ended:
                    child.end(self._ended.pop(pid))
        return child

    def _listen(self, ours: socket.socket) -> None:
        while message := ours.recv(_MESSAGE_MAX):
            kind, pid, code = json.loads(message)
            with self._changed:
                if kind == "born":
                    self._newborn.append(pid)
                elif pid in self._children:
                    self._children.pop(pid).end(code)
                else:
                    self._ended[pid] = code
                self._changed.notify_all()


def keep(number: int) -> None:
    """Import the program, then fork a server for every request on socket *number*; return in each of them."""
    from server import app, main, opening

    del app, opening
    tests = socket.socket(fileno=number)
    waking, woken = socket.socketpair()
    woken.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken.fileno())
    living: set[int] = set()
    with selectors.DefaultSelector() as both:
        both.register(tests, selectors.EVENT_READ)
        both.register(waking, selectors.EVENT_READ)
        while True:
            for key, _ in both.select():
                if key.fileobj is waking:
                    waking.recv(4096)
                    for pid, code in _ended():
                        living.discard(pid)
                        tests.send(json.dumps(("ended", pid, code)).encode())
                    continue
                request, stderr, _, _ = socket.recv_fds(tests, _MESSAGE_MAX, 1)
                if not request:
                    for pid in living:
                        os.kill(pid, signal.SIGKILL)
                    return
                pid = os.fork()
                if pid == 0:
                    _become(json.loads(request), stderr[0], (tests, waking, woken))
                    _run(main.main)
                os.close(stderr[0])
                living.add(pid)
                tests.send(json.dumps(("born", pid, 0)).encode())


def _ended() -> list[tuple[int, int]]:
    ended = []
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended.append((found[0], os.waitstatus_to_exitcode(found[1])))
    return ended


def _run(main: Callable[[], int]) -> NoReturn:
    """Run and end as the interpreter does, but for the destructors of C++: those of Arrow miss threads that no fork has."""
    code = 1
    try:
        code = main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - as the interpreter prints what nobody has caught
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(code)


def _become(request: dict[str, object], stderr: int, inherited: Sequence[socket.socket]) -> None:
    """Make of a fork what a new process would be."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for each in inherited:
        each.close()
    os.dup2(stderr, 2)
    os.close(stderr)
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]
    time.tzset()
    sys.argv = ["duckshift", *request["arguments"]]  # type: ignore[misc]
