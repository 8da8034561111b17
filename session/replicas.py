"""Tables that are copies of a source's: making them, filling them, changing their rows and their columns.

Each function works in the transaction that is open in the follower's session (``session.replicating``). What is done to
a table and what its replica says are committed together.
"""

from collections.abc import Container
from dataclasses import replace

from catalog.model import Relation
from catalog.replicas import Replica, State
from core.errors import SqlError
from core.names import quote
from core.sqlstate import SqlState
from engine import replicas as rows
from engine.replicas import CHANGES, Copy, Mapped, mapped
from session.context import Work
from session.locks import Mode
from session.pipeline import run
from sql.parse import parse_statement, split
from storage.folding import Folded, Known
from storage.pgoutput import KEPT, Row
from storage.replication import Snapshot, Source, SourceColumn, SourceTable, snapshot


async def execute(work: Work, text: str) -> None:
    """Run a statement in the open transaction."""
    for fragment in split(text):
        statement = parse_statement(fragment, case_sensitive=True)
        work.session.begin_statement(statement.text, statement.kind)
        await run(work, statement)
        work.session.end_statement()


def unfit(table: SourceTable) -> str:
    """Return why a table cannot be copied, nothing where it can."""
    if not table.key:
        return "The table has no primary key."
    for column in table.columns:
        if mapped(column.type) is None:
            return f"The data type {column.type} of column {column.name} is not supported."
    return ""


def known(replica: Replica) -> Known:
    """Return what folding must know of a table."""
    seen = snapshot(replica.snapshot)
    kinds = [_kind(column) for column in replica.source.columns]
    return Known(
        shape=replica.source.shape,
        key=replica.source.key,
        shows=seen.shows,
        converts=tuple((place, kind.convert) for place, kind in enumerate(kinds) if kind.convert is not None),
    )


def _kind(column: SourceColumn) -> Mapped:
    found = mapped(column.type)
    if found is None:
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, f"data type {column.type} is not supported")
    return found


def _relation(work: Work, replica: Replica) -> Relation:
    found = work.state.objects.get(replica.relation)
    if not isinstance(found, Relation):
        raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{replica.source.name}" does not exist')
    return found


def _copy(work: Work, replica: Replica, *, truncates: bool) -> Copy:
    relation = _relation(work, replica)
    names = {column.name: column.engine_name for column in relation.columns}
    columns = replica.source.columns
    return Copy(
        name=relation.engine_name, columns=tuple(names[column.name] for column in columns),
        kinds=tuple(map(_kind, columns)), key=replica.source.key, truncates=truncates,
    )  # fmt: skip


def _named(table: SourceTable) -> str:
    return f"{quote(table.schema)}.{quote(table.name)}"


# Rows.


async def change(work: Work, replica: Replica, folded: Folded, *, truncates: bool) -> None:
    """Bring a table's rows to what *folded* says."""
    copy = _copy(work, replica, truncates=truncates)
    engine = work.engine
    if folded.truncated:
        await engine.run(copy.clear())
    whole, parts = _split(folded)
    if parts:
        await engine.run_given(copy.keep(), CHANGES, _partial(parts, copy))
    if folded.stale:
        await engine.run_given(copy.remove(), CHANGES, rows.texts(list(folded.stale), len(copy.key)))
    if whole:
        await engine.run_given(copy.insert(), CHANGES, rows.texts(whole, len(copy.columns)))
    if parts:
        await engine.script(copy.restore())


_Part = tuple[Row, tuple[object, ...]]


def _split(folded: Folded) -> tuple[list[Row], list[_Part]]:
    """Return the rows that are known whole, and the others with the keys of the rows that have the rest."""
    whole: list[Row] = []
    parts: list[_Part] = []
    for key, row in folded.rows.items():
        if row is None:
            continue
        base = folded.bases.get(key)
        if base is None:
            whole.append(row)
        else:
            parts.append((row, base))
    return whole, parts


def _partial(parts: list[_Part], copy: Copy) -> object:
    plain = [tuple(None if cell is KEPT else cell for cell in row) for row, _ in parts]
    made = rows.texts(plain, len(copy.columns))
    for name, column in rows.flags([[cell is KEPT for cell in row] for row, _ in parts], "u").items():
        made = made.append_column(name, column)
    bases = rows.texts([base for _, base in parts], len(copy.key), "b")
    for name in bases.column_names:
        made = made.append_column(name, bases.column(name))
    return made


async def fill(
    work: Work, replica: Replica, source: Source, seen: Container[int], *, truncates: bool
) -> Replica | None:
    """Copy a table's rows as they are now; None where that has to wait for transactions there to end."""
    table = replica.source
    replica = await _prepared(work, replica)
    relation = _relation(work, replica)
    await work.tx.writing(frozenset({relation.oid}), Mode.SHARE_ROW_EXCLUSIVE)
    # The first question opens the transaction there that all others of this one are asked in.
    found = await work.engine.fetch(
        f"SELECT * FROM {source.reading('SELECT pg_catalog.pg_current_snapshot()::text')}"
    )
    text = str(found[0][0])
    if not _settled(snapshot(text), replica.after, seen):
        return None
    copy = _copy(work, replica, truncates=truncates)
    listed = [(column.name, kind) for column, kind in zip(table.columns, copy.kinds, strict=True)]
    query = rows.reading(table.engine_name, listed, table.filter)
    await work.engine.run(copy.clear())
    await work.engine.run(copy.first(source.reading(query)))
    return replace(replica, state=State.SYNCED, reason="", snapshot=text)


def _settled(now: Snapshot, after: int, seen: Container[int]) -> bool:
    """Tell whether a snapshot shows all that was passed over: what ended, and what began before it was published."""
    half = 0xFFFFFFFF
    return now.xmin >= after and not any(xid & half in seen for xid in now.running)


# Tables.


async def _prepared(work: Work, replica: Replica) -> Replica:
    """Make the table where there is none yet."""
    table = replica.source
    if isinstance(work.state.objects.get(replica.relation), Relation):
        return replica
    if work.state.schema(replica.database, table.schema) is None:
        await execute(work, f"CREATE SCHEMA {quote(table.schema)}")
    columns = ", ".join(f"{quote(column.name)} {_kind(column).type}" for column in table.columns)
    await execute(work, f"CREATE TABLE {_named(table)} ({columns})")
    schema = work.state.schema(replica.database, table.schema)
    made = None if schema is None else work.state.relation(schema.oid, table.name)
    return replace(replica, relation=0 if made is None else made.oid)


async def drop(work: Work, replica: Replica) -> None:
    """Remove a table that is gone at the source."""
    relation = work.state.objects.get(replica.relation)
    if isinstance(relation, Relation):
        schema = work.state.objects[relation.schema]
        await execute(work, f"DROP TABLE {quote(getattr(schema, 'name', ''))}.{quote(relation.name)} CASCADE")
    work.tx.notes.streamed(replica.oid, None)


def aligns(old: SourceTable, new: SourceTable) -> bool:
    """Tell whether rows as they are stay right when a table's columns change so."""
    before = {column.number: column for column in old.columns}
    if {old.columns[place].number for place in old.key} != {new.columns[place].number for place in new.key}:
        return False
    if _moved(old, new):
        return False
    for column in new.columns:
        was = before.get(column.number)
        if was is None and (column.filled or old.file != new.file):
            return False
        if was is not None and _retyped(was, column) and old.file != new.file:
            return False
        if was is not None and mapped(was.type) != mapped(column.type) and not column.type.endswith("[]"):
            return False
    return True


def _retyped(was: SourceColumn, now: SourceColumn) -> bool:
    return (was.type_oid, was.modifier) != (now.type_oid, now.modifier)


def _moved(old: SourceTable, new: SourceTable) -> bool:
    """Tell whether columns exchange their names."""
    names = {column.name: column.number for column in old.columns}
    return any(names.get(column.name, column.number) != column.number for column in new.columns)


async def alter(work: Work, replica: Replica, new: SourceTable) -> Replica:
    """Give a table the columns and the name that it has at the source now; its rows are another matter."""
    old = replica.source
    relation = work.state.objects.get(replica.relation)
    if isinstance(relation, Relation):
        for text in _statements(old, new):
            await execute(work, text)
        replica = await _renamed(work, replica, new)
    return replace(replica, source=new)


def _statements(old: SourceTable, new: SourceTable) -> list[str]:
    table = f"ALTER TABLE {_named(old)}"
    moved = _moved(old, new)
    after = {column.number: column for column in new.columns}
    stays = {
        column.number for column in old.columns
        if not moved and (now := after.get(column.number)) is not None and _type(now) == _type(column)
    }  # fmt: skip
    gone = [column for column in old.columns if column.number not in stays]
    come = [column for column in new.columns if column.number not in stays]
    found = [f"{table} DROP COLUMN {quote(column.name)} CASCADE" for column in gone]
    added = [f"{table} ADD COLUMN {quote(column.name)} {_kind(column).type}" for column in come]
    found = found + added if stays else added + found
    found += [
        f"{table} RENAME COLUMN {quote(column.name)} TO {quote(after[column.number].name)}"
        for column in old.columns if column.number in stays and after[column.number].name != column.name
    ]  # fmt: skip
    return found


def _type(column: SourceColumn) -> str:
    return _kind(column).type


async def _renamed(work: Work, replica: Replica, new: SourceTable) -> Replica:
    old = replica.source
    if old.schema != new.schema:
        # A table cannot change its schema here: it is made anew there, and copied.
        await execute(work, f"DROP TABLE {_named(old)} CASCADE")
        return replace(replica, relation=0, state=State.REQUIRED, snapshot="")
    if old.name != new.name:
        await execute(work, f"ALTER TABLE {_named(old)} RENAME TO {quote(new.name)}")
    return replica
