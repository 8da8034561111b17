"""CALL, CREATE PROCEDURE, CREATE FUNCTION, ALTER PROCEDURE, ALTER FUNCTION.

Redshift, "CALL", "CREATE PROCEDURE", "CREATE FUNCTION". Bodies are kept as text.
"""

from dataclasses import dataclass

from core.types import ColumnType
from sql.statement import Fragment


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A parameter of a routine."""

    name: str | None
    mode: str
    """IN, OUT or INOUT."""
    type: ColumnType | None
    """None for REFCURSOR, RECORD, ANYELEMENT: ``type_name`` tells."""
    type_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProcedure:
    """CREATE [OR REPLACE] PROCEDURE."""

    name: tuple[str, ...]
    arguments: tuple[Argument, ...]
    body: Fragment
    language: str = "plpgsql"
    or_replace: bool = False
    nonatomic: bool = False
    security_definer: bool = False
    settings: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFunction:
    """CREATE [OR REPLACE] FUNCTION."""

    name: tuple[str, ...]
    arguments: tuple[Argument, ...]
    returns: ColumnType | None
    """None for a pseudo type (ANYELEMENT)."""
    body: Fragment
    language: str
    volatility: str
    """VOLATILE, STABLE or IMMUTABLE."""
    or_replace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterRoutine:
    """ALTER FUNCTION | PROCEDURE name(types) RENAME TO | OWNER TO: one of them is given."""

    object: str
    """FUNCTION or PROCEDURE."""
    name: tuple[str, ...]
    signature: tuple[ColumnType, ...] | None
    rename_to: str | None = None
    owner: str | None = None

    @property
    def tag(self) -> str:
        """Return CommandComplete's tag."""
        return f"ALTER {self.object}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """CALL procedure(expression[, …])."""

    name: tuple[str, ...]
    arguments: tuple[Fragment, ...] = ()
