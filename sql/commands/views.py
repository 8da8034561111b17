"""CREATE VIEW and materialized views.

Redshift, "CREATE VIEW", "CREATE MATERIALIZED VIEW", "ALTER MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW".
"""

from dataclasses import dataclass

from sql.commands.alterations import AlterAction
from sql.commands.tables import Name, TableAttributes
from sql.statement import Fragment


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
    attributes: TableAttributes = TableAttributes()
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
