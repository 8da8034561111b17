"""What computes and changes: assignment, SQL, EXECUTE, PERFORM, nested CALL, RAISE, GET DIAGNOSTICS.

Redshift, "Supported PL/pgSQL statements".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from core import types
from core.errors import Diagnosis, Severity, SqlError, not_supported
from core.sqlstate import SqlState
from core.types import Column
from session.answers import Answer, Done
from session.context import Work
from session.programs import transactions
from session.programs.frame import TEXT, Frame, Row
from session.programs.messages import keep
from session.programs.values import rows_of, shown
from session.programs.variables import Name, Names, Record, Scalar
from session.statements.query import rows
from session.streams import Page
from sql.commands import routines
from sql.commands.settings import Set
from sql.finish import Finish
from sql.parse import parse_statement, split
from sql.plpgsql import tree
from sql.statement import Fragment, Kind, Statement

_COUNTED: Final = frozenset({Kind.INSERT, Kind.UPDATE, Kind.DELETE, Kind.MERGE})
_BIGINT: Final = types.of("int8")
_ENDS: Final = frozenset({Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK, Kind.SAVEPOINT})
_ABSENT: Final = frozenset(
    {Kind.PREPARE, Kind.EXECUTE, Kind.DECLARE, Kind.COPY_STDIN, Kind.COPY_STDOUT, Kind.SET_TRANSACTION, Kind.DISCARD}
)
"""Kinds that have no place in a procedure."""
_SEVERITIES: Final[dict[str, Severity]] = {
    "DEBUG": "DEBUG", "LOG": "LOG", "INFO": "INFO", "NOTICE": "NOTICE", "WARNING": "WARNING",
}  # fmt: skip
_SENT: Final = {"DEBUG": 4, "LOG": 5, "NOTICE": 6, "WARNING": 7}
_MINIMUM: Final = {
    "debug5": 0, "debug4": 1, "debug3": 2, "debug2": 3, "debug1": 4, "log": 5, "notice": 6, "info": 6, "warning": 7,
}  # fmt: skip


def located(frame: Frame, error: SqlError) -> str | None:
    """Return the context of *error* with the place in this call added, once."""
    if frame.located is error:
        return error.context
    raised, frame.located = frame.raised is error, error
    if raised:
        return error.context
    line = f'PL/pgSQL function "{frame.routine.name}" line {frame.at.line} at {frame.at.word}'
    return f"{error.context}\n{line}" if error.context else line


@contextmanager
def quoted(text: str) -> Iterator[None]:
    """Add the SQL statement to the context of an error; a place in it is none in what the client sent."""
    try:
        yield
    except SqlError as error:
        error.position = None
        shown_text = " ".join(text.split())
        line = f'SQL statement "{shown_text}"'
        error.context = f"{error.context}\n{line}" if error.context else line
        raise


async def assign(frame: Frame, node: tree.Assign, names: Names) -> None:
    """``target := expression``."""
    target = frame.target(node.target, names)
    if isinstance(target, Record):
        whole = names.find(tuple(part.strip().lower() for part in node.value.text.split(".")))
        if isinstance(whole, Record):
            target.fields = None if whole.fields is None else dict(whole.fields)
            return
    if isinstance(target, Scalar):
        value, kind = await frame.value(node.value, names, target.goal)
        frame.store(target, value, kind)
        return
    value, kind = await frame.value(node.value, names, None)
    await frame.assign(target, value, kind)


# SQL


async def sql(frame: Frame, node: tree.Sql, names: Names) -> None:
    """Run a SQL statement, perhaps with INTO."""
    with quoted(node.fragment.text):
        statement = _parsed(frame, node.fragment)
        if node.into:
            await _into(frame, frame.work(names), statement, node.into, names)
        else:
            await _run(frame, frame.work(names), statement)
    await transactions.settle(frame.execution)


def _parsed(frame: Frame, fragment: Fragment) -> Statement:
    found = frame.program.fragments.get(fragment.offset)
    if not isinstance(found, Statement):
        keep_case = frame.session.settings.keeps_case
        found = frame.program.fragments[fragment.offset] = parse_statement(fragment, case_sensitive=keep_case)
    return found


async def _into(frame: Frame, work: Work, statement: Statement, targets: tuple[Name, ...], names: Names) -> None:
    if statement.kind is not Kind.SELECT:
        raise SqlError(SqlState.SYNTAX_ERROR, "INTO used with a command that cannot return data")
    page = await rows(work, statement.text, statement.offset, finish=Finish.EXACT)
    row = await first(page)
    _check_count(frame, page.columns, targets, names)
    await frame.assign_row(targets, page.columns, row, names)
    frame.note(0 if row is None else 1)


async def first(page: Page) -> Row | None:
    """Return the first row of an answer, and give up the others."""
    batch = await page.reader.take(1)
    page.reader.close()
    return None if batch is None else next(rows_of(batch))


def _check_count(frame: Frame, columns: tuple[Column, ...], targets: tuple[Name, ...], names: Names) -> None:
    alone = len(targets) == 1 and not isinstance(frame.target(targets[0], names), Scalar)
    if len(columns) != len(targets) and not alone:
        raise SqlError(
            SqlState.DATATYPE_MISMATCH,
            "the number of selected values does not match the number of variables after INTO",
            detail=f"The query has {len(columns)} columns, INTO has {len(targets)} variables.",
        )


async def _run(frame: Frame, work: Work, statement: Statement, *, found: bool = True) -> None:
    """Run a statement and take note of its rows."""
    # The two import each other: CALL is one of the statements that the pipeline runs.
    from session.pipeline import run

    command = statement.command
    if isinstance(command, routines.Call):
        node = tree.Call(line=frame.at.line, name=command.name, arguments=command.arguments)
        await call(frame, node, Names())
        return
    _refuse(statement)
    if statement.rule.commits:
        transactions.require_end(frame.execution, statement.tag.split()[0])
    try:
        count = await _drained(await run(work, statement))
    finally:
        # Each statement of a procedure has a place of its own.
        work.session.admission.leave()
    if statement.rule.commits:
        transactions.ended(frame.execution)
    frame.note(count, found=found and statement.kind in _COUNTED)


def _refuse(statement: Statement) -> None:
    """Raise what a procedure may not do."""
    if statement.kind in _ENDS:
        raise not_supported("a transaction statement in dynamic SQL of a procedure")
    local = isinstance(statement.command, Set) and statement.command.local
    if statement.kind in _ABSENT or local:
        raise not_supported(f"{'SET LOCAL' if local else statement.tag} in a procedure")
    if not statement.rule.in_block:
        message = f"{statement.tag} cannot be executed from a function or multi-command string"
        raise SqlError(SqlState.ACTIVE_SQL_TRANSACTION, message)


async def _drained(answer: Answer) -> int:
    """Read an answer to its end; return how many rows it had or changed."""
    if isinstance(answer, Page):
        count = 0
        async for batch in answer.batches():
            count += batch.num_rows
        return count
    last = answer.tag.split()[-1] if isinstance(answer, Done) else ""
    return int(last) if last.isdigit() else 0


async def perform(frame: Frame, node: tree.Perform, names: Names) -> None:
    """PERFORM query."""
    text = f"SELECT {node.query.text}"
    with quoted(text):
        page = await rows(frame.work(names), text, node.query.offset - len("SELECT "))
        frame.note(await _drained(page))
    await transactions.settle(frame.execution)


async def execute(frame: Frame, node: tree.Execute, names: Names) -> None:
    """EXECUTE expression [INTO targets]: nothing of the text is a variable."""
    text = await dynamic(frame, node.command, names)
    keep_case = frame.session.settings.keeps_case
    with quoted(text):
        for fragment in split(text):
            statement = parse_statement(fragment, case_sensitive=keep_case)
            work = Work(frame.session)
            if node.into:
                await _into(frame, work, statement, node.into, names)
            else:
                await _run(frame, work, statement, found=False)
            await transactions.settle(frame.execution)


async def dynamic(frame: Frame, command: Fragment, names: Names) -> str:
    """Return the text of a statement that is made at run time; raises 22004 for NULL."""
    text, _ = await frame.value(command, names, TEXT)
    if text is None:
        raise SqlError(SqlState.NULL_VALUE_NOT_ALLOWED, "cannot EXECUTE a null querystring")
    return text


async def call(frame: Frame, node: tree.Call, names: Names) -> None:
    """CALL procedure(arguments): INOUT arguments are variables, which take what comes back."""
    # The two import each other: calls nest.
    from session.programs.call import arguments_of, invoke, resolve

    work = frame.work(names)
    shown_text = f"CALL {'.'.join(node.name)}({', '.join(item.text for item in node.arguments)})"
    with quoted(shown_text):
        routine, plan = resolve(work, node.name, tuple(item.text for item in node.arguments))
        if any(item.mode == "OUT" for item in routine.parameters):
            raise not_supported("a nested CALL of a procedure with OUT arguments", hint="Make them INOUT.")
        targets = [
            (index, _variable(frame, node.arguments[index], names))
            for index, item in enumerate(routine.inputs)
            if item.mode == "INOUT"
        ]
        outputs = await invoke(frame.execution, routine, await arguments_of(work, plan))
        for (_, target), output in zip(targets, outputs, strict=True):
            await frame.assign(target, output.value, output.type)


def _variable(frame: Frame, argument: Fragment, names: Names) -> Scalar:
    parts = tuple(part.strip().strip('"').lower() for part in argument.text.split("."))
    found = names.find(parts)
    if not isinstance(found, Scalar) or found.constant:
        raise SqlError(
            SqlState.SYNTAX_ERROR,
            f'the INOUT argument "{argument.text}" of a nested CALL must be a variable that is not constant',
        )
    return found


# Messages


async def raise_(frame: Frame, node: tree.Raise, names: Names) -> None:
    """RAISE level 'format', arguments; RAISE alone throws what was caught again."""
    if not node.level:
        if frame.caught is None:
            message = "RAISE without parameters cannot be used outside an exception handler"
            raise SqlError(SqlState.SYNTAX_ERROR, message)
        raise frame.caught
    message = await _message(frame, node, names)
    keep(frame, node.level, message, node.line)
    if node.level == "EXCEPTION":
        frame.raised = await _error(frame, node, message, names)
        raise frame.raised
    least = _MINIMUM.get(frame.session.settings.get("client_min_messages"), 8)
    if node.level == "INFO" or _SENT[node.level] >= least:
        state = SqlState.WARNING if node.level == "WARNING" else SqlState.SUCCESSFUL_COMPLETION
        frame.session.notices.append(Diagnosis(severity=_SEVERITIES[node.level], state=state, message=message))
        await frame.session.push()


async def _message(frame: Frame, node: tree.Raise, names: Names) -> str:
    values = [shown(*await frame.value(argument, names, None)) for argument in node.arguments]
    pieces = node.format.split("%%")
    filled = []
    for piece in pieces:
        parts = piece.split("%")
        text = parts[0]
        for part in parts[1:]:
            text += values.pop(0) + part
        filled.append(text)
    return "%".join(filled)


async def _error(frame: Frame, node: tree.Raise, message: str, names: Names) -> SqlError:
    given = {name: (await frame.value(value, names, TEXT))[0] for name, value in node.options}
    code = given.get("ERRCODE")
    known = code in set(SqlState)
    return SqlError(
        SqlState(code) if known and code else SqlState.RAISE_EXCEPTION,
        given.get("MESSAGE") or message,
        detail=given.get("DETAIL"),
        hint=given.get("HINT"),
    )


async def diagnostics(frame: Frame, node: tree.Diagnostics, names: Names) -> None:
    """GET DIAGNOSTICS target := ROW_COUNT."""
    for parts in node.targets:
        await frame.assign(frame.target(parts, names), str(frame.rows), _BIGINT)
