"""ALTER TABLE and ALTER TABLE APPEND.

Redshift, "ALTER TABLE", "ALTER TABLE APPEND".
"""

from dataclasses import dataclass

from core.types import ColumnType
from sql.commands.columns import (
    ColumnDefinition,
    Name,
    TableConstraint,
    at_constraint,
    read_column,
    read_constraint,
    read_encoding,
)
from sql.commands.datatypes import read_type
from sql.commands.external import ExternalAction, at_external_action, read_external_action
from sql.commands.iceberg import ChangePartitionField, at_partition_field, read_partition_field
from sql.commands.tables import read_distkey, read_sortkey
from sql.stream import Stream


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLevelSecurity:
    """ROW LEVEL SECURITY ON | OFF [CONJUNCTION TYPE AND | OR] [FOR DATASHARES]; MASKING ON | OFF FOR DATASHARES."""

    on: bool
    any_of: bool | None = None
    """CONJUNCTION TYPE OR; None where it is not said."""
    datashares: bool = False
    masking: bool = False


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
    | RowLevelSecurity
    | ExternalAction
    | ChangePartitionField
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


def read_alter_table(stream: Stream) -> AlterTable | AlterTableAppend:
    """Take what follows ALTER TABLE."""
    name = stream.name()
    if stream.take("APPEND", "FROM"):
        return _append(stream, name)
    return AlterTable(name=name, actions=_actions(stream))


def read_alter_view(stream: Stream) -> AlterTable:
    """Take what follows ALTER VIEW."""
    name = stream.name()
    if not stream.at_any("RENAME", "OWNER"):
        stream.fail()
    return AlterTable(name=name, actions=(read_action(stream),), tag="ALTER VIEW")


def _append(stream: Stream, name: Name) -> AlterTableAppend:
    source = stream.name()
    choice = stream.take_any("IGNOREEXTRA", "FILLTARGET")
    return AlterTableAppend(
        name=name, source=source, ignore_extra=choice == "IGNOREEXTRA", fill_target=choice == "FILLTARGET"
    )


def _actions(stream: Stream) -> tuple[AlterAction, ...]:
    actions = [read_action(stream)]
    while stream.take(","):
        actions.append(read_action(stream))
    return tuple(actions)


def read_action(stream: Stream) -> AlterAction:
    """Take one action."""
    if at_partition_field(stream) or at_external_action(stream):
        return read_partition_field(stream) if at_partition_field(stream) else read_external_action(stream)
    if stream.take("ROW", "LEVEL", "SECURITY"):
        return _row_security(stream)
    if stream.take("MASKING"):
        on = stream.expect_any("ON", "OFF") == "ON"
        stream.expect("FOR", "DATASHARES")
        return RowLevelSecurity(on=on, datashares=True, masking=True)
    match stream.expect_any("RENAME", "OWNER", "ADD", "DROP", "ALTER"):
        case "RENAME":
            return _rename(stream)
        case "OWNER":
            stream.expect("TO")
            return ChangeOwner(owner=stream.user())
        case "ADD":
            return _add(stream)
        case "DROP":
            return _drop(stream)
    return _alter(stream)


def _row_security(stream: Stream) -> RowLevelSecurity:
    on = stream.expect_any("ON", "OFF") == "ON"
    any_of = stream.expect_any("AND", "OR") == "OR" if stream.take("CONJUNCTION", "TYPE") else None
    return RowLevelSecurity(on=on, any_of=any_of, datashares=stream.take("FOR", "DATASHARES"))


def _rename(stream: Stream) -> RenameTable | RenameColumn:
    if stream.take("TO"):
        return RenameTable(name=stream.identifier())
    stream.take("COLUMN")
    column = stream.identifier()
    stream.expect("TO")
    return RenameColumn(column=column, name=stream.identifier())


def _add(stream: Stream) -> AddColumn | AddConstraint:
    if at_constraint(stream):
        return AddConstraint(constraint=read_constraint(stream))
    stream.take("COLUMN")
    column, constraints = read_column(stream)
    return AddColumn(column=column, constraints=tuple(constraints))


def _drop(stream: Stream) -> DropColumn | DropConstraint:
    if stream.take("CONSTRAINT"):
        name = stream.identifier()
        return DropConstraint(name=name, cascade=take_cascade(stream))
    stream.take("COLUMN")
    column = stream.identifier()
    return DropColumn(column=column, cascade=take_cascade(stream))


def take_cascade(stream: Stream) -> bool:
    """Take CASCADE or RESTRICT if one is there; return whether it was CASCADE."""
    return stream.take_any("CASCADE", "RESTRICT") == "CASCADE"


def _alter(stream: Stream) -> AlterAction:
    if stream.take("DISTKEY"):
        return AlterDistribution(diststyle="KEY", distkey=read_distkey(stream))
    if stream.take("DISTSTYLE"):
        return _diststyle(stream)
    if stream.at_any("SORTKEY", "COMPOUND", "INTERLEAVED"):
        style, columns = read_sortkey(stream)
        return AlterSortkey(sortstyle=style, columns=columns)
    if stream.take("ENCODE"):
        stream.expect("AUTO")
        return AlterEncodeAuto()
    stream.take("COLUMN")
    column = stream.identifier()
    if stream.take("ENCODE"):
        return AlterColumnEncode(column=column, encode=read_encoding(stream))
    stream.expect("TYPE")
    return AlterColumnType(column=column, type=read_type(stream))


def _diststyle(stream: Stream) -> AlterDistribution:
    style = stream.expect_any("AUTO", "EVEN", "KEY", "ALL")
    if style == "KEY":
        stream.expect("DISTKEY")
        return AlterDistribution(diststyle=style, distkey=read_distkey(stream))
    return AlterDistribution(diststyle=style)
