"""A listener with a small session behind it, on an event loop of its own in a thread."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from server.listener import Listener, ListenerSettings
from server.tls import ServerTls
from tests.support.session import PASSWORD, SmallSessions, authenticate
from tests.support.wire import Message, Wire

_Result = TypeVar("_Result")


class Running:
    """A listener on its own event loop in a thread."""

    def __init__(self, settings: ListenerSettings, tls: ServerTls | None) -> None:
        self.sessions = SmallSessions()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.listener = Listener(settings, authenticate=authenticate, sessions=self.sessions, tls=tls)
        self.call(self.listener.start())
        self.port = self.listener.port

    def begin(self, coroutine: Coroutine[Any, Any, _Result]) -> "Future[_Result]":
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def call(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        return self.begin(coroutine).result(20)

    def close(self) -> None:
        self.call(self.listener.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def connect(self, *, login: bool = True, version: tuple[int, int] = (3, 0), chop: bool = False) -> Wire:
        wire = Wire("127.0.0.1", self.port, chop=chop)
        if login:
            wire.login("ann", PASSWORD, "dev", version)
        return wire


@contextmanager
def running(tls: ServerTls | None = None, **settings: object) -> Iterator[Running]:
    server = Running(ListenerSettings(port=0, **settings), tls)  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.close()


def eventually(condition: Callable[[], bool], within_s: float = 20) -> bool:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def names(messages: list[Message]) -> list[str]:
    return [message.name for message in messages]


def query(text: str) -> str:
    return "Query " + json.dumps({"query": text})
