"""What steers: blocks with their declarations and handlers, IF, CASE, loops, EXIT, RETURN.

Redshift, "Structure of PL/pgSQL", "Supported PL/pgSQL statements", "Trapping errors".
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from core import types
from core.errors import Canceled, SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from session.programs import commands, cursors, transactions
from session.programs.frame import INTEGER, RETURN, TEXT, Active, Frame, Signal
from session.programs.variables import Name, Names, Record, Scalar
from sql.plpgsql import tree
from sql.statement import Fragment

Result = Signal | None
_REFCURSOR: Final = types.of("refcursor")


async def run(frame: Frame) -> None:
    """Run a procedure's body to its end."""
    signal = await block(frame, frame.program.block, frame.root)
    if signal is not None and signal.word != "RETURN":
        raise SqlError(SqlState.SYNTAX_ERROR, f"{signal.word} cannot be used outside a loop")


async def sequence(frame: Frame, statements: tuple[tree.Statement, ...], names: Names) -> Result:
    """Run statements one after the other, up to one that steers elsewhere."""
    for statement in statements:
        signal = await _one(frame, statement, names)
        if signal is not None:
            return signal
    return None


async def _one(frame: Frame, statement: tree.Statement, names: Names) -> Result:
    await frame.execution.tick()
    frame.at = statement
    try:
        return await _STATEMENTS[type(statement)](frame, statement, names)
    except SqlError as error:
        active = frame.handlers[-1] if frame.handlers else None
        if active is None or not active.handler.goes_on or isinstance(error, Canceled):
            raise
        return await _recovered(frame, active, error)


async def block(frame: Frame, node: tree.Block, names: Names) -> Result:
    """Run a block: its variables are new every time."""
    inner = Names(label=node.label, parent=names)
    for declaration in node.declarations:
        await _declare(frame, declaration, inner)
    if node.handler is None:
        return _left(node.label, await sequence(frame, node.body, inner))
    active = Active(handler=node.handler, names=inner)
    depth = len(frame.handlers)
    frame.handlers.append(active)
    try:
        signal = await sequence(frame, node.body, inner)
    except SqlError as error:
        if isinstance(error, Canceled):
            raise
        return _left(node.label, await _recovered(frame, active, error))
    finally:
        del frame.handlers[depth:]
    return _left(node.label, signal)


def _left(label: str, signal: Result) -> Result:
    """Return what is left to do after a block: EXIT with its label is done."""
    return None if signal is not None and signal == Signal("EXIT", label) and label else signal


async def _recovered(frame: Frame, active: Active, error: SqlError) -> Result:
    """Run a handler for *error*; in the default mode the error goes on after it."""
    error.context = commands.located(frame, error)
    kept, frame.handlers = frame.handlers, frame.handlers[: frame.handlers.index(active)]
    caught, frame.caught = frame.caught, error
    names = Names(parent=active.names)
    names.add(Scalar(name="sqlstate", type=TEXT, value=error.state.value))
    names.add(Scalar(name="sqlerrm", type=TEXT, value=error.message))
    try:
        async with transactions.handling(frame.execution):
            signal = await sequence(frame, active.handler.body, names)
    finally:
        frame.handlers, frame.caught = kept, caught
    if not frame.routine.nonatomic:
        raise error
    return signal


async def _declare(frame: Frame, declaration: tree.Declaration, names: Names) -> None:
    if isinstance(declaration, tree.CursorVariable):
        names.add(Scalar(name=declaration.name, type=_REFCURSOR, cursor=declaration))
    elif isinstance(declaration, tree.Alias):
        target = names.find(declaration.target)
        if not isinstance(target, Scalar | Record):
            shown = ".".join(declaration.target)
            raise SqlError(SqlState.SYNTAX_ERROR, f'"{shown}" is not a known variable')
        names.variables[declaration.name] = target
    elif declaration.kind.type is None and not declaration.kind.like:
        names.add(Record(name=declaration.name, fields=_row(frame, declaration.kind.row)))
    else:
        names.add(await _variable(frame, declaration, names))


def _row(frame: Frame, name: Name) -> dict[str, tuple[ColumnType, str | None]] | None:
    """Return the empty row of a table (%ROWTYPE)."""
    if not name:
        return None
    relation = frame.work(frame.root).find_relation(name)
    return {column.name: (column.type, None) for column in relation.columns}


async def _variable(frame: Frame, node: tree.Variable, names: Names) -> Scalar:
    kind = node.kind.type or _like(frame, node.kind.like, names)
    made = Scalar(name=node.name, type=kind, constant=node.constant, not_null=node.not_null)
    if node.default is not None:
        value, _ = await frame.value(node.default, names, kind)
        frame.store(made, value, kind)
    elif node.not_null:
        raise SqlError(
            SqlState.NULL_VALUE_NOT_ALLOWED,
            f'variable "{node.name}" declared NOT NULL cannot default to NULL',
        )
    return made


def _like(frame: Frame, name: Name, names: Names) -> ColumnType:
    """Return the type of a variable or of a table's column (%TYPE)."""
    found = names.find(name)
    if isinstance(found, Scalar):
        return found.type
    if len(name) > 1:
        relation = frame.work(frame.root).find_relation(name[:-1])
        column = relation.column(name[-1])
        if column is not None:
            return column.type
        raise SqlError(
            SqlState.UNDEFINED_COLUMN, f'column "{name[-1]}" of relation "{relation.name}" does not exist'
        )
    raise SqlError(SqlState.SYNTAX_ERROR, f'variable "{name[0]}" does not exist')


# Conditions


async def _if(frame: Frame, node: tree.If, names: Names) -> Result:
    for condition, body in node.branches:
        if await frame.truth(condition, names):
            return await sequence(frame, body, names)
    return await sequence(frame, node.otherwise, names)


async def _case(frame: Frame, node: tree.Case, names: Names) -> Result:
    inner, prefix = names, ""
    if node.search is not None:
        value, kind = await frame.value(node.search, names, None)
        inner = Names(parent=names, variables={_SEARCHED: Scalar(name=_SEARCHED, type=kind, value=value)})
        prefix = f"{_SEARCHED} in "
    for condition, body in node.branches:
        fragment = Fragment(f"{prefix}({condition.text})", condition.offset)
        if await frame.truth(fragment, inner):
            return await sequence(frame, body, names)
    if node.otherwise is None:
        raise SqlError(
            SqlState.CASE_NOT_FOUND, "case not found", hint="CASE statement is missing ELSE part."
        )
    return await sequence(frame, node.otherwise, names)


_SEARCHED: Final = "__case__variable__"


# Loops


def _after(label: str, signal: Result) -> tuple[bool, Result]:
    """Return whether a loop ends after a turn that ended with *signal*, and what is left to do then."""
    if signal is None:
        return False, None
    if signal.word == "RETURN" or signal.label not in {"", label}:
        return True, signal
    return signal.word == "EXIT", None


async def _loop(frame: Frame, node: tree.Loop, names: Names) -> Result:
    while node.condition is None or await frame.truth(node.condition, names):
        await frame.execution.tick()
        over, signal = _after(node.label, await sequence(frame, node.body, names))
        if over:
            return signal
        frame.at = node
    return None


async def _count(frame: Frame, node: tree.Count, names: Names) -> Result:
    low, high, step = await _bounds(frame, node, names)
    variable = Scalar(name=node.name, type=INTEGER)
    inner = Names(label=node.label, parent=names, variables={node.name: variable})
    turned, signal = False, None
    current = low
    while current >= high if node.reverse else current <= high:
        turned = True
        await frame.execution.tick()
        variable.value = str(current)
        over, signal = _after(node.label, await sequence(frame, node.body, inner))
        if over:
            break
        current += -step if node.reverse else step
    frame.found.value = "true" if turned else "false"
    return signal


async def _bounds(frame: Frame, node: tree.Count, names: Names) -> tuple[int, int, int]:
    found = []
    for fragment, word in ((node.low, "lower bound"), (node.high, "upper bound"), (node.step, "BY value")):
        value = (await frame.value(fragment, names, INTEGER))[0] if fragment is not None else "1"
        if value is None:
            raise SqlError(SqlState.NULL_VALUE_NOT_ALLOWED, f"{word} of FOR loop cannot be NULL")
        found.append(int(value))
    if found[2] <= 0:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "BY value of FOR loop must be greater than zero")
    return found[0], found[1], found[2]


async def _rows(frame: Frame, node: tree.Rows, names: Names) -> Result:
    turned, signal = False, None
    async for columns, row in cursors.query_rows(frame, node, names):
        turned = True
        await frame.execution.tick()
        await frame.assign_row(node.targets, columns, row, names)
        over, signal = _after(node.label, await sequence(frame, node.body, names))
        if over:
            break
        frame.at = node
    frame.found.value = "true" if turned else "false"
    return signal


async def _exit(frame: Frame, node: tree.Exit, names: Names) -> Result:
    if node.when is not None and not await frame.truth(node.when, names):
        return None
    return Signal("CONTINUE" if node.goes_on else "EXIT", node.label)


async def _return(frame: Frame, node: tree.Return, names: Names) -> Result:
    return RETURN


async def _nothing(frame: Frame, node: tree.Nothing, names: Names) -> Result:
    return None


Do = Callable[[Frame, Any, Names], Awaitable[Result]]
_STATEMENTS: Final[dict[type, Do]] = {
    tree.Block: block,
    tree.If: _if,
    tree.Case: _case,
    tree.Loop: _loop,
    tree.Count: _count,
    tree.Rows: _rows,
    tree.Exit: _exit,
    tree.Return: _return,
    tree.Nothing: _nothing,
    tree.Assign: commands.assign,
    tree.Sql: commands.sql,
    tree.Perform: commands.perform,
    tree.Execute: commands.execute,
    tree.Call: commands.call,
    tree.Raise: commands.raise_,
    tree.Diagnostics: commands.diagnostics,
    tree.Transaction: transactions.control,
    tree.Open: cursors.open_,
    tree.Fetch: cursors.fetch,
    tree.Close: cursors.close,
}
