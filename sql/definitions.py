"""Queries as views keep them: with their names qualified, and what they name renamed.

A view means its relations, columns and functions and not their names; its text is changed where a name changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from core.errors import SqlError
from core.sqlstate import SqlState
from sql import conversion, select
from sql.facts import Facts, Seen
from sql.finish import Finish
from sql.query import parse_query
from sql.relations import Mention, Notes, Query
from sql.scope import Scope, Writer
from sql.timetravel import refuse_past
from sql.translate import OutputColumn, new_writer, output_columns
from sql.unnest import element_names

Name = tuple[str, str]
"""(schema, name)"""
_Edit = tuple[int, int, str]
"""Where a piece of a text begins and ends, and what is to stand there."""


def qualified_definition(text: str, facts: Facts) -> tuple[str, tuple[OutputColumn, ...], tuple[int, ...]]:
    """Return a view's query with its tables and functions qualified, its columns, and the OIDs of what it needs."""
    reading = _read(text, facts)
    refuse_past(reading.tree)
    writer = reading.writer
    for slot in writer.slots:
        raise SqlError(SqlState.UNDEFINED_PARAMETER, f"there is no parameter ${slot}")
    depends = {oid for oid, _, owner in writer.uses if owner is None}
    depends |= {oid for oid, owner in writer.calls if owner is None}
    return qualified_text(text, reading.tree, writer), output_columns(reading.query), tuple(sorted(depends))


def refuse_bare_names(text: str) -> None:
    """Raise for a table without schema in the query of a view WITH NO SCHEMA BINDING; only its syntax is looked at."""
    tree = parse_query(text)
    refuse_past(tree)
    own = {item.alias.lower() for item in tree.find_all(exp.CTE)} | element_names(tree)
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and not table.args.get("db") and table.name.lower() not in own:
            raise SqlError(
                SqlState.FEATURE_NOT_SUPPORTED,
                "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING.",
            )


def used_columns(text: str, facts: Facts, seen: Seen) -> dict[int, frozenset[str]]:
    """Return the columns that a view's query names, by the OID of their relation."""
    writer = _read(text, facts, seen).writer
    return {oid: frozenset(names) for (oid, _, owner), names in writer.uses.items() if owner is None}


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text, translated, with what its names mean."""

    tree: exp.Expr
    writer: Writer
    query: Query

    @property
    def notes(self) -> Notes:
        return self.writer.notes or Notes()


def _read(text: str, facts: Facts, seen: Seen | None = None) -> _Reading:
    tree = parse_query(text)
    writer = new_writer(facts)
    writer.seen, writer.notes = seen or {}, Notes()
    return _Reading(tree, writer, select.query(tree, Scope(writer=writer), finish=Finish.EXACT))


def _edited(text: str, edits: list[_Edit]) -> str:
    for start, end, piece in sorted(set(edits), reverse=True):
        text = text[:start] + piece + text[end:]
    return text


def _span(first: exp.Expr, last: exp.Expr) -> tuple[int, int] | None:
    """Return where two identifiers and what is between them stand; None for what no text has."""
    start, end = first.meta.get("start"), last.meta.get("end")
    return None if start is None or end is None else (int(start), int(end) + 1)


def _written(name: Name) -> str:
    return ".".join(conversion.quoted(part) for part in name)


# Tables and functions


def qualified_text(text: str, tree: exp.Expr, writer: Writer) -> str:
    """Write ``schema.`` before every bare name of a table, and before users' functions; *writer* has taken notes."""
    edits: list[_Edit] = []
    for table, source in writer.notes.tables if writer.notes is not None else ():
        start = table.this.meta.get("start")
        if not table.args.get("db") and start is not None:
            edits.append((int(start), int(start), f"{conversion.quoted(source.schema)}."))
    schemas = {found.name: found.schema for found in writer.calls.values()}
    for node in tree.find_all(exp.Anonymous):
        found, start = schemas.get(writer.called_name(node)), node.meta.get("start")
        if found is not None and start is not None and _called_in(node) is None:
            edits.append((int(start), int(start), f"{conversion.quoted(found)}."))
    return _edited(text, edits)


def _called_in(call: exp.Expr) -> exp.Expr | None:
    """Return the schema that is written before a call's name."""
    parent = call.parent
    if isinstance(parent, exp.Dot) and parent.expression is call:
        place: exp.Expr = parent.this
        return place.this if isinstance(place, exp.Column) else place
    return parent.args.get("db") if isinstance(parent, exp.Table) else None


def renamed_calls(text: str, facts: Facts, names: Mapping[Name, Name]) -> str:
    """Return a stored view definition with functions called by their new *names*."""
    writer = new_writer(facts)
    edits: list[_Edit] = []
    for node in parse_query(text).find_all(exp.Anonymous):
        schema = _called_in(node)
        new = names.get((writer.identifier(schema), writer.called_name(node))) if schema is not None else None
        start, end = node.meta.get("start"), node.meta.get("end")
        place = _span(schema, schema) if schema is not None else None
        if new is not None and place is not None and start is not None and end is not None:
            edits += [(*place, conversion.quoted(new[0])), (int(start), int(end) + 1, conversion.quoted(new[1]))]
    return _edited(text, edits)


def renamed(text: str, facts: Facts, seen: Seen, names: Mapping[int, Name]) -> str:
    """Return a stored view definition with relations (OIDs) called by their new *names*.

    A view means its relations and not their names, so it follows when one is renamed.
    """
    try:
        reading = _read(text, facts, seen)
    except SqlError:
        # It has become wrong already, and there is nothing that it means.
        return text
    edits: list[_Edit] = []
    for table, source in reading.notes.tables:
        place = _span(table.args.get("catalog") or table.args.get("db") or table.this, table.this)
        if source.oid in names and place is not None:
            same = table.alias or names[source.oid][1] == source.name
            alias = "" if same else f" AS {conversion.quoted(source.name)}"
            edits.append((*place, _written(names[source.oid]) + alias))
    for mention in reading.notes.columns:
        read, parts = mention.field.source, _parts(mention.node)
        at = _place(mention, reading.writer) or 0
        if read is not None and read.oid in names and at > 1 and (place := _span(parts[0], parts[at - 2])) is not None:
            # Under an alias a relation is not to be named with its schema.
            edits.append((place[0], int(parts[at - 1].meta["start"]), ""))
    return _edited(text, edits)


# Columns


@dataclass(frozen=True, slots=True)
class Renaming:
    """A column of a relation (OID) that gets a new name."""

    relation: int
    number: int
    name: str

    def seen(self, seen: Seen) -> Seen:
        """Return what a view knows of relations when it knows the column by its new name."""
        known = tuple(
            (self.name if number == self.number else name, number) for name, number in seen.get(self.relation, ())
        )
        return {**seen, self.relation: known}


def recolumned(text: str, facts: Facts, seen: Seen, renaming: Renaming) -> str | None:
    """Return a stored view definition that names a column as it will be called; None where none is found.

    The columns of its result keep their names. *seen* has the relation as the view knows it now.
    """
    try:
        before = _read(text, facts, seen)
    except SqlError:
        return None
    after = renaming.seen(seen)
    for write, same in _WAYS:
        new = write(text, before, renaming)
        try:
            if same(before, _read(new, facts, after)):
                return new
        except SqlError:
            continue
    return None


def _same_columns(before: _Reading, after: _Reading) -> bool:
    old, new = before.query.outputs, after.query.outputs
    return [(item.name, item.value.type) for item in old] == [(item.name, item.value.type) for item in new]


def _alike(before: _Reading, after: _Reading) -> bool:
    """Tell whether names mean the same columns in the same order."""
    old, new = ([item.field.value.origin for item in reading.notes.columns] for reading in (before, after))
    return old == new and _same_columns(before, after)


def _mentions(before: _Reading, renaming: Renaming) -> list[tuple[Mention, exp.Expr]]:
    """Return where the column is named as the relation's, with the identifier there."""
    found = []
    for mention in before.notes.columns:
        source = mention.field.source
        if source is None or (source.oid, mention.field.value.origin[1]) != (renaming.relation, renaming.number):
            continue
        known = next((column.name for column in source.columns if column.number == renaming.number), None)
        place = _place(mention, before.writer)
        node = None if place is None else _parts(mention.node)[place]
        if known == mention.field.name and node is not None and node.meta.get("start") is not None:
            found.append((mention, node))
    return found


def _place(mention: Mention, writer: Writer) -> int | None:
    """Return which of the identifiers is the column's own."""
    names = [writer.identifier(part) for part in _parts(mention.node)]
    if mention.bare or not names:
        return 0 if names else None
    pair = [mention.relation.name, mention.field.name]
    return next((place for place in range(1, len(names)) if names[place - 1 : place + 1] == pair), None)


def _parts(node: exp.Expr) -> list[exp.Expr]:
    found = (node.args.get(name) for name in ("catalog", "db", "table", "this"))
    return [part for part in found if isinstance(part, exp.Identifier)]


def _plainly(text: str, before: _Reading, renaming: Renaming, *, relation: bool = False) -> str:
    """Write the new name where the old one stands, and the old one after it where it names a result's column."""
    edits: list[_Edit] = []
    for mention, node in _mentions(before, renaming):
        new = conversion.quoted(renaming.name)
        if relation and mention.bare:
            new = f"{conversion.quoted(mention.relation.name)}.{new}"
        parent = mention.node.parent
        shown = isinstance(parent, exp.Select) and mention.node.arg_key == "expressions"
        if shown and mention.node.this is node:
            new = f"{new} AS {conversion.quoted(mention.field.name)}"
        edits.append((int(node.meta["start"]), int(node.meta["end"]) + 1, new))
    return _edited(text, edits)


def _with_relation(text: str, before: _Reading, renaming: Renaming) -> str:
    """Write the new name with its relation's, where it would mean another column without."""
    return _plainly(text, before, renaming, relation=True)


def _from_query(text: str, before: _Reading, renaming: Renaming) -> str:
    """Read the relation through a query that gives its columns the names which the text has for them."""
    edits: list[_Edit] = []
    for table, source in before.notes.tables:
        place = _span(table.args.get("catalog") or table.args.get("db") or table.this, table.this)
        if source.oid != renaming.relation or place is None:
            continue
        listed = ", ".join(
            f"{conversion.quoted(renaming.name)} AS {conversion.quoted(column.name)}"
            if column.number == renaming.number
            else conversion.quoted(column.name)
            for column in source.columns
        )
        alias = "" if table.alias else f" AS {conversion.quoted(source.name)}"
        edits.append((*place, f"(SELECT {listed} FROM {text[slice(*place)]}){alias}"))
    return _edited(text, edits)


_WAYS: Final[tuple[tuple[Callable[[str, _Reading, Renaming], str], Callable[[_Reading, _Reading], bool]], ...]] = (
    (_plainly, _alike), (_with_relation, _alike), (_from_query, _same_columns),
)  # fmt: skip
"""How a name is put into a text, the plainest first, and how it is told that the text means what it did."""
