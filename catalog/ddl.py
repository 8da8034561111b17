"""What CREATE, ALTER and DROP mean for the catalog: pure functions from values to values.

Redshift, "CREATE TABLE" (distribution, sort keys, encodings), "DROP TABLE" (dependents).
"""

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from catalog import encodings
from catalog.model import CatalogState, Constraint, Relation, RelationKind, Schema, TableColumn
from core.errors import SqlError
from core.names import IDENTIFIER_BYTES, cut, free_name, last_part, lower, quote
from core.sqlstate import SqlState

_NO_SORTKEY: Final = frozenset({"super", "varbyte", "geometry", "geography", "hllsketch"})
COLUMNS_MAX: Final = 1_600
# What no column of a table can be called in the lake, which keeps new rows beside columns of its own.
_LAKE_OWN: Final = frozenset(
    {"rowid", "row_id", "begin_snapshot", "end_snapshot", "_ducklake_internal_row_id", "_ducklake_internal_snapshot_id"}
)
_INTERLEAVED_MAX: Final = 8


def encoded(columns: Sequence[TableColumn]) -> tuple[TableColumn, ...]:
    """Return *columns* with the default encoding where none was given (an empty one)."""
    for column in columns:
        encodings.checked(column.name, column.type, column.encoding)
    return tuple(
        column
        if column.encoding
        else replace(column, encoding=encodings.default(column.type, sortkey=column.sortkey != 0))
        for column in columns
    )


def sorted_by(columns: Sequence[TableColumn], key: Sequence[str], style: str) -> tuple[TableColumn, ...]:
    """Return *columns* with *key* as sort key; raises 42703 for a column that is not there."""
    places = {name: place for place, name in enumerate(key, start=1)}
    by_name = {column.name: column for column in columns}
    for name in key:
        if name not in by_name:
            raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{name}" named in SORTKEY does not exist')
        if by_name[name].type.type.name in _NO_SORTKEY:
            raise SqlError(
                SqlState.FEATURE_NOT_SUPPORTED, f'column "{name}" of type {by_name[name].type} cannot be a sort key'
            )
    if style == "INTERLEAVED" and len(key) > _INTERLEAVED_MAX:
        raise SqlError(SqlState.PROGRAM_LIMIT_EXCEEDED, "interleaved sort key cannot have more than 8 columns")
    # pg_attribute.attsortkeyord alternates its sign for interleaved keys.
    sign = -1 if style == "INTERLEAVED" else 1
    return tuple(replace(column, sortkey=_signed(places.get(column.name, 0), sign)) for column in columns)


def _signed(place: int, sign: int) -> int:
    return -place if sign < 0 and place % 2 else place


def distributed(
    columns: Sequence[TableColumn], style: str | None, key: str | None
) -> tuple[tuple[TableColumn, ...], str]:
    """Return *columns* with their DISTKEY and the style as svv_table_info shows it."""
    keys = [column.name for column in columns if column.distkey]
    if len(keys) > 1:
        raise SqlError(SqlState.INVALID_TABLE_DEFINITION, "cannot specify more than one distribution key")
    chosen = key or (keys[0] if keys else None)
    if chosen is None:
        if style == "KEY":
            raise SqlError(SqlState.INVALID_TABLE_DEFINITION, "DISTSTYLE KEY requires a DISTKEY column")
        return tuple(columns), {"EVEN": "EVEN", "ALL": "ALL"}.get(style or "AUTO", "AUTO(ALL)")
    if style not in {None, "KEY", "AUTO"}:
        raise SqlError(SqlState.INVALID_TABLE_DEFINITION, f"cannot specify DISTKEY with DISTSTYLE {style}")
    if chosen not in {column.name for column in columns}:
        raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{chosen}" named in DISTKEY does not exist')
    refused = next((column for column in columns if column.name == chosen and column.type.type.name == "super"), None)
    if refused is not None:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED, f'column "{chosen}" of type super cannot be a distribution key'
        )
    marked = tuple(replace(column, distkey=column.name == chosen) for column in columns)
    return marked, f"AUTO(KEY({chosen}))" if style == "AUTO" else f"KEY({chosen})"


def checked_names(columns: Iterable[TableColumn]) -> None:
    """Raise 42701 where a name is there twice, 54011 where there are too many."""
    seen: set[str] = set()
    for column in columns:
        if column.name in seen:
            raise SqlError(SqlState.DUPLICATE_COLUMN, f'column "{column.name}" specified more than once')
        seen.add(column.name)
    if len(seen) > COLUMNS_MAX:
        raise SqlError(SqlState.TOO_MANY_COLUMNS, f"tables can have at most {COLUMNS_MAX} columns")


def stored_apart(columns: Iterable[TableColumn]) -> tuple[TableColumn, ...]:
    """Return *columns*, those whose names the lake or one before them in all but case has with another one there."""
    found: list[TableColumn] = []
    taken = set(_LAKE_OWN)
    for column in columns:
        found.append(_stored_apart(column, taken))
        taken.add(lower(found[-1].engine_name))
    return tuple(found)


def stored_beside(column: TableColumn, others: Iterable[TableColumn]) -> TableColumn:
    """Return *column* with a name in the lake that neither it nor any of *others* has there."""
    return _stored_apart(column, _LAKE_OWN | {lower(other.engine_name) for other in others})


def _stored_apart(column: TableColumn, taken: AbstractSet[str]) -> TableColumn:
    free = free_name(column.name, taken)
    return replace(column, stored_as="" if free == column.name else free)


def constraint_name(table: str, kind: str, columns: Sequence[str], taken: set[str]) -> str:
    """Return the name that a key gets without one, as PostgreSQL makes it."""
    stem, ending = {"p": (table, "pkey"), "u": ("_".join([table, *columns]), "key"),
                    "f": ("_".join([table, *columns]), "fkey")}[kind]  # fmt: skip
    name, number = _ended(stem, f"_{ending}"), 0
    while name in taken:
        number += 1
        name = _ended(stem, f"_{ending}{number}")
    taken.add(name)
    return name


def _ended(stem: str, ending: str) -> str:
    """Return a name with an ending that stays whole where both are too long together."""
    return cut(stem, IDENTIFIER_BYTES - len(ending)) + ending


def with_keys_not_null(columns: Sequence[TableColumn], keys: Sequence[Constraint]) -> tuple[TableColumn, ...]:
    """Return *columns* with those of the primary key NOT NULL."""
    primary = {name for key in keys if key.kind == "p" for name in key.columns}
    return tuple(replace(column, not_null=column.not_null or column.name in primary) for column in columns)


def dependents(state: CatalogState, oids: frozenset[int]) -> list[Relation]:
    """Return the views that read any of *oids*, and the views that read those, nearest first."""
    found: list[Relation] = []
    known = set(oids)
    grown = True
    while grown:
        grown = False
        for relation in state.relations():
            if relation.oid not in known and known & set(relation.depends):
                known.add(relation.oid)
                found.append(relation)
                grown = True
    return found


def dropped(state: CatalogState, relations: Sequence[Relation], *, cascade: bool) -> list[Relation]:
    """Return all that DROP of *relations* removes; raises 2BP01 where views or keys need them and not *cascade*."""
    oids = frozenset(relation.oid for relation in relations)
    others = dependents(state, oids)
    keys = [] if cascade else references(state, oids)
    if (others or keys) and not cascade:
        first = relations[0]
        lines = [f"{kind_word(view)} {view.name} depends" for view in others]
        lines += [f"constraint {key.name} on table {table.name} depends" for table, key in keys]
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            f"cannot drop {kind_word(first)} {first.name} because other objects depend on it",
            detail="\n".join(f"{line} on {kind_word(first)} {first.name}" for line in lines),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    return with_storage(state, [*relations, *others])


def references(state: CatalogState, oids: frozenset[int]) -> list[tuple[Relation, Constraint]]:
    """Return the foreign keys of other tables that refer to any of *oids*."""
    return [
        (table, key)
        for table in state.relations()
        if table.oid not in oids
        for key in table.constraints
        if key.references in oids
    ]


def with_storage(state: CatalogState, relations: Sequence[Relation]) -> list[Relation]:
    """Return *relations* and the tables that keep the rows of the materialized views among them."""
    known = {relation.oid for relation in relations}
    tables = [
        table
        for relation in relations
        if relation.materialized is not None
        and relation.materialized.table not in known
        and isinstance(table := state.objects.get(relation.materialized.table), Relation)
    ]
    return [*relations, *tables]


def kind_word(relation: Relation) -> str:
    """Return what DROP calls it: table, view or materialized view."""
    if relation.type is RelationKind.TABLE:
        return "table"
    return "view" if relation.materialized is None else "materialized view"


def storage_name(view: str) -> str:
    """Return the name of the table that keeps a materialized view's rows."""
    return f"mv_tbl__{view}__0"


def free_engine_table(state: CatalogState, schema: int, wanted: str, left: Collection[str] = ()) -> str:
    """Return a bare lake name for a table of *schema* that no other table there has.

    *left* are the engine's names of tables that are dropped, in whatever schema, and still in the lake.
    """
    # Of ten thousand tables few have a name that begins like it.
    stem = lower(quote(wanted)[1:-1])
    taken = {
        lower(relation.engine_table)
        for relation in state.of(Relation)
        if relation.schema == schema and stem in lower(relation.engine_name)
    }
    place = quote(getattr(state.objects.get(schema), "engine_name", "")) + "."
    return free_name(wanted, taken | {lower(last_part(name)) for name in left if place in name})


def free_engine_schema(state: CatalogState, wanted: str) -> str:
    """Return a lake schema name that no schema uses: a renamed schema keeps the name it began with."""
    taken = {lower(item.engine_name) for item in state.of(Schema)}
    name, number = wanted, 1
    while lower(name) in taken:
        number += 1
        name = f"{wanted}.{number}"
    return name
