"""SHOW of objects: lists from the catalog's sources, and the statements that would make a table or view."""

from dataclasses import replace
from datetime import UTC, datetime

from catalog import definitions
from catalog.model import RelationKind
from catalog.routines import RoutineKind
from catalog.shares import Doors
from catalog.system import routines
from catalog.system.listings import LIMIT, LISTINGS, Listing
from catalog.system.loads import JOB_SHAPE
from catalog.system.spec import columns as shape
from core import types
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from core.types import Column
from engine import results
from engine.external.formats import is_iceberg
from session.answers import Rows, Value
from session.context import Work
from session.external.access import require_external
from session.external.catalogs import asked
from session.external.tables import Known, known
from session.lockout import informed
from session.statements.copy_jobs import shown
from session.statements.iceberg_tables import iceberg_definition
from session.statements.identity import described
from session.statements.policies import require_manager
from session.statements.routines import find_routine
from session.statements.shares import find_datashare
from session.streams import FixedRows, Page, Reader, table
from sql.commands.show import ShowObjects, bind
from sql.statement import Fragment, Statement

_TEXT = types.of("text")
_OF_DATABASE = frozenset({
    "SCHEMAS", "TABLES OF DATABASE", "COLUMNS OF DATABASE", "GRANTS OF DATABASE", "RLS POLICIES", "MASKING POLICIES",
})  # fmt: skip
_OF_SCHEMA = frozenset({"TABLES", "PROCEDURES", "FUNCTIONS", "TEMPLATES"})
_BUILT_IN = frozenset({"pg_catalog", "information_schema", "pg_toast", "pg_internal"})
_NEVER = {"TEMPLATE": "template", "MODEL": "model"}
"""What there is none of here."""
_ROUTINES = {"PROCEDURE": RoutineKind.PROCEDURE, "FUNCTION": RoutineKind.FUNCTION}
_DEFINITIONS = {
    "TABLE": "Show Table DDL statement",
    "EXTERNAL TABLE": "Show External Table DDL statement",
    "VIEW": "Show View DDL statement",
    "PROCEDURE": "Stored Procedure Definition",
}


async def show_objects(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Rows:
    """Run one of the SHOW family."""
    command = _command(statement)
    if command.parameters:
        command = _bound(work, statement, command.parameters, parameters)
    if _outside(work, command):
        return table(_columns(command), [[await external_definition(work, command)]], tag="SHOW")
    if command.topic in _DEFINITIONS:
        return table(_columns(command), [[_definition(work, command)]], tag="SHOW")
    if command.topic == "USE":
        return table(_columns(command), [[work.session.used.name if work.session.used else ""]], tag="SHOW")
    if command.topic == "USER LOCKOUT":
        await informed(work.warehouse)
        return table(_columns(command), _lockouts(work), tag="SHOW")
    if command.topic == "IDENTITY PROVIDER":
        return table(_columns(command), described(work, command.name[0]), tag="SHOW")
    if command.topic in {"COPY JOB", "COPY JOBS"}:
        return table(_columns(command), shown(work, command.name[0] if command.name else None), tag="SHOW")
    return await _listed(work, command, _listing(command))


def _outside(work: Work, command: ShowObjects) -> bool:
    """Tell whether an external table's definition is asked for."""
    external = command.topic == "TABLE" and work.visible.external_schema(command.name) is not None
    return external or command.topic == "EXTERNAL TABLE"


async def describe_show_objects(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[Column, ...]:
    """Return the columns of one of the SHOW family."""
    return _columns(_command(statement))


def _command(statement: Statement) -> ShowObjects:
    if not isinstance(statement.command, ShowObjects):
        raise SqlError(SqlState.INTERNAL_ERROR, "SHOW without a topic")
    return statement.command


def _bound(work: Work, statement: Statement, count: int, parameters: tuple[Value, ...]) -> ShowObjects:
    """Return what a prepared SHOW is about: drivers send names, types and patterns as parameters."""
    if len(parameters) < count:
        raise SqlError(SqlState.UNDEFINED_PARAMETER, f"there is no parameter ${len(parameters) + 1}")
    values = tuple(value for value in parameters if isinstance(value, str))
    if len(values) < len(parameters):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "a parameter of SHOW must be text and not null")
    fragment = Fragment(statement.text, statement.offset)
    return bind(fragment, values, case_sensitive=work.session.settings.keeps_case)


def _columns(command: ShowObjects) -> tuple[Column, ...]:
    if command.topic in _DEFINITIONS or command.topic == "USE":
        return (Column(_DEFINITIONS.get(command.topic, "Use Database"), _TEXT),)
    shown = _SHAPES[command.topic] if command.topic in _SHAPES else _listing(command).columns
    return tuple(Column(name, kind) for name, kind in shown)


_SHAPES = dict.fromkeys(("COPY JOB", "COPY JOBS"), shape(JOB_SHAPE)) | {
    "USER LOCKOUT": shape(
        "user_name varchar(128), is_locked bool, lock_reason varchar(16), locked_at ts, last_failed_at ts,"
        "failed_login_attempts int4, locked_by int4"
    ),
    "IDENTITY PROVIDER": shape(
        "uid int4, name text, type text, instanceid text, namespc text, params text, enabled bool"
    ),
}


def _lockouts(work: Work) -> list[list[Value | datetime]]:
    """Return how every user with a password stands; raises 42501 for all but superusers."""
    if not work.principal.superuser:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "must be superuser to show locked users")
    rows: list[list[Value | datetime]] = []
    for user in sorted(work.state.users(), key=lambda user: user.name):
        known = work.warehouse.lockouts.of(user.oid)
        if not user.has_password:
            continue
        since = datetime.fromisoformat(user.locked) if user.locked else known.locked
        reason = "manual" if user.locked else "automatic" if known.locked else None
        rows.append([
            user.name, since is not None, reason, _moment(since), _moment(known.last), known.count, user.locked_by,
        ])  # fmt: skip
    return rows


def _moment(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(UTC).replace(tzinfo=None)


def _listing(command: ShowObjects) -> Listing:
    if command.topic in _NEVER:
        name = ".".join(command.name)
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'{_NEVER[command.topic]} "{name}" does not exist')
    topic = f"{command.topic} {command.object}" if command.topic == "GRANTS ON" else command.topic
    found = LISTINGS.get(topic)
    if found is None:
        raise not_supported(f"SHOW {topic}")
    return found


async def external_definition(work: Work, command: ShowObjects) -> str:
    """Return what SHOW EXTERNAL TABLE shows."""
    source = await known(work.session, lambda: work.visible.source(command.name))
    if source is None:
        raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{".".join(command.name)}" does not exist')
    found = source.external
    if not isinstance(found, Known):
        raise SqlError(SqlState.WRONG_OBJECT_TYPE, f'"{source.name}" is not an external table')
    require_external(work.state, found, work.principal, "SELECT")
    name = f"{found.schema.name}.{found.table.name}"
    if is_iceberg(found.table):
        return await iceberg_definition(work, found, name)
    if command.topic != "EXTERNAL TABLE":
        raise SqlError(
            SqlState.WRONG_OBJECT_TYPE, f'"{source.name}" is an external table', hint="Use SHOW EXTERNAL TABLE."
        )
    partitions = []
    if command.partitions:
        partitions = await asked(
            work, found.origin, lambda catalog: catalog.partitions(found.origin.database, found.table.name)
        )
    return definitions.external_table(name, found.table, partitions)


def _definition(work: Work, command: ShowObjects) -> str:
    if command.topic == "PROCEDURE":
        found = find_routine(work, command.name, command.signature, RoutineKind.PROCEDURE)
        return routines.definition(found, work.state.objects[found.schema].name)
    relation = work.find_relation(command.name)
    work.require("SELECT", relation)
    if (relation.type is RelationKind.TABLE) != (command.topic == "TABLE"):
        raise SqlError(SqlState.WRONG_OBJECT_TYPE, f'"{relation.name}" is not a {command.topic.lower()}')
    return (definitions.table if command.topic == "TABLE" else definitions.view)(relation, work.state)


async def _listed(work: Work, command: ShowObjects, listing: Listing) -> Page:
    if command.limit is not None and command.limit > LIMIT:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"LIMIT must be between 0 and {LIMIT}")
    if command.like is not None and not listing.like:
        raise SqlError(SqlState.SYNTAX_ERROR, 'syntax error at or near "LIKE"')
    parts, filters = _parts(work, command), _filters(command, listing)
    grantee = _grantee(command) if command.topic != "GRANTS FOR" else None
    if (command.like, grantee, command.limit, filters) == (None, None, None, ()):
        whole = await work.warehouse.listed.whole(work, listing, parts)
        if whole is not None:
            return Page(whole.columns, Reader(FixedRows(whole.of(parts[-1]))), tag="SHOW")
    sql = replace(listing, query=work.visible.reduced(listing.query)).sql(
        parts, like=command.like, grantee=grantee, limit=command.limit, filters=filters
    )
    stream = await work.engine.rows(sql, (), work.prepare_sources(sql))
    hints = [(name, kind, 0, 0) for name, kind in listing.columns]
    return Page(results.columns(stream.schema, hints), Reader(stream), tag="SHOW")


def _filters(command: ShowObjects, listing: Listing) -> tuple[tuple[str, str], ...]:
    known = dict(listing.filtered)
    if unknown := [name for name, _ in command.filters if name not in known]:
        raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{unknown[0]}" does not exist')
    return command.filters


def _parts(work: Work, command: ShowObjects) -> tuple[str, ...]:
    """Return the full name that a command is about; raises where there is nothing of that name."""
    topic, name = command.topic, command.name
    if topic in _OF_CLUSTER:
        return _of_cluster(work, command)
    if "POLICIES" in topic:
        require_manager(work)
    if topic in _OF_DATABASE or (topic == "GRANTS ON" and command.object == "DATABASE"):
        return (_database(work, name[0] if name else None),)
    if topic == "GRANTS FOR":
        return _database(work, command.database), _grantee(command) or ""
    if topic in _OF_SCHEMA or (topic == "GRANTS ON" and command.object == "SCHEMA"):
        return _schema(work, name)
    word = command.object if topic == "GRANTS ON" else topic.removeprefix("PARAMETERS OF ")
    if word in _ROUTINES:
        return _routine(work, command, _ROUTINES[word])
    found = work.visible.source(name)
    if found is None:
        raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{".".join(name)}" does not exist')
    return found.database, found.schema, found.name


_OF_CLUSTER = frozenset({"DATABASES", "DATASHARES", "DATASHARE", "DATABASES OF DATA CATALOG", "MODELS"})


def _of_cluster(work: Work, command: ShowObjects) -> tuple[str, ...]:
    if command.name:
        share = find_datashare(work, command.name[0])
        if command.database not in {None, work.limits.namespace}:
            raise SqlError(
                SqlState.UNDEFINED_OBJECT,
                f'Datashare "{share.name}" of namespace {command.database} does not exist',
            )
    return command.name


def _routine(work: Work, command: ShowObjects, kind: RoutineKind) -> tuple[str, ...]:
    """Return where a routine is and its name with its types."""
    found = find_routine(work, command.name, command.signature, kind)
    schema = work.state.objects[found.schema]
    database = work.state.objects.get(getattr(schema, "database", 0), work.database)
    return database.name, schema.name, f"{found.name}({routines.signature(found)})"


def _database(work: Work, name: str | None) -> str:
    if name is None:
        return work.database.name
    if work.state.database(name) is None:
        raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{name}" does not exist')
    return name


def _schema(work: Work, name: tuple[str, ...]) -> tuple[str, str]:
    if len(name) > 2:
        raise SqlError(SqlState.SYNTAX_ERROR, f"improper qualified name: {'.'.join(name)}")
    database = _database(work, name[0] if len(name) > 1 else None)
    place = work.state.database(database)
    origin = None if place is None else place.share
    if origin is not None and Doors(work.state, work.limits.account, work.limits.namespace).share(origin) is None:
        # Its datashare is gone, and SHOW SCHEMAS lists none.
        raise SqlError(SqlState.INVALID_SCHEMA_NAME, f'schema "{name[-1]}" does not exist')
    if name[-1] not in _BUILT_IN and not work.visible.doors((database, name[-1])):
        work.visible.schema((database, name[-1]))
    return database, name[-1]


def _grantee(command: ShowObjects) -> str | None:
    if command.grantee is None:
        return None
    return command.grantee.name or "public"
