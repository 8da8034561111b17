"""CREATE VIEW and materialized views.

Redshift, "CREATE VIEW", "CREATE MATERIALIZED VIEW", "ALTER MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW".
"""

from dataclasses import dataclass, field

from sql.commands.alterations import AlterAction, read_action, take_cascade
from sql.commands.columns import Name
from sql.commands.tables import TableAttributes, read_attributes, read_query
from sql.statement import Fragment
from sql.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateView:
    """CREATE [OR REPLACE] VIEW."""

    name: Name
    query: Fragment
    """Without WITH NO SCHEMA BINDING."""
    columns: tuple[str, ...] = ()
    or_replace: bool = False
    late_binding: bool = False
    """WITH NO SCHEMA BINDING."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateMaterializedView:
    """CREATE MATERIALIZED VIEW."""

    name: Name
    query: Fragment
    columns: tuple[str, ...] = ()
    attributes: TableAttributes = field(default_factory=TableAttributes)
    auto_refresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterMaterializedView:
    """ALTER MATERIALIZED VIEW name AUTO REFRESH … | ALTER DISTKEY … | ALTER SORTKEY … | OWNER TO …."""

    name: Name
    auto_refresh: bool | None = None
    actions: tuple[AlterAction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshMaterializedView:
    """REFRESH MATERIALIZED VIEW name [RESTRICT | CASCADE]."""

    name: Name
    cascade: bool = False


def read_create_view(stream: Stream, *, or_replace: bool) -> CreateView:
    """Take what follows CREATE [OR REPLACE] VIEW."""
    name = stream.name()
    columns = stream.columns() if stream.at("(") else ()
    stream.expect("AS")
    query = read_query(stream)
    tail = [token.key for token in stream.tokens[-5:-1]]
    late_binding = tail == ["WITH", "NO", "SCHEMA", "BINDING"]
    if late_binding:
        end = stream.tokens[-6].end
        query = Fragment(query.text[: end - (query.offset - stream.offset)], query.offset)
    return CreateView(name=name, query=query, columns=columns, or_replace=or_replace, late_binding=late_binding)


def read_create_materialized_view(stream: Stream) -> CreateMaterializedView:
    """Take what follows CREATE MATERIALIZED VIEW."""
    name = stream.name()
    columns = stream.columns() if stream.at("(") else ()
    attributes = TableAttributes()
    auto_refresh = False
    while not stream.take("AS"):
        before = stream.index
        if stream.take("AUTO", "REFRESH"):
            auto_refresh = stream.expect_any("YES", "NO") == "YES"
        else:
            attributes = read_attributes(stream, attributes)
        if stream.index == before:
            stream.fail()
    return CreateMaterializedView(
        name=name, query=read_query(stream), columns=columns, attributes=attributes, auto_refresh=auto_refresh
    )


def read_alter_materialized_view(stream: Stream) -> AlterMaterializedView:
    """Take what follows ALTER MATERIALIZED VIEW."""
    name = stream.name()
    if stream.take("AUTO", "REFRESH"):
        return AlterMaterializedView(name=name, auto_refresh=stream.expect_any("YES", "NO") == "YES")
    actions = [read_action(stream)]
    while stream.take(","):
        actions.append(read_action(stream))
    return AlterMaterializedView(name=name, actions=tuple(actions))


def read_refresh(stream: Stream) -> RefreshMaterializedView:
    """Take REFRESH MATERIALIZED VIEW name."""
    stream.expect("REFRESH", "MATERIALIZED", "VIEW")
    name = stream.name()
    return RefreshMaterializedView(name=name, cascade=take_cascade(stream))
