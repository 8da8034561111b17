"""One client's conversation, whatever carries it.

State between statements lives here; what a statement does is in ``session.pipeline`` and the handlers.
``simple`` and the extended protocol's calls are used by one caller at a time; ``cancel`` may come at any
moment.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from auth.authorize import Principal
from catalog.model import Database, Schema, User
from core.errors import Canceled, Diagnosis, SqlError
from core.sqlstate import SqlState
from core.types import Column, ColumnType, Origin
from engine.cursors import DuckDbEngine, Value
from engine.spark.cluster import Conversation
from session import drivers, extended, live, lockout, simple
from session.admission import Admission
from session.answers import Answer, Style, counted, nothing_to_push
from session.external.tables import Lookup, Outside
from session.hot import HotEngine
from session.plans import Plan
from session.portals import Portal, Prepared, Shelf
from session.principals import principal_of
from session.recorder import Arrival
from session.settings import SETTINGS, Settings, search_path
from session.transactions import Transaction
from session.variables import Variables
from session.visible import Viewer, Visible
from session.warehouse import Warehouse
from sql.statement import Kind

_SECRET_BYTES: Final = 32
_TRANSLATION: Final = tuple(row.name for row in SETTINGS if row.translation)


class Session:
    """One session."""

    _key: tuple[Any, Any] | None = None
    _identity: tuple[object, Principal] | None = None
    _style: tuple[int, Style] | None = None
    conversation: Conversation | None = None
    """With a Spark cluster, where the statement that runs has one."""
    counted: DuckDbEngine
    """What has run the statement, and counted what it cost."""
    aside: bool = False  # whether what is planned now may be begun again on a thread
    query: int = 0
    query_text: str = ""
    source_query: int | None = None  # whose kept rows answer the one that runs

    def __init__(self, pid: int, warehouse: Warehouse, user: User, database: Database, peer: str) -> None:
        """Begin a session of *user* in *database*; ``open`` must be awaited before its first use."""
        self.pid: int = pid
        self.secret = secrets.token_bytes(_SECRET_BYTES)
        self.warehouse = warehouse
        self.user: User = user
        self.session_user: User = user
        self.database: Database = database
        self.joined: frozenset[int] = frozenset()
        """Groups and roles (OIDs) that the session's user has joined for its time."""
        self.used: Database | None = None
        """The database that USE chose instead."""
        self.arrival = Arrival(peer=peer, user=user.name, database=database.name)
        self.started = warehouse.clock.now()
        self.notices: list[Diagnosis] = []
        self.push: Callable[[], Awaitable[None]] = nothing_to_push
        """Sends the notices before the statement ends; whoever talks to the client sets it."""
        self.shelf = Shelf()
        self.settings: Settings = Settings(
            {"is_superuser": "on" if user.superuser else "off", "session_authorization": user.name}
            | lockout.shown(warehouse.store.state)
        )
        self.engine = self.counted = warehouse.connect()
        self.hot = HotEngine(warehouse.hot.store, warehouse.executor, warehouse.together)
        self.tx: Transaction = Transaction(pid, warehouse, self.engine, self.settings)
        self.query_started: datetime = self.started
        self.last_copy: tuple[int, int] = (-1, 0)
        self.last_unload: tuple[int, int] = (-1, 0)
        self.priority = ""  # what CHANGE_SESSION_PRIORITY made it
        self.admission = Admission(self)
        self.stopped: Canceled | None = None
        """Why the statement that is active must end: for what runs between the engine's statements."""
        self.answer: Answer | None = None
        """What the statement that runs is answered with, once that is known."""
        self.outside = Outside()
        self.plan: Plan | None = None
        """Of the statement that runs, once it has one: what it reads and asks for."""
        self.kind: Kind | None = None
        self._active, self.zone = False, "UTC"
        self._timer: asyncio.TimerHandle | None = None
        self.variables, self.instance = Variables(), warehouse.database.failures
        self.lost: SqlError | None = None
        """What the next statement must be told, once."""
        self._greeting: list[tuple[str, str]] = []

    async def open(self, parameters: dict[str, str]) -> None:
        """Apply the user's defaults and the start-up packet's parameters; unknown ones are ignored."""
        self.settings.fix("wlm_json_configuration", self.warehouse.limits.queues.text)
        self.settings.fix("require_ssl", "true" if self.warehouse.limits.requires_ssl else "false")
        for name, value in self.user.settings:
            self.settings.offer(name, value)
        for name, value in (*drivers.switches(parameters.get("options", "")), *parameters.items()):
            self.settings.offer(name.lower(), value)
        self._greeting = drivers.greeting(parameters, keeps_case=self.settings.keeps_case)
        await self.settle()

    # What the connection reports.

    @property
    def parameters_reported(self) -> list[tuple[str, str]]:
        """Return the ParameterStatus values to begin with."""
        return [*self.settings.reports(), *self._greeting]

    def origins(self, columns: tuple[Column, ...]) -> tuple[Origin | None, ...]:
        """Return where the columns of a result come from, None for expressions."""
        return drivers.origins(self.tx.state, self.place.name, columns)

    @property
    def has_news(self) -> bool:
        """Whether there may be notices or changed parameters to tell of."""
        return self.settings.stale or bool(self.notices)

    def take_reports(self) -> list[tuple[str, str]]:
        """Return the reported parameters that have changed since."""
        return self.settings.reports()

    def take_notices(self) -> list[Diagnosis]:
        """Return the notices that have come up since."""
        taken, self.notices = self.notices, []
        return taken

    @property
    def status(self) -> str:
        """Return what ReadyForQuery tells: I, T or E."""
        return self.tx.status

    @property
    def output_style(self) -> Style:
        """Return how values are to be shown now."""
        if self._style is None or self._style[0] != self.settings.changes:
            get = self.settings.get
            style = Style(get("timezone"), int(get("extra_float_digits")), get("datestyle"), get("intervalstyle"))
            self._style = self.settings.changes, style
        return self._style[1]

    # What the connection asks for.

    def simple(self, text: str) -> AsyncIterator[Answer]:
        """Run a simple query: yield an answer a statement; each must be read before the next is asked for."""
        return simple.run(self, text)

    async def parse(self, name: str, text: str, parameter_oids: tuple[int, ...]) -> None:
        """Prepare a statement (Parse)."""
        await self.warehouse.informed()
        await extended.parse(self, name, text, parameter_oids)

    def parameter_types(self, name: str) -> tuple[ColumnType, ...]:
        """Return the types of a prepared statement's parameters."""
        return self.prepared(name).parameter_types

    async def describe_statement(self, name: str) -> tuple[tuple[ColumnType, ...], tuple[Column, ...] | None]:
        """Return a prepared statement's parameter types and columns; it is planned, not run."""
        await self.warehouse.informed()
        prepared = self.prepared(name)
        return prepared.parameter_types, await extended.columns(self, prepared)

    async def bind(
        self, portal: str, statement: str, values: tuple[Value, ...], result_formats: tuple[int, ...]
    ) -> None:
        """Make a portal of a prepared statement (Bind)."""
        await extended.bind(self, portal, statement, values, result_formats)

    async def describe_portal(self, name: str) -> tuple[tuple[Column, ...] | None, tuple[int, ...]]:
        """Return a portal's columns and result formats; an SQL cursor is a portal, which psycopg describes."""
        if (cursor := self.shelf.cursors.get(name)) is not None:
            return cursor.columns, ()
        await self.warehouse.informed()
        portal = self.portal(name)
        return await extended.portal_columns(self, portal), portal.result_formats

    async def execute(self, name: str, max_rows: int) -> tuple[Answer, tuple[int, ...]]:
        """Run a portal, or go on reading it (Execute)."""
        portal = self.portal(name)
        return await extended.execute(self, portal, max_rows), portal.result_formats

    async def close_statement(self, name: str) -> None:
        """Forget a prepared statement, if there is one."""
        self.shelf.statements.pop(name, None)

    async def close_portal(self, name: str) -> None:
        """Close a portal, if there is one."""
        portal = self.shelf.portals.pop(name, None)
        if portal is not None:
            portal.close()

    async def sync(self) -> None:
        """End a batch of the extended protocol: an implicit transaction is committed."""
        self.end_statement()
        if self.tx.running and not self.tx.block:
            await self.commit()
        await self.settle()

    async def fail(self, error: SqlError | None = None) -> None:
        """Take note of an error: the transaction has failed."""
        self.end_statement(error)
        self.warehouse.mending.suspect(error)
        self.shelf.portals.pop("", None)
        await self.tx.fail()
        if not self.tx.block or self.tx.failed:
            self.shelf.end_transaction()
        await self.settle()

    def cancel(self) -> None:
        """Interrupt what runs now, and nothing that comes later (CancelRequest)."""
        self.interrupt(Canceled(SqlState.QUERY_CANCELED, f"Query ({self.query}) cancelled on user's request"))

    async def close(self) -> None:
        """End the session: what is open is rolled back, temporary tables go."""
        self.interrupt(Canceled(SqlState.ADMIN_SHUTDOWN, "terminating connection due to administrator command"))
        self.end_statement()
        if self.tx.running:
            await self.tx.rollback()
        self.shelf.end_transaction()
        self.warehouse.recorder.connection("disconnecting session", self.arrival, self.pid, self.started)
        self.warehouse.locks.release_all(self.pid)
        self.warehouse.sessions.pop(self.pid, None)
        if self.warehouse.fleet is not None:
            self.warehouse.fleet.presence.leave(self.pid)
        await self.warehouse.executor.run(self.engine.close)
        await self.warehouse.executor.run(lambda: self.warehouse.shared.release(self.pid))
        self.hot.close()
        self.outside.close()

    # What handlers and the protocol modules use.

    def interrupt(self, reason: Canceled) -> None:
        """Stop the statement that is active with *reason*; without effect where none is."""
        if self._active:
            self.stopped = reason
            self.tx.interrupt(reason)
            self.admission.stop_waiting(reason)
            self.engine.interrupt(reason)
            self.hot.interrupt(reason)
            if self.conversation is not None:
                self.conversation.interrupt(reason)

    def begin_statement(self, text: str, kind: Kind | None = None) -> None:
        """Note that a statement begins: it can be cancelled, and its time runs."""
        if self._active or self.admission.ticket is not None:
            self.end_statement()
        self.outside.forget()
        self._active = True
        self.kind = kind
        self.answer = self.plan = self.stopped = self.conversation = self.source_query = None
        self.counted = self.engine
        self.query = self.warehouse.next_query()
        self.query_text = text
        self.query_started = self.warehouse.clock.now()
        limit = self.settings.number("statement_timeout")
        if limit:
            reason = Canceled(SqlState.QUERY_CANCELED, "canceling statement due to statement timeout")
            self._timer = asyncio.get_running_loop().call_later(limit / 1_000, self.interrupt, reason)

    def end_statement(self, error: SqlError | None = None) -> None:
        """Note that no statement is active; *error* is what ended the one that was."""
        if self._active:
            self.admission.leave()
            self.warehouse.recorder.statement(self, self.kind, counted(self.answer), error)
        self.admission.forget()
        self._active = False
        self.outside.forget()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def command(self) -> str:
        """The statement that runs, as a letter: u, d, y; s for all that reads."""
        return {Kind.UPDATE: "u", Kind.DELETE: "d", Kind.MERGE: "u"}.get(self.kind, "s") if self.kind else "s"

    @property
    def active(self) -> bool:
        """Whether a statement runs."""
        return self._active

    async def commit(self) -> None:
        """Commit the open transaction; portals and cursors end with it, but for those WITH HOLD."""
        await self.shelf.keep()
        self.shelf.end_transaction()
        await self.tx.commit()

    async def rollback(self) -> None:
        """Roll the open transaction back."""
        self.shelf.end_transaction()
        await self.tx.rollback()

    def prepared(self, name: str) -> Prepared:
        """Return the statement called *name*; raises 26000."""
        found = self.shelf.statements.get(name)
        if found is None:
            shown = f'prepared statement "{name}"' if name else "unnamed prepared statement"
            raise SqlError(SqlState.INVALID_SQL_STATEMENT_NAME, f"{shown} does not exist")
        return found

    def portal(self, name: str) -> Portal:
        """Return the portal called *name*; raises 34000."""
        found = self.shelf.portals.get(name)
        if found is None:
            raise SqlError(SqlState.INVALID_CURSOR_NAME, f'portal "{name}" does not exist')
        return found

    def act_as(self, user: User) -> None:
        """Go on with *user*'s rights (SET SESSION AUTHORIZATION)."""
        self.user = user
        self._identity = None
        self.settings.fix("is_superuser", "on" if user.superuser else "off")
        self.settings.fix("session_authorization", user.name)

    @contextmanager
    def lent(self, user: User) -> Iterator[None]:
        """Go on with *user*'s rights for a while (SECURITY DEFINER)."""
        kept, self.user, self._identity = self.user, user, None
        try:
            yield
        finally:
            self.user, self._identity = kept, None

    @property
    def principal(self) -> Principal:
        """Who the session acts as, with its groups as they are now."""
        state = self.warehouse.store.state
        if self._identity is None or self._identity[0] is not state:
            user = state.objects.get(self.user.oid)
            if isinstance(user, User):
                self.user = user
            joined = self.joined if self.user.oid == self.session_user.oid else frozenset()
            self._identity = (state, principal_of(self.user, state, joined))
        return self._identity[1]

    @property
    def place(self) -> Database:
        """The database that names without one are looked up in."""
        return self.used or self.database

    def use(self, database: Database | None) -> None:
        """Look names up in *database*, None for the one that the client is connected to."""
        self.used = database
        self.settings.reset("search_path")
        self._key = None

    @property
    def search_path(self) -> tuple[str, ...]:
        """The schemas of search_path, ``$user`` replaced."""
        names = search_path(self.settings.get("search_path"))
        return tuple(self.user.name if name == "$user" else name for name in names)

    @property
    def temporary_schema(self) -> Schema | None:
        """The session's schema of temporary tables, once there is one."""
        for place in (self.tx.changes.puts, self.tx.temporaries.puts):
            for item in place.values():
                if isinstance(item, Schema) and item.temporary:
                    return item
        return None

    def visible(self) -> Visible:
        """Return name resolution for the statement that runs."""
        temporary, languages = self.temporary_schema, self.warehouse.limits.languages
        external = Lookup(self.tx.state, self.settings, self.warehouse.limits, self.outside)
        viewer = Viewer(
            who=self.principal, settings=self.settings, temporary=temporary, languages=languages, external=external,
            begun_again=lambda: self.aside,
        )  # fmt: skip
        seen = Visible(self.tx.state, self.database, self.search_path, viewer)
        return seen if self.used is None else seen.within(self.used.name)

    def translation_key(self) -> object:
        """Return all that a translation depends on beside its text."""
        if self._key is None or self._key[0] != self.settings.serial:
            shared = tuple(self.settings.get(name) for name in _TRANSLATION)
            self._key = (self.settings.serial, (self.place.oid, self.search_path, shared))
        private = (self.pid, self.tx.token) if self.tx.private else self.warehouse.store.state.version
        return private, self._key[1], self.user.oid

    def fresh_sources(self, names: tuple[str, ...]) -> list[live.Fill]:
        """Return what fills those of the system sources *names* that are not as they should be."""
        return live.fresh(self, names, self.tx.filled)

    async def settle(self) -> None:
        """Hand to the engine what it must know of the settings."""
        zone = self.settings.get("timezone")
        if zone != self.zone:
            await self.engine.run(f"SET TimeZone = '{zone}'")
            self.zone = zone
