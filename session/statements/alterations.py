"""ALTER TABLE and ALTER VIEW: one function an action."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from auth.grants import with_columns, with_owner
from catalog import ddl, encodings
from catalog.model import Constraint, Grant, Relation, RelationKind
from catalog.views import Seen
from core.errors import SqlError, not_supported
from core.names import lower, quote
from core.sqlstate import SqlState
from session.answers import Done
from session.context import Work
from session.locks import Mode
from session.sharing import refuse_replica
from session.statements.external import alter_external_table
from session.statements.policies import refuse_needed, refuse_needed_column, row_security
from session.statements.tables import physical_column, sort_key, table_column, table_constraint
from sql.assignment import Goal
from sql.commands import alterations as actions
from sql.commands.alterations import AlterTable
from sql.definitions import Name, Renaming, recolumned, renamed, used_columns
from sql.facts import Facts, settled
from sql.facts import Seen as FactsSeen
from sql.translate import translate_default
from storage import lake

Action = Callable[[Work, Relation, Any], Awaitable[Relation]]


async def alter_table(work: Work, command: AlterTable) -> Done:
    """ALTER TABLE name action, …."""
    if work.visible.external_schema(command.name) is not None:
        return await alter_external_table(work, command)
    relation = work.find_relation(command.name)
    if any(isinstance(action, actions.ChangeOwner) for action in command.actions):
        # Else whoever may alter a table could make it their own.
        work.require_owner(relation)
    elif not all(isinstance(action, actions.RowLevelSecurity) for action in command.actions):
        work.require_owner(relation, "ALTER TABLE", "ALTER")
    refuse_replica(work, relation.schema)
    relation = await work.lock(relation, Mode.ACCESS_EXCLUSIVE)
    if alters_lake(work, relation, command):
        await work.tx.alter_lake()
    for action in command.actions:
        run = _ACTIONS.get(type(action))
        if relation.materialized is not None and isinstance(action, actions.RenameTable):
            raise not_supported("renaming a materialized view")
        if run is None or (relation.type is RelationKind.VIEW and type(action) not in _FOR_VIEWS):
            raise not_supported(f"this form of {command.tag}")
        relation = await run(work, relation, action)
    work.change(relation)
    return Done(command.tag)


def alters_lake(work: Work, relation: Relation, command: AlterTable) -> bool:
    """Tell whether *command* changes more than the catalog; a new name does only where there are not many tables."""
    if relation.type is not RelationKind.TABLE or relation.temporary:
        return False
    kinds = {type(action) for action in command.actions}
    named = actions.RenameTable in kinds and not work.warehouse.lake_schema.large
    return named or not kinds.isdisjoint(_IN_LAKE)


async def run_action(work: Work, relation: Relation, action: Any) -> Relation:
    """Return *relation* after one action."""
    return await _ACTIONS[type(action)](work, relation, action)


async def _rename_table(work: Work, relation: Relation, action: actions.RenameTable) -> Relation:
    schema = work.state.objects[relation.schema]
    refuse_needed(work, [relation], verb="rename")
    await work.lock_name(relation.schema, action.name)
    if work.state.relation(relation.schema, action.name) is not None:
        raise SqlError(SqlState.DUPLICATE_TABLE, f'Relation "{action.name}" already exists')
    follow(work, {relation.oid: (getattr(schema, "name", ""), action.name)})
    if relation.type is RelationKind.VIEW:
        return replace(relation, name=action.name)
    stays = not relation.temporary and work.warehouse.lake_schema.large
    if stays or lower(action.name) == lower(relation.engine_table):
        return replace(relation, name=action.name)
    table = ddl.free_engine_table(work.state, relation.schema, action.name, work.warehouse.lake_schema.left)
    await work.engine.script(lake.rename_table(relation.engine_name, table))
    engine_name = (
        lake.temporary_name(table) if relation.temporary else lake.qualified(getattr(schema, "engine_name", ""), table)
    )
    return replace(relation, name=action.name, engine_name=engine_name)


def follow(work: Work, names: Mapping[int, Name]) -> None:
    """Rewrite the views that read the relations *names* (OIDs), which change: they mean them, not their names."""
    readers = {view.oid: view for oid in names for view in _readers(work, oid)}
    changed = [
        replace(view, definition=renamed(view.definition or "", _facts(work, view), _seen(view), names))
        for view in readers.values()
    ]
    work.change(*changed)


def _facts(work: Work, view: Relation) -> Facts:
    """Return the catalog as the text of *view* is to be read."""
    return settled(work.visible, view.settings)


def _seen(view: Relation) -> FactsSeen:
    return {item.relation: item.columns for item in view.seen}


def remember(work: Work, relation: Relation) -> None:
    """Let the views that read *relation* keep its columns as they are, before they change."""
    columns = tuple((column.name, column.number) for column in relation.columns)
    for view in _readers(work, relation.oid):
        if all(item.relation != relation.oid for item in view.seen):
            work.change(replace(view, seen=(*view.seen, Seen(relation.oid, columns))))


def _readers(work: Work, oid: int) -> list[Relation]:
    return [view for view in work.state.relations() if oid in view.depends and view.definition is not None]


def _naming(work: Work, relation: Relation, column: str) -> list[Relation]:
    """Return the views that name a column of *relation*."""

    def named(view: Relation) -> frozenset[str]:
        used = used_columns(view.definition or "", _facts(work, view), _seen(view))
        return used.get(relation.oid, frozenset())

    return [view for view in _readers(work, relation.oid) if column in named(view)]


async def _rename_column(work: Work, relation: Relation, action: actions.RenameColumn) -> Relation:
    old = _existing(relation, action.column)
    refuse_needed_column(work, relation, action.column)
    if relation.column(action.name) is not None:
        raise SqlError(
            SqlState.DUPLICATE_COLUMN, f'column "{action.name}" of relation "{relation.name}" already exists'
        )
    remember(work, relation)
    _name_anew(work, Renaming(relation.oid, old.number, action.name))
    others = [item for item in relation.columns if item is not old]
    new = ddl.stored_beside(replace(old, name=action.name), others)
    await work.engine.script(lake.rename_column(relation.engine_name, old.engine_name, new.engine_name))
    names = {action.column: action.name}
    for table, _ in ddl.references(work.state, frozenset({relation.oid})):
        work.change(replace(table, constraints=tuple(_referring(key, relation, names) for key in table.constraints)))
    return replace(
        relation,
        columns=tuple(new if item is old else item for item in relation.columns),
        constraints=tuple(
            _referring(replace(item, columns=tuple(names.get(name, name) for name in item.columns)), relation, names)
            for item in relation.constraints
        ),
        diststyle=relation.diststyle.replace(f"({action.column})", f"({action.name})"),
        acl=with_columns(relation.acl, {action.column: action.name}, Grant),
    )


def _name_anew(work: Work, renaming: Renaming) -> None:
    """Have the views that name a column name it as it will be called."""
    for view in _readers(work, renaming.relation):
        text = recolumned(view.definition or "", _facts(work, view), _seen(view), renaming)
        if text is not None:
            seen = tuple(Seen(oid, columns) for oid, columns in renaming.seen(_seen(view)).items())
            work.change(replace(view, definition=text, seen=seen))


def _referring(key: Constraint, relation: Relation, names: dict[str, str]) -> Constraint:
    """Return a foreign key with the columns of *relation* that it refers to called as in *names*."""
    if key.references != relation.oid:
        return key
    return replace(key, referenced_columns=tuple(names.get(name, name) for name in key.referenced_columns))


async def _change_owner(work: Work, relation: Relation, action: actions.ChangeOwner) -> Relation:
    user = work.state.user(action.owner)
    if user is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'user "{action.owner}" does not exist')
    if not work.principal.superuser and user.oid != work.principal.oid:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f'must be superuser to give a table to user "{user.name}"')
    for item in ddl.with_storage(work.state, [relation])[1:]:
        work.change(replace(item, owner=user.oid))
    return replace(relation, owner=user.oid, acl=with_owner(relation.acl, relation.owner, user.oid, Grant))


async def _add_column(work: Work, relation: Relation, action: actions.AddColumn) -> Relation:
    number = max((item.number for item in relation.columns), default=0) + 1
    column = table_column(work, action.column, number)
    if relation.column(column.name) is not None:
        raise SqlError(
            SqlState.DUPLICATE_COLUMN, f'column "{column.name}" of relation "{relation.name}" already exists'
        )
    if column.identity is not None:
        raise not_supported("adding an IDENTITY column")
    if column.not_null and column.default is None:
        raise SqlError(
            SqlState.INVALID_TABLE_DEFINITION, "ALTER TABLE ADD COLUMN defined as NOT NULL must have a default"
        )
    remember(work, relation)
    default = None
    if column.default is not None:
        goal = Goal(name=column.name, type=column.type, not_null=column.not_null)
        default = translate_default(column.default, goal, work.visible)
    column = ddl.stored_beside(column, relation.columns)
    await work.engine.script(lake.add_column(relation.engine_name, physical_column(column), default))
    columns = ddl.encoded((*relation.columns, column))
    relation = replace(relation, columns=columns)
    taken = {item.name for item in relation.constraints}
    keys = tuple(table_constraint(work, relation, key, taken) for key in action.constraints)
    return replace(relation, constraints=relation.constraints + keys)


async def _drop_column(work: Work, relation: Relation, action: actions.DropColumn) -> Relation:
    column = _existing(relation, action.column)
    refuse_needed_column(work, relation, column.name)
    if column.distkey or column.sortkey:
        what = "distribution" if column.distkey else "sort"
        raise SqlError(SqlState.INVALID_TABLE_DEFINITION, f'cannot drop {what} key column "{column.name}"')
    views = _naming(work, relation, column.name)
    if views and not action.cascade:
        what = f"table {relation.name} column {column.name}"
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            f"cannot drop {what} because other objects depend on it",
            detail="\n".join(f"{ddl.kind_word(view)} {view.name} depends on {what}" for view in views),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    gone = ddl.dropped(work.state, views, cascade=True)
    for view in gone:
        await work.lock(view, Mode.ACCESS_EXCLUSIVE)
    await work.engine.script([sql for view in gone if view.engine_name for sql in lake.drop_table(view.engine_name)])
    work.change(drops=tuple(view.oid for view in gone))
    remember(work, relation)
    await work.engine.script(lake.drop_column(relation.engine_name, column.engine_name))
    return replace(
        relation,
        columns=tuple(item for item in relation.columns if item.name != column.name),
        constraints=tuple(item for item in relation.constraints if column.name not in item.columns),
        acl=with_columns(relation.acl, {column.name: None}, Grant),
    )


async def _alter_type(work: Work, relation: Relation, action: actions.AlterColumnType) -> Relation:
    if work.tx.block:
        raise SqlError(
            SqlState.ACTIVE_SQL_TRANSACTION, "ALTER TABLE ALTER COLUMN cannot run inside a transaction block"
        )
    column = _existing(relation, action.column)
    refuse_needed_column(work, relation, column.name)
    views = _naming(work, relation, column.name)
    if views:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            "cannot alter type of a column used by a view or rule",
            detail=f'rule _RETURN on view {views[0].name} depends on column "{column.name}"',
        )
    old, new = column.type.length, action.type.length
    if column.type.type.name != "varchar" or action.type.type.name != "varchar" or old is None or new is None:
        raise not_supported("changing the type of a column that is not VARCHAR")
    if new < old:
        longest = await work.engine.fetch(
            f"SELECT coalesce(max(octet_length(encode({quote(column.engine_name)}))), 0) FROM {relation.engine_name}"
        )
        if longest[0][0] > new:
            raise SqlError(
                SqlState.INVALID_TABLE_DEFINITION,
                f'cannot decrease the size of column "{column.name}" below the length of its longest value',
            )
    return _with(relation, column.name, type=action.type)


async def _alter_encode(work: Work, relation: Relation, action: actions.AlterColumnEncode) -> Relation:
    column = _existing(relation, action.column)
    encoding = "none" if action.encode == "raw" else action.encode
    encodings.checked(column.name, column.type, encoding)
    return _with(relation, action.column, encoding=encoding)


async def _alter_distribution(work: Work, relation: Relation, action: actions.AlterDistribution) -> Relation:
    bare = [replace(column, distkey=False) for column in relation.columns]
    columns, style = ddl.distributed(bare, action.diststyle, action.distkey)
    return replace(relation, columns=columns, diststyle=style)


async def _alter_sortkey(work: Work, relation: Relation, action: actions.AlterSortkey) -> Relation:
    style = "" if action.sortstyle == "NONE" else action.sortstyle
    columns = ddl.sorted_by(relation.columns, action.columns, style)
    changed = replace(relation, columns=columns, sortstyle=style)
    if not relation.temporary:
        await work.engine.script(lake.sort_by(relation.engine_name, sort_key(changed)))
    return changed


async def _encode_auto(work: Work, relation: Relation, action: actions.AlterEncodeAuto) -> Relation:
    return replace(relation, columns=ddl.encoded([replace(column, encoding="") for column in relation.columns]))


async def _add_constraint(work: Work, relation: Relation, action: actions.AddConstraint) -> Relation:
    taken = {item.name for item in relation.constraints}
    if action.constraint.name in taken:
        raise SqlError(
            SqlState.DUPLICATE_OBJECT,
            f'constraint "{action.constraint.name}" for relation "{relation.name}" already exists',
        )
    if action.constraint.kind == "p" and any(item.kind == "p" for item in relation.constraints):
        raise SqlError(
            SqlState.INVALID_TABLE_DEFINITION, f'multiple primary keys for table "{relation.name}" are not allowed'
        )
    key = table_constraint(work, relation, action.constraint, taken)
    return replace(relation, constraints=(*relation.constraints, key))


async def _drop_constraint(work: Work, relation: Relation, action: actions.DropConstraint) -> Relation:
    kept = tuple(item for item in relation.constraints if item.name != action.name)
    gone = [item for item in relation.constraints if item.name == action.name]
    referring = [
        (table, key)
        for table, key in ddl.references(work.state, frozenset({relation.oid}))
        if any(item.kind != "f" and item.columns == key.referenced_columns for item in gone)
    ]
    if referring and not action.cascade:
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            f"cannot drop constraint {action.name} on table {relation.name} because other objects depend on it",
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    for table, key in referring:
        work.change(replace(table, constraints=tuple(item for item in table.constraints if item != key)))
    if len(kept) == len(relation.constraints):
        raise SqlError(
            SqlState.UNDEFINED_OBJECT, f'constraint "{action.name}" of relation "{relation.name}" does not exist'
        )
    return replace(relation, constraints=kept)


def _existing(relation: Relation, name: str) -> Any:
    column = relation.column(name)
    if column is None:
        raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{name}" of relation "{relation.name}" does not exist')
    return column


def _with(relation: Relation, name: str, **changes: Any) -> Relation:
    return replace(
        relation,
        columns=tuple(replace(item, **changes) if item.name == name else item for item in relation.columns),
    )


_IN_LAKE: Final = frozenset({
    actions.RenameColumn, actions.AddColumn, actions.DropColumn, actions.AlterColumnType, actions.AlterColumnEncode,
    actions.AlterSortkey,
})  # fmt: skip
_ACTIONS: Final[dict[type[Any], Action]] = {
    actions.RenameTable: _rename_table,
    actions.RenameColumn: _rename_column,
    actions.ChangeOwner: _change_owner,
    actions.AddColumn: _add_column,
    actions.DropColumn: _drop_column,
    actions.AlterColumnType: _alter_type,
    actions.AlterColumnEncode: _alter_encode,
    actions.AlterDistribution: _alter_distribution,
    actions.AlterSortkey: _alter_sortkey,
    actions.AlterEncodeAuto: _encode_auto,
    actions.AddConstraint: _add_constraint,
    actions.DropConstraint: _drop_constraint,
    actions.RowLevelSecurity: row_security,
}
STORAGE_ACTIONS: Final = (actions.ChangeOwner, actions.AlterDistribution, actions.AlterSortkey)
"""What ALTER MATERIALIZED VIEW may do to the table that keeps its rows."""
_FOR_VIEWS: Final[tuple[type[Any], ...]] = (actions.RenameTable, actions.ChangeOwner, actions.RowLevelSecurity)
