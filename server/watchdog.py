"""How long the event loop works before it looks at its connections again, and at what.

Two clocks are read with every turn of the loop: the wall's, which is what clients feel, and the loop's thread's, which
no other process can slow down. A thread beside looks a few times within the limit where the loop is, and so a turn
that was too long can be told with the place in the program. Before anything listens nobody is kept waiting.
"""

import asyncio
import logging
import math
import select
import selectors
import sys
import threading
import time
from types import FrameType
from typing import Final

_log = logging.getLogger(__name__)
_SWITCH_S: Final = 0.001
_LOOKS: Final = 3
"""How often the thread looks within the limit."""
_BRIEF_S: Final = 0.0003
"""How long after events were looked for they need not be again."""
_QUIET_S: Final = 1.0
"""A turn that is not the longest so far is told no sooner after another."""
_FRAMES: Final = 4
_HEARD: Final = 4
"""Who is heard in one turn at most: the others are in the next one, before those who were heard now."""
_OWN: Final = 1
"""What a loop listens to itself: a pipe that wakes it."""
_OURS: Final = ("api", "auth", "catalog", "engine", "flight", "server", "session", "sql", "storage")


def watched_loop(limit_ms: int) -> asyncio.AbstractEventLoop:
    """Return an event loop that tells of turns longer than *limit_ms*, or an ordinary one for 0."""
    # While a thread translates, each turn waits for the interpreter as long as this: five milliseconds otherwise.
    sys.setswitchinterval(_SWITCH_S)
    return asyncio.SelectorEventLoop(_Selector(limit_ms / 1_000)) if limit_ms else asyncio.SelectorEventLoop()


class _Selector(selectors.DefaultSelector):
    """A selector that knows how long it was not asked."""

    def __init__(self, limit_s: float) -> None:
        super().__init__()
        self._limit_s = limit_s
        self._longest_s = self._told = 0.0
        self._begun = self._begun_cpu = 0.0
        self._turn = 0
        self._away = self._heard = self._fresh = False
        self._thread = 0
        self._seen: tuple[int, str] = (0, "")
        self._closed = threading.Event()
        # Only this of the selectors' many kinds can be asked for a few of those who are ready.
        inner = getattr(self, "_selector", None)
        self._poll = inner.poll if isinstance(inner, select.epoll) else None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for events; what came between the last wait and this is a turn.

        What an event has woken runs in the next round of the loop, before which nothing has had time to come.
        """
        if timeout == 0 and self._fresh and time.perf_counter() - self._begun < _BRIEF_S:
            self._fresh = False
            return []
        self._away, self._fresh = False, True
        if self._thread:
            spent = time.perf_counter() - self._begun
            if spent > self._limit_s and self._heard:
                self._tell(spent, time.thread_time() - self._begun_cpu)
        else:
            self._thread = threading.get_ident()
            threading.Thread(target=self._watch, name="duckshift-watchdog", daemon=True).start()
        try:
            return self._ready(timeout)
        finally:
            self._turn += 1
            self._heard = len(self.get_map()) > _OWN
            self._begun, self._begun_cpu = time.perf_counter(), time.thread_time()
            self._away = True

    def _ready(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Do as the selector, but of those who are ready let a few be heard: the kernel has the others come first."""
        poll = self._poll
        if poll is None:
            return super().select(timeout)
        # Rounded up to what the kernel counts in: it would be asked in vain until the time has come.
        wait = -1 if timeout is None else max(math.ceil(timeout * 1_000), 0) / 1_000
        try:
            found = poll(wait, _HEARD)
        except InterruptedError:
            return []
        keys = self.get_map()
        ready = []
        for fd, event in found:
            key = keys.get(fd)
            if key is not None:
                write, read = event & ~select.EPOLLIN, event & ~select.EPOLLOUT
                mask = (selectors.EVENT_WRITE if write else 0) | (selectors.EVENT_READ if read else 0)
                ready.append((key, mask & key.events))
        return ready

    def close(self) -> None:
        """End the watch, too."""
        self._closed.set()
        super().close()

    def _watch(self) -> None:
        while not self._closed.wait(self._limit_s / _LOOKS):
            turn = self._turn
            if self._away and self._seen[0] != turn and time.perf_counter() - self._begun > self._limit_s / 2:
                frame = sys._current_frames().get(self._thread)  # noqa: SLF001 - documented, for debuggers
                if self._turn == turn:
                    self._seen = turn, _place(frame)

    def _tell(self, spent_s: float, cpu_s: float) -> None:
        now = time.monotonic()
        if cpu_s <= self._longest_s and now - self._told < _QUIET_S:
            return
        self._told, self._longest_s = now, max(self._longest_s, cpu_s)
        turn, place = self._seen
        _log.warning("the event loop was busy", extra={
            "ms": round(spent_s * 1_000, 1), "processor_ms": round(cpu_s * 1_000, 1),
            "at": place if turn == self._turn else "?",
        })  # fmt: skip


def _place(frame: FrameType | None) -> str:
    """Return where in the program *frame* is: the innermost calls, first one first."""
    found: list[str] = []
    while frame is not None and len(found) < _FRAMES:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] in _OURS:
            found.append(f"{name}.{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(found)
