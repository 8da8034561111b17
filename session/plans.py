"""Plans: translated statements with what must be in place before the engine runs them.

Made and kept by ``session.context``.
"""

import asyncio
import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

import pyarrow as pa

from core.types import Column, ColumnType
from engine.cursors import Connection, Prepare
from engine.results import Hint, columns
from engine.streams import is_wide
from engine.udfs import Udf
from session.again import Types, gap_types
from session.answers import Value
from session.functions import is_fleeting, needs
from session.keys import key
from session.paces import Pace
from session.rewriting import gapped
from session.steps import uncounted
from session.variables import STEADY
from sql.facts import SourceKind
from sql.relations import External
from sql.shapes import Gapped
from sql.statement import Kind
from sql.translate import Translated

if TYPE_CHECKING:
    from session.warehouse import Warehouse

# A select list of literals, parameters, casts and session variables: nothing that could take its time.
_INSTANT: Final = re.compile(
    r"SELECT (?:(?:CAST\()*(?:\d{1,18}|'[^']{0,200}'|\$\d+|NULL|TRUE|FALSE|getvariable\('\w+'\))"
    r"(?: AS [A-Z]+(?:\(\d+(?:, ?\d+)?\))?\))*(?: AS \"[^\"]*\")?(?:, |\Z))+",
    re.IGNORECASE,
)


_NOTHING: Final = Gapped(("",), ())


@dataclass(frozen=True)
class Plan:
    """A translated statement with what must be in place before the engine runs it, and what follows from it alone."""

    translated: Translated
    variables: tuple[str, ...]
    sources: tuple[str, ...]
    tables: frozenset[int]
    """OIDs of the stored tables that it reads."""
    instant: bool
    """Whether it is constants only, so that running it takes no time worth a thread."""
    external: tuple[object, ...]
    """The external tables that it reads (``session.external``)."""
    shape: str
    """The same for plans that differ in numbers only (``session.templates``)."""
    repeatable: bool = False
    """Whether it gives the same rows as long as its tables hold the same: what ``session.result_cache`` may keep."""
    wide: bool = False
    """Whether its rows may take so much memory that few are read at a time."""
    text: Gapped = _NOTHING
    """The engine SQL without the numbers that texts of its shape differ in, or without its parameters."""
    gaps: Types = ()
    """The types of the values between, where the engine can plan it without them."""
    key: str = ""
    """The column that it finds its rows by, if it does (``session.keys``)."""
    numbers: tuple[str, ...] = ()
    """Those of its text."""
    stored: bool = False
    """Whether it reads stored tables as they are and nothing else, so that copies of them will do."""
    performs: bool = False
    """Whether items of its select list are carried out by the session (``session.statements.effects``)."""
    steps: str = ""
    """What the history says that it does, where the engine does not count it."""
    written_steps: dict[Kind | None, str] = field(default_factory=dict, compare=False)
    """The same of what changes a table, by the kind of statement."""
    hints: tuple[Hint, ...] = ()
    """What is known of its columns."""
    described: dict[bool, tuple[pa.Schema, tuple[Column, ...]]] = field(default_factory=dict, compare=False)
    """How its rows were described last, by whether their columns' names are shown in upper case."""
    pace: list[Pace] = field(default_factory=list, compare=False)
    """How long its like takes, once that was asked for."""

    def filled(self, numbers: tuple[str, ...]) -> "Plan":
        """Return the plan of the text of its shape that has *numbers*."""
        made = object.__new__(Plan)
        translated = self.translated.written(self.text.filled(numbers))
        made.__dict__.update(self.__dict__, translated=translated, numbers=numbers)
        return made

    def columns(self, schema: pa.Schema, *, upper: bool) -> tuple[Column, ...]:
        """Return the columns of its rows, which the engine gives as *schema*."""
        known = self.described.get(upper)
        if known is None or not (known[0] is schema or known[0].equals(schema)):
            hints = [(hint[0].upper(), *hint[1:]) for hint in self.hints] if upper else self.hints
            known = self.described[upper] = schema, columns(schema, hints)
        return known[1]

    @cached_property
    def queued(self) -> bool:
        """Whether it takes a place in a queue: what reads no table and changes none is the leader's."""
        translated = self.translated
        return bool(self.tables or self.external or translated.target is not None or translated.externals)

    @cached_property
    def past(self) -> bool:
        """Whether it reads tables as they were: nothing that holds what they are may be read in their place."""
        return bool(self.translated.moments)

    @cached_property
    def constant(self) -> bool:
        """Whether it gives the same row for ever: literals only."""
        return self.instant and not self.variables and not self.translated.parameter_types


class Environment(Protocol):
    """The variables of a procedure, as a statement in it sees them."""

    @property
    def key(self) -> Hashable:
        """Return all that a translation depends on of it, beside the text and its place."""
        ...

    def type_of(self, parts: tuple[str, ...]) -> ColumnType | None:
        """Return the type of the variable called *parts*, None where there is none."""
        ...

    def value_of(self, parts: tuple[str, ...]) -> Value:
        """Return the value of a variable that there is."""
        ...


def udf_of(external: External) -> Udf:
    """Return a function as the engine is given it."""
    function = external.function
    return Udf(
        name=external.name,
        called=function.name,
        owner=function.owner,
        code=function.body,
        names=function.names,
        arguments=external.arguments,
        returns=external.returns,
        volatile=function.volatile,
    )


def extending(warehouse: "Warehouse", translated: Translated) -> Prepare | None:
    """Return what gives the engine the functions that few statements need, None for most."""
    if not translated.spatial and not translated.effects:
        return None
    loop = asyncio.get_running_loop()

    def work(connection: Connection) -> None:
        if translated.spatial:
            warehouse.database.extend("spatial")
        if translated.effects:
            warehouse.effects.install(connection, loop)

    return work


def together(*given: Prepare | None) -> Prepare | None:
    """Return what does all of *given*, one after the other; None where there is nothing to do."""
    parts = [part for part in given if part is not None]
    if len(parts) <= 1:
        return parts[0] if parts else None

    def work(connection: Connection) -> None:
        for part in parts:
            part(connection)

    return work


def _external(translated: Translated) -> tuple[object, ...]:
    read = {
        use.source.oid: use.source.external
        for use in translated.uses if use.source.kind is SourceKind.EXTERNAL and use.privilege == "SELECT"
    }  # fmt: skip
    return tuple(read.values())


def planned(translated: Translated, text: Gapped | None = None) -> Plan:
    """Return the plan of a translated statement, whose engine SQL is *text* with its shape's numbers."""
    sql = translated.engine_sql
    variables, sources = needs(" ".join([sql, *(moment.sql for moment, _ in translated.moments)]))
    tables = frozenset(use.source.oid for use in translated.uses if use.source.kind is SourceKind.TABLE)
    external = _external(translated)
    performs = any(column.effect for column in translated.columns)
    needs_more = variables or sources or external or translated.externals or translated.effects or translated.moments
    text = text or gapped(sql)
    return Plan(
        translated,
        variables,
        sources,
        tables,
        not translated.uses and translated.target is None and bool(_INSTANT.fullmatch(sql)),
        external,
        sql,
        bool(tables) and not sources and not external and _repeatable(translated, variables),
        is_wide(sum([_bytes_most(column.type) for column in translated.columns])),
        text,
        gap_types(translated, text),
        key=key(text),
        stored=bool(tables) and not needs_more and not performs,
        performs=performs,
        steps=uncounted(translated) if translated.target is None else "",
        hints=tuple((item.name, item.type, item.table_oid, item.attribute) for item in translated.columns),
    )


def _bytes_most(kind: ColumnType | None) -> int:
    """Return what a value of *kind* takes at most."""
    if kind is None:
        return _LONGEST
    return 16 if kind.type.name in _FIXED else kind.length or _LONGEST


_FIXED: Final = frozenset({
    "bool", "int2", "int4", "int8", "float4", "float8", "numeric", "date", "time", "timetz", "timestamp", "timestamptz",
    "interval", "oid", "char", "name",
})  # fmt: skip
_LONGEST: Final = 65_535
"""A VARCHAR's, unless it says otherwise; a SUPER can have more."""


def _repeatable(translated: Translated, variables: tuple[str, ...]) -> bool:
    effects = translated.effects or any(column.effect for column in translated.columns)
    outside = translated.target is not None or bool(translated.moments) or translated.externals or effects
    return not outside and STEADY.issuperset(variables) and not is_fleeting(translated.engine_sql)
