"""What Redshift's own drivers are told that PostgreSQL's are not.

They ask for a level of their protocol with client_protocol_version. The level in force and what the server can do
come back as ParameterStatus; from level 1 on a result's columns are told with where they come from. Sources:
redshift_connector (core.py, cursor.py), the JDBC driver (ConnectionFactoryImpl, QueryExecutorImpl).
"""

import re
from collections.abc import Mapping
from typing import Final

from catalog.model import CatalogState, Relation, Schema
from catalog.system.views import ROWS as SYSTEM_VIEWS
from core.types import Column, ColumnType, Origin

NEWEST_LEVEL: Final = 3
"""0 is PostgreSQL's, 1 adds columns' origins, 2 binary values of its own, 3 the case of character columns."""
_DISCOVERY: Final = "5"
"""From 4 on drivers browse with SHOW commands, at 5 with those of a whole database."""

_WORD: Final = re.compile(r"(?:\\.|[^\s\\])+")


def level(parameters: Mapping[str, str]) -> int | None:
    """Return the level that is spoken with a client that began with *parameters*, None unless it asked for one."""
    asked = parameters.get("client_protocol_version", "")
    return min(int(asked), NEWEST_LEVEL) if asked.isascii() and asked.isdigit() else None


def switches(options: str) -> list[tuple[str, str]]:
    r"""Return the parameters in the start-up packet's ``options``: ``-c name=value`` or ``--name=value``.

    A backslash keeps a blank in a value. PostgreSQL, section 55.7 and postgres(1).
    """
    words = iter(re.sub(r"\\(.)", r"\1", word) for word in _WORD.findall(options))
    found = []
    for word in words:
        text = next(words, "") if word == "-c" else word[2:] if word.startswith(("-c", "--")) else ""
        name, sign, value = text.partition("=")
        if sign:
            found.append((name.replace("-", "_").lower(), value))
    return found


def greeting(parameters: Mapping[str, str], *, keeps_case: bool) -> list[tuple[str, str]]:
    """Return what a client is told that began with *parameters*; nothing unless it is a driver of Redshift's."""
    spoken = level(parameters)
    if spoken is None:
        return []
    return [
        ("server_protocol_version", str(spoken)),
        ("show_discovery", _DISCOVERY),
        # Drivers that know no SHOW commands list other databases by the SVV_ALL views.
        ("datashare_enabled", "on"),
        ("external_database", "on"),
        ("case_sensitive", "on" if keeps_case else "off"),
    ]


def origins(state: CatalogState, database: str, columns: tuple[Column, ...]) -> tuple[Origin | None, ...]:
    """Return where *columns* come from, None for an expression; *database* is where bare names are looked up."""
    return tuple(_origin(state, database, column) if column.attribute else None for column in columns)


def _origin(state: CatalogState, database: str, column: Column) -> Origin | None:
    relation = state.objects.get(column.table_oid)
    if not isinstance(relation, Relation):
        return _system(database, column)
    found = next((one for one in relation.columns if one.number == column.attribute), None)
    schema = state.objects.get(relation.schema)
    if found is None or not isinstance(schema, Schema):
        return None
    return Origin(
        schema=schema.name,
        table=relation.name,
        column=found.name,
        catalog=getattr(state.objects.get(schema.database), "name", database),
        not_null=found.not_null,
        identity=found.identity is not None,
        case_sensitive=_keeps_case(found.type) and found.collation != "case_insensitive",
    )


_SYSTEM: Final = {view.oid: view for view in SYSTEM_VIEWS}


def _system(database: str, column: Column) -> Origin | None:
    view = _SYSTEM.get(column.table_oid)
    if view is None or column.attribute > len(view.columns):
        return None
    name, kind = view.columns[column.attribute - 1]
    return Origin(
        schema=view.schema, table=view.name, column=name, catalog=database, case_sensitive=_keeps_case(kind)
    )


def _keeps_case(kind: ColumnType) -> bool:
    return kind.type.name in {"varchar", "bpchar", "text"}
