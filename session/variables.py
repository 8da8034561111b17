"""The engine variables that translated SQL reads, and what each is in a session.

``session.functions.needs`` finds which ones a statement reads; ``Variables`` knows which are to be set before it runs.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import available_timezones

from catalog.system.sources import type_names
from catalog.system.visibility import hidden
from core.errors import SqlError
from core.sqlstate import SqlState
from engine.cursors import Value

if TYPE_CHECKING:
    from session.session import Session
    from session.warehouse import Limits

Variable = Value | tuple[str, ...]
VERSION: Final = (
    "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), "
    "Redshift 1.0.77467"
)
"""What version() says: SQLAlchemy reads its first words, tools look for ``Redshift``."""


def _array(names: list[str]) -> str:
    return "{" + ",".join(names) + "}"


@cache
def _zone_names() -> tuple[str, ...]:
    return tuple(sorted(name.lower() for name in available_timezones()))


def _limits(session: "Session") -> "Limits":
    return session.warehouse.limits


def _default_role(session: "Session") -> Variable:
    limits = _limits(session)
    return f"arn:aws:iam::{limits.account}:role/default" if "default" in limits.stores.roles else None


def _hidden(session: "Session") -> Variable:
    path = tuple(session.visible().schemas())
    # The engine knows no type of a list without entries.
    return ("", *(str(oid) for oid in hidden(session.tx.state, session.database.oid, path)))


VARIABLES: Final[dict[str, Callable[["Session"], Variable]]] = {
    "current_user": lambda session: session.user.name,
    "session_user": lambda session: session.session_user.name,
    "current_user_id": lambda session: session.user.oid,
    "current_user_superuser": lambda session: session.user.superuser,
    "current_database": lambda session: session.database.name,
    "current_database_id": lambda session: session.database.oid,
    "current_schema": lambda session: next(iter(session.visible().schemas()), None),
    "current_schemas": lambda session: _array(["pg_catalog", *session.visible().schemas()]),
    "current_schemas_explicit": lambda session: _array(session.visible().schemas()),
    "current_schemas_list": lambda session: ("pg_catalog", *session.visible().schemas()),
    "hidden_relations": _hidden,
    "search_path": lambda session: session.settings.get("search_path"),
    "backend_pid": lambda session: session.pid,
    "version": lambda _: VERSION,
    "transaction_id": lambda session: session.tx.number,
    "last_query_id": lambda session: session.query - 1,
    "last_copy_id": lambda session: session.last_copy[0],
    "last_copy_count": lambda session: session.last_copy[1],
    "last_unload_id": lambda session: session.last_unload[0],
    "last_unload_count": lambda session: session.last_unload[1],
    "transaction_timestamp": lambda session: session.tx.started.replace(tzinfo=None).isoformat(sep=" "),
    "statement_timestamp": lambda session: session.query_started.replace(tzinfo=None).isoformat(sep=" "),
    "type_oids": lambda _: tuple(type_names()),
    "type_names": lambda _: tuple(type_names().values()),
    "aws_account": lambda session: _limits(session).account,
    "namespace": lambda session: _limits(session).namespace,
    "default_iam_role": _default_role,
    "zone_names": lambda _: _zone_names(),
}

STEADY: Final = frozenset({
    "current_user", "session_user", "current_user_id", "current_user_superuser", "current_database",
    "current_database_id", "current_schema", "version", "aws_account", "namespace", "zone_names",
})  # fmt: skip
"""Those that are the same for every statement of a session unless it says otherwise."""


def variable_of(session: "Session", name: str) -> Variable:
    """Return the value of the engine variable *name* in a session."""
    if name.startswith("identity_"):
        return session.warehouse.identities.counter(int(name.removeprefix("identity_")), 1).next
    source = VARIABLES.get(name)
    if source is None:
        raise SqlError(SqlState.INTERNAL_ERROR, f'unknown session variable "{name}"')
    return source(session)


class Variables:
    """What a session's connection has of the engine variables."""

    def __init__(self) -> None:
        """Begin with a connection that has none."""
        self._set: dict[str, Variable] = {}

    def fresh(self, session: "Session", names: tuple[str, ...]) -> list[tuple[str, Variable]]:
        """Return those of the engine variables *names* that must be set before a statement runs."""
        fresh = []
        for name in names:
            value = variable_of(session, name)
            if name not in self._set or self._set[name] != value:
                self._set[name] = value
                fresh.append((name, value))
        return fresh

    def clear(self) -> None:
        """Begin with another connection."""
        self._set.clear()
