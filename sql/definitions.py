"""Queries as views keep them: with their names qualified, and what they name renamed.

A view means its relations and functions and not their names; its text is changed where a name changes.
"""

from sqlglot import exp

from core.errors import SqlError
from core.sqlstate import SqlState
from sql import conversion, select
from sql.facts import Facts, Seen
from sql.finish import Finish
from sql.query import parse_query
from sql.scope import Scope, Writer
from sql.translate import OutputColumn, new_writer, output_columns
from sql.unnest import element_names


def qualified_definition(text: str, facts: Facts) -> tuple[str, tuple[OutputColumn, ...], tuple[int, ...]]:
    """Return a view's query with its tables and functions qualified, its columns, and the OIDs of what it needs."""
    tree = parse_query(text)
    writer = new_writer(facts)
    query = select.query(tree, Scope(writer=writer), finish=Finish.EXACT)
    for slot in writer.slots:
        raise SqlError(SqlState.UNDEFINED_PARAMETER, f"there is no parameter ${slot}")
    depends = {oid for oid, _, owner in writer.uses if owner is None}
    depends |= {oid for oid, owner in writer.calls if owner is None}
    return qualified_text(text, tree, writer), output_columns(query), tuple(sorted(depends))


def refuse_bare_names(text: str) -> None:
    """Raise for a table without schema in the query of a view WITH NO SCHEMA BINDING; only its syntax is looked at."""
    tree = parse_query(text)
    own = _own_names(tree)
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and not table.args.get("db") and table.name.lower() not in own:
            raise SqlError(
                SqlState.FEATURE_NOT_SUPPORTED,
                "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA BINDING.",
            )


def used_columns(text: str, facts: Facts, seen: Seen) -> dict[int, frozenset[str]]:
    """Return the columns that a view's query names, by the OID of their relation."""
    writer = new_writer(facts)
    writer.seen = seen
    select.query(parse_query(text), Scope(writer=writer), finish=Finish.EXACT)
    return {oid: frozenset(names) for (oid, _, owner), names in writer.uses.items() if owner is None}


def qualified_text(text: str, tree: exp.Expr, writer: Writer) -> str:
    """Write ``schema.`` before every bare table name that is no WITH query, and before users' functions."""
    facts = writer.facts
    own = _own_names(tree)
    places = []
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.args.get("db") or table.name.lower() in own:
            continue
        source = facts.source((table.name.lower(),))
        start = table.this.meta.get("start")
        if source is not None and start is not None:
            places.append((int(start), source.schema))
    schemas = {found.name: found.schema for found in writer.calls.values()}
    for node in tree.find_all(exp.Anonymous):
        found, start = schemas.get(writer.called_name(node)), node.meta.get("start")
        if found is not None and start is not None and not _called_in(node):
            places.append((int(start), found))
    for start, schema in sorted(places, reverse=True):
        text = f"{text[:start]}{conversion.quoted(schema)}.{text[start:]}"
    return text


def _own_names(tree: exp.Expr) -> set[str]:
    """Return the names in FROM that are no tables': WITH queries and elements of SUPER values."""
    return {item.alias.lower() for item in tree.find_all(exp.CTE)} | element_names(tree)


def _called_in(call: exp.Expr) -> str:
    """Return the schema that is written before a call's name."""
    parent = call.parent
    if isinstance(parent, exp.Dot) and parent.expression is call:
        return str(parent.this.name).lower()
    place = parent.args.get("db") if isinstance(parent, exp.Table) else None
    return "" if place is None else str(place.name).lower()


def renamed_call(text: str, old: tuple[str, str], new: str) -> str:
    """Return a stored view definition with the function *old* (schema, name) called *new*."""
    places = []
    for node in parse_query(text).find_all(exp.Anonymous):
        start, end = node.meta.get("start"), node.meta.get("end")
        if (_called_in(node), node.name.lower()) == old and start is not None and end is not None:
            places.append((int(start), int(end) + 1))
    for start, end in sorted(places, reverse=True):
        text = f"{text[:start]}{conversion.quoted(new)}{text[end:]}"
    return text


def renamed(text: str, old: tuple[str, str], new: tuple[str, str]) -> str:
    """Return a stored view definition with the relation *old* (schema, name) called *new*.

    A view means its relations and not their names, so it follows when one is renamed.
    """
    places = []
    for table in parse_query(text).find_all(exp.Table):
        schema = table.args.get("db")
        if not isinstance(schema, exp.Identifier) or not isinstance(table.this, exp.Identifier):
            continue
        start, end = schema.meta.get("start"), table.this.meta.get("end")
        if (schema.name.lower(), table.name.lower()) == old and start is not None and end is not None:
            places.append((int(start), int(end) + 1, "" if table.alias else f" AS {conversion.quoted(old[1])}"))
    for start, end, alias in sorted(places, reverse=True):
        text = f"{text[:start]}{conversion.quoted(new[0])}.{conversion.quoted(new[1])}{alias}{text[end:]}"
    return text
