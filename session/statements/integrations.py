"""Databases made of integrations: CREATE DATABASE … FROM INTEGRATION, ALTER DATABASE … INTEGRATION.

Redshift, "CREATE DATABASE", "ALTER DATABASE". What follows the source is ``session.replication``.
"""

import secrets
from dataclasses import asdict, replace
from typing import Final

from catalog.model import Database
from catalog.replicas import Integration, Replica, State
from core.errors import SqlError
from core.sqlstate import SqlState
from session.answers import Done
from session.context import Work
from session.locks import Mode
from session.replicalog import ASKED, LOCK, keep
from sql.commands.integrations import FromIntegration, IntegrationOptions, RefreshTables

_SLOT_BYTES: Final = 6


def integration_of(work: Work, command: FromIntegration) -> Integration:
    """Return what a new database is made of; raises 42501, 42704 and where another is made of it already."""
    user = work.session.user
    if not user.superuser and not (user.createdb and work.principal.may("CREATE USER")):
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "permission denied to create database")
    configured = work.warehouse.replication.configured.get(command.id)
    if configured is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f"integration {command.id} does not exist")
    source = command.source or configured.reach.database
    if not source:
        raise SqlError(SqlState.SYNTAX_ERROR, f"integration {command.id} needs DATABASE, the source's database")
    for other in work.state.databases():
        if other.integration is not None and (other.integration.id, other.integration.source) == (command.id, source):
            raise SqlError(
                SqlState.DUPLICATE_OBJECT, f'database "{other.name}" is made of integration {command.id} already'
            )
    made = Integration(
        id=command.id, source=source, slot=f"duckshift_{secrets.token_hex(_SLOT_BYTES)}",
        since=work.warehouse.clock.now().isoformat(),
    )  # fmt: skip
    return _with(made, command.options)


async def alter_integration(
    work: Work, database: Database, command: RefreshTables | IntegrationOptions
) -> Done:
    """ALTER DATABASE … INTEGRATION."""
    if database.integration is None:
        raise SqlError(SqlState.WRONG_OBJECT_TYPE, f'database "{database.name}" is not made of an integration')
    await work.tx.writing(frozenset())
    if isinstance(command, IntegrationOptions):
        work.change(replace(database, integration=_with(database.integration, command)))
    else:
        for each in _meant(work, database, command):
            keep(work, replace(each, state=State.REQUIRED, reason=ASKED))
    return Done("ALTER DATABASE")


def _with(integration: Integration, options: IntegrationOptions) -> Integration:
    return replace(integration, **{name: value for name, value in asdict(options).items() if value is not None})


def _meant(work: Work, database: Database, command: RefreshTables) -> list[Replica]:
    """Return the tables that are to be copied anew; raises 42P01 for one that is not there."""
    found = {(each.source.schema, each.source.name): each for each in work.warehouse.replication.replicas(database)}
    for name in command.tables:
        if len(name) < 2 or name[-2:] not in found:
            raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{".".join(name)}" does not exist')
    if command.tables:
        return [found[name[-2], name[-1]] for name in command.tables]
    return [
        each for each in found.values()
        if (not command.schemas or each.source.schema in command.schemas)
        and (not command.failed or each.state is not State.SYNCED)
    ]  # fmt: skip


async def forget(work: Work, database: Database) -> None:
    """Forget what is known of a database's source, with the database; wait for who writes it."""
    await work.tx.lock((LOCK, database.oid), Mode.ACCESS_EXCLUSIVE)
    for each in work.warehouse.replication.replicas(database):
        work.tx.notes.streamed(each.oid, None)
    work.tx.notes.streamed(database.oid, None)
