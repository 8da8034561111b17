"""Commits whose answer may be lost: their new files are kept until PostgreSQL has said what became of them."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from catalog.model import Relation
from core.errors import SqlError
from session.freshness import place
from storage.coordination import Coordination
from storage.kept import KeptFiles

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
_LEFT_S: Final = 600.0
"""After how long a commit of a server that has ended is settled by another."""


@dataclass(frozen=True, slots=True)
class Writes:
    """What a transaction has written, and since when."""

    tables: frozenset[int]
    begun: float = field(default_factory=time.monotonic)


class Keeping:
    """The files of one server's commits."""

    def __init__(self, coordination: Coordination, warehouse: "Warehouse") -> None:
        """Ask *coordination* what became of commits of *warehouse*."""
        location = warehouse.database.location
        self._coordination, self._warehouse = coordination, warehouse
        self._files = KeptFiles(location.data or str(location.folder / "data"), location.s3, warehouse.clock)
        self._folders: dict[tuple[str, str], str] = {}
        self._unsettled: set[str] = set()

    async def around(self, author: str, writes: Writes, work: Callable[[], None]) -> Callable[[], None]:
        """Return what does the *work* of a commit in the name of *author* with its new files kept; it blocks."""
        folders = await self._places(writes.tables)

        def kept() -> None:
            self._files.keep(author, folders, time.monotonic() - writes.begun)
            work()
            self._files.forget(author)

        return kept

    async def settle(self, author: str) -> bool:
        """Tell whether a commit was made, and see to it that its files are there; raises 08006."""
        try:
            paths = await self._coordination.files(author)
        except SqlError:
            self._unsettled.add(author)
            raise
        self._unsettled.discard(author)
        if paths is None:
            await self._warehouse.executor.run(lambda: self._files.forget(author))
        else:
            await self._warehouse.executor.run(lambda: self._files.restore(author, paths))
        return paths is not None

    async def settle_all(self) -> None:
        """Settle what nobody could tell when it ended; raises 08006."""
        for author in list(self._unsettled):
            await self.settle(author)

    async def settle_left(self) -> None:
        """Settle what servers have left that ended; raises 08006."""
        for author in await self._warehouse.executor.run(lambda: self._files.left(_LEFT_S)):
            await self.settle(author)

    async def _places(self, tables: frozenset[int]) -> list[str] | None:
        """Return the folders of *tables*, None where one has none that is known: it is new."""
        state = self._warehouse.store.state
        relations = [item for oid in tables if isinstance(item := state.objects.get(oid), Relation)]
        places = {place(state, item) for item in relations if item.engine_table and not item.temporary}
        unknown = [each for each in places if each not in self._folders]
        if unknown:
            self._folders |= await self._coordination.folders(unknown)
        if len(relations) < len(tables) or any(each not in self._folders for each in places):
            return None
        return [self._folders[each] for each in places]
