"""VACUUM: inlined rows are flushed, files with deleted rows and small ones written anew, rows sorted by the sort key.

Redshift, "VACUUM", STL_VACUUM, SYS_VACUUM_HISTORY. What the server does by itself is ``session.rounds``; both have the
same means.
"""

from typing import Final

from catalog.model import Relation, RelationKind, Schema
from session import chores
from session.answers import Done
from session.chores import SMALL_BYTES, Aims
from session.context import Work
from session.locks import Mode
from session.statements.tables import sort_key
from session.tidying import Stored, Tidying, Vacuuming, plain_now, record
from sql.commands.maintenance import Vacuum
from storage import lake, layout
from storage.layout import DataFile

_MODES: Final = {
    "FULL": Aims(deleted=0.0, small_bytes=SMALL_BYTES, ordered=True),
    "SORT ONLY": Aims(small_bytes=SMALL_BYTES, ordered=True),
    "DELETE ONLY": Aims(deleted=0.0),
    "REINDEX": Aims(deleted=0.0, small_bytes=SMALL_BYTES, ordered=True),
    "RECLUSTER": Aims(small_bytes=SMALL_BYTES, ordered=True),
}
"""Mode → what is done. A file that is written anew, for whatever reason, loses its deleted rows."""
_GROUP_BYTES: Final = 8 << 30
"""Bytes of files that are written anew in one transaction, and sorted together."""


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
        schema = work.state.objects.get(relation.schema)
        if not relation.temporary and isinstance(schema, Schema):
            await _vacuum(work, Stored(relation=relation, schema=schema), command)
    return Done("VACUUM")


def _storage(work: Work, relation: Relation, name: tuple[str, ...]) -> Relation:
    """Return the table that is meant: of a materialized view, the one that keeps its rows."""
    kept = work.state.objects.get(relation.materialized.table) if relation.materialized is not None else None
    return kept if isinstance(kept, Relation) else work.find_table(name)


async def _vacuum(work: Work, table: Stored, command: Vacuum) -> None:
    relation, tidying = table.relation, Tidying(work.warehouse)
    await work.tx.alter_lake()
    await work.tx.lock(relation.oid, Mode.SHARE_ROW_EXCLUSIVE)
    started = plain_now(work.warehouse)
    showing, name = work.warehouse.upkeep.vacuuming, relation.name
    showing[name] = f"Vacuum: initialize {name}"
    try:
        await tidying.flush(work.engine, table)
        # The lake's schema is for others now; the next table is put in order outside of a transaction of the engine.
        await work.tx.commit()
        work.tx.start()
        await work.tx.lock(relation.oid, Mode.SHARE_ROW_EXCLUSIVE)
        if work.state.objects.get(relation.oid) is not relation:
            # It was altered, or dropped, before this had its lock again.
            return
        files = await tidying.files(table)
        wanted = _aims(command, files, keyed=bool(table.key))
        showing[name] = f"Vacuum {name} {'sort' if wanted.ordered else 'delete'}"
        if not layout.movable([column.engine_name for column in relation.columns]):
            await _write_whole(work, table, files, wanted)
        else:
            for group in chores.groups(files, wanted, _GROUP_BYTES):
                await tidying.move(work.engine, table, group, work.tx.owner, _ready)
        number = work.tx.number
        await work.tx.commit()
        work.tx.start()
    finally:
        showing.pop(name, None)
    done = Vacuuming(
        table=table, mode=command.mode, started=started, user=work.principal.oid, transaction=number,
        query=work.session.query,
    )  # fmt: skip
    record(work.warehouse, done, files, await tidying.files(table))


def _aims(command: Vacuum, files: list[DataFile], *, keyed: bool) -> Aims:
    """Return what is to be done: a phase is left out that has nothing to do, or has done enough (TO n PERCENT)."""
    wanted, enough = _MODES[command.mode], command.threshold_percent
    done = 2.0 if enough is None else enough / 100
    return Aims(
        deleted=None if 1 - chores.deleted(files) >= done < 1 else wanted.deleted,
        small_bytes=wanted.small_bytes,
        ordered=wanted.ordered and keyed and not 1 - chores.unsorted(files) >= done < 1,
    )


async def _ready() -> None:
    """Go on: the table's lock is there from the beginning."""


async def _write_whole(work: Work, table: Stored, files: list[DataFile], wanted: Aims) -> None:
    """Write a table anew whose rows cannot be told by their files."""
    if chores.groups(files, wanted, _GROUP_BYTES):
        await work.tx.writing(frozenset({table.relation.oid}))
        await work.engine.script(lake.rewrite(table.relation.engine_name, sort_key(table.relation)))
