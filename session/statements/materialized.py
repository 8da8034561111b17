"""CREATE, ALTER and REFRESH MATERIALIZED VIEW.

Redshift, "Materialized views": a view over a table of its own, ``mv_tbl__<name>__0``, which REFRESH brings
up to date (``session.refresh``). DROP is with the other objects.
"""

from dataclasses import replace
from datetime import UTC, datetime

from catalog import ddl
from catalog.model import Database, Relation, RelationKind, Schema, TableColumn
from catalog.views import Materialized
from core.errors import SqlError, info, not_supported
from core.names import quote
from core.sqlstate import SqlState
from session.answers import Done
from session.aside import LONG, elsewhere
from session.context import Work
from session.external.catalogs import streams_of
from session.external.streams import Stream, stream_over
from session.freshness import stale, upstream
from session.ingestion import ingest, taken_in
from session.locks import Mode
from session.plans import Plan
from session.refresh import Outcome, refresh
from session.statements.alterations import STORAGE_ACTIONS, run_action
from session.statements.policies import row_security
from session.statements.query import describe
from session.statements.tables import create, described, new_relation, target_schema
from sql import incremental
from sql.commands.alterations import ChangeOwner, RowLevelSecurity
from sql.commands.views import AlterMaterializedView, CreateMaterializedView, RefreshMaterializedView
from sql.definitions import qualified_definition
from storage import changes

_MESSAGES = {
    Outcome.FRESH: "Materialized view {} is already up to date.",
    Outcome.INCREMENTAL: "Materialized view {} was incrementally updated successfully.",
    Outcome.RECOMPUTED: "Materialized view {} was recomputed successfully.",
}


async def create_materialized_view(work: Work, command: CreateMaterializedView) -> Done:
    """CREATE MATERIALIZED VIEW: the query is run and its rows are kept."""
    schema = await target_schema(work, command.name)
    name = command.name[-1]
    await work.tx.writing(frozenset())
    for taken in (name, ddl.storage_name(name)):
        await work.lock_name(schema.oid, taken)
        if work.state.relation(schema.oid, taken) is not None:
            raise SqlError(SqlState.DUPLICATE_TABLE, f'Relation "{taken}" already exists')
    incremental.refuse_unfit(command.query.text)
    text, _, depends = await elsewhere(
        work.session,
        lambda: qualified_definition(command.query.text, work.visible),
        heavy=len(command.query.text) >= LONG,
    )
    _refuse_sources(work, depends)
    plan = await work.ready(command.query.text, command.query.offset)
    _refuse_system(plan)
    shape = await describe(work, command.query.text, command.query.offset)
    columns = described(work, shape, command.columns, "CREATE MATERIALIZED VIEW")
    if command.columns:
        listed = ", ".join(quote(column.name) for column in columns)
        text = f"SELECT * FROM ({text}) AS {quote(name)} ({listed})"
    storage = _storage(work, schema, command, columns)
    await create(work, storage)
    stream = await _stream(work, plan, text)
    mutable = stream is None and _is_mutable(plan)
    view = Relation(
        oid=work.next_oid(),
        schema=schema.oid,
        name=name,
        owner=work.principal.oid,
        type=RelationKind.VIEW,
        columns=tuple(TableColumn(name=item.name, type=item.type, number=item.number) for item in storage.columns),
        definition=text,
        settings=work.settings.naming,
        depends=tuple(sorted({*depends, storage.oid})),
        materialized=Materialized(
            table=storage.oid,
            incremental=stream is not None or (not mutable and incremental.shape(text) is not None),
            mutable=mutable,
            auto_refresh=command.auto_refresh,
            stream=() if stream is None else (stream.schema.oid, stream.name),
        ),
        diststyle="",
        backup=command.attributes.backup is not False,
        created=work.warehouse.clock.now().isoformat(),
    )
    work.change(view)
    if stream is None:
        await _first_rows(work, view, storage)
    return Done("CREATE MATERIALIZED VIEW")


async def _stream(work: Work, plan: Plan, text: str) -> Stream | None:
    """Return the stream that a query is over, None for none; raises where there is none so called."""
    stream = taken_in(plan, text)
    if stream is not None:
        found = stream
        await work.warehouse.executor.run(lambda: streams_of(work.limits, found.origin).check(found.name))
    return stream


def _is_mutable(plan: Plan) -> bool:
    return bool(plan.variables) or bool(plan.external) or "random()" in plan.translated.engine_sql.lower()


async def _first_rows(work: Work, view: Relation, storage: Relation) -> None:
    own = work.tx.written & set(view.depends)
    until = int((await work.engine.fetch(changes.snapshot_sql()))[0][0])
    await work.tx.writing(frozenset({storage.oid}))
    plan = work.reading(view, {})
    listed = ", ".join(
        f"CAST(c{column.number} AS {column.type.engine()})" for column in storage.columns
    )
    names = ", ".join(f"c{column.number}" for column in storage.columns)
    await work.engine.run(
        f"INSERT INTO {storage.engine_name} SELECT {listed} FROM ({plan.translated.engine_sql}) AS q({names})",
        (),
        work.prepare(plan),
    )
    work.tx.notes.refreshed(view.oid, None if own else until)


def _storage(
    work: Work, schema: Schema, command: CreateMaterializedView, columns: list[TableColumn]
) -> Relation:
    attributes = command.attributes
    if attributes.diststyle is None and attributes.distkey is None:
        attributes = replace(attributes, diststyle="EVEN")
    return new_relation(work, schema, ddl.storage_name(command.name[-1]), columns, attributes)


def _refuse_sources(work: Work, depends: tuple[int, ...]) -> None:
    for oid in depends:
        relation = work.state.objects.get(oid)
        if not isinstance(relation, Relation):
            continue
        if relation.protection is not None and (relation.protection.row_security or relation.protection.attached):
            raise not_supported("a table with row-level security or masking in the query of a materialized view")
        if relation.temporary:
            raise not_supported("a temporary table in the query of a materialized view")
        if relation.type is RelationKind.VIEW and relation.materialized is None:
            raise not_supported("a view in the query of a materialized view")


def _refuse_system(plan: Plan) -> None:
    if plan.translated.system:
        raise not_supported("a system table in the query of a materialized view")
    if plan.translated.calls:
        raise not_supported("a user-defined function in the query of a materialized view")


def find(work: Work, name: tuple[str, ...]) -> Relation:
    """Return the materialized view called *name*; raises 42P01, and 42809 for anything else."""
    found = work.find_relation(name)
    if found.materialized is None:
        raise SqlError(SqlState.WRONG_OBJECT_TYPE, f'"{found.name}" is not a materialized view')
    return found


async def alter_materialized_view(work: Work, command: AlterMaterializedView) -> Done:
    """ALTER MATERIALIZED VIEW: whether it refreshes by itself, its owner, how its rows are laid out."""
    view = find(work, command.name)
    switches = [action for action in command.actions if isinstance(action, RowLevelSecurity)]
    if not switches or len(switches) < len(command.actions):
        work.require_owner(view)
    view = await work.lock(view, Mode.ACCESS_EXCLUSIVE)
    for switch in switches:
        view = await row_security(work, view, switch)
    view = await _with_actions(work, view, command)
    work.change(view)
    return Done("ALTER MATERIALIZED VIEW")


async def _with_actions(work: Work, view: Relation, command: AlterMaterializedView) -> Relation:
    """Return *view* after all but row-level security."""
    kept = view.materialized
    if kept is None:
        raise SqlError(SqlState.WRONG_OBJECT_TYPE, f'"{view.name}" is not a materialized view')
    if command.auto_refresh is not None:
        view = replace(view, materialized=replace(kept, auto_refresh=command.auto_refresh))
        if command.auto_refresh and not kept.stream:
            work.warehouse.upkeep.views.schedule(view.oid)
    storage = work.state.objects[kept.table]
    for action in command.actions:
        if isinstance(action, RowLevelSecurity):
            continue
        if not isinstance(action, STORAGE_ACTIONS) or not isinstance(storage, Relation):
            raise not_supported("this form of ALTER MATERIALIZED VIEW")
        if isinstance(action, ChangeOwner):
            view = await run_action(work, view, action)
        else:
            storage = await run_action(work, storage, action)
            work.change(storage)
    return view


async def refresh_materialized_view(work: Work, command: RefreshMaterializedView) -> Done:
    """REFRESH MATERIALIZED VIEW; CASCADE begins with the views that it reads."""
    view = find(work, command.name)
    for item in upstream(work.state, view) if command.cascade else []:
        await run(work, item)
        if not work.tx.block:
            # The next one then finds in the lake what has changed in this one.
            await work.tx.commit()
            work.tx.start()
    outcome = await run(work, find(work, command.name))
    message = _MESSAGES[outcome].format(view.name)
    if outcome is Outcome.FRESH and await _behind(work, view):
        message += "  However, it depends on another materialized view that is not up to date."
    work.notice(info(message))
    return Done("REFRESH MATERIALIZED VIEW")


async def _behind(work: Work, view: Relation) -> bool:
    others = upstream(work.state, view)
    warehouse, state = work.warehouse, work.state
    return bool(others) and bool(await warehouse.executor.run(lambda: stale(warehouse, state, others)))


async def run(work: Work, view: Relation) -> Outcome:
    """Refresh one view and write the outcome down, also of one that fails."""
    work.require_owner(view)
    started = _now(work)
    try:
        stream = stream_over(work.state, view)
        outcome = await (refresh(work, view) if stream is None else ingest(work, view, stream))
    except SqlError:
        _note(work, view, Outcome.FAILED, started)
        raise
    if outcome is not Outcome.FRESH or work.session.pid > 0:
        _note(work, view, outcome, started)
    return outcome


def _note(work: Work, view: Relation, outcome: Outcome, started: datetime) -> None:
    schema = work.state.objects.get(view.schema)
    database = work.state.objects.get(schema.database) if isinstance(schema, Schema) else None
    row = (
        work.principal.oid,
        abs(work.session.pid),
        work.tx.number,
        database.name if isinstance(database, Database) else "",
        schema.name if isinstance(schema, Schema) else "",
        view.oid,
        view.name,
        "Auto" if work.session.pid < 0 else "Manual",
        outcome.value,
        started,
        _now(work),
    )
    work.warehouse.recorder.history.record("mv_refreshes", row)


def _now(work: Work) -> datetime:
    return work.warehouse.clock.now().astimezone(UTC).replace(tzinfo=None)

