"""What a procedure's body is made of: immutable nodes, one class a statement.

Every statement knows its line, counted as PostgreSQL does: the line after the opening dollar quote is the first.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from core.types import ColumnType
from sql.statement import Fragment

Name = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The type of a variable. One of the first three is given, or it is a record."""

    type: ColumnType | None = None
    like: Name = ()
    """``name%TYPE``: a variable, ``table.column``, ``schema.table.column``."""
    row: Name = ()
    """``table%ROWTYPE``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """``name [CONSTANT] type [NOT NULL] [DEFAULT expression]``."""

    line: int
    name: str
    kind: Kind
    constant: bool = False
    not_null: bool = False
    default: Fragment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """``name ALIAS FOR $n`` or for a variable."""

    line: int
    name: str
    target: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorVariable:
    """``name CURSOR [(parameters)] FOR query``."""

    line: int
    name: str
    parameters: tuple[tuple[str, ColumnType], ...]
    query: Fragment


Declaration = Variable | Alias | CursorVariable


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What all statements have."""

    line: int
    word: ClassVar[str] = "statement"
    """What the context of an error calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """EXCEPTION [CONTINUE_HANDLER | EXIT_HANDLER] WHEN OTHERS THEN …."""

    body: tuple[Statement, ...]
    goes_on: bool = False
    """CONTINUE_HANDLER: the statement after the one that failed is next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Statement):
    """[<<label>>] [DECLARE …] BEGIN … [EXCEPTION …] END."""

    label: str = ""
    declarations: tuple[Declaration, ...] = ()
    body: tuple[Statement, ...] = ()
    handler: Handler | None = None
    word: ClassVar[str] = "block variables initialization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Statement):
    """``target := expression``."""

    target: Name
    value: Fragment
    word: ClassVar[str] = "assignment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sql(Statement):
    """A SQL statement, perhaps with INTO, which is cut out of it."""

    fragment: Fragment
    into: tuple[Name, ...] = ()
    word: ClassVar[str] = "SQL statement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Perform(Statement):
    """PERFORM: a query whose rows nobody wants."""

    query: Fragment
    word: ClassVar[str] = "perform"


@dataclass(frozen=True, slots=True, kw_only=True)
class Execute(Statement):
    """EXECUTE expression [INTO targets]."""

    command: Fragment
    into: tuple[Name, ...] = ()
    word: ClassVar[str] = "execute statement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Statement):
    """CALL procedure(arguments)."""

    name: Name
    arguments: tuple[Fragment, ...] = ()
    word: ClassVar[str] = "SQL statement"


@dataclass(frozen=True, slots=True, kw_only=True)
class If(Statement):
    """IF … ELSIF … ELSE … END IF."""

    branches: tuple[tuple[Fragment, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...] = ()
    word: ClassVar[str] = "if"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Statement):
    """CASE [search] WHEN … THEN … [ELSE …] END CASE."""

    search: Fragment | None
    branches: tuple[tuple[Fragment, tuple[Statement, ...]], ...]
    """The searched form's conditions, or lists of values, commas between."""
    otherwise: tuple[Statement, ...] | None = None
    word: ClassVar[str] = "case"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Statement):
    """[<<label>>] LOOP … END LOOP, with a condition: WHILE."""

    label: str = ""
    condition: Fragment | None = None
    body: tuple[Statement, ...] = ()
    word: ClassVar[str] = "while"


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Statement):
    """FOR name IN [REVERSE] low .. high [BY step] LOOP."""

    label: str = ""
    name: str
    low: Fragment
    high: Fragment
    step: Fragment | None = None
    reverse: bool = False
    body: tuple[Statement, ...] = ()
    word: ClassVar[str] = "for with integer counter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Statement):
    """FOR targets IN query LOOP, or IN EXECUTE expression."""

    label: str = ""
    targets: tuple[Name, ...]
    query: Fragment
    dynamic: bool = False
    body: tuple[Statement, ...] = ()
    word: ClassVar[str] = "for over select rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit(Statement):
    """EXIT or CONTINUE [label] [WHEN condition]."""

    label: str = ""
    when: Fragment | None = None
    goes_on: bool = False
    """CONTINUE."""
    word: ClassVar[str] = "exit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Statement):
    """RETURN."""

    word: ClassVar[str] = "return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing(Statement):
    """NULL."""

    word: ClassVar[str] = "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise(Statement):
    """RAISE level 'format', arguments; without a level it throws again."""

    level: str = ""
    format: str = ""
    arguments: tuple[Fragment, ...] = ()
    options: tuple[tuple[str, Fragment], ...] = ()
    """USING ERRCODE = …, MESSAGE, DETAIL, HINT."""
    word: ClassVar[str] = "raise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(Statement):
    """OPEN cursor [FOR query | FOR EXECUTE expression | (arguments)]."""

    cursor: str
    query: Fragment | None = None
    dynamic: bool = False
    arguments: tuple[Fragment, ...] = ()
    word: ClassVar[str] = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch(Statement):
    """FETCH cursor INTO targets; MOVE without targets."""

    cursor: str
    into: tuple[Name, ...] = ()
    count: Fragment | None = None
    word: ClassVar[str] = "fetch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Statement):
    """CLOSE cursor."""

    cursor: str
    word: ClassVar[str] = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics(Statement):
    """GET DIAGNOSTICS target := ROW_COUNT."""

    targets: tuple[Name, ...]
    word: ClassVar[str] = "get diagnostics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction(Statement):
    """COMMIT, ROLLBACK, START TRANSACTION."""

    action: str
    word: ClassVar[str] = "SQL statement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A body, read."""

    block: Block
    fragments: dict[int, object] = field(default_factory=dict, compare=False)
    """What was made of its fragments, by their offset."""
