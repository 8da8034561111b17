"""Cursors of procedures: OPEN, FETCH, MOVE, CLOSE, and FOR over the rows of a query.

Redshift, "Cursors" in "Supported PL/pgSQL statements", "Returning a result set": a cursor lives as long as its
transaction, so a client that has begun one fetches from a cursor that a procedure has left open.
"""

from collections.abc import AsyncIterator

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column
from session.context import Work
from session.portals import Cursor
from session.programs.commands import dynamic, quoted
from session.programs.frame import Frame, Row
from session.programs.values import rows_of
from session.programs.variables import Names, Scalar
from session.statements.query import rows
from session.streams import Page
from sql.finish import Finish
from sql.plpgsql import tree
from sql.statement import Fragment


async def query_rows(frame: Frame, node: tree.Rows, names: Names) -> AsyncIterator[tuple[tuple[Column, ...], Row]]:
    """Yield the rows of a FOR loop's query with their columns."""
    page = await _page(frame, node.query, names, is_dynamic=node.dynamic)
    try:
        while (batch := await page.reader.take(None)) is not None:
            for row in rows_of(batch):
                yield page.columns, row
    finally:
        page.reader.close()


async def _page(frame: Frame, query: Fragment, names: Names, *, is_dynamic: bool, wire: bool = False) -> Page:
    """Start a query, given as it is or as an expression for its text."""
    finish = Finish.WIRE if wire else Finish.EXACT
    if is_dynamic:
        text = await dynamic(frame, query, names)
        with quoted(text):
            return await rows(Work(frame.session), text.strip().removesuffix(";"), 0, finish=finish)
    with quoted(query.text):
        return await rows(frame.work(names), query.text, query.offset, finish=finish)


async def open_(frame: Frame, node: tree.Open, names: Names) -> None:
    """OPEN cursor [FOR query | FOR EXECUTE expression | (arguments)]."""
    variable = _cursor_variable(names, node.cursor)
    cursors = frame.session.shelf.cursors
    if variable.value is not None and variable.value in cursors:
        raise SqlError(SqlState.DUPLICATE_CURSOR, f'cursor "{variable.value}" already in use')
    if node.query is not None:
        page = await _page(frame, node.query, names, is_dynamic=node.dynamic, wire=True)
        text = node.query.text
    else:
        page, text = await _bound(frame, variable, node, names)
    if variable.value is None:
        variable.value = variable.name if variable.cursor is not None else _fresh(frame)
    cursors[variable.value] = Cursor(variable.value, page.columns, page.reader, text)


def _fresh(frame: Frame) -> str:
    """Return the name of a cursor that was opened without one."""
    cursors = frame.session.shelf.cursors
    while True:
        frame.execution.portals += 1
        name = f"<unnamed portal {frame.execution.portals}>"
        if name not in cursors:
            return name


async def _bound(frame: Frame, variable: Scalar, node: tree.Open, names: Names) -> tuple[Page, str]:
    bound = variable.cursor
    if bound is None:
        raise SqlError(SqlState.SYNTAX_ERROR, f'cursor variable "{variable.name}" is not bound to a query')
    if len(bound.parameters) != len(node.arguments):
        word = "has no arguments" if not bound.parameters else "has arguments"
        raise SqlError(SqlState.SYNTAX_ERROR, f'cursor "{variable.name}" {word}')
    inner = Names(parent=names)
    for (name, kind), argument in zip(bound.parameters, node.arguments, strict=True):
        value, _ = await frame.value(argument, names, kind)
        inner.add(Scalar(name=name, type=kind, value=value))
    return await _page(frame, bound.query, inner, is_dynamic=False, wire=True), bound.query.text


def _cursor_variable(names: Names, name: str) -> Scalar:
    found = names.variable(name)
    if not isinstance(found, Scalar) or found.type.type.name != "refcursor":
        raise SqlError(SqlState.DATATYPE_MISMATCH, f'variable "{name}" must be of type cursor or refcursor')
    return found


def _opened(frame: Frame, names: Names, name: str) -> Cursor:
    variable = _cursor_variable(names, name)
    if variable.value is None and variable.cursor is None:
        raise SqlError(SqlState.NULL_VALUE_NOT_ALLOWED, f'cursor variable "{name}" is NULL')
    portal = variable.value or variable.name
    found = frame.session.shelf.cursors.get(portal)
    if found is None:
        raise SqlError(SqlState.INVALID_CURSOR_NAME, f'cursor "{portal}" does not exist')
    return found


async def fetch(frame: Frame, node: tree.Fetch, names: Names) -> None:
    """FETCH cursor INTO targets; MOVE passes rows by."""
    cursor = _opened(frame, names, node.cursor)
    if not node.into:
        frame.note(await _moved(frame, cursor, node.count, names))
        return
    batch = await cursor.reader.take(1)
    row = None if batch is None else next(rows_of(batch))
    await frame.assign_row(node.into, cursor.columns, row, names)
    frame.note(0 if row is None else 1)


async def _moved(frame: Frame, cursor: Cursor, count: Fragment | None, names: Names) -> int:
    left: int | None = None
    if count is not None and count.text != "ALL":
        left = int((await frame.value(count, names, types.of("int4")))[0] or 0)
    moved = 0
    while left is None or left > 0:
        batch = await cursor.reader.take(left)
        if batch is None:
            break
        moved += batch.num_rows
        left = None if left is None else left - batch.num_rows
    return moved


async def close(frame: Frame, node: tree.Close, names: Names) -> None:
    """CLOSE cursor."""
    cursor = _opened(frame, names, node.cursor)
    cursor.reader.close()
    del frame.session.shelf.cursors[cursor.name]


