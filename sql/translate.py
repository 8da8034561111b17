"""Redshift SQL in, engine SQL out: SELECT, INSERT, UPDATE, DELETE, MERGE.

The whole way is: ``sql.query`` reads a tree; every kind of expression has one row in ``RULES`` and every
function one in ``sql.functions``; ``sql.select``, ``sql.dml`` and ``sql.merge`` put the clauses together.
What has no row is refused. The result is the same for the same text and facts, so callers may keep it as
long as the catalog and the settings in ``SETTINGS`` stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import (
    assignment,
    bulk,
    conversion,
    dates,
    decimals,
    dml,
    evaluation,
    hierarchy,
    intervals,
    merge,
    narrowing,
    routines,
    select,
)
from sql.assignment import Goal
from sql.canon import Pattern
from sql.facts import Facts, FunctionSource, Guard, Source, SourceKind
from sql.finish import Finish
from sql.functions import FUNCTIONS, administration
from sql.query import let_go, parse_expression, parse_query, too_complex
from sql.relations import External, Query
from sql.rules import arrays, calls, cases, comparisons, literals, navigation, operators, patterns, subqueries
from sql.rules.spec import Rule
from sql.scope import Scope, Write, Writer
from sql.steps import steps
from sql.timetravel import Moment
from sql.value import Slot, made

RULES: Final[tuple[Rule, ...]] = (
    *literals.RULES, *navigation.RULES, *operators.RULES, *comparisons.RULES, *cases.RULES, *patterns.RULES,
    *subqueries.RULES, *calls.RULES, *arrays.RULES, *hierarchy.RULES,
)  # fmt: skip
SETTINGS: Final = ("enable_case_sensitive_identifier",)
"""Settings that a translation depends on besides those that make it not ``cacheable``."""
Variables = Callable[[tuple[str, ...]], ColumnType | None]
"""Says which type a procedure's variable (``x``, ``record.field``, ``$1``) has, None where there is none."""
_KINDS: Final = {name: rows[0].kind for name, rows in FUNCTIONS.items()} | {
    f"{name}/{count}": next((row.kind for row in rows if row.accepts(count)), rows[0].kind)
    for name, rows in FUNCTIONS.items() if len({row.kind for row in rows}) > 1 for count in range(1, 4)
}  # fmt: skip
"""What a function is, by its name; ``name/count`` where that depends on the number of arguments."""
_BY_NODE: Final[dict[type[exp.Expr], Write]] = {rule.node: rule.write for rule in RULES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A relation that a statement reads or writes, to be allowed."""

    source: Source
    privilege: str
    """SELECT, INSERT, UPDATE or DELETE."""
    columns: frozenset[str]
    """Those named; empty when none is, as in COUNT(*)."""
    owner: int | None
    """Whose rights count: a view's owner inside it, None for the session's user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUse:
    """A user's function that a statement calls, to be allowed."""

    function: FunctionSource
    owner: int | None
    """Whose rights count: a view's owner inside it, None for the session's user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumn:
    """A column of the result."""

    name: str
    type: ColumnType | None
    """None: the engine's."""
    table_oid: int = 0
    attribute: int = 0
    folded: bool = False
    """Whether its collation is CASE_INSENSITIVE."""
    effect: str = ""
    """Function that the session carries out for each row: the engine's column is its arguments, as JSON."""


@dataclass(frozen=True, kw_only=True)
class Translated:
    """What a statement became."""

    engine_sql: str
    """With parameters $1, $2 …"""
    columns: tuple[OutputColumn, ...]
    """Empty for statements without rows."""
    parameter_types: tuple[ColumnType, ...]
    uses: tuple[Use, ...]
    target: Source | None = None
    """What is written."""
    reads: str = ""
    """Of an UPDATE or DELETE of an external table: a query that has rows where it changes some."""
    calls: tuple[CallUse, ...] = ()
    externals: tuple[External, ...] = ()
    """The functions that the engine must be given before."""
    variables: tuple[tuple[str, ...], ...] = ()
    """Of a procedure: the variables whose values are the parameters, in order."""
    system: bool = False
    """Whether it reads the session's ``sys_*`` sources."""
    cacheable: bool = True
    spatial: bool = False
    """Whether it needs DuckDB's extension for geometries."""
    effects: bool = False
    """Whether the engine calls functions that the session carries out (``engine.effects``)."""
    identity: bool = False
    """Whether ``identity_<oid>`` must be set to the target's next identity value before."""
    instead: frozenset[int] = frozenset()
    """Materialized views (OIDs) that are read in place of tables."""
    guarded: tuple[tuple[Source, Guard], ...] = ()
    """What stood between the statement and relations: row-level security and masking."""
    hopeful: bool = False
    """Whether the engine may raise for a sum that it can compute otherwise (``sql.decimals.hoping``)."""
    steps: tuple[str, ...] = ()
    """What it asks for beside scans, for the history: joins, sorts and so on (``sql.steps``)."""
    moments: tuple[tuple[Moment, frozenset[str]], ...] = ()
    """Where tables are read as they were, with the columns that are named."""
    rows: bulk.LiteralRows | bulk.WrittenRows | None = None
    """Of an INSERT of many rows: what the relation ``bulk.GIVEN`` is to hold."""

    def written(self, engine_sql: str) -> "Translated":
        """Return the same with other engine SQL; done for each statement, so quicker than ``replace``."""
        made = object.__new__(Translated)
        made.__dict__.update(self.__dict__, engine_sql=engine_sql)
        return made


def translate(
    text: str | exp.Expr,
    facts: Facts,
    *,
    offset: int = 0,
    parameter_oids: tuple[int, ...] = (),
    finish: Finish = Finish.WIRE,
    variables: Variables | None = None,
) -> Translated:
    """Translate one statement.

    *offset* is where it starts in what the client sent, for positions. *parameter_oids* are the types that
    the client declared, 0 or 705 for none. *finish* is ``Finish.EXACT`` for what is stored rather than sent
    (CREATE TABLE AS, UNLOAD): CHAR is not padded then. *variables* are those of a procedure around it.
    Raises ``SqlError``.
    """
    writer = new_writer(facts, offset, parameter_oids, variables)
    return _whole(text, writer, finish)


def translate_over(
    views: tuple[Pattern, ...],
    text: str,
    facts: Facts,
    *,
    offset: int = 0,
    parameter_oids: tuple[int, ...] = (),
    variables: Variables | None = None,
) -> Translated:
    """Translate a query, already translated once, so that it reads *views* in place of tables where it can.

    What it then no longer reads is not among its uses.
    """
    writer = new_writer(facts, offset, parameter_oids, variables)
    writer.views = views
    return _whole(text, writer, Finish.WIRE)


def _whole(text: str | exp.Expr, writer: Writer, finish: Finish) -> Translated:
    tree: exp.Expr | None = None
    try:
        tree = parse_query(text, writer.offset) if isinstance(text, str) else text
        asked = steps(tree)
        return replace(_translated(tree, writer, finish), steps=asked)
    except RecursionError:
        raise too_complex() from None
    finally:
        if tree is not None and isinstance(text, str):
            let_go(tree)


def translate_rows(
    text: str, facts: Facts, *, offset: int = 0, parameter_oids: tuple[int, ...] = ()
) -> Translated | None:
    """Translate an INSERT of many rows that the session fills in, None where the text is anything else."""
    writer = new_writer(facts, offset, parameter_oids)
    many = bulk.insertion(text, Scope(writer=writer))
    if many is None:
        return None
    # A text without parameters is sent once: it is not worth the room.
    return replace(_changed(many[0], writer), rows=many[1], cacheable=writer.cacheable and bool(writer.slots))


def translate_few(text: str, facts: Facts, *, parameter_oids: tuple[int, ...] = ()) -> Translated | None:
    """Translate an INSERT of few rows that the session fills in, None where the text is anything else."""
    writer = new_writer(facts, 0, parameter_oids)
    found = bulk.few(text, Scope(writer=writer))
    return None if found is None else replace(_changed(found[0], writer), rows=found[1])


def translate_value(
    text: str, facts: Facts, goal: ColumnType | None, *, variables: Variables | None = None
) -> Translated:
    """Translate an expression of a procedure, ``SELECT`` left out before it, that is assigned to a *goal*.

    The query gives one value as text; its column has the type: *goal*, or the expression's own for None.
    """
    writer = new_writer(facts, 0, (), variables)
    writer.positions = False
    try:
        query = evaluation.value_query(text, Scope(writer=writer), goal)
        return _result(query.sql, writer, columns=output_columns(query))
    except RecursionError:
        raise too_complex() from None


def translate_arguments(
    arguments: Sequence[str],
    signatures: Sequence[tuple[ColumnType | None, ...]],
    facts: Facts,
    *,
    parameter_oids: tuple[int, ...] = (),
    variables: Variables | None = None,
) -> tuple[list[int], Translated | str]:
    """Return which of a procedure's *signatures* fit a call best, and the query of its arguments as texts.

    In the query's place stands how the arguments' types are shown where not just one fits.
    """
    writer = new_writer(facts, 0, parameter_oids, variables)
    writer.positions = False
    best, found = evaluation.arguments_query(arguments, signatures, Scope(writer=writer))
    return best, found if isinstance(found, str) else _result(found.sql, writer, columns=output_columns(found))


def translate_expression(text: str, facts: Facts) -> str:
    """Translate a lone expression without columns: a DEFAULT, an argument of EXECUTE or COPY."""
    writer = new_writer(facts, 0, ())
    value = Scope(writer=writer).value(parse_expression(text))
    return narrowing.filled(conversion.exact(value).sql, writer.sources)


def translate_default(text: str, goal: Goal, facts: Facts) -> str:
    """Translate a DEFAULT as it is stored in a column."""
    value = Scope(writer=new_writer(facts, 0, ())).value(parse_expression(text))
    return assignment.assign(value, goal).sql


def refuse_in_default(text: str) -> None:
    """Raise for what DEFAULT may not hold: queries and aggregates."""
    tree = parse_expression(text)
    if tree.find(exp.Query):
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, "cannot use subquery in default expression")
    names = (node.name.lower() for node in tree.find_all(exp.Anonymous))
    if any(row.kind == "aggregate" for name in names for row in FUNCTIONS.get(name, ())):
        raise SqlError(SqlState.GROUPING_ERROR, "cannot use aggregate function in default expression")


def new_writer(
    facts: Facts, offset: int = 0, parameter_oids: tuple[int, ...] = (), variables: Variables | None = None
) -> Writer:
    """Return what one translation is written with."""
    slots = {
        number: Slot(number=number, type=types.unpacked(oid) if oid != 705 else None)
        for number, oid in enumerate(parameter_oids, start=1)
    }
    intervals.FORBIDS_BOTH.set(facts.setting("interval_forbid_composite_literals") not in {"off", "false"})
    dates.ORDER.set(dates.order_of(facts.setting("datestyle")))
    return Writer(
        facts=facts, rules=_BY_NODE, query=select.query, kinds=_KINDS, offset=offset, slots=slots,
        variables=variables, positions=variables is None,
    )  # fmt: skip


def _translated(tree: exp.Expr, writer: Writer, finish: Finish) -> Translated:
    scope = Scope(writer=writer)
    if isinstance(tree, exp.Insert):
        return _changed(dml.insert(tree, scope), writer)
    if isinstance(tree, exp.Update):
        return _changed(dml.update(tree, scope), writer)
    if isinstance(tree, exp.Delete):
        return _changed(dml.delete(tree, scope), writer)
    if isinstance(tree, exp.Merge):
        return _changed(merge.merge(tree, scope), writer)
    if not isinstance(tree, exp.Query):
        raise SqlError(SqlState.SYNTAX_ERROR, "syntax error at start of statement", position=writer.offset + 1)
    query = select.query(tree, scope, finish=finish)
    columns = output_columns(query)
    if not writer.effects:
        return _result(query.sql, writer, columns=columns)
    items = [output.value.sql for output in query.outputs if output.value.effect]
    whole = finish is Finish.WIRE and all(map(administration.called_in, items))
    if whole and administration.called_in(query.sql) == len(items):
        return _result(administration.arguments_only(query.sql), writer, columns=columns)
    return _result(query.sql, writer, columns=tuple(replace(column, effect="") for column in columns))


def _changed(change: dml.Change, writer: Writer) -> Translated:
    reads = change.reads if change.target.kind is SourceKind.EXTERNAL else ""
    return replace(_result(change.sql, writer, target=change.target), reads=reads)


def _result(
    sql: str, writer: Writer, *, columns: tuple[OutputColumn, ...] = (), target: Source | None = None
) -> Translated:
    sql = narrowing.filled(sql, writer.sources)
    return Translated(
        engine_sql=sql,
        columns=columns,
        parameter_types=_parameter_types(writer),
        uses=tuple(
            Use(source=writer.sources[oid], privilege=privilege, columns=frozenset(names), owner=owner)
            for (oid, privilege, owner), names in writer.uses.items()
            if not writer.instead or writer.sources[oid].engine_name in sql
        ),
        instead=frozenset(writer.instead),
        target=target,
        system=writer.system,
        cacheable=writer.cacheable,
        spatial=writer.spatial,
        identity=writer.identity,
        effects=writer.effects and administration.called_in(sql) > 0,
        calls=tuple(CallUse(function=found, owner=owner) for (_, owner), found in writer.calls.items()),
        externals=tuple(writer.externals.values()),
        variables=tuple(writer.bound),
        hopeful=decimals.hoped(),
        guarded=tuple((writer.sources[oid], guard) for oid, guard in writer.guarded.items()),
        moments=tuple((moment, frozenset(names)) for moment, names in writer.moments.items()),
    )


def output_columns(query: Query) -> tuple[OutputColumn, ...]:
    """Return the columns of a query's result."""
    return tuple(
        OutputColumn(
            name=output.name,
            type=output.value.type,
            table_oid=output.value.origin[0],
            attribute=output.value.origin[1],
            folded=output.value.folded,
            effect=output.value.effect,
        )
        for output in query.outputs
    )


def _parameter_types(writer: Writer) -> tuple[ColumnType, ...]:
    if writer.bound and writer.variables is not None:
        return tuple(writer.variables(parts) or types.of("varchar") for parts in writer.bound)
    count = max(writer.slots, default=0)
    varchar = types.of("varchar")
    found = (writer.slots.get(number) for number in range(1, count + 1))
    return tuple(slot.type if slot is not None and slot.type is not None else varchar for slot in found)


def check_function(function: FunctionSource, facts: Facts) -> None:
    """Raise what is wrong with a SQL function's body: names, parameters, types."""
    writer = new_writer(facts, 0, ())
    values = tuple(made(f"CAST(NULL AS {kind.engine()})", kind, exact=True) for kind in function.arguments if kind)
    routines.expand(function, values, Scope(writer=writer))
