"""COMMENT ON: remarks on tables, views, columns, constraints, schemas, databases, functions and procedures.

Redshift, "COMMENT"; PostgreSQL for what Redshift's page leaves out.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from auth.authorize import check_owner
from catalog import ddl
from catalog.model import Relation
from catalog.routines import RoutineKind
from core.errors import SqlError
from core.sqlstate import SqlState
from session.answers import Done
from session.context import Work
from session.locks import Mode
from session.statements.databases import owned
from session.statements.routines import find_routine
from sql.commands.comments import Comment


async def comment(work: Work, command: Comment) -> Done:
    """COMMENT ON object IS 'text' | NULL."""
    await work.tx.writing(frozenset())
    await _OBJECTS[command.object](work, command)
    return Done("COMMENT")


async def _relation(work: Work, command: Comment) -> None:
    relation = work.find_relation(command.name)
    wanted = command.object.lower()
    if ddl.kind_word(relation) != wanted and not (wanted == "view" and relation.materialized is not None):
        raise SqlError(SqlState.WRONG_OBJECT_TYPE, f'"{relation.name}" is not a {wanted}')
    relation = await _locked(work, relation)
    work.change(replace(relation, comment=command.text))


async def _column(work: Work, command: Comment) -> None:
    relation = await _locked(work, work.find_relation(command.name[:-1]))
    name = command.name[-1]
    if relation.column(name) is None:
        raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{name}" of relation "{relation.name}" does not exist')
    columns = tuple(replace(item, comment=command.text) if item.name == name else item for item in relation.columns)
    work.change(replace(relation, columns=columns))


async def _constraint(work: Work, command: Comment) -> None:
    relation = await _locked(work, work.find_relation(command.on or ()))
    name = command.name[-1]
    if all(item.name != name for item in relation.constraints):
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'constraint "{name}" for table "{relation.name}" does not exist')
    keys = tuple(replace(item, comment=command.text) if item.name == name else item for item in relation.constraints)
    work.change(replace(relation, constraints=keys))


async def _locked(work: Work, relation: Relation) -> Relation:
    work.require_owner(relation)
    return await work.lock(relation, Mode.SHARE_ROW_EXCLUSIVE)


async def _schema(work: Work, command: Comment) -> None:
    schema = work.find_schema(command.name)
    check_owner(work.principal, schema.owner, kind="schema", name=schema.name)
    work.change(replace(schema, comment=command.text))


async def _database(work: Work, command: Comment) -> None:
    work.change(replace(owned(work, command.name[-1]), comment=command.text))


async def _routine(work: Work, command: Comment) -> None:
    wanted = RoutineKind.FUNCTION if command.object == "FUNCTION" else RoutineKind.PROCEDURE
    routine = find_routine(work, command.name, command.signature, wanted)
    check_owner(work.principal, routine.owner, kind=routine.word, name=routine.name)
    work.change(replace(routine, comment=command.text))


_OBJECTS: Final[dict[str, Callable[[Work, Comment], Awaitable[None]]]] = {
    "TABLE": _relation,
    "VIEW": _relation,
    "MATERIALIZED VIEW": _relation,
    "COLUMN": _column,
    "CONSTRAINT": _constraint,
    "SCHEMA": _schema,
    "DATABASE": _database,
    "FUNCTION": _routine,
    "PROCEDURE": _routine,
}
