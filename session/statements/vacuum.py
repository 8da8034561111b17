"""VACUUM: inlined rows are flushed, deleted rows dropped, small files merged, rows sorted by the sort key.

Redshift, "VACUUM", STL_VACUUM, SYS_VACUUM_HISTORY. What is merged is sorted; a table that is one file already and
lies in another order, as after ALTER SORTKEY, is written anew.
"""

from datetime import UTC, datetime

from catalog.model import Database, Relation, RelationKind, Schema
from core.names import quote
from session.answers import Done
from session.context import Work
from session.locks import Mode
from session.statements.tables import sort_key
from sql.commands.maintenance import Vacuum
from storage import lake, scans

_PLACE = '"rs:place"'
"""A name that no column has."""
_SORTS = frozenset({"FULL", "SORT ONLY", "REINDEX", "RECLUSTER"})


async def vacuum(work: Work, command: Vacuum) -> Done:
    """VACUUM [mode] [table] [TO threshold PERCENT] [BOOST]."""
    if command.table is not None:
        relations = [_storage(work, work.find_relation(command.table), command.table)]
        work.require_owner(relations[0], "VACUUM")
    else:
        everything, me = work.principal.may("VACUUM"), work.principal.oid
        relations = [
            item
            for item in work.state.relations()
            if item.type is RelationKind.TABLE and not item.temporary and (everything or item.owner == me)
        ]
    for relation in relations:
        if not relation.temporary:
            await _vacuum(work, relation, command.mode)
    return Done("VACUUM")


def _storage(work: Work, relation: Relation, name: tuple[str, ...]) -> Relation:
    """Return the table that is meant: of a materialized view, the one that keeps its rows."""
    kept = work.state.objects.get(relation.materialized.table) if relation.materialized is not None else None
    return kept if isinstance(kept, Relation) else work.find_table(name)


async def _vacuum(work: Work, relation: Relation, mode: str) -> None:
    schema = work.state.objects.get(relation.schema)
    await work.tx.alter_lake()
    await work.tx.lock(relation.oid, Mode.SHARE_ROW_EXCLUSIVE)
    if not isinstance(schema, Schema):
        return
    started, before = _now(work), await _count(work, relation)
    async with work.warehouse.commit_lock:
        await work.engine.script(
            lake.maintain(schema.engine_name, relation.engine_table, deleted=mode != "SORT ONLY", merge=mode in _SORTS)
        )
        work.warehouse.scans.forget(frozenset({relation.oid}))
    if mode in _SORTS and sort_key(relation) and not await _is_sorted(work, schema, relation):
        await work.tx.writing(frozenset({relation.oid}))
        await work.engine.script(lake.rewrite(relation.engine_name, sort_key(relation)))
        # The next table is put in order outside of a transaction of the engine.
        await work.tx.commit()
        work.tx.start()
    database = work.state.objects.get(schema.database)
    name = database.name if isinstance(database, Database) else ""
    work.warehouse.recorder.history.record("vacuums", (
        work.principal.oid, work.tx.number, work.session.query, name, schema.name, relation.oid, relation.name, mode,
        "Finished", started, _now(work), before,
    ))  # fmt: skip


async def _count(work: Work, relation: Relation) -> int:
    return int((await work.engine.fetch(f"SELECT count(*) FROM {relation.engine_name}"))[0][0])


async def _is_sorted(work: Work, schema: Schema, relation: Relation) -> bool:
    """Tell whether a table that is one file lies in the order of its sort key; others were sorted when merged."""
    database = work.warehouse.database
    files = await work.warehouse.executor.run(lambda: scans.files(database, schema.engine_name, relation.engine_table))
    if files is None or len(files) != 1:
        return True
    key = ", ".join(quote(name) for name in sort_key(relation))
    source = scans.numbered(files[0])
    found = await work.engine.fetch(
        f"SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY {key}, {scans.NUMBER}) - 1 AS {_PLACE},"
        f" {scans.NUMBER} FROM {source}) WHERE {_PLACE} <> {scans.NUMBER}"
    )
    return bool(found[0][0] == 0)


def _now(work: Work) -> datetime:
    return work.warehouse.clock.now().astimezone(UTC).replace(tzinfo=None)
