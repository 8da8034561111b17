"""One call of a procedure while it runs, and what all calls of one CALL share.

``Frame`` evaluates and assigns; what the statements do is in ``control``, ``commands`` and ``cursors``.
"""

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from catalog.routines import Routine
from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column, ColumnType
from session.context import Work
from session.plans import Plan
from session.programs.values import fields_of
from session.programs.variables import FieldOf, Name, Names, Record, Scalar, Sight, Target
from sql.plpgsql import tree
from sql.statement import Fragment

if TYPE_CHECKING:
    from session.session import Session

BOOL: Final = types.of("bool")
TEXT: Final = types.of("varchar")
INTEGER: Final = types.of("int4")
LEVELS: Final = 16
"""Calls within calls."""
MESSAGES: Final = 10_000
"""What a call has said, kept until it ends."""
_TICKS: Final = 20
_SLOW: Final = re.compile(r"\bFROM\b|\b(?:repeat|rpad|lpad|range|generate_series)\(|\"udf_|\brs_effect_", re.IGNORECASE)
"""Engine SQL that may take its time; anything else is computed without a hand-over to a thread."""
Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Signal:
    """Why statements end before their last: EXIT, CONTINUE or RETURN."""

    word: str
    label: str = ""


RETURN: Final = Signal("RETURN")


@dataclass(slots=True, kw_only=True)
class Execution:
    """What one CALL of a client's and all calls inside it share."""

    session: "Session"
    block: bool
    """Whether the client has begun a transaction block."""
    depth: int = 0
    fixed: int = 0
    """How many of the running procedures have SET options: they cannot end the transaction."""
    nonatomic: bool = False
    explicit: bool = False
    """NONATOMIC: between START TRANSACTION and COMMIT."""
    query: int = 0
    """The number of the call that runs."""
    portals: int = 0
    _ticks: int = field(default=0)

    @property
    def atomic(self) -> bool:
        """Whether the transaction cannot be ended inside."""
        return self.block or self.fixed > 0

    @property
    def commits(self) -> bool:
        """Whether every statement is a transaction of its own."""
        return self.nonatomic and not self.explicit and not self.block

    async def tick(self) -> None:
        """Let others run now and then, and end where the statement was cancelled."""
        self._ticks += 1
        if self._ticks % _TICKS == 0:
            await asyncio.sleep(0)
        if self.session.stopped is not None:
            raise self.session.stopped


@dataclass(slots=True, kw_only=True, eq=False)
class Active:
    """An exception handler that an error may reach."""

    handler: tree.Handler
    names: Names


@dataclass(slots=True, kw_only=True)
class Frame:
    """One call."""

    execution: Execution
    routine: Routine
    program: tree.Program
    root: Names
    handlers: list[Active] = field(default_factory=list)
    at: tree.Statement
    """The statement that runs."""
    rows: int = 0
    """ROW_COUNT."""
    caught: SqlError | None = None
    """Inside a handler: the error."""
    query: int = 0
    """The number under which the system views list the call."""
    messages: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MESSAGES))
    """What it has raised so far, as it is kept: the newest."""
    raised: SqlError | None = None
    """What RAISE EXCEPTION has thrown here."""
    located: SqlError | None = None
    """The error whose context has the place in this call."""

    @property
    def session(self) -> "Session":
        """The session."""
        return self.execution.session

    def work(self, names: Names) -> Work:
        """Return the context of a statement that sees *names*."""
        return Work(self.session, Sight(names, (self.routine.oid, self.routine.body)))

    @property
    def found(self) -> Scalar:
        """The variable FOUND."""
        found = self.root.variables["found"]
        assert isinstance(found, Scalar)  # noqa: S101 - declared with the frame
        return found

    def note(self, rows: int, *, found: bool = True) -> None:
        """Set ROW_COUNT, and FOUND."""
        self.rows = rows
        if found:
            self.found.value = "true" if rows else "false"

    # Evaluation

    async def value(self, fragment: Fragment, names: Names, goal: ColumnType | None) -> tuple[str | None, ColumnType]:
        """Return the value of an expression in the type *goal* (None: in its own) and the type."""
        work = self.work(names)
        plan = await work.allowed(lambda: work.plan_value(fragment.text, fragment.offset, goal))
        await work.session.admission.admitted(plan)
        row = await one_row(work, plan)
        return (row[0] if row else None), plan.translated.columns[0].type or TEXT

    async def truth(self, fragment: Fragment, names: Names) -> bool:
        """Return whether a condition holds; NULL does not."""
        value, _ = await self.value(fragment, names, BOOL)
        return value == "true"

    async def converted(self, value: str | None, have: ColumnType, want: ColumnType) -> str | None:
        """Return *value* as a variable of another type takes it."""
        if value is None or (have == want and have.type.name != "bpchar"):
            return value
        holder = Names(variables={"v": Scalar(name="v", type=have, value=value)})
        work = Work(self.session, Sight(holder, ("convert", have, want)))
        plan = work.plan_value("v", 0, want)
        row = await one_row(work, plan)
        return row[0] if row else None

    # Assignment

    def target(self, parts: Name, names: Names) -> Target:
        """Return what *parts* means as something to assign to; raises 42601."""
        found = names.find(parts)
        if found is None:
            raise SqlError(SqlState.SYNTAX_ERROR, f'"{".".join(parts)}" is not a known variable')
        if isinstance(found, Scalar) and found.constant:
            raise SqlError(SqlState.SYNTAX_ERROR, f'"{found.name}" is declared CONSTANT')
        return found

    async def assign(self, target: Target, value: str | None, have: ColumnType) -> None:
        """Give a value of the type *have* to *target*."""
        if isinstance(target, Record):
            raise SqlError(SqlState.DATATYPE_MISMATCH, "cannot assign non-composite value to a record variable")
        if isinstance(target, FieldOf):
            kind = target.record.field(target.name)[0]
            fields = target.record.fields or {}
            fields[target.name] = (kind, await self.converted(value, kind if have is TEXT else have, kind))
            return
        value = await self.converted(value, have, target.goal)
        self.store(target, value, have)

    def store(self, target: Scalar, value: str | None, have: ColumnType) -> None:
        """Give a value that has been converted to *target*."""
        if value is None and target.not_null:
            raise SqlError(
                SqlState.NULL_VALUE_NOT_ALLOWED,
                f'null value cannot be assigned to variable "{target.name}" declared NOT NULL',
            )
        if target.floating and have.type.name == "numeric" and have.modifier >= 0:
            target.type = have
        target.value = value

    async def assign_row(
        self, targets: tuple[Name, ...], columns: tuple[Column, ...], row: Row | None, names: Names
    ) -> None:
        """Give a row's values to *targets*, NULL where there is none: a record takes all, others one each."""
        found = [self.target(parts, names) for parts in targets]
        if len(found) == 1 and isinstance(found[0], Record):
            found[0].fields = fields_of(columns, row)
            return
        for index, target in enumerate(found):
            if index < len(columns) and row is not None:
                await self.assign(target, row[index], columns[index].type)
            else:
                await self.assign(target, None, TEXT)


async def one_row(work: Work, plan: Plan) -> Row | None:
    """Return the first row of a planned query of texts."""
    translated = plan.translated
    instant = not translated.uses and not plan.sources and _SLOW.search(translated.engine_sql) is None
    parameters = work.bound(plan)
    found = await work.engine.fetch(translated.engine_sql, parameters, work.prepare(plan), instant=instant)
    if len(found) > 1:
        raise SqlError(SqlState.CARDINALITY_VIOLATION, "query returned more than one row")
    return tuple(found[0]) if found else None
