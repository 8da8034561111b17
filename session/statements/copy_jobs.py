"""COPY JOB: what a job may be, who may make, change and drop one, and running it.

Redshift, "COPY JOB". A run is a COPY of the files that the job does not know yet; that it knows them now is written in
the same transaction as their rows (``storage.copied``). ``session.copying`` runs those that run by themselves.
"""

from dataclasses import replace
from typing import Final

from auth.authorize import allowed
from catalog import iam_roles, scopes
from catalog.copy_jobs import CopyJob, copy_job, copy_jobs
from catalog.model import Database, Schema
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from engine.cursors import Connection, DuckDbEngine
from engine.load.source import existing
from session.answers import Value
from session.context import Work
from session.locks import Mode
from session.places import location, open_store
from session.statements.copy import copy
from session.statements.iam_roles import require_role
from sql.commands.copy import Copy
from sql.commands.copy_jobs import AlterCopyJob, CreateCopyJob, DropCopyJob, RunCopyJob
from sql.parse import parse_statement
from sql.statement import Fragment
from storage import copied
from storage.objects import StoredObject

_REFUSED: Final = ("maxerror", "ignoreallerrors", "manifest", "noload", "encrypted")


class Intake:
    """The files that one run of a job takes in."""

    def __init__(self, work: Work, job: CopyJob, wanted: list[StoredObject] | None = None) -> None:
        """Take *wanted*, or all that are new, those too that have failed before; never one that was loaded."""
        self.job = job
        self._wanted = None if wanted is None else {item.location for item in wanted}
        self._now = work.warehouse.clock.now()

    def chosen(self, connection: Connection, objects: list[StoredObject]) -> list[StoredObject]:
        """Return those of the prefix's *objects* that this run loads."""
        found = copied.known(connection, self.job.oid).new(objects, again=True)
        return found if self._wanted is None else [item for item in found if item.location in self._wanted]

    def loaded(self, connection: Connection, objects: list[StoredObject]) -> None:
        """Write down, in the transaction that loaded them, that *objects* are."""
        copied.note(connection, self.job.oid, objects, copied.LOADED, self._now)


async def create_copy_job(work: Work, engine: DuckDbEngine, command: CreateCopyJob) -> str:
    """COPY … JOB CREATE: what lies under the prefix now is not the job's to load."""
    load = command.copy
    _check(command)
    relation = work.find_table(load.table)
    work.require("INSERT", relation)
    _require(work, "CREATE")
    require_role(work, load.credentials, "COPY")
    await work.tx.writing(frozenset())
    await work.tx.lock(("copy job", work.database.oid, command.name), Mode.ACCESS_EXCLUSIVE)
    if copy_job(work.state, work.database.oid, command.name) is not None:
        raise SqlError(SqlState.DUPLICATE_OBJECT, f'copy job "{command.name}" already exists')
    schema = work.state.objects[relation.schema]
    if relation.temporary or not isinstance(schema, Schema) or schema.database != work.database.oid:
        raise not_supported("a copy job for a temporary table or another database's")
    job = CopyJob(
        oid=work.next_oid(),
        database=work.database.oid,
        name=command.name,
        owner=work.principal.oid,
        table=(schema.name, relation.name),
        text=command.text,
        exact=work.session.settings.keeps_case,
        iam_role=iam_roles.chain(load.credentials.iam_roles) if load.credentials.iam_roles else "",
        auto=command.auto,
    )
    now, connection = work.warehouse.clock.now(), engine.connection

    def run() -> None:
        there = existing(open_store(work, load.source, load.credentials, load.options), location(load.source))
        copied.note(connection, job.oid, there, copied.THERE_BEFORE, now)

    await engine.work(run)
    work.change(job)
    return "COPY JOB CREATE"


async def alter_copy_job(work: Work, command: AlterCopyJob) -> str:
    """COPY JOB ALTER."""
    job = await _locked(work, command.name, "ALTER")
    if command.auto is not None:
        work.change(replace(job, auto=command.auto))
    return "COPY JOB ALTER"


async def drop_copy_job(work: Work, command: DropCopyJob) -> str:
    """COPY JOB DROP: rows that it has loaded stay."""
    job = await _locked(work, command.name, "DROP")
    work.change(drops=(job.oid,))
    return "COPY JOB DROP"


async def run_copy_job(work: Work, engine: DuckDbEngine, command: RunCopyJob) -> str:
    """COPY JOB RUN, as the user who says it."""
    job = _known(work, command.name)
    if not work.principal.superuser and work.principal.oid != job.owner:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f'must be owner of copy job "{job.name}"')
    await run_job(work, engine, job)
    return "COPY JOB RUN"


async def run_job(
    work: Work, engine: DuckDbEngine, job: CopyJob, wanted: list[StoredObject] | None = None
) -> None:
    """Load what *job* has not loaded, or those of *wanted* that it has not."""
    await work.tx.lock(_key(job), Mode.ACCESS_EXCLUSIVE)
    await copy(work, engine, stored(job), Intake(work, job, wanted))


def stored(job: CopyJob) -> Copy:
    """Return the COPY that a job keeps."""
    command = parse_statement(Fragment(job.text), case_sensitive=job.exact).command
    if not isinstance(command, Copy):
        message = "a copy job keeps something else than a COPY"
        raise TypeError(message)
    return replace(command, table=job.table)


def shown(work: Work, name: str | None) -> list[list[Value]]:
    """Return the rows of COPY JOB LIST, or of COPY JOB SHOW *name*: one's own; superusers see all."""
    user = work.principal
    jobs = copy_jobs(work.state, work.database.oid) if name is None else [_known(work, name)]
    mine = [job for job in jobs if user.superuser or job.owner == user.oid]
    if name is not None and not mine:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f'must be owner of copy job "{name}"')
    return [
        [job.oid, job.name, job.iam_role, job.text, int(job.auto), 0] for job in sorted(mine, key=lambda job: job.name)
    ]


def _check(command: CreateCopyJob) -> None:
    load, options = command.copy, command.copy.options
    for name in _REFUSED:
        if name in options:
            raise not_supported(f"{name.upper()} in a copy job")
    if "-" in command.name:
        raise SqlError(SqlState.INVALID_NAME, f'copy job name "{command.name}" must not contain a hyphen')
    if load.credentials.access_key_id is not None:
        raise not_supported("a copy job with access keys", hint="Use IAM_ROLE.")
    roles = load.credentials.iam_roles
    if load.source.startswith("s3://") and (not roles or iam_roles.chain(roles) == iam_roles.DEFAULT):
        raise not_supported("a copy job without an IAM role of its own", hint="Name the role's ARN in IAM_ROLE.")
    if load.source.startswith("dynamodb://"):
        raise not_supported("a copy job of a DynamoDB table")


def _key(job: CopyJob) -> tuple[str, int]:
    return "copy job", job.oid


async def _locked(work: Work, name: str, privilege: str) -> CopyJob:
    _require(work, privilege, _known(work, name))
    await work.tx.lock(_key(_known(work, name)), Mode.ACCESS_EXCLUSIVE)
    await work.tx.writing(frozenset())
    return _known(work, name)


def _known(work: Work, name: str) -> CopyJob:
    found = copy_job(work.state, work.database.oid, name)
    if found is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'copy job "{name}" does not exist')
    return found


def _require(work: Work, privilege: str, job: CopyJob | None = None) -> None:
    """Raise 42501 unless the user has a permission for copy jobs in the database, or owns the job."""
    database: Database = work.database
    held = scopes.scoped(work.state, database.oid, scopes.COPY_JOBS)
    owner = job.owner if job is not None else 0
    if not allowed(work.principal, privilege, owner, held.acl if held is not None else ()):
        raise SqlError(
            SqlState.INSUFFICIENT_PRIVILEGE,
            f"permission denied: {privilege} for copy jobs in database {database.name}",
        )
