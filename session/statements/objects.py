"""CREATE VIEW, schemas, DROP."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from auth.authorize import allowed
from auth.grants import with_owner
from catalog import ddl
from catalog.model import Grant, Relation, RelationKind, Schema, TableColumn
from catalog.routines import routines
from catalog.scopes import acl_of
from core.errors import SqlError, not_supported, notice
from core.names import quote
from core.sqlstate import SqlState
from session.answers import Done
from session.aside import LONG, WIDE, apart, elsewhere
from session.context import Work
from session.locks import Mode
from session.sharing import refuse_copied, refuse_replica, refuse_shared
from session.statements.alterations import follow
from session.statements.external import drop_external_table
from session.statements.external_schemas import drop_external_database
from session.statements.policies import refuse_needed, refuse_policies_in
from session.statements.query import describe
from session.statements.routines import drop_routines, follow_calls, remove_routines
from session.statements.tables import stored_type, target_schema, temporary_schema
from sql.commands.drops import Drop
from sql.commands.schemas import AlterSchema, CreateSchema
from sql.commands.views import CreateView
from sql.definitions import qualified_definition, refuse_bare_names
from sql.statement import Fragment
from storage import lake

_VIEWS: Final = "CREATE OR REPLACE VIEW"


async def create_view(work: Work, command: CreateView) -> Done:
    """CREATE [OR REPLACE] VIEW."""
    schema = await target_schema(work, command.name, permission=_VIEWS)
    name = command.name[-1]
    await work.tx.writing(frozenset())
    await work.lock_name(schema.oid, name)
    old = work.state.relation(schema.oid, name)
    if old is not None:
        _replaceable(work, old, command)
    text, columns, depends = await _view(work, command)
    if old is not None and old.columns and not command.late_binding:
        _same_columns(old.columns, columns)
    _refuse_elsewhere(work, schema, depends)
    if not schema.temporary and any(_is_temporary(work, oid) for oid in depends):
        work.notice(notice(f'view "{name}" will be a temporary view'))
        schema = temporary_schema(work)
    relation = Relation(
        settings=() if command.late_binding else work.settings.naming,
        oid=old.oid if old else work.next_oid(),
        schema=schema.oid,
        name=name,
        owner=old.owner if old else work.principal.oid,
        acl=old.acl if old else work.default_acl(schema, "TABLE"),
        protection=old.protection if old else None,
        type=RelationKind.VIEW,
        columns=columns,
        definition=text,
        late_binding=command.late_binding,
        temporary=schema.temporary,
        depends=depends,
        diststyle="",
        created=work.warehouse.clock.now().isoformat(),
    )
    work.change(relation)
    return Done("CREATE VIEW")


def _refuse_elsewhere(work: Work, schema: Schema, depends: tuple[int, ...]) -> None:
    """Raise for a view over another database's objects: Redshift lets only late-binding ones be."""
    for oid in depends:
        relation = work.state.objects.get(oid)
        place = work.state.objects.get(relation.schema) if isinstance(relation, Relation) else None
        if isinstance(place, Schema) and place.database != schema.database:
            raise SqlError(
                SqlState.FEATURE_NOT_SUPPORTED,
                "a view over objects of another database is not supported",
                hint="Create it WITH NO SCHEMA BINDING.",
            )


def _replaceable(work: Work, old: Relation, command: CreateView) -> None:
    if not command.or_replace:
        raise SqlError(SqlState.DUPLICATE_TABLE, f'Relation "{old.name}" already exists')
    if ddl.kind_word(old) != "view":
        raise SqlError(SqlState.WRONG_OBJECT_TYPE, f'"{old.name}" is not a view')
    # Nobody plans the query of a late-binding view now, and it will be run with the old owner's rights.
    work.require_owner(old, "" if command.late_binding else _VIEWS)


def _is_temporary(work: Work, oid: int) -> bool:
    relation = work.state.objects.get(oid)
    return isinstance(relation, Relation) and relation.temporary


def _same_columns(old: tuple[TableColumn, ...], new: tuple[TableColumn, ...]) -> None:
    """Raise where a view's columns would not be those that it has."""
    message = "cannot change number of columns in view" if len(old) != len(new) else ""
    for before, after in zip(old, new, strict=False):
        if not message and before.name != after.name:
            message = f'cannot change name of view column "{before.name}"'
        if not message and before.type != after.type:
            message = f'cannot change data type of view column "{before.name}"'
    if message:
        raise SqlError(SqlState.INVALID_TABLE_DEFINITION, message)


async def _view(work: Work, command: CreateView) -> tuple[str, tuple[TableColumn, ...], tuple[int, ...]]:
    """Return a view's definition, its columns and the relations it reads."""
    query = command.query
    if command.late_binding:
        refuse_bare_names(query.text)
        return _renamed(query.text, command, command.columns), (), ()
    text, known, depends = await elsewhere(
        work.session, lambda: qualified_definition(query.text, work.visible), heavy=len(query.text) >= LONG
    )
    await elsewhere(work.session, lambda: _refuse_external(work, query))
    # Planning the query checks it, and that its author may read what it reads.
    shape = await describe(work, query.text, query.offset)
    if len(command.columns) > len(known):
        raise SqlError(SqlState.SYNTAX_ERROR, "CREATE VIEW specifies more column names than columns")
    names = [*command.columns, *(column.name for column in known[len(command.columns) :])]
    text = _renamed(text, command, names)
    columns = await apart(len(shape) > WIDE, lambda: tuple(
        TableColumn(name=name, type=stored_type(column.type), number=number)
        for number, (name, column) in enumerate(zip(names, shape, strict=True), start=1)
    ))  # fmt: skip
    ddl.checked_names(columns)
    return text, columns, tuple(depends)


def _renamed(text: str, command: CreateView, names: Sequence[str]) -> str:
    """Return a view's query, its columns called *names* where CREATE VIEW has a list of them."""
    if not command.columns:
        return text
    return f"SELECT * FROM ({text}) AS {quote(command.name[-1])} ({', '.join(quote(name) for name in names)})"


def _refuse_external(work: Work, query: Fragment) -> None:
    if work.plan(query.text, query.offset).external:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            "External tables are not supported in views",
            hint="Please use late binding view and add 'with no schema binding' at the query end.",
        )


async def create_schema(work: Work, command: CreateSchema) -> Done:
    """CREATE SCHEMA."""
    name = command.name[-1]
    refuse_shared(work.database)
    refuse_copied(work, work.database)
    if len(command.name) > 1 and command.name[0] != work.database.name:
        if work.state.database(command.name[0]) is None:
            raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{command.name[0]}" does not exist')
        raise not_supported("making a schema in another database")
    owner = work.principal.oid
    if command.authorization is not None:
        user = work.state.user(command.authorization)
        if user is None:
            raise SqlError(SqlState.UNDEFINED_OBJECT, f'user "{command.authorization}" does not exist')
        owner = user.oid
    work.require_database("CREATE", "CREATE SCHEMA")
    if name.startswith("pg_"):
        raise SqlError(
            SqlState.RESERVED_NAME,
            f'unacceptable schema name "{name}"',
            detail='The prefix "pg_" is reserved for system schemas.',
        )
    await work.tx.writing(frozenset())
    await work.tx.lock(("schema", work.database.oid, name), Mode.ACCESS_EXCLUSIVE)
    if work.state.schema(work.database.oid, name) is not None:
        if command.if_not_exists:
            work.notice(notice(f'Schema "{name}" already exists and will be skipped', state=SqlState.DUPLICATE_SCHEMA))
            return Done("CREATE SCHEMA")
        raise SqlError(SqlState.DUPLICATE_SCHEMA, f'Schema "{name}" already exists')
    place = ddl.free_engine_schema(work.state, lake.schema_name(work.database.name, name))
    await work.engine.script(lake.create_schema(place))
    quota = command.quota_mb if command.quota_mb and command.quota_mb > 0 else None
    work.change(
        Schema(
            oid=work.next_oid(),
            database=work.database.oid,
            name=name,
            owner=owner,
            quota_mb=quota,
            engine_name=place,
        )
    )
    await _run_elements(work, name, command)
    return Done("CREATE SCHEMA")


async def _run_elements(work: Work, schema: str, command: CreateSchema) -> None:
    """Run what stands in CREATE SCHEMA, bare names meaning the new schema."""
    # The two import each other: CREATE SCHEMA runs what the pipeline runs.
    from session.pipeline import run

    path = work.settings.get("search_path")
    work.settings.set("search_path", f"{quote(schema)}, {path}", local=True)
    for element in command.elements:
        await run(work, element)
    work.settings.set("search_path", path, local=True)


async def alter_schema(work: Work, command: AlterSchema) -> Done:
    """ALTER SCHEMA: name, owner or quota; its tables stay where they are."""
    schema = work.find_schema(command.name)
    refuse_replica(work, schema.oid)
    _require_schema_owner(work, schema, privilege="" if command.owner is not None else "ALTER")
    await work.tx.writing(frozenset())
    if command.rename_to is not None:
        await work.tx.lock(("schema", schema.database, command.rename_to), Mode.ACCESS_EXCLUSIVE)
        if work.state.schema(schema.database, command.rename_to) is not None:
            raise SqlError(SqlState.DUPLICATE_SCHEMA, f'Schema "{command.rename_to}" already exists')
        refuse_policies_in(work, schema)
        follow(work, {item.oid: (command.rename_to, item.name) for item in work.state.relations(schema.oid)})
        follow_calls(work, schema, lambda item: (str(command.rename_to), item.name))
        schema = replace(schema, name=command.rename_to)
    if command.owner is not None:
        user = work.state.user(command.owner)
        if user is None:
            raise SqlError(SqlState.UNDEFINED_OBJECT, f'user "{command.owner}" does not exist')
        acl = with_owner(schema.acl, schema.owner, user.oid, Grant)
        schema = replace(schema, owner=user.oid, acl=acl)
    if command.quota_mb is not None:
        schema = replace(schema, quota_mb=command.quota_mb if command.quota_mb > 0 else None)
    work.change(schema)
    return Done("ALTER SCHEMA")


def _require_schema_owner(work: Work, schema: Schema, permission: str = "", privilege: str = "") -> None:
    """Raise 42501 unless the user owns *schema*, or has a system permission or a privilege that stands for that."""
    who = work.principal
    granted = bool(privilege) and allowed(who, privilege, schema.owner, acl_of(work.state, schema))
    if schema.owner != who.oid and not who.may(permission) and not granted:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be owner of schema {schema.name}")


async def drop(work: Work, command: Drop) -> Done:
    """DROP TABLE, VIEW, SCHEMA."""
    if command.object == "SCHEMA":
        for name in command.names:
            await _drop_schema(work, name, command)
    elif command.object in _KINDS:
        await _drop_relations(work, command)
    elif command.object in {"FUNCTION", "PROCEDURE"}:
        await drop_routines(work, command)
    else:
        raise not_supported(command.tag)
    return Done(command.tag)


async def _drop_relations(work: Work, command: Drop) -> None:
    found = []
    for name in command.names:
        if command.object == "TABLE" and _is_external(work, name):
            await drop_external_table(work, name, if_exists=command.if_exists)
            continue
        relation = _found(work, name, command)
        if relation is None:
            continue
        kind = ddl.kind_word(relation)
        if kind != _KINDS[command.object]:
            raise SqlError(
                SqlState.WRONG_OBJECT_TYPE,
                f'"{relation.name}" is not a {_KINDS[command.object]}',
                hint=f"Use DROP {kind.upper()} to remove a {kind}.",
            )
        if relation.owner != work.principal.oid and not work.principal.may(f"DROP {command.object}"):
            work.require("DROP", relation)
        refuse_replica(work, relation.schema)
        found.append(relation)
    await remove_relations(work, found, cascade=command.cascade)


def _is_external(work: Work, name: tuple[str, ...]) -> bool:
    try:
        return work.visible.external_schema(name) is not None
    except SqlError:
        # Whether that matters depends on IF EXISTS.
        return False


def _found(work: Work, name: tuple[str, ...], command: Drop) -> Relation | None:
    try:
        return work.find_relation(name)
    except SqlError as error:
        if command.if_exists and error.state in {SqlState.UNDEFINED_TABLE, SqlState.INVALID_SCHEMA_NAME}:
            word = command.object.capitalize()
            work.notice(notice(f'{word} "{name[-1]}" does not exist and will be skipped'))
            return None
        if error.state is SqlState.UNDEFINED_TABLE:
            raise SqlError(
                SqlState.UNDEFINED_TABLE, f'{command.object.capitalize()} "{".".join(name)}" does not exist'
            ) from None
        raise


async def remove_references(work: Work, oids: frozenset[int]) -> None:
    """Drop the foreign keys of other tables that refer to any of *oids*."""
    for table in dict.fromkeys(table.oid for table, _ in ddl.references(work.state, oids)):
        relation = work.state.objects[table]
        if isinstance(relation, Relation):
            relation = await work.lock(relation, Mode.ACCESS_EXCLUSIVE)
            kept = tuple(key for key in relation.constraints if key.references not in oids)
            work.change(replace(relation, constraints=kept))


_KINDS: Final = {"TABLE": "table", "VIEW": "view", "MATERIALIZED VIEW": "materialized view"}


async def remove_relations(work: Work, relations: list[Relation], *, cascade: bool) -> None:
    """Drop *relations*, and the views on them where *cascade*; raises 2BP01 where not."""
    if not relations:
        return
    gone = ddl.dropped(work.state, ddl.with_storage(work.state, relations), cascade=cascade)
    refuse_needed(work, gone)
    for relation in gone:
        await work.lock(relation, Mode.ACCESS_EXCLUSIVE)
    for item in gone:
        if item.materialized is not None:
            work.tx.notes.refreshed(item.oid, None)
            if item.materialized.stream:
                work.tx.notes.streamed(item.oid, None)
    await remove_references(work, frozenset(item.oid for item in gone))
    stored = [item for item in gone if item.engine_name]
    await work.engine.script([sql for item in stored if item.temporary for sql in lake.drop_table(item.engine_name)])
    await work.tx.drop_tables({item.oid: item.engine_name for item in stored if not item.temporary})
    work.change(drops=tuple(item.oid for item in gone))


async def _drop_schema(work: Work, name: tuple[str, ...], command: Drop) -> None:
    try:
        schema = work.find_schema(name)
    except SqlError as error:
        if command.if_exists and error.state is SqlState.INVALID_SCHEMA_NAME:
            work.notice(notice(f'Schema "{name[-1]}" does not exist and will be skipped'))
            return
        raise
    refuse_replica(work, schema.oid)
    _require_schema_owner(work, schema, "DROP SCHEMA", "DROP")
    inside = work.state.relations(schema.oid)
    programs = routines(work.state, schema.oid)
    views = [view for view in work.state.relations() if _takes_in(view, schema)]
    if (inside or programs or views) and not command.cascade:
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            f"cannot drop schema {schema.name} because other objects depend on it",
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    await work.tx.writing(frozenset())
    await remove_relations(work, [*inside, *views], cascade=True)
    await remove_routines(work, programs, cascade=True)
    if schema.external is None:
        await work.engine.script(lake.drop_schema(schema.engine_name))
    elif command.external_database:
        await drop_external_database(work, schema)
    work.change(drops=(schema.oid,))


def _takes_in(view: Relation, schema: Schema) -> bool:
    """Tell whether a view is made of a stream of an external schema."""
    return view.materialized is not None and view.materialized.stream[:1] == (schema.oid,)
