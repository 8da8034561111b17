"""Variables of a procedure: what they hold, and which one a name means.

A value is text in the engine's form, with its type beside it; None is NULL. Redshift, "Structure of PL/pgSQL".
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from sql.plpgsql.tree import CursorVariable

Name = tuple[str, ...]
Field = tuple[ColumnType, str | None]


@dataclass(slots=True, kw_only=True)
class Scalar:
    """A variable of one value."""

    name: str
    type: ColumnType
    value: str | None = None
    constant: bool = False
    not_null: bool = False
    cursor: CursorVariable | None = None
    """The query that a cursor variable is bound to."""

    @property
    def goal(self) -> ColumnType:
        """The type that what is assigned is converted to."""
        return types.of("numeric") if self.floating else self.type

    floating: bool = False
    """NUMERIC without a precision: it takes that of what it holds."""


@dataclass(slots=True, kw_only=True)
class Record:
    """A variable of a row, whose fields are those of the row that it was given last."""

    name: str
    fields: dict[str, Field] | None = None

    def field(self, name: str) -> Field:
        """Return a field; raises 55000 before the first row, 42703 where there is none."""
        if self.fields is None:
            raise SqlError(
                SqlState.OBJECT_NOT_IN_PREREQUISITE_STATE,
                f'record "{self.name}" is not assigned yet',
                detail="The tuple structure of a not-yet-assigned record is indeterminate.",
            )
        found = self.fields.get(name)
        if found is None:
            raise SqlError(SqlState.UNDEFINED_COLUMN, f'record "{self.name}" has no field "{name}"')
        return found


@dataclass(frozen=True, slots=True)
class FieldOf:
    """A field of a record, as something to assign to."""

    record: Record
    name: str


Variable = Scalar | Record
Target = Scalar | Record | FieldOf


@dataclass(slots=True, kw_only=True)
class Names:
    """The variables of one block and, through it, of those around it."""

    label: str = ""
    parent: "Names | None" = None
    variables: dict[str, Variable] = field(default_factory=dict)

    def outward(self) -> "Iterator[Names]":
        """Yield this block and those around it."""
        block: Names | None = self
        while block is not None:
            yield block
            block = block.parent

    def variable(self, name: str) -> Variable | None:
        """Return the innermost variable called *name*."""
        return next((block.variables[name] for block in self.outward() if name in block.variables), None)

    def find(self, parts: Name) -> Target | None:
        """Return what ``name``, ``record.field``, ``label.name`` or ``label.record.field`` means."""
        found = self.variable(parts[0])
        if isinstance(found, Record) and len(parts) == 2:
            return FieldOf(found, parts[1])
        if found is not None and len(parts) == 1:
            return found
        if len(parts) == 1:
            return None
        block = next((block for block in self.outward() if block.label == parts[0]), None)
        inner = block.variables.get(parts[1]) if block else None
        if isinstance(inner, Record) and len(parts) == 3:
            return FieldOf(inner, parts[2])
        return inner if len(parts) == 2 else None

    def add(self, variable: Variable) -> None:
        """Declare *variable* here; raises 42601 where its name is taken in this block."""
        if variable.name in self.variables:
            raise SqlError(SqlState.SYNTAX_ERROR, f'duplicate declaration of "{variable.name}"')
        self.variables[variable.name] = variable


class Sight:
    """The environment (``session.context``) of the statements of one block."""

    def __init__(self, names: Names, program: Hashable) -> None:
        """See *names* in the body that *program* stands for."""
        self._names = names
        self._program = program

    @property
    def key(self) -> Hashable:
        """Return the body and the types that change while it runs."""
        changing: list[Hashable] = [self._program]
        for block in self._names.outward():
            for variable in block.variables.values():
                if isinstance(variable, Record):
                    changing.append(tuple((name, kind) for name, (kind, _) in (variable.fields or {}).items()))
                elif variable.floating:
                    changing.append(variable.type)
        return tuple(changing)

    def type_of(self, parts: Name) -> ColumnType | None:
        """Return the type of the variable called *parts*, None where there is none."""
        found = self._names.find(parts)
        if isinstance(found, FieldOf):
            return found.record.field(found.name)[0]
        return found.type if isinstance(found, Scalar) else None

    def value_of(self, parts: Name) -> str | None:
        """Return the value of a variable that there is."""
        found = self._names.find(parts)
        if isinstance(found, FieldOf):
            return found.record.field(found.name)[1]
        return found.value if isinstance(found, Scalar) else None
