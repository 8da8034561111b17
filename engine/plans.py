"""The engine's plans in the shape in which Redshift shows its own.

Reads the tree that ``EXPLAIN (FORMAT JSON)`` gives and writes Redshift's lines: a node a line, prefixed XN for
the compute nodes or LD for the leader, with cost, rows and width, details indented below it. Costs follow
Redshift's habit (a hundredth a row, and a constant before what must be merged), not its arithmetic.
Redshift, "Creating and interpreting a query plan".
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_ROW_COST: Final = 0.01
_MERGE_COST: Final = 1_000_000_000_000.0
"""What Redshift adds where rows meet on the leader in order."""
_OVER: Final = re.compile(r"OVER \((?:PARTITION BY (.*?))?(?: ?ORDER BY (.*?))?(?: ROWS.*| RANGE.*)?\)$")
_LONGEST: Final = 300
"""Characters of a condition that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a plan shows of a table: how it is distributed, and how wide its columns are."""

    name: str
    everywhere: bool = False
    """DISTSTYLE ALL."""
    key: str | None = None
    """The DISTKEY."""
    widths: Mapping[str, int] = field(default_factory=dict)
    """Bytes of a column's values."""
    outside: str = ""
    """Of an external table: the scan there, which stands below the one here."""
    kind: str = ""
    """Of an external table: S3, PG or MYSQL."""
    rows: int = 0
    """Of an external table: how many rows it is said to have."""


@dataclass(frozen=True, slots=True)
class Secured:
    """What a plan shows of a relation that policies guard."""

    name: str
    kind: str = "RLS"
    """RLS, or DDM where only its columns are masked."""
    shown: bool = False
    """Whether the plan's reader may see what policies do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator of the engine's plan."""

    name: str
    info: Mapping[str, Any]
    children: tuple["Operator", ...]
    rows: int | None
    """Estimated, or counted by EXPLAIN ANALYZE."""
    seconds: float | None = None
    """Spent in the operator itself; None for a plan that did not run."""


@dataclass(slots=True)
class Step:
    """A line of the plan with what stands below it."""

    title: str
    rows: int
    width: int
    startup: float
    total: float
    details: list[str] = field(default_factory=list)
    children: list["Step"] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    """What its columns are called, for the positions (#0) that parents use."""
    tables: frozenset[str] = frozenset()
    seconds: float | None = None


def read(text: str) -> Operator:
    """Return the plan that the engine wrote as JSON."""
    found = json.loads(text)
    return _operator(found[0] if isinstance(found, list) else found)


def lines(plan: Operator, tables: Mapping[str, Stored], secured: Mapping[str, Secured] | None = None) -> list[str]:
    """Return the plan as Redshift's EXPLAIN shows it; *tables* are the stored tables by their engine's name.

    *secured* are the relations that policies guard, by the same name; views, which have none, by their own.
    """
    step = _Shaper(tables, secured or {}).step(plan)
    return list(_written(step, 0))


def _operator(node: Mapping[str, Any]) -> Operator:
    name = str(node.get("operator_name") or node.get("name") or "").strip()
    info = node.get("extra_info") or {}
    children = tuple(_operator(child) for child in node.get("children") or ())
    if not name or name == "EXPLAIN_ANALYZE":
        return children[0] if children else Operator(name="DUMMY_SCAN", info={}, children=(), rows=1, seconds=0.0)
    counted = node.get("operator_cardinality")
    estimated = re.sub(r"\D", "", str(info.get("Estimated Cardinality", "")))
    rows = int(counted) if counted is not None else int(estimated) if estimated else None
    return Operator(name=name, info=info, children=children, rows=rows, seconds=node.get("operator_timing"))


class _Shaper:
    """Makes steps of operators."""

    def __init__(self, tables: Mapping[str, Stored], secured: Mapping[str, Secured]) -> None:
        self._tables = tables
        self._secured = secured

    def step(self, node: Operator) -> Step:
        """Return the step of an operator, with its children's below it."""
        shape = _SHAPES.get(node.name)
        if shape is None and (not node.children or "SCAN" in node.name):
            return self.scan(node)
        if shape is None and "JOIN" in node.name:
            return self.nested_loop(node)
        made = shape(self, node) if shape is not None else self.through(node)
        made.seconds = (made.seconds or 0.0) + node.seconds if node.seconds is not None else None
        return made

    def through(self, node: Operator) -> Step:
        """Return the child's step: projections and the like are no steps in Redshift."""
        child = self.step(node.children[0])
        if "Projections" in node.info:
            child.outputs = _resolved(_listed(node.info, "Projections"), child.outputs)
        return child

    def filter(self, node: Operator) -> Step:
        """A filter is a detail of what it filters."""
        child = self.through(node)
        _add_filter(child, _resolved(_listed(node.info, "Expression"), child.outputs))
        child.rows = child.rows if node.rows is None else node.rows
        return child

    def scan(self, node: Operator) -> Step:
        """A table, a system source, or rows at hand."""
        name = _known(node, self._tables)
        stored = self._tables.get(name)
        columns = _listed(node.info, "Projections")
        rows = node.rows or 1
        width = sum((stored.widths.get(column, 8) for column in columns), 0) if stored else 8 * len(columns)
        if stored is not None and stored.outside:
            return self.query_scan(node, stored, width)
        title = f"XN Seq Scan on {stored.name}" if stored is not None else _READS.get(node.name, "LD Seq Scan")
        step = Step(title, rows, width, 0.0, rows * _ROW_COST, outputs=columns,
                    tables=frozenset({name} if stored else ()), seconds=node.seconds)  # fmt: skip
        _add_filter(step, _listed(node.info, "Filters"))
        return step

    def query_scan(self, node: Operator, stored: Stored, width: int) -> Step:
        """An external table: what is read there, and what comes of it here."""
        rows = stored.rows or node.rows or 1
        columns = _listed(node.info, "Projections")
        below = Step(stored.outside, rows, width, 0.0, rows * _ROW_COST)
        _add_filter(below, _listed(node.info, "Filters"))
        title = f"XN {stored.kind} Query Scan {stored.name}"
        total = 2 * rows * _ROW_COST
        return Step(title, rows, width, 0.0, total, children=[below], outputs=columns, seconds=node.seconds)

    def join(self, node: Operator) -> Step:
        """A hash join: the inner side is built into a hash first."""
        outer, inner = (self.step(child) for child in node.children[:2])
        hashed = Step("XN Hash", inner.rows, inner.width, inner.total, inner.total, children=[inner],
                      outputs=inner.outputs, tables=inner.tables)  # fmt: skip
        conditions = _listed(node.info, "Conditions")
        kind = _JOINS.get(str(node.info.get("Join Type", "INNER")), "")
        rows = node.rows or max(outer.rows, inner.rows)
        step = Step(
            f"XN Hash {kind}Join {self._moved(outer, inner, conditions)}", rows, outer.width + inner.width,
            inner.total, inner.total + outer.total + rows * _ROW_COST, children=[outer, hashed],
            outputs=[*outer.outputs, *inner.outputs], tables=outer.tables | inner.tables,
        )  # fmt: skip
        if conditions:
            step.details.append(f"Hash Cond: ({' AND '.join(_condition(item, outer, inner) for item in conditions)})")
        return step

    def nested_loop(self, node: Operator) -> Step:
        """A join without an equality, or a cross product."""
        outer, inner = (self.step(child) for child in node.children[:2])
        rows = node.rows or outer.rows * inner.rows
        step = Step(
            "XN Nested Loop DS_BCAST_INNER", rows, outer.width + inner.width, 0.0,
            outer.total + outer.rows * inner.total, children=[outer, inner],
            outputs=[*outer.outputs, *inner.outputs], tables=outer.tables | inner.tables,
        )  # fmt: skip
        conditions = _listed(node.info, "Conditions") or _listed(node.info, "Condition")
        if conditions:
            step.details.append(f"Join Filter: ({' AND '.join(_plain(item) for item in conditions)})")
        return step

    def aggregate(self, node: Operator) -> Step:
        """Grouped or not."""
        child = self.step(node.children[0])
        groups = _resolved(_listed(node.info, "Groups"), child.outputs)
        grouped = "Groups" in node.info or node.name == "HASH_GROUP_BY"
        title = "XN HashAggregate" if grouped else "XN Aggregate"
        rows = node.rows or (child.rows if grouped else 1)
        return Step(
            title, rows if grouped else 1, child.width, child.total, child.total + child.rows * _ROW_COST / 2,
            children=[child], outputs=[*groups, *_resolved(_listed(node.info, "Aggregates"), child.outputs)],
            tables=child.tables,
        )  # fmt: skip

    def window(self, node: Operator) -> Step:
        """Window functions: their partitions and order are details."""
        child = self.step(node.children[0])
        calls = _resolved(_listed(node.info, "Projections"), child.outputs)
        step = Step("XN Window", child.rows, child.width + 8 * len(calls), child.total + _MERGE_COST,
                    child.total + _MERGE_COST + child.rows * _ROW_COST, children=[child],
                    outputs=[*child.outputs, *calls], tables=child.tables)  # fmt: skip
        over = _OVER.search(calls[0]) if calls else None
        if over and over[1]:
            step.details.append(f"Partition: {_plain(over[1])}")
        if over and over[2]:
            step.details.append(f"Order: {_sort_key(over[2])}")
        return step

    def sort(self, node: Operator) -> Step:
        """Sorted on each node, merged on the leader."""
        child = self.step(node.children[0])
        keys = ", ".join(_sort_key(item) for item in _resolved(_listed(node.info, "Order By"), child.outputs))
        start, end = child.total + _MERGE_COST, child.total + _MERGE_COST + child.rows * _ROW_COST / 4

        def made(title: str, detail: str, below: Step) -> Step:
            return Step(title, below.rows, below.width, start, end, [detail], [below], below.outputs, below.tables)

        sorted_ = made("XN Sort", f"Sort Key: {keys}", child)
        return made("XN Merge", f"Merge Key: {keys}", made("XN Network", "Send to leader", sorted_))

    def top(self, node: Operator) -> Step:
        """The first rows of an order."""
        step = self.sort(node)
        return self._limited(step, node.info.get("Top"))

    def limit(self, node: Operator) -> Step:
        """The first rows of any order."""
        return self._limited(self.step(node.children[0]), node.info.get("Limit") or node.rows)

    def _limited(self, child: Step, count: object) -> Step:
        digits = re.sub(r"\D", "", str(count or ""))
        rows = min(int(digits), child.rows) if digits else child.rows
        return Step("XN Limit", rows, child.width, child.startup, child.total, [], [child], child.outputs, child.tables)

    def append(self, node: Operator) -> Step:
        """UNION ALL and the like."""
        children = [self.step(child) for child in node.children]
        rows, total = sum(child.rows for child in children), sum(child.total for child in children)
        width = max(child.width for child in children)
        return Step("XN Append", rows, width, 0.0, total, [], children, children[0].outputs)

    def secure(self, node: Operator) -> Step:
        """The barrier above what policies let through (``sql.guards``)."""
        child = self.step(node.children[0])
        found = next(_scanned(node, self._secured), None) or next(iter(self._secured.values()), Secured("relation"))
        outputs, children = (child.outputs, [child]) if found.shown else ([], [])
        return Step(
            f"XN {found.kind} SecureScan {found.name}", child.rows if node.rows is None else node.rows,
            child.width, child.startup, child.total, [], children, outputs, child.tables,
        )  # fmt: skip

    def unique(self, node: Operator) -> Step:
        """DISTINCT."""
        child = self.step(node.children[0])
        rows = node.rows or child.rows
        return Step("XN Unique", rows, child.width, child.startup, child.total + child.rows * _ROW_COST, [], [child],
                    child.outputs, child.tables)  # fmt: skip

    def _moved(self, outer: Step, inner: Step, conditions: list[str]) -> str:
        """Return how rows of a join travel between nodes."""
        sides = [self._tables[name] for name in inner.tables if name in self._tables]
        if sides and all(side.everywhere for side in sides):
            return "DS_DIST_ALL_NONE"
        for item in conditions:
            left, _, right = item.partition(" = ")
            if self._keyed(outer, left) and self._keyed(inner, right):
                return "DS_DIST_NONE"
        return "DS_BCAST_INNER"

    def _keyed(self, step: Step, column: str) -> bool:
        return any(self._tables[name].key == column.strip() for name in step.tables if name in self._tables)


_SHAPES: Final = {
    "FILTER": _Shaper.filter,
    "HASH_JOIN": _Shaper.join,
    "NESTED_LOOP_JOIN": _Shaper.nested_loop,
    "BLOCKWISE_NL_JOIN": _Shaper.nested_loop,
    "PIECEWISE_MERGE_JOIN": _Shaper.nested_loop,
    "IE_JOIN": _Shaper.nested_loop,
    "CROSS_PRODUCT": _Shaper.nested_loop,
    "POSITIONAL_JOIN": _Shaper.nested_loop,
    "LEFT_DELIM_JOIN": _Shaper.join,
    "RIGHT_DELIM_JOIN": _Shaper.join,
    "HASH_GROUP_BY": _Shaper.aggregate,
    "PERFECT_HASH_GROUP_BY": _Shaper.aggregate,
    "PARTITIONED_AGGREGATE": _Shaper.aggregate,
    "UNGROUPED_AGGREGATE": _Shaper.aggregate,
    "WINDOW": _Shaper.window,
    "STREAMING_WINDOW": _Shaper.window,
    "ORDER_BY": _Shaper.sort,
    "TOP_N": _Shaper.top,
    "LIMIT": _Shaper.limit,
    "STREAMING_LIMIT": _Shaper.limit,
    "LIMIT_PERCENT": _Shaper.limit,
    "UNION": _Shaper.append,
    "STREAMING_SAMPLE": _Shaper.secure,
    "RESERVOIR_SAMPLE": _Shaper.secure,
    "RECURSIVE_CTE": _Shaper.append,
    "DISTINCT": _Shaper.unique,
}
"""Operators with a step of their own kind; the others are passed through to their first child."""
_READS: Final = {
    "DUMMY_SCAN": "XN Result", "COLUMN_DATA_SCAN": "XN Values Scan", "CHUNK_SCAN": "XN Values Scan",
    "EMPTY_RESULT": "XN Result", "DELIM_SCAN": "XN Subquery Scan", "CTE_SCAN": "XN Subquery Scan",
    "RECURSIVE_CTE_SCAN": "XN Subquery Scan", "EXPRESSION_SCAN": "XN Values Scan", "RANGE": "LD Function Scan",
    "GENERATE_SERIES": "LD Function Scan",
}  # fmt: skip
"""What is read that is no stored table; the rest are the leader's own."""
_JOINS: Final = {
    "LEFT": "Left ", "RIGHT": "Right ", "OUTER": "Full ", "FULL": "Full ", "SEMI": "IN ", "ANTI": "NOT IN ",
    "RIGHT_SEMI": "IN ", "RIGHT_ANTI": "NOT IN ", "MARK": "IN ",
}  # fmt: skip


def _written(step: Step, depth: int) -> list[str]:
    """Return a step's lines; *depth* counts the steps above it."""
    margin = " " * (6 * depth - 4) + "->  " if depth else ""
    cost = f"(cost={step.startup:.2f}..{step.total:.2f} rows={step.rows} width={step.width})"
    actual = f" (actual time={step.seconds * 1000:.3f} rows={step.rows})" if step.seconds is not None else ""
    found = [f"{margin}{step.title}  {cost}{actual}"]
    found += [" " * (6 * depth + 2) + detail for detail in step.details]
    for child in step.children:
        found += _written(child, depth + 1)
    return found


def _scanned(node: Operator, secured: Mapping[str, Secured]) -> Iterator[Secured]:
    """Yield the secured tables below *node*."""
    found = secured.get(_known(node, secured))
    if found is not None:
        yield found
    for child in node.children:
        yield from _scanned(child, secured)


def _known(node: Operator, names: Collection[str]) -> str:
    """Return which of *names* is the last part of what a node reads: the engine writes dots without quotes."""
    read = str(node.info.get("Table") or node.info.get("Text") or "")
    return max((name for name in names if f".{read}".endswith(f".{name}")), key=len, default="")


def _listed(info: Mapping[str, Any], name: str) -> list[str]:
    value = info.get(name)
    if isinstance(value, list):
        return [str(item) for item in value if item != ""]
    return [str(value)] if value else []


def _resolved(items: list[str], outputs: list[str]) -> list[str]:
    """Replace positions (#2) by what the child calls that column."""

    def name(match: re.Match[str]) -> str:
        place = int(match[1])
        return outputs[place] if place < len(outputs) else match[0]

    return [re.sub(r"#(\d+)", name, item) for item in items]


def _add_filter(step: Step, conditions: list[str]) -> None:
    if conditions:
        step.details.append(f"Filter: ({' AND '.join(_plain(item) for item in conditions)})")


def _condition(item: str, outer: Step, inner: Step) -> str:
    left, sign, right = re.sub(" IS NOT DISTINCT FROM ", " = ", item).partition(" = ")
    if not sign:
        return _plain(item)
    sides = _resolved([left], outer.outputs)[0], _resolved([right], inner.outputs)[0]
    return f'"outer".{_plain(sides[0])} = "inner".{_plain(sides[1])}'


def _sort_key(item: str) -> str:
    return _plain(re.sub(r"\s+(?:ASC|NULLS (?:LAST|FIRST))\b", "", item))


def _plain(text: str) -> str:
    """Return an expression without what only the engine needs: casts, its names of functions."""
    before = ""
    while before != text:
        before, text = text, re.sub(r"(?:TRY_)?CAST\(([^()]*) AS [A-Z ]+(?:\([\d,]+\))?\)", r"\1", text)
    text = text.replace("count_star()", "count(*)")
    text = re.sub(r"\b(?:[A-Za-z_]\w*\.)+(\w+)", r"\1", text) if "'" not in text else text
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
