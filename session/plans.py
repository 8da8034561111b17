"""Plans: translated statements with what must be in place before the engine runs them.

Made and kept by ``session.context``.
"""

import asyncio
import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from core.types import ColumnType
from engine.cursors import Connection, Prepare
from engine.udfs import Udf
from session.answers import Value
from session.functions import is_fleeting, needs
from session.variables import STEADY
from sql.facts import SourceKind
from sql.relations import External
from sql.translate import Translated

if TYPE_CHECKING:
    from session.warehouse import Warehouse

# A select list of literals, parameters, casts and session variables: nothing that could take its time.
_INSTANT: Final = re.compile(
    r"SELECT (?:(?:CAST\()*(?:\d{1,18}|'[^']{0,200}'|\$\d+|NULL|TRUE|FALSE|getvariable\('\w+'\))"
    r"(?: AS [A-Z]+(?:\(\d+(?:, ?\d+)?\))?\))*(?: AS \"[^\"]*\")?(?:, |\Z))+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A translated statement with what must be in place before the engine runs it."""

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

    @property
    def queued(self) -> bool:
        """Whether it takes a place in a queue: what reads no table and changes none is the leader's."""
        translated = self.translated
        return bool(self.tables or self.external or translated.target is not None or translated.externals)

    @property
    def past(self) -> bool:
        """Whether it reads tables as they were: nothing that holds what they are may be read in their place."""
        return bool(self.translated.moments)

    @property
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


def planned(translated: Translated) -> Plan:
    """Return the plan of a translated statement."""
    sql = translated.engine_sql
    variables, sources = needs(" ".join([sql, *(moment.sql for moment, _ in translated.moments)]))
    tables = frozenset(use.source.oid for use in translated.uses if use.source.kind is SourceKind.TABLE)
    external = _external(translated)
    return Plan(
        translated,
        variables,
        sources,
        tables,
        not translated.uses and translated.target is None and bool(_INSTANT.fullmatch(sql)),
        external,
        sql,
        bool(tables) and not sources and not external and _repeatable(translated, variables),
    )


def _repeatable(translated: Translated, variables: tuple[str, ...]) -> bool:
    effects = translated.effects or any(column.effect for column in translated.columns)
    outside = translated.target is not None or bool(translated.moments) or translated.externals or effects
    return not outside and STEADY.issuperset(variables) and not is_fleeting(translated.engine_sql)
