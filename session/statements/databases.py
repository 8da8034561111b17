"""CREATE, ALTER, DROP DATABASE: each is a set of schemas of the one lake."""

from dataclasses import replace
from typing import Final

from catalog import ddl
from catalog.copy_jobs import copy_jobs
from catalog.model import PUBLIC, Database, Grant, Schema
from catalog.routines import routines
from core.errors import SqlError, notice
from core.sqlstate import SqlState
from session.answers import Done
from session.context import Work
from session.locks import Mode
from session.statements.integrations import alter_integration, forget, integration_of
from session.statements.objects import remove_relations
from session.statements.routines import remove_routines
from session.statements.shares import origin_of, refuse_source
from sql.commands.databases import AlterDatabase, CreateDatabase, DatabaseOptions, DropDatabase, Use
from storage import lake

_FIRST: Final = 2
"""BEGIN and USE itself: what a block may hold up to then."""


async def create_database(work: Work, command: CreateDatabase) -> Done:
    """CREATE DATABASE, with a schema ``public`` of its own."""
    user = work.session.user
    if not user.superuser and not user.createdb:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "permission denied to create database")
    await work.tx.writing(frozenset())
    await _free_name(work, command.name)
    database = Database(
        oid=work.next_oid(),
        name=command.name,
        owner=work.principal.oid,
        acl=(Grant(grantee=PUBLIC, grantor=work.principal.oid, privileges=frozenset({"TEMPORARY"})),),
    )
    database = _with_options(work, database, command.options)
    if command.share is not None:
        work.change(replace(database, share=await origin_of(work, command.share), acl=()))
        return Done("CREATE DATABASE")
    if command.integration is not None:
        database = replace(database, integration=integration_of(work, command.integration))
    place = ddl.free_engine_schema(work.state, lake.schema_name(command.name, "public"))
    await work.engine.script(lake.create_schema(place))
    public = Schema(
        oid=work.next_oid(),
        database=database.oid,
        name="public",
        owner=database.owner,
        acl=(Grant(grantee=PUBLIC, grantor=database.owner, privileges=frozenset({"CREATE", "USAGE"})),),
        engine_name=place,
    )
    work.change(database, public)
    return Done("CREATE DATABASE")


async def alter_database(work: Work, command: AlterDatabase) -> Done:
    """ALTER DATABASE: name or options."""
    database = owned(work, command.name)
    if command.integration is not None:
        return await alter_integration(work, database, command.integration)
    await work.tx.writing(frozenset())
    if command.rename_to is not None:
        await _free_name(work, command.rename_to)
        await _refuse_used(work, database)
        database = replace(database, name=command.rename_to)
    work.change(_with_options(work, database, command.options))
    return Done("ALTER DATABASE")


async def drop_database(work: Work, command: DropDatabase) -> Done:
    """DROP DATABASE with everything in it."""
    if command.if_exists and work.state.database(command.name) is None:
        work.notice(notice(f'Database "{command.name}" does not exist and will be skipped'))
        return Done("DROP DATABASE")
    database = owned(work, command.name)
    if database.oid in {work.session.database.oid, work.database.oid}:
        raise SqlError(SqlState.OBJECT_IN_USE, "cannot drop the currently open database")
    await _refuse_used(work, database)
    refuse_source(work, database)
    if database.integration is not None:
        await forget(work, database)
    await work.tx.writing(frozenset())
    for schema in work.state.schemas(database.oid):
        await remove_relations(work, work.state.relations(schema.oid), cascade=True)
        await remove_routines(work, routines(work.state, schema.oid), cascade=True)
        if schema.external is None:
            await work.engine.script(lake.drop_schema(schema.engine_name))
        work.change(drops=(schema.oid,))
    work.change(drops=(*(job.oid for job in copy_jobs(work.state, database.oid)), database.oid))
    return Done("DROP DATABASE")


async def _free_name(work: Work, name: str) -> None:
    await work.tx.lock(("database", name), Mode.ACCESS_EXCLUSIVE)
    if work.state.database(name) is not None:
        raise SqlError(SqlState.DUPLICATE_DATABASE, f'database "{name}" already exists')


def owned(work: Work, name: str) -> Database:
    """Return the database called *name*, which must be the user's; raises 3D000, 42501."""
    database = work.state.database(name)
    if database is None:
        raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{name}" does not exist')
    if not work.principal.superuser and database.owner != work.principal.oid:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be owner of database {name}")
    return database


async def use(work: Work, command: Use) -> Done:
    """USE database, RESET USE."""
    if work.tx.block and work.tx.commands > _FIRST:
        raise SqlError(
            SqlState.ACTIVE_SQL_TRANSACTION,
            "USEd Database cannot be set or reset inside a transaction after another command.",
        )
    found = work.state.database(command.database) if command.database is not None else None
    if command.database is not None and found is None:
        raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{command.database}" does not exist')
    work.session.use(found)
    return Done("USE" if found is not None else "RESET")


async def _refuse_used(work: Work, database: Database) -> None:
    fleet, used = work.warehouse.fleet, set[str]()
    if fleet is not None:
        await fleet.presence.look()
        used = {other["database"] for other in fleet.presence.others}
    here = any(database.oid in {other.database.oid, other.place.oid} for other in work.warehouse.sessions.values())
    if here or database.name in used:
        raise SqlError(SqlState.OBJECT_IN_USE, f'database "{database.name}" is being accessed by other users')


def _with_options(work: Work, database: Database, options: DatabaseOptions) -> Database:
    if options.owner is not None:
        user = work.state.user(options.owner)
        if user is None:
            raise SqlError(SqlState.UNDEFINED_OBJECT, f'user "{options.owner}" does not exist')
        database = replace(database, owner=user.oid)
    if options.connection_limit is not None:
        limit = options.connection_limit if options.connection_limit >= 0 else None
        database = replace(database, connection_limit=limit)
    if options.collate is not None:
        database = replace(database, collation=options.collate)
    if options.isolation is not None:
        names = {"SNAPSHOT": "Snapshot Isolation", "SERIALIZABLE": "Serializable"}
        database = replace(database, isolation=names[options.isolation])
    return database
