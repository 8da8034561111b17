"""What a statement's handler works with: the session's facts, the catalog as it sees it, its privileges.

Handlers (``session.statements``) get one ``Work`` and touch nothing else of the session.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Final

from auth.authorize import Principal, allowed, check
from catalog.model import Acl, CatalogObject, CatalogState, Database, Relation, RelationKind, Schema, User
from catalog.policies import RlsPolicy
from catalog.roles import default_privileges, defaults_in
from catalog.routines import Routine
from catalog.scopes import acl_of, in_scopes
from core.errors import Diagnosis, SqlError
from core.names import lower
from core.sqlstate import SqlState
from core.types import ColumnType
from engine.constants import constant
from engine.cursors import Connection, DuckDbEngine, Prepare
from session.answers import Value
from session.aside import elsewhere, here
from session.external.access import require_external
from session.external.scans import Reading, prepared
from session.functions import needs
from session.locks import Mode
from session.planning import Wanted, plan
from session.plans import Environment, Plan, extending, planned, together, udf_of
from session.principals import principal_of
from session.protection import note_applied
from session.sharing import require_door, written
from session.timetravel import refuse_written, travelling
from session.visible import Visible, require_system
from sql import incremental
from sql.canon import Pattern
from sql.facts import Settings as NamingSettings
from sql.facts import SourceKind, settled
from sql.finish import Finish
from sql.incremental import Expression
from sql.relations import External
from sql.translate import (
    CallUse,
    Translated,
    Use,
    translate_arguments,
    translate_expression,
    translate_value,
)

if TYPE_CHECKING:
    from session.session import Session
    from session.warehouse import Limits, Warehouse

_REPLANS: Final = 5


class Work:
    """One statement's working context."""

    def __init__(
        self, session: "Session", environment: Environment | None = None, parameter_oids: tuple[int, ...] = (), *,
        naming: NamingSettings = (),
    ) -> None:  # fmt: skip
        """Work for *session*, inside a procedure where *environment* is given.

        *parameter_oids* are the types that the client declared for the statement's parameters; *naming* decides what
        names in it mean where the session's parameters do not.
        """
        self.naming = naming
        self.session = session
        self.environment = environment
        self.parameter_oids = parameter_oids
        self.warehouse: Warehouse = session.warehouse
        self.engine: DuckDbEngine = session.engine
        self.tx = session.tx
        self.settings = session.settings

    @property
    def state(self) -> CatalogState:
        """The catalog as this transaction sees it."""
        return self.tx.state

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self.session.principal

    @property
    def database(self) -> Database:
        """The database that names are looked up in, and objects made in."""
        return self.session.place

    @property
    def search_path(self) -> tuple[str, ...]:
        """The schemas that bare names are looked up in."""
        return self.session.search_path

    @property
    def limits(self) -> "Limits":
        """What the administrator allows."""
        return self.warehouse.limits

    @property
    def visible(self) -> Visible:
        """Name resolution."""
        return self.session.visible()

    def next_oid(self) -> int:
        """Return an OID for a new object."""
        return self.warehouse.store.next_oid()

    def change(self, *puts: CatalogObject, drops: tuple[int, ...] = ()) -> None:
        """Record new, changed and dropped catalog objects; they are committed with the transaction."""
        gone = [item for oid in drops if (item := self.state.objects.get(oid)) is not None]
        places = frozenset(item.oid for item in gone if isinstance(item, Database | Schema))
        gone += [*in_scopes(self.state, places), *defaults_in(self.state, places)]
        if gone:
            self.tx.changes.drop(gone)
        if puts:
            self.tx.changes.put(*puts)

    def notice(self, diagnosis: Diagnosis) -> None:
        """Send a notice with the answer."""
        self.session.notices.append(diagnosis)

    def find_relation(self, parts: tuple[str, ...]) -> Relation:
        """Return the table or view called *parts*; raises 42P01, 3F000."""
        found = self.visible.relation(parts)
        if found is None and self.visible.external_schema(parts) and self.visible.source(parts) is not None:
            raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, "Operation not supported on external tables")
        if found is None:
            raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{".".join(parts)}" does not exist')
        return found

    def find_table(self, parts: tuple[str, ...]) -> Relation:
        """Return the table called *parts*; raises 42P01, and 42809 for a view."""
        found = self.find_relation(parts)
        if found.type is not RelationKind.TABLE:
            raise SqlError(SqlState.WRONG_OBJECT_TYPE, f'"{found.name}" is not a table')
        return found

    def find_schema(self, name: str | tuple[str, ...]) -> Schema:
        """Return the schema called *name*; raises 3F000."""
        return self.visible.schema((name,) if isinstance(name, str) else name)

    def require(self, privilege: str, relation: Relation, columns: frozenset[str] = frozenset()) -> None:
        """Raise 42501 unless the user may do *privilege* to *relation*."""
        self._check(self.principal, privilege, relation, columns)

    def require_schema(self, privilege: str, schema: Schema, permission: str = "") -> None:
        """Raise 42501 unless the user has *privilege* (CREATE, USAGE) on *schema*, or a system *permission*."""
        if not schema.temporary and not self.principal.may(permission):
            check(self.principal, privilege, schema.owner, acl_of(self.state, schema), kind="schema", name=schema.name)

    def require_database(self, privilege: str, permission: str = "") -> None:
        """Raise 42501 unless the user has *privilege* on the session's database, or a system *permission*."""
        if self.principal.may(permission):
            return
        now = self.state.objects.get(self.database.oid)
        database = now if isinstance(now, Database) else self.database
        check(self.principal, privilege, database.owner, database.acl, kind="database", name=database.name)

    def require_owner(self, relation: Relation, permission: str = "", privilege: str = "") -> None:
        """Raise 42501 unless the user owns *relation* (or is a superuser), or has what stands for that.

        That is a system *permission*, or a *privilege* on it.
        """
        if relation.owner == self.principal.oid or self.principal.may(permission):
            return
        if not privilege or not allowed(self.principal, privilege, relation.owner, acl_of(self.state, relation)):
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be owner of relation {relation.name}")
        self.require(privilege, relation)

    def require_permission(self, permission: str) -> None:
        """Raise 42501 unless the user is a superuser or a role of its brings *permission*."""
        if not self.principal.may(permission):
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be superuser to {permission.lower()}")

    def default_acl(self, schema: Schema, object_kind: str) -> Acl:
        """Return the list that a new object of the user begins with (ALTER DEFAULT PRIVILEGES)."""
        owner = self.principal.oid
        found = (default_privileges(self.state, owner, place, object_kind) for place in (0, schema.oid))
        return tuple(grant for row in found if row is not None for grant in row.acl if grant.grantee != owner)

    async def lock(self, relation: Relation, mode: Mode) -> Relation:
        """Lock *relation* for a change and return it as it is then; raises 42P01 where it is gone."""
        await self.tx.writing(frozenset({relation.oid}), mode)
        now = self.state.objects.get(relation.oid)
        if not isinstance(now, Relation):
            raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{relation.name}" does not exist')
        return now

    async def lock_name(self, schema: int, name: str) -> None:
        """Keep other sessions from making or renaming something to *name*, in whatever case, in *schema* (OID)."""
        await self.tx.lock(("name", schema, lower(name)), Mode.ACCESS_EXCLUSIVE)

    def plan(
        self, text: str, offset: int = 0, oids: tuple[int, ...] = (), finish: Finish = Finish.WIRE, *,
        plain: bool = False, views: tuple[Pattern, ...] = (),
    ) -> Plan:  # fmt: skip
        """Translate a query or DML statement, from the cache where it was seen before.

        *plain* is without ``sql.bulk``; *views* may be read in place of tables.
        """
        return plan(self, text, Wanted(offset, oids, finish, plain=plain, views=views))

    def plan_value(self, text: str, offset: int, goal: ColumnType | None) -> Plan:
        """Translate an expression of a procedure that gives one value, as the text of one of type *goal*."""
        inside = self.environment
        key = (text, offset, goal, "value", inside and inside.key, self.session.translation_key())
        variables = inside.type_of if inside else None
        return self._cached(key, lambda: translate_value(text, self.visible, goal, variables=variables))

    def plan_arguments(
        self,
        arguments: tuple[str, ...],
        signatures: list[tuple[ColumnType, ...]],
        oids: tuple[int, ...] = (),
    ) -> tuple[list[int], "Plan | str"]:
        """Plan the arguments of a CALL of a procedure with one of *signatures*; see ``translate_arguments``."""
        inside = self.environment
        best, found = translate_arguments(
            arguments, signatures, self.visible, parameter_oids=oids, variables=inside.type_of if inside else None
        )
        return best, found if isinstance(found, str) else planned(found)

    def bound(self, plan: Plan, parameters: tuple[Value, ...] = ()) -> tuple[Value, ...]:
        """Return the parameters to run *plan* with: inside a procedure, the variables that it names."""
        if self.environment is None or not plan.translated.variables:
            return parameters
        return tuple(self.environment.value_of(parts) for parts in plan.translated.variables)

    def _cached(self, key: Hashable, make: Callable[[], Translated]) -> Plan:
        found: Plan | None = self.warehouse.translations.get(key)
        if found is None:
            found = planned(make())
            if found.translated.cacheable:
                self.warehouse.translations.put(key, found)
        return found

    async def ready(
        self, text: str, offset: int = 0, oids: tuple[int, ...] = (), finish: Finish = Finish.WIRE
    ) -> Plan:
        """Return the plan of a statement once it is allowed and its locks are held."""
        return await self.allowed(lambda: self.plan(text, offset, oids, finish))

    async def allowed(self, make: Callable[[], Plan], lock: Callable[[Plan], Awaitable[None]] | None = None) -> Plan:
        """Return the plan that *make* makes once it is allowed and its locks are held, those that *lock* takes."""
        written = self.tx.written
        for _ in range(_REPLANS):
            found = here(self.session, make)
            plan = found if found is not None else await elsewhere(self.session, make)
            if written:
                refuse_written(plan.translated, written)
            self.authorize(plan.translated.uses)
            if plan.translated.calls:
                self.authorize_calls(plan.translated.calls)
            token = self.tx.token
            await (lock or self.locked)(plan)
            # What a lock was waited for may have changed what the names mean.
            if token == self.tx.token:
                self.session.plan = plan
                if plan.translated.guarded and self.session.active:
                    note_applied(self.session, plan.translated)
                return plan
        raise SqlError(SqlState.LOCK_NOT_AVAILABLE, "the tables of this statement keep changing")

    def reading(self, view: Relation, places: Mapping[int, str], text: Expression | None = None) -> Plan:
        """Translate a view's query (or *text*) with the relations *places* (by OID) read from other engine SQL."""
        seen = {item.relation: item.columns for item in view.seen}
        facts = settled(self.visible, view.settings)
        return planned(incremental.reading(text or view.definition or "", facts, places, seen))

    def prepare(
        self, plan: Plan, parameters: tuple[Value, ...] = (), *, reading: Reading = Reading.ROWS
    ) -> Prepare | None:
        """Return what must be done on the connection before *plan* runs, or is looked at otherwise."""
        prepare = self._prepare(plan.variables, plan.sources, plan.translated.externals)
        external = prepared(self, plan, parameters, reading)
        more = extending(self.warehouse, plan.translated), prepare, travelling(self, plan.translated), external
        return together(*more)

    def prepare_sources(self, sql: str) -> Prepare | None:
        """Return what must be done on the connection before engine SQL over the ``sys_*`` sources runs."""
        return self._prepare(*needs(sql))

    def _prepare(
        self, names: tuple[str, ...], sources: tuple[str, ...], externals: tuple[External, ...] = ()
    ) -> Prepare | None:
        variables = self.session.variables.fresh(self.session, names)
        fills = self.session.fresh_sources(sources)
        if not variables and not fills and not externals:
            return None
        udfs = self.limits.udfs

        def work(connection: Connection) -> None:
            for external in externals:
                if udfs is not None:
                    udfs.install(connection, udf_of(external))
            for name, value in variables:
                connection.execute(f"SET VARIABLE {name} = {constant(value)}")
            for fill in fills:
                fill(connection)

        return work

    def authorize(self, uses: tuple[Use, ...]) -> None:
        """Raise 42501 unless everything that a statement uses is allowed to who uses it."""
        superuser = self.principal.superuser
        for use in uses:
            if superuser and use.owner is None:
                continue
            if use.source.kind is SourceKind.EXTERNAL:
                require_external(self.state, use.source.external, self._acting(use.owner), use.privilege)
                continue
            if use.source.kind is SourceKind.SYSTEM:
                require_system(use.source, self.principal)
                continue
            relation = self.state.objects.get(use.source.oid)
            if not isinstance(relation, Relation):
                raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{use.source.name}" does not exist')
            who = self._acting(use.owner)
            if not require_door(self.state, use.source.door, who, relation, use.columns):
                self._check(who, use.privilege, relation, use.columns)

    def authorize_calls(self, calls: tuple[CallUse, ...]) -> None:
        """Raise 42501 unless every function that a statement calls may be called by who calls it."""
        for use in calls:
            routine = self.state.objects.get(use.function.oid)
            if isinstance(routine, Routine):
                # A policy's functions are called with the rights of who runs the statement.
                policy = isinstance(self.state.objects.get(use.owner or 0), RlsPolicy)
                self.require_routine(routine, self.principal if policy else self._acting(use.owner))

    def require_routine(self, routine: Routine, who: Principal | None = None) -> None:
        """Raise 42501 unless *who* (the user) may call *routine*."""
        who = who or self.principal
        schema = self.state.objects.get(routine.schema)
        if isinstance(schema, Schema):
            check(who, "USAGE", schema.owner, acl_of(self.state, schema), kind="schema", name=schema.name)
        check(who, "EXECUTE", routine.owner, acl_of(self.state, routine), kind=routine.word, name=routine.name)

    def expression(self, text: str) -> str:
        """Return an expression without columns (DEFAULT) as engine SQL."""
        return translate_expression(text, self.visible)

    async def translate_query(self, text: str) -> str:
        """Return the engine SQL of a query that is allowed and locked (UNLOAD)."""
        plan = await self.ready(text, finish=Finish.EXACT)
        if (prepare := self.prepare(plan)) is not None:
            connection = self.engine.connection
            await self.engine.work(lambda: prepare(connection))
        return plan.translated.engine_sql

    def _acting(self, owner: int | None) -> Principal:
        if owner is None:
            return self.principal
        user = self.state.objects.get(owner)
        if isinstance(user, RlsPolicy):
            # What its lookup tables were granted to.
            return Principal(user.oid, user.name, superuser=False)
        if not isinstance(user, User):
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "permission denied for the owner of a view")
        return principal_of(user, self.state)

    def _check(self, who: Principal, privilege: str, relation: Relation, columns: frozenset[str]) -> None:
        schema = self.state.objects.get(relation.schema)
        policy = isinstance(self.state.objects.get(who.oid), RlsPolicy)
        if isinstance(schema, Schema) and not schema.temporary and not policy:
            check(who, "USAGE", schema.owner, acl_of(self.state, schema), kind="schema", name=schema.name)
        acl = acl_of(self.state, relation)
        check(who, privilege, relation.owner, acl, kind="relation", name=relation.name, columns=columns)

    async def locked(self, plan: Plan) -> None:
        """Take the locks of *plan*."""
        target = plan.translated.target
        await self.tx.reading(plan.tables - ({target.oid} if target else set()))
        if target is not None and target.kind is SourceKind.TABLE:
            await self.tx.writing(written(self, target.oid))
            if {"UPDATE", "DELETE"} & {use.privilege for use in plan.translated.uses if use.source.oid == target.oid}:
                # Which rows it changes it has read.
                await self.tx.reading(frozenset({target.oid}))
