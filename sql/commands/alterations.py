"""ALTER TABLE and ALTER TABLE APPEND.

Redshift, "ALTER TABLE", "ALTER TABLE APPEND".
"""

from dataclasses import dataclass

from core.types import ColumnType
from sql.commands.tables import ColumnDefinition, Name, TableConstraint


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameTable:
    """RENAME TO name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameColumn:
    """RENAME [COLUMN] a TO b."""

    column: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOwner:
    """OWNER TO user."""

    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddColumn:
    """ADD [COLUMN] definition, with keys that the definition gave."""

    column: ColumnDefinition
    constraints: tuple[TableConstraint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DropColumn:
    """DROP [COLUMN] name [RESTRICT | CASCADE]."""

    column: str
    cascade: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterColumnType:
    """ALTER COLUMN name TYPE type."""

    column: str
    type: ColumnType


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterColumnEncode:
    """ALTER COLUMN name ENCODE encoding."""

    column: str
    encode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterDistribution:
    """ALTER DISTKEY column, ALTER DISTSTYLE …."""

    diststyle: str
    """AUTO, EVEN, KEY or ALL."""
    distkey: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterSortkey:
    """ALTER [COMPOUND] SORTKEY (…), ALTER SORTKEY AUTO | NONE."""

    sortstyle: str
    """COMPOUND, INTERLEAVED, AUTO or NONE."""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterEncodeAuto:
    """ALTER ENCODE AUTO."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddConstraint:
    """ADD [CONSTRAINT name] PRIMARY KEY | UNIQUE | FOREIGN KEY …."""

    constraint: TableConstraint


@dataclass(frozen=True, slots=True, kw_only=True)
class DropConstraint:
    """DROP CONSTRAINT name [RESTRICT | CASCADE]."""

    name: str
    cascade: bool = False


AlterAction = (
    RenameTable
    | RenameColumn
    | ChangeOwner
    | AddColumn
    | DropColumn
    | AlterColumnType
    | AlterColumnEncode
    | AlterDistribution
    | AlterSortkey
    | AlterEncodeAuto
    | AddConstraint
    | DropConstraint
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterTable:
    """ALTER TABLE name action[, action …]; ALTER VIEW name RENAME | OWNER reads as the same."""

    name: Name
    actions: tuple[AlterAction, ...]
    tag: str = "ALTER TABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterTableAppend:
    """ALTER TABLE target APPEND FROM source."""

    name: Name
    source: Name
    ignore_extra: bool = False
    fill_target: bool = False
