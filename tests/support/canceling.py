"""Cancel requests that find what they are meant for, however late it begins on a busy machine."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest


@contextlib.contextmanager
def repeated(action: Callable[[], object], every_s: float) -> Iterator[None]:
    """Do *action* again and again, first after *every_s*, until what is within has ended."""
    ended = threading.Event()

    def act() -> None:
        while not ended.wait(every_s):
            with contextlib.suppress(psycopg.Error):
                action()

    acting = threading.Thread(target=act)
    acting.start()
    try:
        yield
    finally:
        ended.set()
        acting.join()


def until_it_runs(watcher: psycopg.Connection[Any], pid: int) -> None:
    """Wait until the session *pid* runs a statement."""
    end = time.monotonic() + 60
    running = "SELECT count(*) FROM stv_recents WHERE status = 'Running' AND pid = %s"
    while watcher.execute(running, (pid,)).fetchone() == (0,):
        assert time.monotonic() < end
        time.sleep(0.05)


@contextlib.contextmanager
def canceled(connection: psycopg.Connection[Any], after_s: float = 0.3) -> Iterator[None]:
    """Cancel what *connection* runs within, which must have had no other end."""
    with repeated(connection.cancel, after_s), pytest.raises(psycopg.errors.QueryCanceled):
        yield
