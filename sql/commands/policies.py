"""CREATE, ALTER, DROP, ATTACH and DETACH of row-level security and masking policies.

Redshift, "CREATE RLS POLICY", "ATTACH RLS POLICY", "CREATE MASKING POLICY", "ATTACH MASKING POLICY" and their like.
"""

from dataclasses import dataclass

from core.types import ColumnType
from sql.commands.alterations import take_cascade
from sql.commands.datatypes import read_type
from sql.commands.privileges import Grantee, GranteeKind, read_grantee
from sql.statement import Fragment
from sql.stream import Stream

Name = tuple[str, ...]
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRlsPolicy:
    """CREATE RLS POLICY name [WITH (column type, …) [[AS] alias]] USING (condition)."""

    name: Name
    columns: tuple[tuple[str, ColumnType], ...] = ()
    alias: str = ""
    condition: Fragment


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterRlsPolicy:
    """ALTER RLS POLICY name USING (condition)."""

    name: Name
    condition: Fragment


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateMaskingPolicy:
    """CREATE MASKING POLICY [IF NOT EXISTS] name WITH (column type, …) USING (expression, …)."""

    name: Name
    columns: tuple[tuple[str, ColumnType], ...]
    expressions: tuple[Fragment, ...]
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterMaskingPolicy:
    """ALTER MASKING POLICY name USING (expression, …)."""

    name: Name
    expressions: tuple[Fragment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPolicy:
    """DROP RLS | MASKING POLICY [IF EXISTS] name [CASCADE | RESTRICT]."""

    masking: bool
    name: Name
    if_exists: bool = False
    cascade: bool = False

    @property
    def tag(self) -> str:
        """Return CommandComplete's tag."""
        return f"DROP {'MASKING' if self.masking else 'RLS'} POLICY"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachRlsPolicy:
    """ATTACH RLS POLICY name ON [TABLE] relation, … TO grantee, … and DETACH … FROM."""

    name: Name
    relations: tuple[Name, ...]
    grantees: tuple[Grantee, ...]
    detach: bool = False

    @property
    def tag(self) -> str:
        """Return CommandComplete's tag."""
        return f"{'DETACH' if self.detach else 'ATTACH'} RLS POLICY"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachMaskingPolicy:
    """ATTACH MASKING POLICY name ON relation (columns) [USING (columns)] TO grantee [PRIORITY n]; DETACH … FROM."""

    name: Name
    relation: Name
    outputs: tuple[Path, ...]
    inputs: tuple[Path, ...] | None = None
    """What USING names; None: the outputs."""
    grantee: Grantee
    priority: int = 0
    detach: bool = False

    @property
    def tag(self) -> str:
        """Return CommandComplete's tag."""
        return f"{'DETACH' if self.detach else 'ATTACH'} MASKING POLICY"


def read_create_rls(stream: Stream) -> CreateRlsPolicy:
    """Take what follows CREATE RLS."""
    stream.expect("POLICY")
    name = stream.name(2)
    columns: tuple[tuple[str, ColumnType], ...] = ()
    alias = ""
    if stream.take("WITH"):
        columns = _columns(stream)
        if stream.take("AS") or not stream.at("USING"):
            alias = stream.identifier()
    return CreateRlsPolicy(name=name, columns=columns, alias=alias, condition=_condition(stream))


def read_alter_rls(stream: Stream) -> AlterRlsPolicy:
    """Take what follows ALTER RLS."""
    stream.expect("POLICY")
    return AlterRlsPolicy(name=stream.name(2), condition=_condition(stream))


def read_create_masking(stream: Stream) -> CreateMaskingPolicy:
    """Take what follows CREATE MASKING."""
    stream.expect("POLICY")
    if_not_exists = stream.take("IF", "NOT", "EXISTS")
    name = stream.name(2)
    stream.expect("WITH")
    columns = _columns(stream)
    return CreateMaskingPolicy(
        name=name, columns=columns, expressions=_expressions(stream), if_not_exists=if_not_exists
    )


def read_alter_masking(stream: Stream) -> AlterMaskingPolicy:
    """Take what follows ALTER MASKING."""
    stream.expect("POLICY")
    return AlterMaskingPolicy(name=stream.name(2), expressions=_expressions(stream))


def read_drop_policy(stream: Stream, *, masking: bool) -> DropPolicy:
    """Take what follows DROP RLS or DROP MASKING."""
    stream.expect("POLICY")
    if_exists = stream.take("IF", "EXISTS")
    return DropPolicy(masking=masking, name=stream.name(2), if_exists=if_exists, cascade=take_cascade(stream))


def read_attach(stream: Stream) -> AttachRlsPolicy | AttachMaskingPolicy:
    """Take ATTACH or DETACH."""
    if stream.tokens[stream.index + 1].key not in {"RLS", "MASKING"}:
        stream.fail()
    detach = stream.expect_any("ATTACH", "DETACH") == "DETACH"
    if stream.expect_any("RLS", "MASKING") == "MASKING":
        return _attach_masking(stream, detach=detach)
    stream.expect("POLICY")
    name = stream.name(2)
    stream.expect("ON")
    stream.take("TABLE")
    relations = stream.names()
    stream.expect("FROM" if detach else "TO")
    grantees = [_grantee(stream)]
    while stream.take(","):
        grantees.append(_grantee(stream))
    return AttachRlsPolicy(name=name, relations=relations, grantees=tuple(grantees), detach=detach)


def _attach_masking(stream: Stream, *, detach: bool) -> AttachMaskingPolicy:
    stream.expect("POLICY")
    name = stream.name(2)
    stream.expect("ON")
    stream.take("TABLE")
    relation = stream.name()
    outputs = _paths(stream)
    inputs = _paths(stream) if not detach and stream.take("USING") else None
    stream.expect("FROM" if detach else "TO")
    grantee = _grantee(stream)
    priority = stream.signed() if not detach and stream.take("PRIORITY") else 0
    return AttachMaskingPolicy(
        name=name, relation=relation, outputs=outputs, inputs=inputs, grantee=grantee, priority=priority, detach=detach
    )


def _grantee(stream: Stream) -> Grantee:
    """Take a user, ROLE name or PUBLIC: policies are not attached to groups."""
    if stream.at("GROUP"):
        stream.fail()
    found = read_grantee(stream)
    return found if found.kind is not GranteeKind.GROUP else stream.fail()


def _columns(stream: Stream) -> tuple[tuple[str, ColumnType], ...]:
    stream.expect("(")
    columns: list[tuple[str, ColumnType]] = []
    while not columns or stream.take(","):
        columns.append((stream.identifier(), read_type(stream)))
    stream.expect(")")
    return tuple(columns)


def _paths(stream: Stream) -> tuple[Path, ...]:
    """Take a list of columns, or of paths into SUPER columns: ``person.name.first``, ``person."Name"[0]``."""
    stream.expect("(")
    paths: list[Path] = []
    while not paths or stream.take(","):
        paths.append(stream.name(_DEEPEST))
    stream.expect(")")
    return tuple(paths)


_DEEPEST = 64


def _condition(stream: Stream) -> Fragment:
    stream.expect("USING")
    found = stream.parenthesised()
    if not found.text.strip():
        stream.fail()
    return found


def _expressions(stream: Stream) -> tuple[Fragment, ...]:
    """Take USING (expression), or USING (expression, …) for several columns."""
    stream.expect("USING")
    stream.expect("(")
    found: list[Fragment] = []
    while not found or stream.take(","):
        found.append(_expression(stream))
    stream.expect(")")
    return tuple(found)


def _expression(stream: Stream) -> Fragment:
    """Take all up to a comma or the end of the parenthesis that is open."""
    start = stream.token.start
    end, depth = start, 0
    while not stream.ended and not (depth == 0 and stream.at_any(",", ")")):
        depth += stream.at_any("(", "[") - stream.at_any(")", "]")
        end = stream.advance().end
    if end == start:
        stream.fail()
    return stream.between(start, end)
