"""The extended query protocol: Parse, Bind, Describe, Execute.

PostgreSQL, section 55.2.3. Describe plans and never runs a statement.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from core import types
from core.errors import Diagnosis, SqlError
from core.sqlstate import SqlState
from core.types import Column, ColumnType
from session.answers import Answer, Done, Empty, Value
from session.aside import elsewhere, read
from session.context import Work
from session.external.tables import resolved
from session.fleet.views import overtaken
from session.names import names_cut
from session.pipeline import run
from session.portals import Portal, Prepared
from session.programs.call import parameter_types
from session.statements import DESCRIBERS
from session.streams import Page
from sql.commands.show import ShowObjects
from sql.parse import parse_statement, split
from sql.statement import QUERIES, Kind, Statement

if TYPE_CHECKING:
    from session.session import Session


async def parse(session: "Session", name: str, text: str, parameter_oids: tuple[int, ...]) -> None:
    """Prepare a statement."""
    if name and name in session.shelf.statements:
        raise SqlError(SqlState.DUPLICATE_PREPARED_STATEMENT, f'prepared statement "{name}" already exists')
    keep = session.settings.keeps_case
    statement, notices = await read(text, lambda text: _read(text, keep))
    session.notices += notices
    prepared = await resolved(session, lambda: prepare(session, name, statement, parameter_oids))
    if name and statement is not None and statement.kind in QUERIES:
        # What a Describe would refuse must not leave the name taken: drivers use it again for their next statement.
        await columns(session, prepared)
    session.shelf.statements[name] = prepared


def _read(text: str, keep: bool) -> tuple[Statement | None, list[Diagnosis]]:
    fragments = split(text)
    if len(fragments) > 1:
        raise SqlError(SqlState.SYNTAX_ERROR, "cannot insert multiple commands into a prepared statement")
    return parse_statement(fragments[0], case_sensitive=keep) if fragments else None, names_cut(text)


async def prepare(
    session: "Session", name: str, statement: Statement | None, parameter_oids: tuple[int, ...]
) -> Prepared:
    """Return a prepared statement whose parameter types are known."""
    prepared = Prepared(name, statement, parameter_oids, naming=session.settings.naming)
    if statement is not None and statement.kind in QUERIES:
        refuse_failed(session)
        work = Work(session)
        text, offset = statement.text, statement.offset
        if not parameter_oids and statement.kind is Kind.INSERT and session.warehouse.rows.knows(work, text):
            # Nothing but values: what is wrong with them is said when it runs.
            return prepared
        plan = await elsewhere(session, lambda: work.plan(text, offset, parameter_oids))
        if plan.translated.rows is not None and plan.translated.rows.doubtful:
            # What is wrong with it is to be said now.
            plan = await elsewhere(session, lambda: work.plan(text, offset, parameter_oids, plain=True))
        prepared.parameter_types = plan.translated.parameter_types
    elif statement is not None and statement.kind is Kind.CALL:
        refuse_failed(session)
        prepared.parameter_types = parameter_types(Work(session), statement, parameter_oids)
    elif statement is not None and isinstance(statement.command, ShowObjects):
        prepared.parameter_types = (types.of("varchar"),) * statement.command.parameters
    return prepared


def _other_columns() -> SqlError:
    return SqlError(SqlState.FEATURE_NOT_SUPPORTED, "cached plan must not change result type")


def refuse_failed(session: "Session") -> None:
    """Raise 25P02 in a failed transaction block: nothing can be looked up there."""
    if session.tx.failed:
        raise SqlError(
            SqlState.IN_FAILED_SQL_TRANSACTION,
            "current transaction is aborted, commands ignored until end of transaction block",
        )


def _fitted(prepared: Prepared, values: tuple[Value, ...]) -> tuple[int, ...]:
    """Return the declared types, a NUMERIC with as many digits as its value has: by itself it has no fraction.

    What changes data gets places in few sizes, so that rows of many sizes share a translation.
    """
    for kind in prepared.parameter_types:
        if kind.type.name == "numeric":
            break
    else:
        return prepared.parameter_oids
    declared = list(prepared.parameter_oids)
    for index, (type_, value) in enumerate(zip(prepared.parameter_types, values, strict=True)):
        if type_.type.name == "numeric" and isinstance(value, str):
            declared += [0] * (index + 1 - len(declared))
            declared[index] = types.packed(_type_of(value, exact=prepared.returns_rows))
    return tuple(declared)


_SIZES: Final = (0, 6, 18)


def _type_of(text: str, *, exact: bool) -> ColumnType:
    _, digits, exponent = Decimal(text).as_tuple()
    places = min(max(-int(exponent), 0), types.NUMERIC_PRECISION_MAX - 1)
    whole = max(len(digits) + int(exponent), 1)
    size = places if exact else next((size for size in _SIZES if size >= places), places)
    if whole + size > types.NUMERIC_PRECISION_MAX:
        size = places
    precision = whole + size if exact else types.NUMERIC_PRECISION_MAX
    return types.numeric(min(max(precision, 1), types.NUMERIC_PRECISION_MAX), size)


async def columns(session: "Session", prepared: Prepared) -> tuple[Column, ...] | None:
    """Return the columns of a prepared statement's rows, None where it has none."""
    statement = prepared.statement
    if statement is None or not statement.rule.returns_rows:
        return None
    refuse_failed(session)
    key = session.translation_key()
    if prepared.columns is None or prepared.described != key:
        prepared.columns = await _described(session, prepared, prepared.parameter_oids)
        prepared.described = key
    return prepared.columns


async def _described(session: "Session", prepared: Prepared, oids: tuple[int, ...]) -> tuple[Column, ...] | None:
    statement = prepared.statement
    if statement is None:
        return None
    work = Work(session, naming=session.settings.unless_own(prepared.naming))
    await session.tx.fix()
    return await resolved(session, lambda: DESCRIBERS[statement.kind](work, statement, oids))


async def bind(
    session: "Session", name: str, statement: str, values: tuple[Value, ...], result_formats: tuple[int, ...]
) -> None:
    """Make a portal."""
    prepared = session.prepared(statement)
    if name and name in session.shelf.portals:
        raise SqlError(SqlState.DUPLICATE_CURSOR, f'cursor "{name}" already exists')
    if len(values) != len(prepared.parameter_types):
        raise SqlError(
            SqlState.PROTOCOL_VIOLATION,
            f"bind message supplies {len(values)} parameters, "
            f'but prepared statement "{statement}" requires {len(prepared.parameter_types)}',
        )
    if not name:
        await session.close_portal("")
    session.shelf.portals[name] = Portal(name, prepared, values, result_formats)


async def portal_columns(session: "Session", portal: Portal) -> tuple[Column, ...] | None:
    """Return a portal's columns: those of its answer once it runs."""
    prepared, statement = portal.prepared, portal.prepared.statement
    fitted = _fitted(prepared, portal.values)
    if portal.columns is None and fitted != prepared.parameter_oids and statement and statement.rule.returns_rows:
        refuse_failed(session)
        portal.columns = await _described(session, prepared, fitted)
    if portal.columns is None:
        portal.columns = await columns(session, prepared)
    return portal.columns


def _differ(described: tuple[Column, ...], columns: tuple[Column, ...]) -> bool:
    return [each.type.type for each in described] != [each.type.type for each in columns]


async def execute(session: "Session", portal: Portal, max_rows: int) -> Answer:
    """Run a portal, or go on reading it."""
    statement = portal.prepared.statement
    if statement is None:
        return Empty()
    if portal.done is not None:
        raise SqlError(SqlState.OBJECT_NOT_IN_PREREQUISITE_STATE, f'portal "{portal.name}" cannot be run')
    if portal.reader is None:
        session.begin_statement(statement.text, statement.kind)
        fitted = _fitted(portal.prepared, portal.values)
        work = Work(session, parameter_oids=fitted, naming=session.settings.unless_own(portal.prepared.naming))
        answer = await run(work, statement, portal.values)
        if isinstance(answer, Done):
            portal.done = answer.tag
        if not isinstance(answer, Page):
            return answer
        described = portal.columns or portal.prepared.columns
        if described is not None and described is not answer.columns and _differ(described, answer.columns):
            answer.reader.close()
            # Where servers share a lake, no lock keeps a table as it was described a moment ago.
            raise overtaken() if portal.columns and session.warehouse.fleet else _other_columns()
        portal.reader, portal.tag = answer.reader, answer.command
        if fitted != portal.prepared.parameter_oids:
            # Described before its values were known.
            portal.columns = answer.columns
        portal.columns = portal.columns or portal.prepared.columns or answer.columns
    page = Page(portal.columns or (), portal.reader, tag=portal.tag, limit=max(max_rows, 0))
    session.answer = page
    return page
