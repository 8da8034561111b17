"""Database users that stand for identities: made when they are first needed, without a password."""

import asyncio
from collections.abc import Sequence
from typing import Final

from api.errors import invalid
from catalog.model import BOOTSTRAP_USER
from core.names import quote
from session.internal import run_as_system
from session.sessions import SessionFactory
from session.warehouse import Warehouse

APPLICATION: Final = "duckshift-iam"


class Users:
    """The users of one warehouse."""

    def __init__(self, warehouse: Warehouse, sessions: SessionFactory, database: str) -> None:
        """Make users in sessions of the system's own user."""
        self._warehouse = warehouse
        self._sessions = sessions
        self._database = database
        self._lock = asyncio.Lock()

    def exists(self, name: str) -> bool:
        """Tell whether there is a user called *name*."""
        return self._warehouse.store.state.user(name) is not None

    def check(self, name: str) -> None:
        """Refuse the system's own user, which nobody logs in as."""
        found = self._warehouse.store.state.user(name)
        if found is not None and found.oid == BOOTSTRAP_USER:
            raise invalid(f"The database user {name} is reserved.")

    async def ensure(self, name: str) -> None:
        """Make a user called *name* where there is none."""
        self.check(name)
        if not self.exists(name):
            async with self._lock:
                if not self.exists(name):
                    await self.run([f"CREATE USER {quote(name)} PASSWORD DISABLE"])

    async def run(self, statements: Sequence[str]) -> None:
        """Run *statements* as the system's own user."""
        await run_as_system(self._warehouse, self._sessions, self._database, APPLICATION, statements)
