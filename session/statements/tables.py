"""CREATE TABLE, CREATE TABLE AS, SELECT INTO, TRUNCATE."""

from dataclasses import replace
from typing import Final

from catalog import ddl
from catalog.model import Constraint, Identity, Relation, Schema, TableColumn
from core import types
from core.errors import SqlError, notice
from core.sqlstate import SqlState
from core.types import Column, ColumnType
from engine.arrival import ARRIVING
from session.answers import Done
from session.aside import apart
from session.context import Work
from session.external.streams import kept_rows
from session.locks import Mode
from session.sharing import refuse_replica
from session.statements.arriving import arriving, written
from session.statements.query import describe
from sql.commands.tables import (
    ColumnDefinition,
    CreateTable,
    CreateTableAs,
    LikeClause,
    TableAttributes,
    TableConstraint,
    Truncate,
)
from sql.finish import Finish
from sql.statement import Fragment
from sql.translate import refuse_in_default
from storage import lake

_MANY: Final = 40
"""Columns whose definition takes a millisecond."""


async def create_table(work: Work, command: CreateTable) -> Done:
    """CREATE TABLE (columns)."""
    schema = await target_schema(work, command.name, temporary=command.temporary)
    if await _exists(work, schema, command.name[-1], if_not_exists=command.if_not_exists):
        return Done("CREATE TABLE")

    def defined() -> Relation:
        columns = _columns(work, command)
        attributes = _inherited(work, command) if command.likes else command.attributes
        relation = new_relation(work, schema, command.name[-1], columns, attributes)
        return _keyed(work, relation, command.constraints)

    await create(work, await apart(len(command.columns) > _MANY or bool(command.likes), defined))
    return Done("CREATE TABLE")


async def create_table_as(work: Work, command: CreateTableAs) -> Done:
    """CREATE TABLE … AS query, SELECT … INTO."""
    schema = await target_schema(work, command.name, temporary=command.temporary)
    if await _exists(work, schema, command.name[-1], if_not_exists=command.if_not_exists):
        return Done("SELECT")
    shape = await describe(work, command.query.text, command.query.offset)
    outputs = work.plan(command.query.text, command.query.offset).translated.columns

    def defined() -> Relation:
        columns = [
            replace(column, collation="case_insensitive") if output.folded else column
            for column, output in zip(
                described(work, shape, command.columns, "CREATE TABLE AS"), outputs, strict=True
            )
        ]
        return new_relation(work, schema, command.name[-1], columns, command.attributes)

    relation = await apart(len(shape) > _MANY, defined)
    await create(work, relation)
    return Done(f"SELECT {await fill(work, relation, command.query)}")


async def fill(work: Work, relation: Relation, query: Fragment) -> int:
    """Insert the rows of *query* into a new table; return how many there were."""
    await work.tx.writing(frozenset({relation.oid}))
    plan = await work.ready(query.text, query.offset, finish=Finish.EXACT)
    aliases = [f"c{column.number}" for column in relation.columns]
    values = ", ".join(
        f"CAST({alias} AS {column.type.engine()})" for alias, column in zip(aliases, relation.columns, strict=True)
    )
    arrival = await arriving(work, plan, work.bound(plan))
    rows = plan.translated.engine_sql if arrival is None else f"FROM {ARRIVING}"
    sql = f"INSERT INTO {relation.engine_name} SELECT {values} FROM ({rows}) AS source({', '.join(aliases)})"
    if arrival is not None:
        return await written(work, sql, arrival)
    return await work.engine.run(sql, work.bound(plan), work.prepare(plan))


async def truncate(work: Work, command: Truncate) -> Done:
    """TRUNCATE: all rows go."""
    relation = kept_rows(work.state, work.find_relation(command.name)) or work.find_table(command.name)
    if relation.owner != work.principal.oid and not work.principal.may("TRUNCATE TABLE"):
        work.require("TRUNCATE", relation)
    refuse_replica(work, relation.schema)
    relation = await work.lock(relation, Mode.ACCESS_EXCLUSIVE)
    await work.engine.run(f"DELETE FROM {relation.engine_name}")
    return Done("TRUNCATE TABLE")


async def target_schema(
    work: Work, name: tuple[str, ...], *, temporary: bool = False, permission: str = "CREATE TABLE"
) -> Schema:
    """Return the schema that a new relation goes to, which the user must be allowed to create in."""
    if temporary or (len(name) > 1 and name[-2] == "pg_temp"):
        if len(name) > 1 and name[-2] != "pg_temp":
            raise SqlError(SqlState.INVALID_TABLE_DEFINITION, "temporary tables may not specify a schema name")
        return temporary_schema(work)
    schema = work.visible.schema(name[:-1]) if len(name) > 1 else work.visible.creation_schema()
    if schema.external is not None:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            f'"{schema.name}" is an external schema, which holds external tables only',
            hint="Use CREATE EXTERNAL TABLE.",
        )
    refuse_replica(work, schema.oid)
    work.require_schema("CREATE", schema, permission)
    return schema


def temporary_schema(work: Work) -> Schema:
    """Return the session's schema of temporary tables, making it where there is none."""
    found = work.session.temporary_schema
    if found is None:
        found = Schema(
            oid=work.next_oid(),
            database=work.database.oid,
            name=f"pg_temp_{work.session.pid}",
            owner=work.principal.oid,
            temporary=True,
        )
        work.change(found)
    return found


async def _exists(work: Work, schema: Schema, name: str, *, if_not_exists: bool) -> bool:
    """Begin to write; tell whether the name is taken and that is fine, raise 42P07 where it is not."""
    await work.tx.writing(frozenset())
    await work.lock_name(schema.oid, name)
    if work.state.relation(schema.oid, name) is None:
        return False
    if if_not_exists:
        work.notice(notice(f'Relation "{name}" already exists and will be skipped', state=SqlState.DUPLICATE_TABLE))
        return True
    raise SqlError(SqlState.DUPLICATE_TABLE, f'Relation "{name}" already exists')


def _columns(work: Work, command: CreateTable) -> list[TableColumn]:
    likes = sorted(command.likes, key=lambda like: like.after)
    columns: list[TableColumn] = []
    for place in range(len(command.columns) + 1):
        for like in likes:
            if like.after == place:
                columns += _like(work, like)
        if place < len(command.columns):
            columns.append(table_column(work, command.columns[place], 0))
    return [replace(column, number=number) for number, column in enumerate(columns, start=1)]


def _like(work: Work, like: LikeClause) -> list[TableColumn]:
    parent = work.find_relation(like.name)
    work.require("SELECT", parent)
    # Keys and IDENTITY are not taken over; NOT NULL, encodings, distribution and sort keys are.
    return [
        replace(column, identity=None, default=column.default if like.including_defaults else None)
        for column in parent.columns
    ]


def _inherited(work: Work, command: CreateTable) -> TableAttributes:
    """Return the attributes of a table LIKE another: those of the other where none are given."""
    given, parent = command.attributes, work.find_relation(command.likes[0].name)
    if given.diststyle is None and given.distkey is None and parent.diststyle in {"EVEN", "ALL"}:
        given = replace(given, diststyle=parent.diststyle)
    if given.sortstyle is None and parent.sortstyle:
        given = replace(given, sortstyle=parent.sortstyle, sortkey=tuple(sort_columns(parent)))
    return given


def check_default(work: Work, text: str) -> None:
    """Raise where an expression cannot be a DEFAULT."""
    refuse_in_default(text)
    try:
        work.expression(text)
    except SqlError as error:
        if error.state is not SqlState.UNDEFINED_COLUMN:
            raise
        raise SqlError(
            SqlState.INVALID_COLUMN_REFERENCE, "cannot use column references in default expression"
        ) from None


def table_column(work: Work, definition: ColumnDefinition, number: int) -> TableColumn:
    """Return the column that a definition means; its DEFAULT must translate."""
    if not definition.type.type.column:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED, f'column "{definition.name}" has unsupported type "{definition.type}"'
        )
    if definition.default is not None:
        check_default(work, definition.default.text)
    identity = definition.identity
    if identity is not None and definition.type.type.name not in {"int4", "int8"}:
        raise SqlError(SqlState.INVALID_TABLE_DEFINITION, "identity column type must be INT or BIGINT")
    return TableColumn(
        name=definition.name,
        type=definition.type,
        number=number,
        not_null=definition.not_null is True or identity is not None,
        default=definition.default.text if definition.default else None,
        identity=Identity(seed=identity.seed, step=identity.step, by_default=identity.by_default) if identity else None,
        encoding=_encoding(definition.encode),
        distkey=definition.distkey,
        sortkey=1 if definition.sortkey else 0,
        collation=definition.collate or default_collation(work, definition.type),
    )


def default_collation(work: Work, kind: ColumnType) -> str | None:
    """Return the database's collation for a character column."""
    return work.database.collation if kind.type.category == "S" else None


def _encoding(given: str | None) -> str:
    return {"raw": "none", None: ""}.get(given, given or "")


def new_relation(
    work: Work, schema: Schema, name: str, columns: list[TableColumn], attributes: TableAttributes
) -> Relation:
    """Return the relation that CREATE TABLE makes of *columns* and *attributes*."""
    ddl.checked_names(columns)
    columns = list(ddl.stored_apart(columns))
    key = attributes.sortkey or tuple(column.name for column in columns if column.sortkey)
    style = attributes.sortstyle or ("COMPOUND" if key else "")
    marked = ddl.sorted_by(columns, key, style)
    marked, diststyle = ddl.distributed(marked, attributes.diststyle, attributes.distkey)
    return Relation(
        oid=work.next_oid(),
        schema=schema.oid,
        name=name,
        owner=work.principal.oid,
        acl=() if schema.temporary else work.default_acl(schema, "TABLE"),
        columns=ddl.encoded(marked),
        engine_name=_engine_name(work, schema, name),
        temporary=schema.temporary,
        diststyle=diststyle,
        sortstyle=style,
        backup=attributes.backup is not False,
        created=work.warehouse.clock.now().isoformat(),
    )


def _engine_name(work: Work, schema: Schema, name: str) -> str:
    table = ddl.free_engine_table(work.state, schema.oid, name, work.warehouse.lake_schema.left)
    return lake.temporary_name(table) if schema.temporary else lake.qualified(schema.engine_name, table)


def _keyed(work: Work, relation: Relation, keys: tuple[TableConstraint, ...]) -> Relation:
    taken: set[str] = set()
    # A foreign key may refer to a key that stands after it.
    found = {
        place: table_constraint(work, relation, key, taken) for place, key in enumerate(keys) if key.kind != "f"
    }
    relation = replace(relation, constraints=tuple(found.values()))
    found |= {place: table_constraint(work, relation, key, taken) for place, key in enumerate(keys) if key.kind == "f"}
    made = tuple(found[place] for place in range(len(keys)))
    if sum(key.kind == "p" for key in made) > 1:
        raise SqlError(
            SqlState.INVALID_TABLE_DEFINITION, f'multiple primary keys for table "{relation.name}" are not allowed'
        )
    return replace(relation, constraints=made, columns=ddl.with_keys_not_null(relation.columns, made))


def table_constraint(work: Work, relation: Relation, key: TableConstraint, taken: set[str]) -> Constraint:
    """Return a key that is kept as information; raises 42703 where it names what is not there."""
    for column in key.columns:
        found = relation.column(column)
        if found is None:
            raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{column}" named in key does not exist')
        if found.type.type.name == "super":
            raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, f'column "{column}" of type super cannot be part of a key')
    name = key.name or ddl.constraint_name(relation.name, key.kind, key.columns, taken)
    taken.add(name)
    if key.references is None:
        return Constraint(name=name, kind=key.kind, columns=key.columns)
    other = _referenced(work, relation, key.references)
    for name_ in key.referenced_columns:
        if other.column(name_) is None:
            raise SqlError(
                SqlState.UNDEFINED_COLUMN, f'column "{name_}" referenced in foreign key constraint does not exist'
            )
    referenced = key.referenced_columns or next((item.columns for item in other.constraints if item.kind == "p"), ())
    if not referenced:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'there is no primary key for referenced table "{other.name}"')
    return Constraint(
        name=name, kind="f", columns=key.columns, references=other.oid, referenced_columns=tuple(referenced)
    )


def _referenced(work: Work, relation: Relation, name: tuple[str, ...]) -> Relation:
    """Return the table that a foreign key of *relation* means, which may be the one that is being made."""
    schema = work.state.objects.get(relation.schema)
    own = isinstance(schema, Schema) and (len(name) == 1 or name[-2] == schema.name)
    if name[-1] == relation.name and own and work.state.relation(relation.schema, relation.name) is None:
        return relation
    return work.find_table(name)


async def create(work: Work, relation: Relation) -> None:
    """Make an empty table."""
    await work.engine.script(physical(relation))
    work.change(relation)


def physical_column(column: TableColumn) -> lake.PhysicalColumn:
    """Return a column as the lake stores it."""
    return lake.PhysicalColumn(column.engine_name, column.type.engine(), column.not_null)


def physical(relation: Relation) -> list[str]:
    """Return the engine SQL that makes an empty table for *relation*."""
    columns = [physical_column(column) for column in relation.columns]
    statements = lake.create_table(relation.engine_name, columns, temporary=relation.temporary)
    key = sort_key(relation)
    if key and not relation.temporary:
        statements += lake.sort_by(relation.engine_name, key)
    return statements


def sort_columns(relation: Relation) -> list[str]:
    """Return the names of the sort key's columns, in its order."""
    return [column.name for column in relation.sorted_by]


def sort_key(relation: Relation) -> list[str]:
    """Return the lake's names of the sort key's columns, in its order."""
    return [column.engine_name for column in relation.sorted_by]


def stored_type(kind: ColumnType) -> ColumnType:
    """Return the type that a column made from a query's column gets."""
    if kind.type.name in {"varchar", "text", "name", "unknown", "regclass", "regtype", "regproc", "char"}:
        return kind if kind.length is not None else types.with_length("varchar", types.VARCHAR_MAX)
    if kind.type.name == "oid":
        return types.of("int8")
    if not kind.type.column:
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, f'a table cannot have a column of type "{kind}"')
    return kind


def described(
    work: Work, shape: tuple[Column, ...], given: tuple[str, ...], statement: str
) -> list[TableColumn]:
    """Return the columns of a table made from a query's, the first of them called as *given*."""
    if len(given) > len(shape):
        raise SqlError(SqlState.SYNTAX_ERROR, f"{statement} specifies too many column names")
    names = [*given, *(column.name for column in shape[len(given) :])]
    return [
        TableColumn(
            name=name, type=stored_type(column.type), number=number, encoding="",
            collation=default_collation(work, column.type),
        )
        for number, (name, column) in enumerate(zip(names, shape, strict=True), start=1)
    ]
