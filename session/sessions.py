"""Opening sessions: does the database exist, may the user come in, is there room."""

import asyncio
import itertools

from auth.exchange import Entry
from catalog.model import BOOTSTRAP_USER, CatalogState, Database, User
from catalog.roles import role
from core.errors import ConnectionFatal, SqlError
from core.sqlstate import SqlState
from session import drivers
from session.federation import admit
from session.fleet.fleet import FIRST_PROCESS
from session.fleet.presence import Newcomer
from session.live import known_elsewhere
from session.lockout import failed, forgiven, informed, settled
from session.recorder import Arrival
from session.session import Session
from session.warehouse import Warehouse


class SessionFactory:
    """Makes the sessions of one warehouse and keeps their list."""

    def __init__(self, warehouse: Warehouse) -> None:
        """Open sessions of *warehouse*."""
        self._warehouse = warehouse
        self._numbers = itertools.count()
        self.admitting = asyncio.Lock()
        """Held while users and roles are made for somebody who comes in."""
        self.paused = False
        """Whether only the system's own user may come in."""

    async def open(  # noqa: PLR0913 - the facts of a connection
        self,
        *,
        user: str,
        database: str,
        parameters: dict[str, str],
        peer: str,
        tls: bool,
        protocol: tuple[int, int],
        entry: Entry | None = None,
        cipher: tuple[str, str] | None = None,
    ) -> Session:
        """Return a session in *database* of *user*, whose identity is proved, or of whom *entry* says instead.

        *cipher* is the version of TLS and what it encrypts with, where that is known.
        Raises ``ConnectionFatal``: 28000, 3D000, 53300, 42501.
        """
        await self._warehouse.mending.settled()
        await self._caught_up()
        entry = entry or Entry(user)
        if entry.makes:
            entry = await admit(self._warehouse, self, entry, database)
        state, user = self._warehouse.store.state, entry.user
        found = state.user(user)
        if found is None:
            raise ConnectionFatal(SqlState.INVALID_AUTHORIZATION_SPECIFICATION, f'user "{user}" does not exist')
        place = state.database(database)
        if place is None:
            raise ConnectionFatal(SqlState.INVALID_CATALOG_NAME, f'database "{database}" does not exist')
        groups = frozenset(_group(state, name) for name in entry.groups)
        groups |= {held.oid for name in entry.roles if (held := role(state, name)) is not None}
        if entry.method == "password":
            forgiven(self._warehouse, found.oid)
        self._check_open(found)
        self._check_limits(found, place)
        session = Session(self._next_pid(), self._warehouse, found, place, peer)
        session.joined = groups
        self._warehouse.sessions[session.pid] = session
        session.arrival = Arrival(
            peer=peer, user=user, database=database, method=entry.method, cipher=cipher or ("TLS" if tls else "", ""),
            application=parameters.get("application_name", ""), driver=parameters.get("driver_version", ""),
            system=parameters.get("os_version", ""), plugin=parameters.get("plugin_name", ""),
            level=drivers.level(parameters) or 0,
        )  # fmt: skip
        for event in ("authenticated", "initiating session"):
            self._warehouse.recorder.connection(event, session.arrival, session.pid)
        try:
            await self._enter(session, found, place)
            await session.open(parameters)
        except BaseException:
            await session.close()
            raise
        return session

    async def expect(self) -> None:
        """Prepare for somebody who comes in: users of other servers are to be known, and who is locked out there."""
        await self._caught_up()
        try:
            await informed(self._warehouse)
        except SqlError as error:
            raise _unreachable() from error

    async def _caught_up(self) -> None:
        try:
            await self._warehouse.informed()
        except SqlError as error:
            raise _unreachable() from error

    async def _enter(self, session: Session, user: User, database: Database) -> None:
        """Count *session* among those of all the lake's servers."""
        fleet = self._warehouse.fleet
        if fleet is None:
            return
        limits = (None, None) if user.superuser else (user.connection_limit, database.connection_limit)
        newcomer = Newcomer(
            pid=session.pid, user=(user.oid, user.name), database=(database.oid, database.name), limits=limits,
            facts=known_elsewhere(session),
        )  # fmt: skip
        try:
            await fleet.presence.enter(newcomer)
        except ConnectionFatal:
            raise
        except SqlError as error:
            raise _unreachable() from error

    def _next_pid(self) -> int:
        number, fleet = next(self._numbers), self._warehouse.fleet
        return FIRST_PROCESS + number if fleet is None else fleet.process(number)

    def refused(self, *, user: str, database: str, peer: str, tls: bool) -> None:
        """Take note that *user* could not prove who it is."""
        failed(self._warehouse, user)
        arrival = Arrival(peer=peer, user=user, database=database, cipher=("TLS" if tls else "", ""))
        self._warehouse.recorder.connection("authentication failure", arrival)

    async def settled(self) -> None:
        """Wait until all servers of the lake know who was refused."""
        await settled(self._warehouse)

    def _check_open(self, user: User) -> None:
        if self.paused and user.oid != BOOTSTRAP_USER:
            raise ConnectionFatal(SqlState.CANNOT_CONNECT_NOW, "the cluster is paused")

    def _check_limits(self, user: User, database: Database) -> None:
        sessions = self._warehouse.sessions.values()
        if user.connection_limit is not None and not user.superuser:
            mine = sum(session.session_user.oid == user.oid for session in sessions)
            if mine >= user.connection_limit:
                raise ConnectionFatal(SqlState.TOO_MANY_CONNECTIONS, f'too many connections for user "{user.name}"')
        if database.connection_limit is not None and not user.superuser:
            there = sum(session.database.oid == database.oid for session in sessions)
            if there >= database.connection_limit:
                raise ConnectionFatal(
                    SqlState.TOO_MANY_CONNECTIONS, f'too many connections for database "{database.name}"'
                )


def _unreachable() -> ConnectionFatal:
    return ConnectionFatal(SqlState.CANNOT_CONNECT_NOW, "the catalogue cannot be reached")


def _group(state: CatalogState, name: str) -> int:
    group = state.group(name)
    if group is None:
        raise ConnectionFatal(SqlState.INVALID_AUTHORIZATION_SPECIFICATION, f'group "{name}" does not exist')
    return group.oid
