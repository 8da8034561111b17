"""SET, RESET, SHOW of parameters, and acting as another user."""

from auth import lockout
from catalog.parameters import SystemParameter, system_parameter
from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column
from session.answers import Done, Value
from session.context import Work
from session.streams import Page, table
from sql.commands.settings import AlterSystem, Reset, Set, SetSessionAuthorization, ShowSetting
from sql.statement import Statement

_RAW = types.of("text")


async def set_value(work: Work, command: Set) -> Done:
    """SET name TO value."""
    if command.values is None:
        work.settings.reset(command.name)
    else:
        work.settings.set(command.name, ", ".join(command.values), local=command.local)
    if command.name == "seed" and command.values:
        await work.engine.run(f"SELECT setseed({float(command.values[0])})")
    return Done("SET")


async def reset(work: Work, command: Reset) -> Done:
    """RESET name, RESET ALL."""
    if command.name is None:
        work.settings.reset_all()
    else:
        work.settings.reset(command.name)
    return Done("RESET")


async def show(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Page:
    """SHOW name, SHOW ALL."""
    command = _command(statement)
    columns = _show_columns(command)
    if command.name is None:
        return table(columns, list(work.settings.shown()), tag="SHOW")
    return table(columns, [[work.settings.get(command.name)]], tag="SHOW")


async def describe_show(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[Column, ...]:
    """Return the columns of SHOW."""
    return _show_columns(_command(statement))


def _command(statement: Statement) -> ShowSetting:
    if not isinstance(statement.command, ShowSetting):
        raise SqlError(SqlState.INTERNAL_ERROR, "SHOW without a parameter")
    return statement.command


def _show_columns(command: ShowSetting) -> tuple[Column, ...]:
    if command.name is None:
        return (Column("name", _RAW), Column("setting", _RAW), Column("description", _RAW))
    return (Column(_SPELLED.get(command.name, command.name), _RAW),)


# PostgreSQL shows these two by their own spelling.
_SPELLED = {"timezone": "TimeZone", "datestyle": "DateStyle"}


async def set_session_authorization(work: Work, command: SetSessionAuthorization) -> Done:
    """Act as another user, which only superusers may."""
    session = work.session
    if command.user is None:
        session.act_as(session.session_user)
        return Done("SET")
    user = work.state.user(command.user)
    if user is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'user "{command.user}" does not exist')
    if not session.session_user.superuser and user.oid != session.session_user.oid:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "permission denied to set session authorization")
    session.act_as(user)
    return Done("SET")


async def alter_system(work: Work, command: AlterSystem) -> str:
    """ALTER SYSTEM SET: a parameter of the whole cluster, in force at once."""
    if not work.principal.superuser:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "must be superuser to alter the system")
    if not command.value.isdigit() or not lockout.FEWEST <= int(command.value) <= lockout.MOST:
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE,
            f'invalid value for parameter "{command.name}": "{command.value}"',
            hint=f"It is a number from {lockout.FEWEST} to {lockout.MOST}.",
        )
    known = system_parameter(work.state, command.name)
    work.change(
        SystemParameter(oid=known.oid if known else work.next_oid(), name=command.name, value=str(int(command.value)))
    )
    return "ALTER SYSTEM"
