"""HANDOVER: what another server is told and handed of a datashare that is shared with its namespace.

A conversation between servers, for the users that the configuration admits for a namespace. The argument is a JSON
object: the ``share``, ``objects`` ([schema, name]) and whether their rows are to be read (``read``); without objects
it is answered with a list of those that there are. What is handed over is of one snapshot.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from catalog.model import CatalogState, Database, Relation, RelationKind, Schema
from catalog.shares import Datashare, Door, Doors, ShareOrigin, datashare, shared_relations
from core import types
from core.errors import SqlError
from core.names import quote
from core.sqlstate import SqlState
from core.types import Column
from engine.cursors import Connection
from session.answers import Answer, Value
from session.context import Work
from session.external.tables import Lookup, known
from session.plans import Plan, planned
from session.sharing import refuse_guarded
from session.streams import table
from session.visible import Viewer, Visible
from sql.commands.shares import Handover
from sql.finish import Finish
from sql.statement import Statement
from sql.translate import translate
from storage import shared_rows

_ANSWER: Final = (Column("handover", types.of("text")),)
_LARGE: Final = 100_000
"""Rows from which a table is put in order first, so that its files can be named, and not copied."""


async def hand_over(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Answer:
    """Carry out HANDOVER."""
    command = statement.command
    asked = _request(command.request) if isinstance(command, Handover) else {}
    share, namespace = _share(work, asked)
    if asked.get("objects") is None:
        listed = [[door.name[1], item.name, str(item.type.value)] for door, item in _listed(work.state, share)]
        return _answered({"objects": listed})
    visible = _visible(work, share, namespace)
    items = [await _described(work, visible, share, tuple(name)) for name in asked["objects"]]
    if asked.get("read"):
        await _read(work, visible, items)
    return _answered({"objects": [item and item[0] for item in items]})


def _request(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    objects = found.get("objects") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(objects, list | None):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "this is no request of a server")
    return found


def _answered(found: Any) -> Answer:
    return table(_ANSWER, [[json.dumps(found)]], tag="HANDOVER")


def _share(work: Work, asked: Any) -> tuple[Datashare, str]:
    """Return the datashare that is asked about and the namespace that asks; raises 42501."""
    namespace = work.limits.peers.namespace_of(work.session.session_user.name)
    name = str(asked.get("share", ""))
    share = datashare(work.state, name)
    if namespace is None or share is None or not share.serves("", namespace):
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f'datashare "{name}" is not accessible')
    return share, namespace


def _doors(state: CatalogState, share: Datashare) -> list[Door]:
    source = state.objects.get(share.source)
    schemas = [state.objects.get(place.schema) for place in share.schemas]
    return [
        Door(via=source, name=(share.name, item.name), database=source, schema=item, share=share)
        for item in schemas if isinstance(item, Schema) and isinstance(source, Database)
    ]  # fmt: skip


def _listed(state: CatalogState, share: Datashare) -> list[tuple[Door, Relation]]:
    return [(door, item) for door in _doors(state, share) for item in shared_relations(state, door)]


def _visible(work: Work, share: Datashare, namespace: str) -> Visible:
    """Return the catalog as it is seen from a database made of the datashare."""
    origin = ShareOrigin(name=share.name, namespace=namespace)
    database = Database(oid=-1, name=share.name, owner=work.principal.oid, share=origin)
    lookup = Lookup(work.state, work.settings, work.limits, work.session.outside)
    lookup.doors = Doors(work.state, "", namespace)
    viewer = Viewer(who=work.principal, settings=work.settings, languages=work.limits.languages, external=lookup)
    return Visible(work.state, database, (), viewer)


async def _described(
    work: Work, visible: Visible, share: Datashare, name: tuple[str, ...]
) -> tuple[dict[str, Any], Relation] | None:
    """Return what is said of an object, None where there is none."""
    for door, relation in _listed(work.state, share):
        if (door.name[1], relation.name) == name:
            refuse_guarded(door, relation)
            columns = [[item.name, item.type.type.name, item.type.modifier] for item in relation.columns]
            return {"oid": relation.oid, "schema": name[0], "name": relation.name, "columns": columns}, relation
    return None


async def _read(work: Work, visible: Visible, items: list[tuple[dict[str, Any], Relation] | None]) -> None:
    """Add to what is said of objects where their rows are, all of one snapshot."""
    found = [item for item in items if item is not None]
    for _, relation in found:
        await _flushed(work, relation)
    plans = [await _plan(work, visible, facts) for facts, _ in found]
    work.tx.held = True
    await work.tx.reading(frozenset(oid for plan in plans for oid in plan.tables))
    for (facts, relation), plan in zip(found, plans, strict=True):
        facts.update(await work.engine.work(partial(_handed, work, facts, relation, plan, work.prepare(plan))))


async def _plan(work: Work, visible: Visible, facts: dict[str, Any]) -> Plan:
    listed = ", ".join(quote(name) for name, _, _ in facts["columns"])
    text = f"SELECT {listed} FROM {quote(facts['schema'])}.{quote(facts['name'])}"
    plan = await known(work.session, lambda: planned(translate(text, visible, finish=Finish.EXACT)))
    work.authorize(plan.translated.uses)
    work.authorize_calls(plan.translated.calls)
    return plan


async def _flushed(work: Work, relation: Relation) -> None:
    """Move what a large table has in the catalog into files."""
    if relation.type is RelationKind.TABLE and not work.warehouse.database.location.encrypted:
        count = await work.engine.work(partial(_counted, work, relation))
        if count > _LARGE:
            await work.warehouse.upkeep.flush(relation.oid)


def _counted(work: Work, relation: Relation) -> int:
    found = work.engine.connection.execute(f"SELECT count(*) FROM {relation.engine_name}").fetchone()
    return int(found[0]) if found else 0


def _handed(
    work: Work, facts: dict[str, Any], relation: Relation, plan: Plan, prepare: Callable[[Connection], None] | None
) -> dict[str, Any]:
    connection, database = work.engine.connection, work.warehouse.database
    schema = work.state.objects.get(relation.schema)
    if relation.type is RelationKind.TABLE and isinstance(schema, Schema):
        files = shared_rows.files(connection, database, schema.engine_name, relation.engine_table)
        if files is not None:
            engine = {column.name: column.stored_as or column.name for column in relation.columns}
            files["fields"] = {name: files["fields"][engine[name]] for name, _, _ in facts["columns"]}
            return files
    if prepare is not None:
        prepare(connection)
    return shared_rows.exported(
        connection, database, plan.translated.engine_sql, int(work.warehouse.clock.now().timestamp())
    )


async def describe_handover(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[Column, ...]:
    """Return the columns of HANDOVER."""
    return _ANSWER

