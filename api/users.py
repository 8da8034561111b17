"""Database users that stand for identities: made when they are first needed, without a password."""

import asyncio
from collections.abc import Sequence
from typing import Final

from api.errors import invalid
from auth.exchange import Entry
from catalog.model import BOOTSTRAP_USER, User
from core.names import quote
from session.calls import run
from session.sessions import SessionFactory
from session.warehouse import Warehouse

APPLICATION: Final = "duckshift-iam"
_PROTOCOL: Final = (3, 0)


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
        system = self._warehouse.store.state.objects[BOOTSTRAP_USER]
        assert isinstance(system, User)  # noqa: S101 - made with the warehouse, never dropped
        session = await self._sessions.open(
            user=system.name,
            database=self._database,
            parameters={"application_name": APPLICATION, "enable_case_sensitive_identifier": "true"},
            peer="[local]",
            tls=False,
            protocol=_PROTOCOL,
            entry=Entry(system.name, method="internal"),
        )
        try:
            for statement in statements:
                await run(session, statement)
        finally:
            await session.close()
