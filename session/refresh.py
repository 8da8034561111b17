"""Bringing a materialized view's rows up to date: what has changed, and the least that must be done for it.

Redshift, "Refreshing a materialized view". The lake remembers which rows every snapshot added and removed,
so where the query allows it only those are worked in; else the query is run anew. How a query takes changes
in is ``sql.incremental``, what changed ``storage.changes``.
"""

from dataclasses import dataclass
from enum import Enum

from catalog.model import Relation, TableColumn
from core.names import lower, quote
from session.context import Work
from session.freshness import place, tables
from session.locks import Mode
from session.plans import Plan
from sql import incremental
from sql.incremental import Shape
from storage import changes
from storage.changes import Change


class Outcome(Enum):
    """How a refresh ended, as SYS_MV_REFRESH_HISTORY says it."""

    FRESH = "MV was already updated"
    INCREMENTAL = "Refresh successfully updated MV incrementally"
    RECOMPUTED = "Refresh successfully recomputed MV from scratch"
    FAILED = "Refresh failed due to an internal error"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One refresh: the view, its own table, those it reads, and what happened to them."""

    view: Relation
    storage: Relation
    bases: dict[int, Relation]
    changed: dict[int, Change]
    since: int
    until: int


async def refresh(work: Work, view: Relation) -> Outcome:
    """Bring *view* up to date in the transaction that is open."""
    info = view.materialized
    storage = work.state.objects.get(info.table) if info is not None else None
    if info is None or not isinstance(storage, Relation):
        return Outcome.FAILED
    work.authorize(work.reading(view, {}).translated.uses)
    bases = tables(work.state, view)
    await work.tx.reading(frozenset(table.oid for table in bases.values()))
    own = work.tx.written & {table.oid for table in (*bases.values(), storage)}
    await work.tx.writing(frozenset({storage.oid}), Mode.SHARE_ROW_EXCLUSIVE)
    until = int((await work.engine.fetch(changes.snapshot_sql()))[0][0])
    since = work.warehouse.refreshed.get(view.oid)
    if own or since is None or info.mutable:
        await _recompute(work, view, storage)
        work.tx.notes.refreshed(view.oid, None if own else until)
        return Outcome.RECOMPUTED
    step = _Step(
        view=view, storage=storage, bases=bases, changed=await _changed(work, bases, since, until),
        since=since, until=until,
    )  # fmt: skip
    outcome = await _step(work, step)
    if outcome is not Outcome.FRESH:
        work.tx.notes.refreshed(view.oid, until)
    return outcome


async def _changed(work: Work, bases: dict[int, Relation], since: int, until: int) -> dict[int, Change]:
    places = {oid: place(work.state, table) for oid, table in bases.items()}
    database = work.warehouse.database
    found = await work.warehouse.executor.run(
        lambda: changes.changes(database, list(places.values()), since, until)
    )
    return {oid: found[where] for oid, where in places.items()}


async def _step(work: Work, step: _Step) -> Outcome:
    if not any(change.any for change in step.changed.values()):
        return Outcome.FRESH
    shape = incremental.shape(step.view.definition or "")
    if shape is None or not all(change.listed for change in step.changed.values()) or _folded(step):
        await _recompute(work, step.view, step.storage)
        return Outcome.RECOMPUTED
    if not shape.grouped and any(lower(column.engine_name) == _ROW for column in step.storage.columns):
        # It hides the engine's own number of a row.
        await _recompute(work, step.view, step.storage)
        return Outcome.RECOMPUTED
    if not shape.grouped:
        await _rows(work, step)
    elif shape.folds and not any(change.deleted for change in step.changed.values()):
        await _fold(work, step, shape)
    elif shape.keys:
        await _groups(work, step, shape)
    else:
        await _recompute(work, step.view, step.storage)
    return Outcome.INCREMENTAL


def _folded(step: _Step) -> bool:
    """Tell whether a table has strings that differ in case and are equal: groups then are not what they look."""
    columns = (column for table in step.bases.values() for column in table.columns)
    return any(column.collation == "case_insensitive" for column in columns)


async def _recompute(work: Work, view: Relation, storage: Relation) -> None:
    plan = work.reading(view, {})
    await work.engine.run(f"DELETE FROM {storage.engine_name}")
    await work.engine.run(
        f"INSERT INTO {storage.engine_name} {cast_rows(plan.translated.engine_sql, storage)}", (), work.prepare(plan)
    )


def cast_rows(sql: str, storage: Relation, names: tuple[str, ...] = ()) -> str:
    """Return a query's rows with the types of the table that keeps them."""
    columns = [column for column in storage.columns if not names or column.name in names]
    aliases = [f"c{number}" for number, _ in enumerate(columns)]
    listed = ", ".join(
        f"CAST({alias} AS {column.type.engine()}) AS {quote(column.engine_name)}"
        for alias, column in zip(aliases, columns, strict=True)
    )
    return f"SELECT {listed} FROM ({sql}) AS q({', '.join(aliases)})"


def _parts(work: Work, step: _Step, *, deleted: bool, keys: tuple[int, ...] | None = None) -> list[str]:
    """Return the queries of the rows that the changes of one table each bring (or take, where *deleted*).

    Of several changed tables, those before are read as they are now and those after as they were: together
    the parts are the whole difference. With *keys* only those columns are wanted, without groups.
    """
    definition = step.view.definition or ""
    listed = changes.deleted if deleted else changes.inserted
    moved = [oid for oid, change in step.changed.items() if change.any]
    parts = []
    for number, oid in enumerate(moved):
        change = step.changed[oid]
        if not (change.deleted if deleted else change.inserted):
            continue
        where, names = place(work.state, step.bases[oid]), [column.engine_name for column in step.bases[oid].columns]
        read = {oid: listed(where, names, step.since + 1, step.until)}
        read |= {after: changes.past(step.bases[after].engine_name, step.since) for after in moved[number + 1 :]}
        texts = incremental.branches(definition) if keys is None else [incremental.of_keys(definition, keys)]
        for text in texts:
            part = work.reading(step.view, read, text).translated
            # A branch that does not read this table has not changed with it.
            if any(use.source.oid == oid for use in part.uses):
                parts.append(part.engine_sql)
    return parts


def _union(parts: list[str]) -> str:
    return " UNION ALL ".join(f"({part})" for part in parts)


_ROW = "rowid"
"""The engine's number of a row."""
_PLACE, _COPY = '"rs:place"', '"rs:copy"'
"""Names that no column of a view has."""


async def _rows(work: Work, step: _Step) -> None:
    """Work changes into a query without groups: rows are added, and as many equal ones taken away."""
    table, storage = step.storage.engine_name, step.storage
    added = [cast_rows(part, storage) for part in _parts(work, step, deleted=False)]
    taken = [cast_rows(part, storage) for part in _parts(work, step, deleted=True)]
    if not taken:
        await work.engine.run(f"INSERT INTO {table} {_union(added)}")
        return
    if added:
        # Rows that came and went since, or were written anew with the same values, are no difference.
        plus, minus = _union(added), _union(taken)
        plus, minus = f"(({plus}) EXCEPT ALL ({minus}))", f"(({minus}) EXCEPT ALL ({plus}))"
    else:
        plus, minus = "", f"({_union(taken)})"
    names = [quote(column.engine_name) for column in storage.columns]
    same = " AND ".join(f"b.{name} IS NOT DISTINCT FROM m.{name}" for name in names)
    listed = ", ".join(names)
    gone = (
        f"SELECT b.{_PLACE} FROM (SELECT {_ROW} AS {_PLACE}, row_number() OVER (PARTITION BY {listed}) AS {_COPY},"
        f" {listed} FROM {table}) AS b JOIN (SELECT {listed}, count(*) AS {_COPY} FROM {minus} GROUP BY {listed}) AS m"
        f" ON {same} WHERE b.{_COPY} <= m.{_COPY}"
    )
    statements = [f"DELETE FROM {table} WHERE {_ROW} IN ({gone})"]
    if plus:
        # What is to come is read before anything is taken away: both look at the tables, not at the view.
        statements.append(f"INSERT INTO {table} SELECT * FROM {plus}")
    await work.engine.script(statements)


async def _fold(work: Work, step: _Step, shape: Shape) -> None:
    """Work new rows into sums, counts and extremes of their groups."""
    await work.engine.run(fold_sql(step.storage, shape, _parts(work, step, deleted=False)))


def fold_sql(storage: Relation, shape: Shape, new: list[str]) -> str:
    """Return the statement that works the groups of the queries *new* into a table."""
    columns = list(zip(storage.columns, shape.folds, strict=True))
    keys = [column for column, fold in columns if fold == "key"]
    parts = _union([cast_rows(part, storage) for part in new])
    names = [quote(column.engine_name) for column in storage.columns]
    folded = ", ".join(
        f"{_FOLDS[fold]}({name}) AS {name}" for (_, fold), name in zip(columns, names, strict=True)
    )
    grouping = f" GROUP BY {', '.join(_alike(key) for key in keys)}" if keys else ""
    delta = cast_rows(f"SELECT {folded} FROM ({parts}){grouping}", storage)
    same = " AND ".join(f"{_alike(key, 'b.')} IS NOT DISTINCT FROM {_alike(key, 'd.')}" for key in keys) or "TRUE"
    settings = ", ".join(
        f"{name} = CAST({_WHOLES[fold].format(name=name)} AS {column.type.engine()})"
        for (column, fold), name in zip(columns, names, strict=True)
        if fold != "key"
    )
    values = ", ".join(f"d.{name}" for name in names)
    matched = f" WHEN MATCHED THEN UPDATE SET {settings}" if settings else ""
    return (
        f"MERGE INTO {storage.engine_name} AS b USING ({delta}) AS d ON {same}{matched}"
        f" WHEN NOT MATCHED THEN INSERT ({', '.join(names)}) VALUES ({values})"
    )


def _alike(column: TableColumn, alias: str = "") -> str:
    """Return a grouping column as groups know it: strings without trailing blanks."""
    sql = f"{alias}{quote(column.engine_name)}"
    if column.type.type.category != "S":
        return sql
    return f"rtrim({sql}, ' ')"


_FOLDS = {"key": "any_value", "sum": "sum", "count": "sum", "min": "min", "max": "max"}
"""What makes one value of those of several parts."""
_WHOLES = {
    "sum": "CASE WHEN b.{name} IS NULL THEN d.{name} ELSE b.{name} + coalesce(d.{name}, 0) END",
    "count": "b.{name} + d.{name}",
    "min": "least(b.{name}, d.{name})",
    "max": "greatest(b.{name}, d.{name})",
}
_KEYS = 'temp.main."duckshift_refresh_keys"'


async def _groups(work: Work, step: _Step, shape: Shape) -> None:
    """Compute the groups anew that changes fall into, and leave the others alone."""
    storage, table = step.storage, step.storage.engine_name
    keys = [storage.columns[place] for place in sorted(shape.keys)]
    wanted = tuple(key.name for key in keys)
    parts = [
        cast_rows(part, storage, wanted)
        for deleted in (False, True)
        for part in _parts(work, step, deleted=deleted, keys=shape.keys)
    ]
    same = " AND ".join(f"{_alike(key, 'b.')} IS NOT DISTINCT FROM {_alike(key, 'k.')}" for key in keys)
    plan: Plan = work.reading(step.view, {})
    whole = cast_rows(plan.translated.engine_sql, storage)
    await work.engine.script(
        [
            f"CREATE OR REPLACE TEMPORARY TABLE {_KEYS} AS {' UNION '.join(f'({part})' for part in parts)}",
            f"DELETE FROM {table} AS b WHERE EXISTS (SELECT 1 FROM {_KEYS} AS k WHERE {same})",
            f"INSERT INTO {table} SELECT b.* FROM ({whole}) AS b"
            f" WHERE EXISTS (SELECT 1 FROM {_KEYS} AS k WHERE {same})",
            f"DROP TABLE {_KEYS}",
        ]
    )
