"""External schemas: CREATE, ALTER, and what DROP does to their databases.

Redshift, "CREATE EXTERNAL SCHEMA", "ALTER EXTERNAL SCHEMA".
"""

from dataclasses import replace
from typing import Final

from catalog.external import Origin, OriginKind
from catalog.model import Schema
from core.errors import SqlError, info, notice
from core.sqlstate import SqlState
from session.answers import Done
from session.context import Work
from session.external import federated, streams
from session.external.catalogs import asked
from session.locks import Mode
from session.sharing import refuse_copied, refuse_shared
from session.statements.external import require_schema_owner
from sql.commands.external_schemas import AlterExternalSchema, CreateExternalSchema

_KINDS: Final = {
    "DATA CATALOG": OriginKind.DATA_CATALOG, "POSTGRES": OriginKind.POSTGRES, "MYSQL": OriginKind.MYSQL,
    "REDSHIFT": OriginKind.REDSHIFT, "KINESIS": OriginKind.KINESIS, "KAFKA": OriginKind.KAFKA,
}  # fmt: skip


async def create_external_schema(work: Work, command: CreateExternalSchema) -> Done:
    """CREATE EXTERNAL SCHEMA."""
    name = command.name[-1]
    work.require_database("CREATE")
    refuse_shared(work.database)
    refuse_copied(work, work.database)
    origin = Origin(kind=_KINDS[command.source], database=command.database, options=command.options)
    if origin.kind in federated.TYPES:
        federated.check(origin)
    streams.check(origin)
    if origin.kind == OriginKind.REDSHIFT:
        _require_database(work, origin)
    await work.tx.writing(frozenset())
    await work.tx.lock(("schema", work.database.oid, name), Mode.ACCESS_EXCLUSIVE)
    if work.state.schema(work.database.oid, name) is not None:
        if command.if_not_exists:
            work.notice(notice(f'Schema "{name}" already exists and will be skipped', state=SqlState.DUPLICATE_SCHEMA))
            return Done("CREATE SCHEMA")
        raise SqlError(SqlState.DUPLICATE_SCHEMA, f'Schema "{name}" already exists')
    if command.create_database:
        made = await asked(work, origin, lambda catalog: catalog.create_database(command.database))
        if not made:
            work.notice(info(f'External database "{command.database}" already exists'))
    work.change(
        Schema(
            oid=work.next_oid(),
            database=work.database.oid,
            name=name,
            owner=work.principal.oid,
            external=origin,
        )
    )
    return Done("CREATE SCHEMA")


def _require_database(work: Work, origin: Origin) -> None:
    """Raise unless an external schema is over another database of this server."""
    database = work.state.database(origin.database)
    if database is None:
        raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{origin.database}" does not exist')
    if database.oid == work.database.oid:
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE, "an external schema cannot be over the database that it is in"
        )


async def alter_external_schema(work: Work, command: AlterExternalSchema) -> Done:
    """ALTER EXTERNAL SCHEMA: how its tables are reached."""
    schema = work.find_schema(command.name)
    if schema.external is None:
        raise SqlError(SqlState.WRONG_OBJECT_TYPE, f'schema "{schema.name}" is not an external schema')
    require_schema_owner(work, schema)
    await work.tx.writing(frozenset())
    options = dict(schema.external.options) | dict(command.options)
    work.change(replace(schema, external=replace(schema.external, options=tuple(options.items()))))
    return Done("ALTER EXTERNAL SCHEMA")


async def drop_external_database(work: Work, schema: Schema) -> None:
    """DROP SCHEMA … DROP EXTERNAL DATABASE."""
    origin = schema.external
    if origin is not None and origin.kind == OriginKind.DATA_CATALOG:
        await asked(work, origin, lambda catalog: catalog.drop_database(origin.database))


