"""What the running server hands to the system views, and when their sources are built anew.

A source that follows from the catalog is kept while the catalog is what it was; one of live facts is built
for every statement that reads it. They are registered on the session's own connection.
"""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from catalog.model import CatalogState, Schema
from catalog.system import shapes
from catalog.system.reduction import without_rows
from catalog.system.sources import CATALOG_SOURCES, SOURCES, Live, live_table
from core.errors import SqlError
from core.names import quote
from engine.cursors import Connection
from session import chores, queues, transfers
from session.external import listing
from session.external.tables import known_here
from session.freshness import stale
from session.recorder import address, query_type
from session.settings import BY_NAME
from sql.finish import Finish
from sql.translate import translate
from storage import copied, layout
from storage.changes import newest_snapshot
from storage.database import Database, beside
from storage.journal import source_sql
from storage.lake import qualified
from storage.sizes import sizes

if TYPE_CHECKING:
    from session.session import Session

Builder = Callable[[Connection], Any]
Fill = Callable[[Connection], None]
_HANDED = "duckshift_handed"
_OWN = "own_"
"""Before the name of a source: the session's own copy of it."""


def fresh(session: "Session", names: tuple[str, ...], known: dict[str, object]) -> list[Fill]:
    """Return what fills those of the sources *names* that are not as they should be, on the session's connection.

    *known* holds what each was filled for; it is brought up to date once that is done.
    """
    result: list[Fill] = []
    for name in names:
        token = session.tx.token if _follows(session, name) else None
        if token is None or known.get(name) != token:
            result.append(_fill(session, name, known, token))
    return result


def _follows(session: "Session", name: str) -> bool:
    """Tell whether a source follows from the catalog alone: external objects may be known elsewhere."""
    return name in CATALOG_SOURCES and not listing.asked(session, name)


def _fill(session: "Session", name: str, known: dict[str, object], token: object) -> Fill:
    build, version = _builder(session, name), session.tx.state.version
    shareable = _follows(session, name) and not session.tx.private

    def fill(connection: Connection) -> None:
        made = build(connection)
        if token is None and known.get(name) is made:
            return
        if shareable and session.tx.single:
            place = session.warehouse.shared.take(session.pid, name, version, made)
            _show(connection, name, place)
            known.pop(_OWN + name, None)
        else:
            # DuckDB 1.5.5 cannot push the bloom filters of its joins into Arrow: a table of its own takes them.
            connection.register(_HANDED, made)
            connection.execute(f"CREATE OR REPLACE TEMPORARY TABLE {quote(_OWN + name)} AS FROM {_HANDED}")
            connection.unregister(_HANDED)
            if _OWN + name not in known:
                _show(connection, name, f"temp.main.{quote(_OWN + name)}")
                known[_OWN + name] = True
        known[name] = made if token is None else token

    return fill


def _show(connection: Connection, name: str, place: str) -> None:
    connection.execute(f"CREATE OR REPLACE TEMPORARY VIEW {quote(name)} AS FROM {place}")


def _builder(session: "Session", name: str) -> Builder:
    state, source, database = session.tx.state, SOURCES[name], session.database.name
    if name in _KEPT:
        return _KEPT[name](session, name)
    if listing.asked(session, name):
        return lambda _: listing.REMOTE[name](session)
    if name in _WORKED_OUT:
        return partial(_worked_out, session, name)
    if name not in CATALOG_SOURCES:
        rows = _ROWS[name](session) if name in _ROWS else []
        live = Live(database=database, tables={name: live_table(name, rows)})
        return lambda _: source(state, live)
    parts = session.warehouse.parts
    live = Live(database=database, parts=parts)
    if session.tx.private:
        return lambda _: source(state, live)
    return lambda _: parts.whole(name, state.version, lambda: source(state, live))


def _worked_out(session: "Session", name: str, _: Connection) -> Any:
    def build() -> Any:
        return live_table(name, _WORKED_OUT[name](session))

    # Tables of external schemas change without the catalog's notice.
    follows = name == "sys_late_columns" and "sys_external_schemas" in session.tx.state.once(without_rows)
    return session.warehouse.parts.whole(name, session.translation_key(), build) if follows else build()


_JOURNAL = {"sys_load_errors": "load_errors"}
"""Live sources that are journal tables."""


_HISTORY = {
    "sys_queries": "queries", "sys_connections": "connections", "sys_loads": "loads",
    "sys_load_files": "load_files", "sys_unloads": "unloads", "sys_mv_refreshes": "mv_refreshes",
    "sys_vacuums": "vacuums", "sys_user_changes": "user_changes", "sys_transactions": "transactions",
    "sys_conflicts": "conflicts", "sys_analyzes": "analyzes", "sys_terminations": "terminations",
    "sys_calls": "calls", "sys_stream_scans": "stream_scans", "sys_stream_errors": "stream_errors",
    "sys_integration_runs": "integration_runs", "sys_integration_changes": "integration_changes",
    "sys_integration_states": "integration_states",
    "sys_evictions": "evictions", "sys_rule_actions": "rule_actions", "sys_share_changes": "share_changes",
    "sys_job_messages": "job_messages", "sys_replacements": "replacements",
    "sys_simplifications": "simplifications",
}  # fmt: skip
"""Live sources that are tables of the history."""


def _of_journal(session: "Session", name: str) -> Builder:
    return lambda connection: _journal(connection, name)


def _of_history(session: "Session", name: str) -> Builder:
    return lambda _: _shaped(session.warehouse.recorder.history.read(_HISTORY[name]), name)


def _of_messages(session: "Session", name: str) -> Builder:
    """Return what procedures that have ended said, and those that run."""
    running = live_table(name, [row for rows in session.warehouse.messages.values() for row in rows])
    history = session.warehouse.recorder.history
    return lambda _: pa.concat_tables([_shaped(history.read("messages"), name), running])


def _journal(connection: Connection, name: str) -> pa.Table:
    found: pa.Table = beside(connection).execute(source_sql(_JOURNAL[name])).to_arrow_table()
    return _shaped(found, name)


def _shaped(found: pa.Table, name: str) -> pa.Table:
    shape = shapes.LIVE[name]
    # What is not kept is null.
    columns = [
        found[field.name].cast(field.type) if field.name in found.column_names else pa.nulls(len(found), field.type)
        for field in shape
    ]
    return pa.table(columns, schema=shape)


def _of_storage(session: "Session", name: str) -> Builder:
    database, parts = session.warehouse.database, session.warehouse.parts
    # Temporary tables are not in the lake.
    state = session.warehouse.store.state

    def build(_: Connection) -> Any:
        token = newest_snapshot(database), state.version
        return parts.whole(name, token, lambda: live_table(name, _storage(state, database)))

    return build


def _storage(state: CatalogState, database: Database) -> list[dict[str, Any]]:
    oids = {item.engine_name: item.oid for item in state.relations() if item.engine_name}
    keyed, found = layout.keyed(database), []
    for size in sizes(database):
        oid = oids.get(qualified(size.schema, size.table))
        if oid is not None:
            share = chores.unsorted(keyed.get((size.schema, size.table), []))
            found.append({
                "relation": oid, "rows": size.rows, "bytes": size.size_bytes, "files": size.files,
                "deleted": size.deleted, "unsorted": share,
            })  # fmt: skip
    return found


def _copied(session: "Session", name: str) -> Builder:
    """Return what copy jobs have loaded and what they could not, and what waits to be."""
    waiting = live_table(name, session.warehouse.upkeep.jobs.waiting())

    def build(connection: Connection) -> pa.Table:
        found: pa.Table = beside(connection).execute(copied.source_sql()).to_arrow_table()
        return pa.concat_tables([_shaped(found, name), waiting])

    return build


_KEPT: dict[str, Callable[["Session", str], Builder]] = {
    **dict.fromkeys(_JOURNAL, _of_journal),
    **dict.fromkeys(_HISTORY, _of_history),
    "sys_storage": _of_storage,
    "sys_messages": _of_messages,
    "sys_copied_files": _copied,
}


def _late_columns(session: "Session") -> list[dict[str, Any]]:
    """Return the columns of late-binding views; a view whose query has become wrong has none."""
    state, facts = session.tx.state, session.visible()
    found = []
    for view in state.relations():
        schema = state.objects.get(view.schema)
        if not view.late_binding or not isinstance(schema, Schema) or schema.database != session.database.oid:
            continue
        try:
            columns = known_here(session, partial(translate, view.definition or "", facts, finish=Finish.EXACT)).columns
        except SqlError:
            continue
        found += [
            {
                "relation": view.oid, "name": column.name, "number": number, "format": str(column.type),
                "type": column.type.type.oid, "modifier": column.type.modifier,
            }
            for number, column in enumerate(columns, start=1)
            if column.type is not None
        ]
    return found


def _stale(session: "Session") -> list[dict[str, Any]]:
    views = [item for item in session.tx.state.relations() if item.materialized is not None]
    found = stale(session.warehouse, session.tx.state, views)
    summaries = session.warehouse.summaries
    return [
        {"relation": item.oid, "stale": item.oid in found, "rewrites": summaries.eligible(session, item)}
        for item in views
    ]


def _settings(session: "Session") -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "value": value,
            "description": doc,
            "context": "internal" if BY_NAME[name].read_only else "user",
            "default": BY_NAME[name].default,
        }
        for name, value, doc in session.settings.shown()
    ]


def _vacuuming(session: "Session") -> list[dict[str, Any]]:
    return session.warehouse.upkeep.shown()


def _sessions(session: "Session") -> list[dict[str, Any]]:
    warehouse = session.warehouse
    elsewhere = warehouse.fleet.presence.others if warehouse.fleet is not None else []
    return [*map(_session, warehouse.sessions.values()), *elsewhere]


def known_elsewhere(session: "Session") -> dict[str, Any]:
    """Return what the other servers of the lake show of a session: what it is from its beginning on."""
    shown = _session(session)
    names = ("pid", "user_oid", "user_name", "database", "started", "timeout_s", "application", "host", "port")
    return {name: shown[name] for name in names}


def _session(other: "Session") -> dict[str, Any]:
    host, port = address(other.arrival.peer)
    return {
        "pid": other.pid,
        "user_oid": other.user.oid,
        "user_name": other.user.name,
        "database": other.database.name,
        "started": _plain(other.started),
        "state": "active" if other.active else "idle in transaction" if other.tx.block else "idle",
        "query": other.query_text,
        "query_started": _plain(other.query_started),
        "query_id": other.query,
        "xid": other.tx.number if other.tx.running else None,
        "xact_started": _plain(other.tx.started) if other.tx.running else None,
        "timeout_s": other.user.session_timeout_s,
        "application": other.settings.get("application_name"),
        "host": host,
        "port": int(port) if port.isdigit() else None,
        "label": other.settings.get("query_group"),
        "kind": query_type(other.kind) if other.active else None,
    }


def _locks(session: "Session") -> list[dict[str, Any]]:
    names = {1: "AccessShareLock", 2: "ShareRowExclusiveLock", 3: "ShareRowExclusiveLock", 4: "AccessExclusiveLock"}
    sessions = session.warehouse.sessions
    return [
        {
            "pid": owner,
            "xid": sessions[owner].tx.number if owner in sessions else None,
            "relation": key,
            "mode": names[mode],
            "granted": granted,
        }
        for key, owner, mode, granted in session.warehouse.locks.held()
        if isinstance(key, int)
    ]


def _cursors(session: "Session") -> list[dict[str, Any]]:
    return [
        {
            "userid": other.user.oid,
            "pid": other.pid,
            "xid": other.tx.number,
            "name": cursor.name,
            "query": cursor.query,
            "declared": _plain(cursor.declared) if cursor.declared else None,
            "fetched": cursor.reader.taken,
        }
        for other in session.warehouse.sessions.values()
        for cursor in list(other.shelf.cursors.values())
    ]


def _prepared(session: "Session") -> list[dict[str, Any]]:
    return [
        {"name": item.name, "query": item.statement.text, "types": [str(kind) for kind in item.parameter_types]}
        for item in session.shelf.statements.values()
        if item.name and item.statement is not None
    ]


def _disk(session: "Session") -> list[dict[str, Any]]:
    found = shutil.disk_usage(session.warehouse.database.location.folder)
    return [{"used": found.used, "capacity": found.total}]


def _applied(session: "Session") -> list[dict[str, Any]]:
    return list(session.warehouse.applied)


def _integrations(session: "Session") -> list[dict[str, Any]]:
    return session.warehouse.replication.rows()


def _integration_tables(session: "Session") -> list[dict[str, Any]]:
    return session.warehouse.replication.table_rows()


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


_ROWS: dict[str, Callable[["Session"], list[dict[str, Any]]]] = {
    "sys_settings": _settings,
    "sys_sessions": _sessions,
    "sys_locks": _locks,
    "sys_vacuuming": _vacuuming,
    "sys_cursors": _cursors,
    "sys_prepared": _prepared,
    "sys_disk": _disk,
    "sys_applied_policies": _applied,
    "sys_integrations": _integrations,
    "sys_integration_tables": _integration_tables,
    "sys_wlm_statements": queues.statements,
    "sys_wlm_classes": queues.classes,
    "sys_wlm_conditions": queues.conditions,
    "sys_wlm_rules": queues.rules,
}
_WORKED_OUT: dict[str, Callable[["Session"], list[dict[str, Any]]]] = {
    "sys_late_columns": _late_columns,
    "sys_stale": _stale,
    "sys_transfers": transfers.rows,
}
"""Sources that take their time: they are built on the engine's thread."""
