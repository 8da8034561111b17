"""What the engine is given to read a statement's external tables."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import TYPE_CHECKING

from catalog.model import Relation
from engine.cursors import Connection, Prepare
from engine.external import scan
from engine.external.formats import FileFormat, format_of
from engine.external.scan import Scan
from session.answers import Value
from session.external.shared import SharedTable, shaping
from session.external.shared import reading as reading_shared
from session.external.streams import refuse_reading
from session.external.tables import Known
from session.places import location
from session.plans import Plan
from session.rewriting import inlined, substituted
from storage.datacatalog import Partition
from storage.objects import ObjectStore

if TYPE_CHECKING:
    from session.context import Work

class Reading(Enum):
    """What is wanted of a plan's tables."""

    ROWS = "rows"
    SHAPE = "shape"
    """Their columns alone: a statement is described."""
    PLAN = "plan"
    """How they would be read: EXPLAIN."""


def prepared(work: "Work", plan: Plan, parameters: tuple[Value, ...], reading: Reading) -> Prepare | None:
    """Return what makes the engine's views of a plan's external tables."""
    if reading is Reading.ROWS:
        refuse_reading(plan.external)
    tables = [item for item in plan.external if isinstance(item, Known)]
    others = [item for item in plan.external if isinstance(item, SharedTable)]
    changed = _changed(plan) if reading is Reading.PLAN else None
    if not tables and changed is None and not others:
        return None
    query, left = inlined(plan.translated.engine_sql, parameters)
    if left or plan.past or (plan.translated.parameter_types and not parameters):
        query = ""
    target = plan.translated.target
    stored = [work.state.objects.get(oid) for oid in plan.tables - {target.oid if target is not None else 0}]
    query = _over_unknown(query, stored)
    scans = [scan_of(work, known) for known in tables]
    avro = any(known.files and format_of(known.table) is FileFormat.AVRO for known in tables)
    database, outside = work.warehouse.database, work.session.outside
    share = reading_shared(work.limits, others) if reading is Reading.ROWS else shaping(others)

    def run(connection: Connection) -> None:
        share(connection)
        if reading is not Reading.ROWS:
            _OTHERWISE[reading](connection, scans)
            if changed is not None:
                scan.outline_changeable(connection, scan_of(work, changed), changed.changed)
            return
        if avro:
            database.extend("avro")
        outside.close()
        scan.prepare(connection, scans, query or None, outside.folders, plan.translated.engine_sql)

    return run


def _over_unknown(query: str, stored: Iterable[object]) -> str:
    """Return engine SQL that reads relations of which nothing is known in place of *stored* tables."""
    return substituted(query, {
        item.engine_name: scan.opaque([(column.name, column.type.engine()) for column in item.columns])
        for item in stored if isinstance(item, Relation)
    })  # fmt: skip


def reading_of_change(work: "Work", plan: Plan, known: Known, parameters: tuple[Value, ...]) -> str | None:
    """Return the query that says which files of an Iceberg table a change can be about, None where none can say."""
    query, left = inlined(plan.translated.reads, parameters)
    others = [item for item in plan.external if not isinstance(item, Known) or item.oid != known.oid]
    if not query or left or others or plan.past or known.view in query:
        return None
    return _over_unknown(query, [work.state.objects.get(oid) for oid in plan.tables])


def _changed(plan: Plan) -> Known | None:
    """Return the Iceberg table whose rows a plan changes."""
    target = plan.translated.target
    known = target.external if target is not None else None
    return known if isinstance(known, Known) and known.changed in plan.translated.engine_sql else None


_OTHERWISE = {Reading.SHAPE: scan.describe, Reading.PLAN: scan.outline}


def scan_of(work: "Work", known: Known) -> Scan:
    """Return how the engine reads an external table."""
    return Scan(
        view=known.view,
        oid=known.oid,
        table=known.table,
        columns=tuple(known.columns()),
        keys=tuple(known.partition_keys()),
        serialized=known.serialized,
        parsed=work.settings.on("json_serialization_parse_nested_strings"),
        partitions=_partitions(work, known),
        store=stores(work, known),
    )


def _partitions(work: "Work", known: Known) -> Callable[[], Sequence[Partition]]:
    if known.partitions is not None:
        return lambda: known.partitions or ()
    catalogs, origin = work.limits.catalogs, known.origin
    return lambda: () if catalogs is None else catalogs.of(origin).partitions(origin.database, known.table.name)


def stores(work: "Work", known: Known) -> Callable[[str], ObjectStore]:
    """Return the stores that a table's files are in, with the rights of its schema's role."""
    access, role = work.limits.stores, known.origin.option("IAM_ROLE")
    made: dict[bool, ObjectStore] = {}

    def store(place: str) -> ObjectStore:
        remote = place.startswith("s3://")
        if remote not in made:
            made[remote] = access.store(location(place), role=role or None)
        return made[remote]

    return store
