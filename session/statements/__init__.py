"""What each kind of statement does: one handler a kind, all in one table.

``HANDLERS`` runs a statement, ``DESCRIBERS`` tells the columns of those that answer with rows.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from core.types import Column
from session.answers import Answer, Done, Value
from session.context import Work
from session.programs import call
from session.statements import (
    alterations,
    append,
    comments,
    compression,
    copy,
    copy_jobs,
    cursors,
    databases,
    defaults,
    explain,
    external,
    external_schemas,
    external_writes,
    handover,
    iceberg_tables,
    identity,
    maintenance,
    masking,
    materialized,
    objects,
    policies,
    prepared,
    privileges,
    query,
    roles,
    routines,
    settings,
    shares,
    show,
    stdio,
    tables,
    transactions,
    unload,
    users,
    vacuum,
)
from sql.commands.external import CreateExternalTable
from sql.commands.unsupported import Unsupported
from sql.statement import Kind, Statement

Handler = Callable[[Work, Statement, tuple[Value, ...]], Awaitable[Answer]]
Describer = Callable[[Work, Statement, tuple[int, ...]], Awaitable[tuple[Column, ...] | None]]


def _command(run: Callable[[Work, Any], Awaitable[Answer]]) -> Handler:
    """Return the handler of a command that needs only its parsed form."""

    async def handler(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Answer:
        return await run(work, statement.command)

    return handler


def _tagged(run: Callable[[Work, Any], Awaitable[str]]) -> Handler:
    """Return the handler of a catalog command that answers with its tag."""

    async def handler(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Answer:
        await work.tx.writing(frozenset())
        return Done(await run(work, statement.command))

    return handler


def _loaded(run: Callable[[Work, Any, Any], Awaitable[str]]) -> Handler:
    """Return the handler of a command that moves files."""

    async def handler(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Answer:
        return Done(await run(work, work.engine, statement.command))

    return handler


async def _unsupported(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Answer:
    command = statement.command
    if isinstance(command, Unsupported) and command.foreign:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED, f'SQL command "{command.foreign}" not supported on Redshift tables.'
        )
    raise not_supported(command.feature if isinstance(command, Unsupported) else statement.tag)


async def _create_external_table(work: Work, command: CreateExternalTable) -> Answer:
    if command.query is not None:
        return await external_writes.create_external_table_as(work, command, command.query)
    return await external.create_external_table(work, command)


async def _no_columns(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[Column, ...] | None:
    raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, f"{statement.tag} cannot be described")


HANDLERS: Final[dict[Kind, Handler]] = dict.fromkeys(Kind, _unsupported) | {
    Kind.SELECT: query.select,
    Kind.INSERT: query.change,
    Kind.UPDATE: query.change,
    Kind.DELETE: query.change,
    Kind.MERGE: query.change,
    Kind.CREATE_TABLE: _command(tables.create_table),
    Kind.CREATE_TABLE_AS: _command(tables.create_table_as),
    Kind.ALTER_TABLE: _command(alterations.alter_table),
    Kind.ALTER_TABLE_APPEND: _command(append.append),
    Kind.TRUNCATE: _command(tables.truncate),
    Kind.CREATE_VIEW: _command(objects.create_view),
    Kind.CREATE_MATERIALIZED_VIEW: _command(materialized.create_materialized_view),
    Kind.ALTER_MATERIALIZED_VIEW: _command(materialized.alter_materialized_view),
    Kind.REFRESH_MATERIALIZED_VIEW: _command(materialized.refresh_materialized_view),
    Kind.CREATE_SCHEMA: _command(objects.create_schema),
    Kind.ALTER_SCHEMA: _command(objects.alter_schema),
    Kind.CREATE_EXTERNAL_SCHEMA: _command(external_schemas.create_external_schema),
    Kind.ALTER_EXTERNAL_SCHEMA: _command(external_schemas.alter_external_schema),
    Kind.CREATE_EXTERNAL_TABLE: _command(_create_external_table),
    Kind.CREATE_ICEBERG_TABLE: _command(iceberg_tables.create_iceberg_table),
    Kind.HANDOVER: handover.hand_over,
    Kind.CREATE_DATASHARE: _command(shares.create_datashare),
    Kind.ALTER_DATASHARE: _command(shares.alter_datashare),
    Kind.DROP_DATASHARE: _command(shares.drop_datashare),
    Kind.CREATE_DATABASE: _command(databases.create_database),
    Kind.ALTER_DATABASE: _command(databases.alter_database),
    Kind.DROP_DATABASE: _command(databases.drop_database),
    Kind.DROP: _command(objects.drop),
    Kind.COMMENT: _command(comments.comment),
    Kind.CALL: call.call,
    Kind.CREATE_PROCEDURE: _command(routines.create_procedure),
    Kind.CREATE_FUNCTION: _command(routines.create_function),
    Kind.ALTER_ROUTINE: _command(routines.alter_routine),
    Kind.CREATE_USER: _tagged(users.create_user),
    Kind.ALTER_USER: _tagged(users.alter_user),
    Kind.DROP_USER: _tagged(users.drop_user),
    Kind.CREATE_GROUP: _tagged(users.create_group),
    Kind.ALTER_GROUP: _tagged(users.alter_group),
    Kind.DROP_GROUP: _tagged(users.drop_group),
    Kind.CREATE_ROLE: _tagged(roles.create_role),
    Kind.ALTER_ROLE: _tagged(roles.alter_role),
    Kind.DROP_ROLE: _tagged(roles.drop_role),
    Kind.ALTER_DEFAULT_PRIVILEGES: _tagged(defaults.alter_default_privileges),
    Kind.GRANT: _tagged(privileges.grant),
    Kind.REVOKE: _tagged(privileges.revoke),
    Kind.CREATE_RLS_POLICY: _tagged(policies.create_rls_policy),
    Kind.ALTER_RLS_POLICY: _tagged(policies.alter_rls_policy),
    Kind.DROP_POLICY: _tagged(masking.drop_policy),
    Kind.CREATE_MASKING_POLICY: _tagged(masking.create_masking_policy),
    Kind.ALTER_MASKING_POLICY: _tagged(masking.alter_masking_policy),
    Kind.ATTACH_MASKING_POLICY: _tagged(masking.attach_masking_policy),
    Kind.ATTACH_RLS_POLICY: _tagged(policies.attach_rls_policy),
    Kind.CREATE_IDENTITY_PROVIDER: _tagged(identity.create_identity_provider),
    Kind.ALTER_IDENTITY_PROVIDER: _tagged(identity.alter_identity_provider),
    Kind.DROP_IDENTITY_PROVIDER: _tagged(identity.drop_identity_provider),
    Kind.COPY: _loaded(copy.copy),
    Kind.CREATE_COPY_JOB: _loaded(copy_jobs.create_copy_job),
    Kind.ALTER_COPY_JOB: _tagged(copy_jobs.alter_copy_job),
    Kind.RUN_COPY_JOB: _loaded(copy_jobs.run_copy_job),
    Kind.DROP_COPY_JOB: _tagged(copy_jobs.drop_copy_job),
    Kind.COPY_STDIN: _command(stdio.copy_stdin),
    Kind.COPY_STDOUT: _command(stdio.copy_stdout),
    Kind.UNLOAD: _loaded(unload.unload),
    Kind.BEGIN: _command(transactions.begin),
    Kind.COMMIT: _command(transactions.commit),
    Kind.ROLLBACK: _command(transactions.rollback),
    Kind.SAVEPOINT: _command(transactions.savepoint),
    Kind.SET_TRANSACTION: _command(transactions.set_transaction),
    Kind.USE: _command(databases.use),
    Kind.SET: _command(settings.set_value),
    Kind.ALTER_SYSTEM: _tagged(settings.alter_system),
    Kind.RESET: _command(settings.reset),
    Kind.SET_SESSION_AUTHORIZATION: _command(settings.set_session_authorization),
    Kind.SHOW: settings.show,
    Kind.SHOW_OBJECTS: show.show_objects,
    Kind.PREPARE: _command(prepared.prepare),
    Kind.EXECUTE: prepared.execute,
    Kind.DEALLOCATE: _command(prepared.deallocate),
    Kind.DECLARE: _command(cursors.declare),
    Kind.FETCH: cursors.fetch,
    Kind.MOVE: _command(cursors.move),
    Kind.CLOSE: _command(cursors.close),
    Kind.CANCEL: _command(maintenance.cancel),
    Kind.LOCK: _command(maintenance.lock),
    Kind.EXPLAIN: explain.explain,
    Kind.ANALYZE_COMPRESSION: compression.analyze_compression,
    Kind.ANALYZE: _command(maintenance.analyze),
    Kind.VACUUM: _command(vacuum.vacuum),
    Kind.DISCARD: _command(maintenance.discard),
    Kind.NOTIFICATION: _command(maintenance.notification),
}

DESCRIBERS: Final[Mapping[Kind, Describer]] = dict.fromkeys(Kind, _no_columns) | {
    Kind.SELECT: query.describe_select,
    Kind.CALL: call.describe_call,
    Kind.SHOW: settings.describe_show,
    Kind.SHOW_OBJECTS: show.describe_show_objects,
    Kind.HANDOVER: handover.describe_handover,
    Kind.EXECUTE: prepared.describe_execute,
    Kind.FETCH: cursors.describe_fetch,
    Kind.EXPLAIN: explain.describe_explain,
    Kind.ANALYZE_COMPRESSION: compression.describe_analyze_compression,
}
