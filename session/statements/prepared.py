"""PREPARE, EXECUTE, DEALLOCATE: prepared statements by SQL, on the same shelf as the protocol's."""

from core.errors import SqlError
from core.names import fold
from core.sqlstate import SqlState
from core.types import Column
from session.answers import Answer, Done, Value
from session.aside import elsewhere
from session.context import Work
from session.portals import Prepared
from sql.commands.prepared import Deallocate, Execute, Prepare
from sql.statement import Kind, Statement


async def prepare(work: Work, command: Prepare) -> Done:
    """PREPARE name (types) AS statement."""
    shelf = work.session.shelf.statements
    if command.name in shelf:
        raise SqlError(SqlState.DUPLICATE_PREPARED_STATEMENT, f'prepared statement "{command.name}" already exists')
    inner, oids = command.statement, tuple(kind.type.oid for kind in command.types)
    plan = await elsewhere(work.session, lambda: work.plan(inner.text, inner.offset, oids))
    shelf[command.name] = Prepared(
        command.name, inner, oids, plan.translated.parameter_types, naming=work.settings.naming
    )
    return Done("PREPARE")


async def execute(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Answer:
    """EXECUTE name (arguments)."""
    # The two import each other: EXECUTE runs what the pipeline runs.
    from session.pipeline import run

    command = _command(statement)
    prepared = _called(work, command.name)
    inner = prepared.statement
    if inner is None:
        raise SqlError(SqlState.INVALID_SQL_STATEMENT_NAME, "the prepared statement is empty")
    if len(command.arguments) != len(prepared.parameter_types):
        raise SqlError(
            SqlState.SYNTAX_ERROR,
            f'wrong number of parameters for prepared statement "{command.name}"',
            detail=f"Expected {len(prepared.parameter_types)} parameters but got {len(command.arguments)}.",
        )
    arguments = await _arguments(work, command, prepared)
    naming = work.settings.unless_own(prepared.naming)
    return await run(Work(work.session, work.environment, prepared.parameter_oids, naming=naming), inner, arguments)


async def describe_execute(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[Column, ...] | None:
    """Return the columns of EXECUTE: the prepared statement's."""
    from session.statements import DESCRIBERS

    inner = _called(work, _command(statement).name)
    if inner.statement is None or inner.statement.kind is not Kind.SELECT:
        return None
    named = Work(work.session, work.environment, naming=work.settings.unless_own(inner.naming))
    return await DESCRIBERS[Kind.SELECT](named, inner.statement, inner.parameter_oids)


async def deallocate(work: Work, command: Deallocate) -> Done:
    """DEALLOCATE name, DEALLOCATE ALL."""
    shelf = work.session.shelf.statements
    if command.name is None:
        shelf.clear()
        return Done("DEALLOCATE ALL")
    del shelf[_called(work, command.name).name]
    return Done("DEALLOCATE")


def _called(work: Work, name: str) -> Prepared:
    """Return the statement called *name*: SQL folds it, the protocol, by which drivers prepare, does not."""
    known = work.session.shelf.statements
    return work.session.prepared(next((key for key in (name, *known) if key in known and fold(key) == name), name))


async def _arguments(work: Work, command: Execute, prepared: Prepared) -> tuple[Value, ...]:
    if not command.arguments:
        return ()
    items = ", ".join(
        f"CAST(CAST(({work.expression(argument.text)}) AS {kind.engine()}) AS VARCHAR)"
        for argument, kind in zip(command.arguments, prepared.parameter_types, strict=True)
    )
    found = await work.engine.fetch(f"SELECT {items}")
    return tuple(found[0])


def _command(statement: Statement) -> Execute:
    if not isinstance(statement.command, Execute):
        raise SqlError(SqlState.INTERNAL_ERROR, "EXECUTE without a name")
    return statement.command
