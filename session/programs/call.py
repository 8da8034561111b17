"""CALL: which procedure, with which arguments, as whom, and the row that comes back.

Redshift, "CALL", "CREATE PROCEDURE", "Security and privileges for stored procedures".
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from catalog.model import User
from catalog.routines import Parameter, Routine, RoutineKind
from core import types
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from core.types import TYPNAMES, Column, ColumnType
from engine import results
from session.answers import Answer, Done, Value
from session.context import Work
from session.plans import Plan
from session.programs import builtin, control, transactions
from session.programs.commands import located
from session.programs.frame import LEVELS, Execution, Frame
from session.programs.messages import recorded
from session.programs.variables import Names, Scalar
from session.streams import Page, Reader, table
from sql.commands.routines import Call
from sql.plpgsql.parser import parse
from sql.plpgsql.tree import Program
from sql.statement import Fragment, Statement

_FLOATING: Final = "numeric"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value with its type, as an argument or as what comes back."""

    value: str | None
    type: ColumnType


async def call(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Answer:
    """CALL procedure(arguments)."""
    command = _command(statement)
    texts = tuple(item.text for item in command.arguments)
    own = builtin.builtin(work, command.name)
    if own is not None:
        given = await arguments_of(work, builtin.planned(work, own, texts), parameters)
        return table(own.columns, await builtin.run(work, own, tuple(item.value for item in given)), tag="CALL")
    routine, plan = resolve(work, command.name, texts)
    execution = Execution(session=work.session, block=work.tx.block, nonatomic=routine.nonatomic)
    transactions.begin(execution)
    outputs = await invoke(execution, routine, await arguments_of(work, plan, parameters))
    if not outputs:
        return Done("CALL")
    return await _row(work, _columns(routine), outputs)


def _command(statement: Statement) -> Call:
    if not isinstance(statement.command, Call):
        raise SqlError(SqlState.INTERNAL_ERROR, "CALL without a procedure")
    return statement.command


async def describe_call(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[Column, ...] | None:
    """Return the columns of CALL: the procedure's OUT and INOUT arguments, None where it has none."""
    command = _command(statement)
    own = builtin.builtin(work, command.name)
    if own is not None:
        return own.columns
    routine, _ = resolve(work, command.name, tuple(item.text for item in command.arguments), oids)
    return _columns(routine) or None


def parameter_types(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[ColumnType, ...]:
    """Return the types of ``$1``, ``$2`` … among a CALL's arguments."""
    command = _command(statement)
    texts = tuple(item.text for item in command.arguments)
    own = builtin.builtin(work, command.name)
    plan = resolve(work, command.name, texts, oids)[1] if own is None else builtin.planned(work, own, texts, oids)
    return plan.translated.parameter_types


def _columns(routine: Routine) -> tuple[Column, ...]:
    return tuple(
        Column(item.name or f"column{number}", _type(item)) for number, item in enumerate(routine.outputs, start=1)
    )


async def _row(work: Work, columns: tuple[Column, ...], outputs: list[Given]) -> Page:
    items = []
    for number, output in enumerate(outputs, start=1):
        sql = f"CAST(${number} AS {output.type.engine()})"
        if output.type.type.name == "timetz":
            sql = f"CAST({sql} AS VARCHAR)"
        if output.type.type.name == "super":
            sql = f"rs_super_show({sql})"
        if output.type.type.name == "bpchar" and output.type.length:
            sql = f"rpad({sql}, {output.type.length}, ' ')"
        items.append(f"{sql} AS c{number}")
    stream = await work.engine.rows(f"SELECT {', '.join(items)}", [output.value for output in outputs], instant=True)
    hints = [(column.name, column.type, 0, 0) for column in columns]
    return Page(results.columns(stream.schema, hints), Reader(stream), tag="CALL")


# Which procedure


def resolve(
    work: Work, name: tuple[str, ...], arguments: tuple[str, ...], oids: tuple[int, ...] = ()
) -> tuple[Routine, Plan]:
    """Return the procedure that a call means and the plan of its arguments; raises 42883, 42725."""
    candidates = [item for item in work.visible.routines(name) if item.type is RoutineKind.PROCEDURE]
    signatures = [tuple(_type(parameter) for parameter in item.inputs) for item in candidates]
    best, plan = work.plan_arguments(arguments, signatures, oids)
    if isinstance(plan, Plan):
        return candidates[best[0]], plan
    shown = f"{'.'.join(name)}({plan})"
    if not best:
        raise SqlError(
            SqlState.UNDEFINED_FUNCTION,
            f"procedure {shown} does not exist",
            hint="No procedure matches the given name and argument types. You may need to add explicit type casts.",
        )
    first = candidates[best[0]]
    if all(candidates[index].signature == first.signature for index in best):
        # Of two with the same arguments the one whose schema comes first in the search path counts.
        _, plan = work.plan_arguments(arguments, [signatures[best[0]]], oids)
        if isinstance(plan, Plan):
            return first, plan
    raise SqlError(
        SqlState.AMBIGUOUS_FUNCTION,
        f"procedure {shown} is not unique",
        hint="Could not choose a best candidate procedure. You may need to add explicit type casts.",
    )


def _type(parameter: Parameter) -> ColumnType:
    return ColumnType(TYPNAMES[parameter.type], parameter.modifier)


async def arguments_of(work: Work, plan: Plan, parameters: tuple[Value, ...] = ()) -> list[Given]:
    """Return a call's arguments, computed and converted."""
    plan = await work.allowed(lambda: plan)
    translated = plan.translated
    found = await work.engine.fetch(translated.engine_sql, work.bound(plan, parameters), work.prepare(plan))
    return [
        Given(value=value, type=column.type or types.of("varchar"))
        for value, column in zip(found[0], translated.columns, strict=False)
    ]


# Running it


async def invoke(execution: Execution, routine: Routine, arguments: list[Given]) -> list[Given]:
    """Run *routine* and return what its OUT and INOUT arguments hold at the end."""
    session = execution.session
    Work(session).require_routine(routine)
    if routine.nonatomic is not execution.nonatomic:
        raise not_supported("a nested CALL of a procedure in another transaction mode")
    if execution.depth >= LEVELS:
        raise SqlError(
            SqlState.STATEMENT_TOO_COMPLEX, f"stored procedure calls cannot be nested more than {LEVELS} levels"
        )
    program = _program(execution, routine)
    root, outputs = _parameters(routine, arguments)
    caller, query = execution.query, session.warehouse.next_query() if execution.depth else session.query
    frame = Frame(execution=execution, routine=routine, program=program, root=root, at=program.block, query=query)
    execution.depth += 1
    execution.query = query
    try:
        with recorded(frame, caller), _manners(execution, routine):
            await control.run(frame)
    except SqlError as error:
        error.context = located(frame, error)
        raise
    finally:
        execution.depth -= 1
        execution.query = caller
    return [Given(value=item.value, type=item.type) for item in outputs]


def _program(execution: Execution, routine: Routine) -> Program:
    session = execution.session
    keep_case = session.settings.keeps_case
    key = ("program", routine.oid, routine.body, keep_case)
    found = session.warehouse.translations.get(key)
    if not isinstance(found, Program):
        found = parse(Fragment(routine.body), nonatomic=routine.nonatomic, case_sensitive=keep_case)
        session.warehouse.translations.put(key, found)
    return found


def _parameters(routine: Routine, arguments: list[Given]) -> tuple[Names, list[Scalar]]:
    """Return the outermost variables of a call, and those of them that come back."""
    root = Names(label=routine.name)
    outputs = []
    given = iter(arguments)
    for number, parameter in enumerate(routine.parameters, start=1):
        value = next(given) if parameter.mode != "OUT" else Given(value=None, type=_type(parameter))
        floating = parameter.type == _FLOATING and parameter.modifier < 0
        kind = value.type if floating and value.type.modifier >= 0 else _type(parameter)
        variable = Scalar(name=parameter.name or f"${number}", type=kind, value=value.value, floating=floating)
        root.variables[f"${number}"] = variable
        if parameter.name:
            root.variables[parameter.name] = variable
        if parameter.mode != "IN":
            outputs.append(variable)
    root.variables["found"] = Scalar(name="found", type=types.of("bool"), value="false")
    return root, outputs


@contextmanager
def _manners(execution: Execution, routine: Routine) -> Iterator[None]:
    """Apply SECURITY DEFINER and SET while a procedure runs."""
    session = execution.session
    with ExitStack() as stack:
        if routine.security_definer:
            owner = session.tx.state.objects.get(routine.owner)
            if isinstance(owner, User):
                stack.enter_context(session.lent(owner))
        if routine.settings:
            stack.enter_context(_set(execution, routine))
        yield


@contextmanager
def _set(execution: Execution, routine: Routine) -> Iterator[None]:
    settings = execution.session.settings
    before = [(name, settings.get(name)) for name, _ in routine.settings]
    execution.fixed += 1
    for name, value in routine.settings:
        settings.set(name, value)
    try:
        yield
    finally:
        execution.fixed -= 1
        for name, value in before:
            settings.set(name, value)
