"""Names in sight: relations, columns, aliases, and what a translation notes while it goes.

A ``Scope`` belongs to one SELECT; its parent is the query around it. ``Writer`` lives for one translation.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import cut, fold, lower, quote
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion
from sql.facts import Facts, FunctionSource, Guard, Seen, Settled, Source
from sql.partiql import ATTRIBUTE
from sql.query import too_complex
from sql.relations import Cte, External, Field, Mention, Notes, Query, Relation
from sql.value import Slot, Value

if TYPE_CHECKING:
    from sql.canon import Pattern
    from sql.timetravel import Moment

_SUMS: Final = (exp.Add, exp.Sub)
_SPINE: Final = (*_SUMS, exp.Mul, exp.Div, exp.Mod, exp.DPipe)
_CHAIN: Final = 40
"""Operators in a row that are not translated one inside the other."""
DEEPEST: Final = 400
"""Operators in a row that the engine takes one inside the other."""
VIEW_DEPTH: Final = 64
"""Views within views beyond this are taken for a circle."""


Write = Callable[[exp.Expr, "Scope"], Value]


@dataclass(slots=True, kw_only=True)
class Writer:
    """One translation: its sources of knowledge and what it found out."""

    facts: Facts
    rules: Mapping[type[exp.Expr], Write]
    query: Callable[..., Query]
    kinds: Mapping[str, str] = field(default_factory=dict)
    """What each function is: scalar, aggregate, window or set."""
    offset: int = 0
    uses: dict[tuple[int, str, int | None], set[str]] = field(default_factory=dict)
    sources: dict[int, Source] = field(default_factory=dict)
    slots: dict[int, Slot] = field(default_factory=dict)
    system: bool = False
    cacheable: bool = True
    identity: bool = False
    spatial: bool = False
    """Whether DuckDB's extension for geometries is needed."""
    effects: bool = False
    """Whether a call is the session's to carry out (``Value.effect``)."""
    views: "tuple[Pattern, ...]" = ()
    """Materialized views that may be read in place of their tables (``sql.substitution``)."""
    instead: set[int] = field(default_factory=set)
    """Those of them (OIDs) that are."""
    depth: int = 0
    positions: bool = True
    """False inside a view: its text is not what the client sent."""
    aliases: int = 0
    seen: Seen = field(default_factory=dict)
    """Inside a view: what it knows relations by that were altered since it was made."""
    arguments: tuple[Value, ...] | None = None
    """Inside a SQL function: what ``$1``, ``$2`` … are."""
    variables: Callable[[tuple[str, ...]], ColumnType | None] | None = None
    """Inside a procedure: the type of a variable called so, None where there is none."""
    bound: list[tuple[str, ...]] = field(default_factory=list)
    """The variables that are read, in the order of the parameters that stand for them."""
    guarding: bool = True
    """False inside a policy, which reads what is there."""
    storage: int = 0
    """Inside a materialized view: the table that keeps its rows, whose guard is the view's."""
    guarded: dict[int, Guard] = field(default_factory=dict)
    """What stood between the statement and relations, by their OID."""
    calls: dict[tuple[int, int | None], FunctionSource] = field(default_factory=dict)
    """The users' functions that are called, and whose rights that needs."""
    externals: dict[str, External] = field(default_factory=dict)
    """Those of them that the engine runs, by its name for them."""
    moments: "dict[Moment, set[str]]" = field(default_factory=dict)
    """Where tables are read as they were: which and when, and the columns that are named."""
    notes: Notes | None = None
    """Where somebody wants to know what the text's names mean."""

    @contextmanager
    def elsewhere(
        self, arguments: tuple[Value, ...] | None = None, seen: Seen | None = None, storage: int = 0
    ) -> Iterator[None]:
        """Read a text that is not the client's.

        It is a view's, which knows relations as *seen* and may keep its rows in a *storage*, or a function's over
        *arguments*.
        """
        kept = self.positions, self.arguments, self.variables, self.seen, self.storage
        self.positions, self.arguments, self.variables, self.seen = False, arguments, None, seen or {}
        self.storage = storage
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            self.positions, self.arguments, self.variables, self.seen, self.storage = kept

    @contextmanager
    def policy(self, settings: tuple[tuple[str, str], ...]) -> Iterator[None]:
        """Read a policy's text: under the parameters of who wrote it, and past all policies."""
        kept = self.facts, self.guarding
        self.facts, self.guarding = Settled(self.facts, dict(settings)), False
        try:
            with self.elsewhere():
                yield
        finally:
            self.facts, self.guarding = kept

    def call(self, function: FunctionSource, owner: int | None) -> None:
        """Note that *function* is called."""
        self.calls[function.oid, owner] = function

    def variable(self, parts: tuple[str, ...]) -> Value | None:
        """Return the parameter that stands for a procedure's variable, None where none is called so."""
        type_ = self.variables(parts) if self.variables is not None else None
        if type_ is None:
            return None
        if parts not in self.bound:
            self.bound.append(parts)
        return conversion.variable(self.bound.index(parts) + 1, type_)

    def use(self, source: Source, privilege: str, owner: int | None, column: str | None = None) -> None:
        """Note that *source* is read or written, and which column."""
        if source.moment is None:
            self.sources[source.oid] = source
        elif column is not None:
            self.moments[source.moment].add(column)
        self.cacheable &= not source.changing
        columns = self.uses.setdefault((source.oid, privilege, owner), set())
        if column is not None:
            columns.add(column)

    def mention(self, node: exp.Expr, relation: Relation, item: Field, *, bare: bool) -> None:
        """Note that the client's text names a column."""
        if self.notes is not None and self.positions:
            self.notes.columns.append(Mention(node, relation, item, bare))

    def position(self, node: exp.Expr | None) -> int | None:
        """Return the 1-based place of *node* in what the client sent."""
        start = None if node is None or not self.positions else _start(node)
        return None if start is None else self.offset + start + 1

    def fresh(self, stem: str = "q") -> str:
        """Return an engine alias that nothing else has."""
        self.aliases += 1
        return quote(f"{stem}_{self.aliases}")

    def free(self, name: str, taken: Collection[str]) -> str:
        """Return *name* as an engine alias, or one like it where *taken* (lowered) has that."""
        alias = quote(name)
        while lower(alias) in taken:
            alias = self.fresh(name)
        return alias

    def called_name(self, node: exp.Expr) -> str:
        """Return the name that a call is of, folded."""
        return fold(node.name)

    @property
    def keeps_case(self) -> bool:
        """Whether quoted identifiers keep their case."""
        true = {"on", "true"}
        sensitive = self.facts.setting("enable_case_sensitive_identifier") in true
        return sensitive or self.facts.setting("downcase_delimited_identifier") not in true

    def identifier(self, node: exp.Expr) -> str:
        """Return the name that an identifier means: folded, unless quoted names keep their case."""
        name = node.name.removesuffix(ATTRIBUTE)
        if isinstance(node, exp.Identifier) and node.quoted and name != fold(name):
            return cut(name) if self.keeps_case else fold(name)
        return fold(name)

    def attribute(self, node: exp.Expr) -> str:
        """Return the name of a SUPER attribute: folded as identifiers are, or as it is written."""
        kept = self.facts.setting("enable_case_sensitive_super_attribute") in {"on", "true"}
        return node.name.removesuffix(ATTRIBUTE) if kept else self.identifier(node)


def _start(node: exp.Expr) -> int | None:
    if isinstance(node, exp.Column):
        # Its parts hang in the order this, table, db; the text has them the other way round.
        starts = [int(item.meta["start"]) for item in node.find_all(exp.Identifier) if "start" in item.meta]
        return min(starts, default=None)
    for item in node.walk():
        start = item.meta.get("start")
        if start is not None:
            return _start(item.parent) if isinstance(item.parent, exp.Column) and item is not node else int(start)
    return None


@dataclass(slots=True, kw_only=True)
class Scope:
    """What one SELECT can name."""

    writer: Writer
    parent: "Scope | None" = None
    owner: int | None = None
    """Whose rights are needed for what is read: a view's owner, None for the session's user."""
    relations: list[Relation] = field(default_factory=list)
    ctes: dict[str, Cte] = field(default_factory=dict)
    aliases: dict[str, Value] = field(default_factory=dict)
    """Select items named so far."""
    whole: bool = False
    """Whether SUPER values are read whole only: in MERGE."""
    merged: dict[str, Value] = field(default_factory=dict)
    """Columns that USING made of two."""
    prior: "Scope | None" = None
    """What PRIOR reads: the parent row, in a condition of CONNECT BY."""
    own_keys: bool = False
    """Whether what is grouped by is its own key: a subquery may read it, and the engine knows nothing else there."""
    grouped: dict[str, str] = field(default_factory=dict)
    """What stands for an expression that is grouped by a key other than itself (``sql.keys``)."""
    sorting: str | None = None
    """What the query's sorting aggregates (LISTAGG, MEDIAN …) order by: one order for all."""
    ranging: bool = False
    """Whether a struct, array or map of an external table may be meant as a whole: FROM goes through it."""
    keys: list[str] = field(default_factory=list)
    """What GROUP BY groups by, in the engine's SQL."""
    conditions: list[exp.Expr] | None = None
    """What FROM's inner joins ask for, noted where it is a list; None with other joins."""
    entries: dict[str, str] = field(default_factory=dict)
    """FROM's tables and queries by their engine alias."""
    done: dict[int, Value] = field(default_factory=dict)
    """Operands of a long chain that are translated already, by their node's identity."""
    carried: dict[int, Value] = field(default_factory=dict)
    """Select items (by identity) that a query below has computed."""
    lateral: Mapping[str, int] = field(default_factory=dict)
    """Aliases that are not to be written out where they are long: later items name them."""
    checked: bool = False
    """Whether the query is known to name only what it groups by."""

    lent: dict[int, exp.Expr] = field(default_factory=dict)
    """Columns of this query (by their node's identity) that queries inside it name."""

    def child(self) -> "Scope":
        """Return a scope for a query inside this one."""
        return Scope(writer=self.writer, parent=self, owner=self.owner, ctes=dict(self.ctes))

    def engine_alias(self, name: str) -> str:
        """Return what the engine is to call a relation called *name*: nothing that it knows here or in a query around.

        The engine's names differ by more than case, and one in sight hides no other of which a column may be meant.
        """
        taken: set[str] = set()
        scope: Scope | None = self
        while scope is not None:
            taken |= {lower(relation.alias) for relation in scope.relations}
            scope = scope.parent
        return self.writer.free(name, taken)

    def value(self, node: exp.Expr) -> Value:
        """Translate an expression."""
        if isinstance(node, _SPINE):
            if id(node) in self.done:
                return self.done.pop(id(node))
            self._descend(node)
        rule = self.writer.rules.get(type(node))
        if rule is None:
            raise not_supported(f"{type(node).key.upper()} expression", position=self.writer.position(node))
        value = rule(node, self)
        found = self.grouped.get(value.sql)
        return value if found is None else replace(value, sql=found)

    def _descend(self, node: exp.Expr) -> None:
        """Translate the left operands of a long chain from the innermost on, without going deep."""
        spine, above, item = [], node, node.this
        while isinstance(item, _SPINE) and id(item) not in self.done:
            if not (isinstance(item, _SUMS) and isinstance(above, _SUMS)):
                spine.append(item)
            above, item = item, item.this
        if len(spine) < _CHAIN:
            return
        for item in reversed(spine):
            self.done[id(item)] = self.value(item)
        value = self.done[id(spine[0])]
        if len(spine) > DEEPEST and not value.fixed and not value.pieces:
            raise too_complex()

    def nested(self, node: exp.Expr) -> Value:
        """Translate an expression that may be a whole struct, array or map: a path goes on from it."""
        kept, self.ranging = self.ranging, True
        try:
            return self.value(node)
        finally:
            self.ranging = kept

    @contextmanager
    def rows(self) -> Iterator[None]:
        """Translate what an aggregate is over: the rows before they are grouped."""
        kept, self.grouped = self.grouped, {}
        try:
            yield
        finally:
            self.grouped = kept

    def column(self, name: str, node: exp.Expr) -> Value:
        """Resolve a bare column name: columns first, then select aliases, then the query around.

        A procedure's variable of that name comes before all of them, as in Redshift.
        """
        variable = self.writer.variable((name,))
        if variable is not None:
            return variable
        scope: Scope | None = self
        while scope is not None:
            found = scope.local(name, node)
            if found is not None:
                if scope is not self:
                    scope.lent[id(node)] = node
                return found
            scope = scope.parent
        raise self.unknown_column(name, node)

    def local(self, name: str, node: exp.Expr) -> Value | None:
        """Resolve a bare column name in this query alone."""
        if name in self.merged:
            return self.merged[name]
        found = [
            (relation, item)
            for relation in self.relations
            if name not in relation.hidden
            for item in relation.find(name)
        ]
        if not found:
            return self.aliases.get(name)
        return self._only(name, node, found, bare=True)

    def read(self, item: Field) -> Value:
        """Return a field's value and note that it is read."""
        if item.source is not None:
            self.writer.use(item.source, "SELECT", self.owner, item.stored or item.name)
        return item.value

    def listed(self, item: Field) -> Value:
        """Return a field that a star stands for."""
        value = self.read(item)
        sql = self.grouped.get(value.sql)
        return value if sql is None else replace(value, sql=sql)

    def relation(self, name: str, schema: str = "", database: str = "") -> Relation | None:
        """Find a relation by the name that FROM gives it, here or in the query around."""
        scope: Scope | None = self
        while scope is not None:
            for relation in scope.relations:
                place = schema in ("", relation.schema) and database in ("", relation.database)
                if relation.name == name and place:
                    return relation
            scope = scope.parent
        return None

    def field(self, relation: Relation, name: str, node: exp.Expr) -> Value:
        """Resolve ``relation.name``."""
        found = [(relation, item) for item in relation.find(name)]
        scope: Scope | None = self
        while scope is not None and not any(item is relation for item in scope.relations):
            scope = scope.parent
        if scope is not None and scope is not self:
            scope.lent[id(node)] = node
        if not found:
            raise SqlError(
                SqlState.UNDEFINED_COLUMN,
                f"column {relation.name}.{name} does not exist",
                position=self.writer.position(node),
            )
        return self._only(name, node, found, bare=False)

    def _only(self, name: str, node: exp.Expr, found: list[tuple[Relation, Field]], *, bare: bool) -> Value:
        """Return the one column that a name means; raises 42702 where there are several."""
        if len(found) > 1:
            message = f'column reference "{name}" is ambiguous'
            raise SqlError(SqlState.AMBIGUOUS_COLUMN, message, position=self.writer.position(node))
        self.writer.mention(node, *found[0], bare=bare)
        return self.read(found[0][1])

    def unknown_column(self, name: str, node: exp.Expr) -> SqlError:
        """Return the error for a column that nothing in sight has."""
        names = ", ".join(relation.name for relation in self.relations)
        shown = f' in {names}' if names else ""
        return SqlError(
            SqlState.UNDEFINED_COLUMN,
            f'column "{name}" does not exist{shown}',
            position=self.writer.position(node),
        )
