"""Copies of the catalog's sources that all sessions read: one table of the engine's memory a source and version.

A session reads a copy through a temporary view of its own connection. A copy goes once a newer one is there and nobody
reads it any more. Sessions inside a transaction, or with objects that only they see, make copies of their own instead
(``session.live``): a table that another connection has made since is not there for a transaction.
"""

from threading import Lock
from typing import Any, Final

from core.names import quote
from storage.database import Database

_HANDED: Final = "duckshift_shared"


class SharedSources:
    """Which copies there are and who reads them; every method may block and be called by any thread."""

    def __init__(self, database: Database) -> None:
        """Start without copies, on a connection of its own."""
        self._connection = database.cursor()
        self._lock = Lock()
        self._readers: dict[tuple[str, int], set[int]] = {}
        self._newest: dict[str, int] = {}
        self._held: dict[tuple[int, str], int] = {}

    def take(self, reader: int, name: str, version: int, made: Any) -> str:
        """Return the engine's name of the copy of a source at *version*, which *made* holds; *reader* reads it now."""
        with self._lock:
            key = name, version
            if key not in self._readers:
                self._connection.register(_HANDED, made)
                self._connection.execute(f"CREATE OR REPLACE TABLE {_table(name, version)} AS FROM {_HANDED}")
                self._connection.unregister(_HANDED)
                self._readers[key] = set()
                before = self._newest.get(name, -1)
                self._newest[name] = max(before, version)
                self._drop(name, before)
            self._readers[key].add(reader)
            held = self._held.get((reader, name))
            if held is not None and held != version:
                self._leave(reader, name, held)
            self._held[reader, name] = version
            return _table(name, version)

    def reconnect(self, database: Database) -> None:
        """Begin anew in a new instance, which has no copies; who reads one takes it again."""
        with self._lock:
            self._connection = database.cursor()
            self._readers, self._newest, self._held = {}, {}, {}

    def release(self, reader: int) -> None:
        """Take note that *reader* has gone."""
        with self._lock:
            for key in [key for key in self._held if key[0] == reader]:
                self._leave(reader, key[1], self._held.pop(key))

    def _leave(self, reader: int, name: str, version: int) -> None:
        self._readers[name, version].discard(reader)
        self._drop(name, version)

    def _drop(self, name: str, version: int) -> None:
        """Drop a copy that nobody reads and that is not the newest."""
        if version != self._newest[name] and not self._readers.get((name, version), {0}):
            del self._readers[name, version]
            self._connection.execute(f"DROP TABLE {_table(name, version)}")


def _table(name: str, version: int) -> str:
    return f"memory.main.{quote(f'shared_{name}_{version}')}"
