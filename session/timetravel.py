"""Reads of tables as they were: which snapshot is meant is found out before the engine reads the statement."""

from typing import TYPE_CHECKING

from catalog.model import Relation, Schema
from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from engine.cursors import Connection, Prepare
from sql.timetravel import Moment
from sql.translate import Translated
from storage import timetravel
from storage.timetravel import Wanted

if TYPE_CHECKING:
    from session.context import Work


def refuse_written(translated: Translated, written: frozenset[int]) -> None:
    """Raise 0A000 for a table of *written* (OIDs): DuckLake shows a transaction its own rows whatever the moment."""
    if translated.moments and any(moment.oid in written for moment, _ in translated.moments):
        raise not_supported("FOR … AS OF of a table that the same transaction has written")


def travelling(work: "Work", translated: Translated) -> Prepare | None:
    """Return what tells the engine which snapshots *translated* reads; None where it reads what is there now."""
    if not translated.moments:
        return None
    asked: dict[str, tuple[Moment, list[Wanted]]] = {}
    for moment, columns in translated.moments:
        asked.setdefault(moment.variable, (moment, []))[1].append(_wanted(work, moment, columns))
    database = work.warehouse.database

    def run(connection: Connection) -> None:
        for variable, (moment, tables) in asked.items():
            row = connection.execute(f"SELECT {moment.sql if moment.version else f'epoch_us({moment.sql})'}").fetchone()
            found = timetravel.snapshot(database, None if row is None else row[0], tables, numbered=moment.version)
            connection.execute(f"SET VARIABLE {quote(variable)} = {found}")

    return run


def _wanted(work: "Work", moment: Moment, named: frozenset[str]) -> Wanted:
    relation = work.state.objects.get(moment.oid)
    schema = work.state.objects.get(relation.schema) if isinstance(relation, Relation) else None
    if not isinstance(relation, Relation) or not isinstance(schema, Schema):
        raise SqlError(SqlState.UNDEFINED_TABLE, "the relation does not exist any more")
    if relation.temporary:
        raise not_supported("FOR … AS OF of a temporary table")
    if relation.oid in work.tx.changes.puts:
        raise not_supported("FOR … AS OF of a table that the same transaction has made or altered")
    columns = tuple((item.engine_name, item.name) for item in relation.columns if item.name in named)
    return Wanted(place=(schema.engine_name, relation.engine_table), name=relation.name, columns=columns)
