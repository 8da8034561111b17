"""ALTER TABLE APPEND: all rows of one table go into another that is made like it.

Redshift, "ALTER TABLE APPEND".
"""

from typing import Any

from catalog.model import Relation, TableColumn
from core.errors import SqlError, info
from core.names import quote
from core.sqlstate import SqlState
from session.answers import Done
from session.context import Work
from session.external.streams import kept_rows
from session.locks import Mode
from session.protection import IGNORES
from session.settings import AS_WRITTEN
from session.sharing import refuse_replica
from session.statements.query import changed
from sql.commands.alterations import AlterTableAppend


async def append(work: Work, command: AlterTableAppend) -> Done:
    """ALTER TABLE target APPEND FROM source."""
    target = work.find_table(command.name)
    source = kept_rows(work.state, work.find_relation(command.source)) or work.find_table(command.source)
    for relation in (target, source):
        work.require_owner(relation)
        if relation.temporary:
            raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, "ALTER TABLE APPEND is not supported on temporary tables")
    if source.protection is not None and source.protection.row_security:
        work.require_permission(IGNORES)
    if target.oid == source.oid:
        raise SqlError(SqlState.INVALID_TABLE_DEFINITION, "cannot append a table to itself")
    for item in (target, source):
        refuse_replica(work, item.schema)
    target, source = [await work.lock(item, Mode.ACCESS_EXCLUSIVE) for item in (target, source)]
    names = _shared(target, source, command)
    listed = ", ".join(quote(name) for name in names)
    places = [".".join(quote(part) for part in name) for name in (command.name, command.source)]
    written = Work(work.session, work.environment, naming=AS_WRITTEN)
    count = await changed(written, f"INSERT INTO {places[0]} ({listed}) SELECT {listed} FROM {places[1]}", 0)
    await work.engine.run(f"DELETE FROM {source.engine_name}")
    work.notice(info(f"{count} rows were appended to table {target.name}."))
    return Done("ALTER TABLE APPEND")


def _shared(target: Relation, source: Relation, command: AlterTableAppend) -> list[str]:
    """Return the columns that are moved; raises where the tables do not fit together."""
    ours = {column.name: column for column in target.columns}
    theirs = {column.name: column for column in source.columns}
    if not command.ignore_extra:
        _refuse(sorted(set(theirs) - set(ours)), f"target table {target.name}", "IGNOREEXTRA")
    if not command.fill_target:
        _refuse(sorted(set(ours) - set(theirs)), f"source table {source.name}", "FILLTARGET")
    shared = [name for name in theirs if name in ours]
    for name in shared:
        if _facts(ours[name]) != _facts(theirs[name]):
            raise _unlike(f'column "{name}" differs between the tables')
    if _layout(target) != _layout(source):
        raise _unlike("the tables differ in their distribution or sort keys")
    return [name for name in shared if ours[name].identity is None]


def _refuse(missing: list[str], place: str, option: str) -> None:
    if missing:
        raise SqlError(
            SqlState.INVALID_TABLE_DEFINITION,
            f'column "{missing[0]}" does not exist in the {place}',
            hint=f"Use {option} to append all the same.",
        )


def _unlike(message: str) -> SqlError:
    return SqlError(SqlState.INVALID_TABLE_DEFINITION, f"cannot append: {message}")


def _facts(column: TableColumn) -> tuple[Any, ...]:
    return column.type, column.not_null, column.identity is not None, column.distkey, column.sortkey


def _layout(relation: Relation) -> tuple[Any, ...]:
    keys = {column.name: column.sortkey for column in relation.columns if column.sortkey}
    return relation.diststyle, relation.sortstyle, keys
