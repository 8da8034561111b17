"""A single table brought back from a snapshot, under a new name, while everything else goes on.

Redshift, "Restoring a table from a snapshot": columns, keys and attributes are the old table's, foreign keys, views and
privileges are not; its owner has it again who still may, else the first superuser. Row-level security stays on.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from auth.authorize import allowed
from catalog import ddl
from catalog.documents import parsed
from catalog.model import ADMIN_USER, CatalogObject, Database, Kind, Relation, RelationKind, Schema, User
from catalog.policies import Protection
from catalog.scopes import acl_of
from core.errors import SqlError
from core.names import fold, quote
from core.sqlstate import SqlState
from session.context import Work
from session.principals import principal_of
from session.snapshots import SnapshotKeeper
from session.statements.tables import physical
from storage import lake
from storage.metastore import Entry

_PART: Final = re.compile(r'"((?:[^"]|"")+)"|([^".\s]+)')
_KINDS: Final = frozenset({Kind.DATABASE, Kind.SCHEMA, Kind.RELATION, Kind.USER})
_IDENTITY: Final = "identity"
Named = tuple[str, str, str]
"""Database, schema and table."""
T = TypeVar("T", Database, Schema, Relation, User)


@dataclass(frozen=True, slots=True)
class Restored:
    """A table that was restored."""

    table: Relation
    rows: int
    bytes: int


def named(work: Work, text: str) -> Named:
    """Return what ``db.schema.table`` names, or ``schema.table`` in the session's database; raises 22023."""
    exact = work.settings.on("enable_case_sensitive_identifier")
    parts, place = [], 0
    while found := _PART.match(text, place):
        quoted, bare = found.groups()
        name = quoted.replace('""', '"') if quoted is not None else bare
        parts.append(name if exact and quoted is not None else fold(name))
        place = found.end() + 1
        if text[found.end() : place] != ".":
            break
    if len(parts) not in {2, 3} or place <= len(text):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f'"{text}" is not database.schema.table')
    database, schema, table = parts if len(parts) == 3 else [work.database.name, *parts]
    return database, schema, table


async def restore_table(
    work: Work, keeper: SnapshotKeeper, snapshot: str, names: tuple[Named, Named], at: datetime | None = None
) -> Restored:
    """Make the second of *names* of what the first was in *snapshot*, or at a moment before it.

    Raises 42704, 3D000, 3F000, 42P01, 42809, 42P07, 58030.
    """
    source, target = names
    schema = _target(work, target)
    past = await keeper.past(snapshot)
    try:
        entries = await asyncio.to_thread(past.open, at)
        then = _Then(entries)
        old, place = then.table(source)
        size = await asyncio.to_thread(past.fetch, place.engine_name, old.engine_table)
        made = _relation(work, old, then, (schema, target[2]))
        rows = await _filled(work, made, past.place(place.engine_name, old.engine_table))
        _count_on(work, made, then.marks.get(old.oid))
        return Restored(made, rows, size)
    finally:
        await asyncio.to_thread(past.close)


class _Then:
    """What there was."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._objects: list[CatalogObject] = []
        self.marks: dict[int, int] = {}
        """Table → the mark of its IDENTITY column."""
        for entry in entries:
            if entry.kind in _KINDS and entry.body:
                self._objects.append(parsed(entry.kind, entry.body))
            elif entry.kind == _IDENTITY and entry.body:
                self.marks[entry.oid] = int(entry.body)

    def table(self, name: Named) -> tuple[Relation, Schema]:
        """Return the table called *name*, and its schema."""
        database = self._one(Database, lambda each: each.name == name[0])
        if database is None:
            raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{name[0]}" is not in the snapshot')
        schema = self._one(Schema, lambda each: (each.database, each.name) == (database.oid, name[1]))
        if schema is None:
            raise SqlError(SqlState.INVALID_SCHEMA_NAME, f'schema "{name[1]}" is not in the snapshot')
        table = self._one(Relation, lambda each: (each.schema, each.name) == (schema.oid, name[2]))
        if table is None:
            raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{".".join(name[1:])}" is not in the snapshot')
        if table.type is not RelationKind.TABLE:
            raise SqlError(SqlState.WRONG_OBJECT_TYPE, f'"{table.name}" is not a table')
        return table, schema

    def user(self, oid: int) -> User | None:
        """Return a user."""
        return self._one(User, lambda each: each.oid == oid)

    def _one(self, kind: type[T], fits: Callable[[T], bool]) -> T | None:
        return next((each for each in self._objects if isinstance(each, kind) and fits(each)), None)


def _target(work: Work, name: Named) -> Schema:
    database = work.state.database(name[0])
    if database is None:
        raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{name[0]}" does not exist')
    schema = work.state.schema(database.oid, name[1])
    if schema is None or schema.external is not None:
        raise SqlError(SqlState.INVALID_SCHEMA_NAME, f'schema "{name[1]}" does not exist')
    return schema


def _relation(work: Work, old: Relation, then: _Then, place: tuple[Schema, str]) -> Relation:
    """Return the table that is to be made of *old*."""
    schema, name = place
    table = ddl.free_engine_table(work.state, schema.oid, name, work.warehouse.lake_schema.left)
    guarded = old.protection is not None and old.protection.row_security
    return replace(
        old,
        oid=work.next_oid(),
        schema=schema.oid,
        name=name,
        owner=_owner(work, then.user(old.owner), schema),
        acl=(),
        engine_name=lake.qualified(schema.engine_name, table),
        constraints=tuple(key for key in old.constraints if key.kind != "f"),
        protection=Protection(row_security=True) if guarded else None,
        created=work.warehouse.clock.now().isoformat(),
    )


def _owner(work: Work, old: User | None, schema: Schema) -> int:
    """Return who owns a restored table: its old owner who may make tables there, else the first superuser."""
    now = work.state.user(old.name) if old is not None else None
    if now is not None and allowed(principal_of(now, work.state), "CREATE", schema.owner, acl_of(work.state, schema)):
        return now.oid
    return ADMIN_USER


async def _filled(work: Work, relation: Relation, source: str) -> int:
    """Make a table of the rows of *source*, an engine name; return how many there are."""
    await work.tx.alter_lake()
    await work.tx.writing(frozenset())
    await work.lock_name(relation.schema, relation.name)
    if work.state.relation(relation.schema, relation.name) is not None:
        raise SqlError(SqlState.DUPLICATE_TABLE, f'Relation "{relation.name}" already exists')
    await work.engine.script(physical(relation))
    work.change(relation)
    await work.tx.writing(frozenset({relation.oid}))
    columns = ", ".join(quote(column.engine_name) for column in relation.columns)
    return await work.engine.run(f"INSERT INTO {relation.engine_name} ({columns}) SELECT {columns} FROM {source}")


def _count_on(work: Work, relation: Relation, mark: int | None) -> None:
    """Have an IDENTITY column go on where the old one's values may have ended."""
    identity = next((column.identity for column in relation.columns if column.identity is not None), None)
    if identity is not None and mark is not None:
        work.warehouse.identities.counter(relation.oid, identity.seed)
        work.tx.notes.reserve(relation.oid, identity.step, abs((mark - identity.seed) // identity.step))
