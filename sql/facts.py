"""What the translator may ask about the world: a protocol, so that it stays pure.

``session`` implements it over the catalog; tests implement it over a dict.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from core.nested import Nested
from core.types import ColumnType

if TYPE_CHECKING:
    from sql.timetravel import Moment


class SourceKind(Enum):
    """How a relation that a statement names is read."""

    TABLE = "table"
    """Stored: ``engine_name`` is scanned."""
    VIEW = "view"
    """``definition`` is Redshift SQL, expanded in place with its owner's rights."""
    SYSTEM = "system"
    """``definition`` is engine SQL over the session's ``sys_*`` sources, expanded in place."""
    EXTERNAL = "external"
    """Stored elsewhere: ``engine_name`` is what the session makes of it for the statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumn:
    """A column as the translator sees it."""

    name: str
    type: ColumnType
    number: int = 0
    not_null: bool = False
    default: str | None = None
    """DEFAULT expression, Redshift SQL."""
    identity: tuple[int, int] | None = None
    """(seed, step) of IDENTITY."""
    identity_by_default: bool = False
    folded: bool = False
    """Whether its collation is CASE_INSENSITIVE."""
    stored: str = ""
    """Its relation's name of it, when that is another: a view knows the name that it was made with."""
    stored_as: str = ""
    """Its name in the engine, where that is neither of these."""
    nested: Nested | None = None
    """What a struct, array or map of an external table holds; its ``type`` is SUPER then."""
    hidden: bool = False
    """Whether it must be named: a star leaves it out."""

    @property
    def engine_name(self) -> str:
        """Its name in the engine."""
        return self.stored_as or self.stored or self.name


Settings = tuple[tuple[str, str], ...]
"""Parameters of the session with their values."""
Seen = Mapping[int, tuple[tuple[str, int], ...]]
"""Relation (OID) → the columns (name, number) that a view knows it by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a row-level security policy asks of a row."""

    policy: int
    text: str
    """Redshift SQL, its tables and functions qualified."""
    alias: str
    """What it may call the relation; empty: nothing but its name."""
    columns: frozenset[str]
    """What it may name."""
    settings: Settings = ()
    """The session parameters that decide what the text means, as they were when it was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """What is shown in the place of a column, or of a value inside a SUPER column."""

    policy: int
    output: tuple[str, ...]
    text: str
    """Redshift SQL over *inputs*."""
    inputs: tuple[tuple[str, ColumnType, tuple[str, ...]], ...]
    """(name in the text, declared type, column or path)"""
    settings: Settings = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What stands between a relation and who reads it: only for those whom it concerns."""

    columns: tuple[SourceColumn, ...]
    """The relation's, whatever a view knows it by."""
    rows: bool = False
    """Whether row-level security is on: without a condition no row is seen."""
    conditions: tuple[Condition, ...] = ()
    any_of: bool = False
    """Whether one of the conditions is enough."""
    masks: tuple[Mask, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table, view or system view that a name resolved to."""

    oid: int
    kind: SourceKind
    database: str
    schema: str
    name: str
    owner: int
    columns: tuple[SourceColumn, ...]
    engine_name: str = ""
    definition: str | None = None
    late_binding: bool = False
    seen: Seen = field(default_factory=dict)
    """Of a view: relations that were altered since it was made, as it knows them."""
    guard: Guard | None = None
    """What row-level security and masking ask for where the session's user reads it."""
    storage: int = 0
    """Of a materialized view: the table that keeps its rows, which is read as it is through the view."""
    kept: "Source | None" = None
    """Of a materialized view whose rows may be deleted: the table that keeps them."""
    external: object | None = None
    """Of an external table: what the session reads it by; it is not looked into here."""
    changed_as: str = ""
    """Of an external table whose rows can be changed: the engine's name of what the session makes of them for that."""
    door: object | None = None
    """Of another database's: the way that the session reads it by; it is not looked into here."""
    home: str = ""
    """The database that a view's names are looked up in, where it is not the one that it is seen in."""
    settings: Settings = ()
    """Of a view: the parameters that its text means what it means by, where they are not the session's."""
    changing: bool = False
    """Whether it may change without the catalog's notice, so that no translation of it can be kept."""
    narrow: Callable[[frozenset[str]], str] | None = field(default=None, compare=False)
    """Of a system view: its definition with some of its columns alone."""
    moment: "Moment | None" = None
    """Of a table that is read as it was: when."""

    def known_as(self, columns: tuple[tuple[str, int], ...]) -> "Source":
        """Return the source with those of its columns, called so."""
        present = {column.number: column for column in self.columns}
        return replace(
            self,
            columns=tuple(
                replace(present[number], name=name, stored=present[number].name)
                for name, number in columns
                if number in present
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSource:
    """A user's function that a name may mean."""

    oid: int
    schema: str
    name: str
    owner: int
    arguments: tuple[ColumnType | None, ...]
    """None is ANYELEMENT."""
    returns: ColumnType | None
    language: str
    body: str
    names: tuple[str, ...] = ()
    """Of the arguments, where the body knows them by name."""
    volatile: bool = True


class Facts(Protocol):
    """The catalog as one statement sees it."""

    def source(self, parts: tuple[str, ...]) -> Source | None:
        """Resolve ``name``, ``schema.name`` or ``database.schema.name`` along the search path.

        Parts are folded already. Raises 3F000 where a named schema does not exist; returns None for an
        unknown relation.
        """
        ...

    def functions(self, parts: tuple[str, ...]) -> tuple[FunctionSource, ...]:
        """Return the user's functions called ``name`` or ``schema.name``, in the order of the search path."""
        ...

    def runs(self, language: str) -> bool:
        """Tell whether functions in *language* may run here."""
        ...

    def setting(self, name: str) -> str:
        """Return a session setting's value."""
        ...

    def within(self, database: str) -> "Facts":
        """Return the catalog as it is seen from *database*: what the names in its views mean."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """The catalog as *facts* have it, some parameters of the session being fixed."""

    facts: Facts
    settings: Mapping[str, str]

    def source(self, parts: tuple[str, ...]) -> Source | None:
        """Resolve a relation."""
        return self.facts.source(parts)

    def functions(self, parts: tuple[str, ...]) -> tuple[FunctionSource, ...]:
        """Resolve a function."""
        return self.facts.functions(parts)

    def runs(self, language: str) -> bool:
        """Tell whether functions in *language* may run here."""
        return self.facts.runs(language)

    def setting(self, name: str) -> str:
        """Return a parameter's value: the fixed one, or the session's."""
        found = self.settings.get(name)
        return self.facts.setting(name) if found is None else found

    def within(self, database: str) -> "Settled":
        """Return the catalog as it is seen from another database."""
        return Settled(self.facts.within(database), self.settings)


def settled(facts: Facts, settings: Settings) -> Facts:
    """Return *facts* with *settings* fixed and no others; as the session has them all where there are none."""
    plain = facts.facts if isinstance(facts, Settled) else facts
    return Settled(plain, dict(settings)) if settings else plain
