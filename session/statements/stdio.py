"""COPY FROM STDIN and COPY TO STDOUT: PostgreSQL's way of moving rows over the connection itself."""

from collections.abc import AsyncIterator

import pyarrow as pa

from catalog.model import Relation, TableColumn
from core.errors import SqlError
from core.names import quote
from core.sqlstate import SqlState
from core.types import Column
from engine.constants import constant
from engine.load.batches import BatchLoad, loadable
from engine.load.plan import CopyPlan, Format, Layout, Loaded
from engine.load.stdin import StdinLoad
from session.answers import CopyForm, Done
from session.context import Work
from session.functions import needs
from session.locks import Mode
from session.settings import AS_WRITTEN
from session.sharing import refuse_replica
from session.statements.copy import count_identities, filled, load_column
from session.statements.query import rows
from session.streams import Page
from sql.commands.copy import CopyFormat, CopyFromStdin, CopyToStdout


class StdinCopy:
    """The answer ``session.answers.CopyIn``."""

    def __init__(
        self, work: Work, relation: Relation, chosen: list[TableColumn], form: CopyFormat, *, fresh: bool
    ) -> None:
        """Load into the columns *chosen* of *relation*; *fresh* as ``engine.load.copy`` has it.

        What the client sends in binary format is written here as lines of the text format.
        """
        plan = _plan(work, relation, chosen, form)
        self.binary = form.format == "binary"
        self.columns = tuple(Column(column.name, column.type, relation.oid) for column in plan.columns)
        self._work = work
        self._relation = relation
        self._chosen = chosen
        self._plan = plan
        self._fresh = fresh
        self._load: StdinLoad | BatchLoad = StdinLoad(plan)

    def columnar(self, schema: pa.Schema) -> BatchLoad | None:
        """Return what takes batches of *schema* instead of bytes, None where their values must be read as text."""
        if not loadable(schema, self._plan.columns):
            return None
        self._load.close()
        self._load = batches = BatchLoad(self._plan, schema)
        return batches

    async def write(self, data: bytes) -> None:
        """Take a piece of the stream: appended to a file, no more is held."""
        assert isinstance(self._load, StdinLoad)  # noqa: S101 - bytes or batches, not both
        self._load.write(data)

    async def finish(self) -> Done:
        """Load what was written."""
        work, connection = self._work, self._work.engine.connection
        reads = needs(" ".join(filler.sql for filler in self._plan.fillers))[0]
        variables = work.session.variables.fresh(work.session, reads)

        def run() -> Loaded:
            for name, value in variables:
                connection.execute(f"SET VARIABLE {name} = {constant(value)}")
            return self._load.load(connection, fresh=self._fresh)

        await work.session.admission.loading()
        loaded = await work.engine.work(run)
        count_identities(work, self._relation, self._chosen, loaded.rows)
        return Done(f"COPY {loaded.rows}")

    async def fail(self, reason: str) -> None:
        """Give up."""
        self._load.close()


class StdoutCopy:
    """The answer ``session.answers.CopyOut``."""

    def __init__(self, page: Page, form: CopyForm) -> None:
        """Write the rows of *page*."""
        self.columns = page.columns
        self.form = form
        self._page = page

    def copied(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rows."""
        return self._page.batches()

    @property
    def tag(self) -> str:
        """The command tag with its row count."""
        return f"COPY {self._page.rows}"


async def copy_stdin(work: Work, command: CopyFromStdin) -> StdinCopy:
    """COPY table FROM STDIN."""
    relation = work.find_table(command.table)
    chosen = _chosen(relation, command.columns)
    work.require("INSERT", relation, frozenset(column.name for column in chosen))
    fresh = work.tx.single
    refuse_replica(work, relation.schema)
    relation = await work.lock(relation, Mode.SHARE_ROW_EXCLUSIVE)
    return StdinCopy(work, relation, chosen, command.format, fresh=fresh)


async def copy_stdout(work: Work, command: CopyToStdout) -> StdoutCopy:
    """COPY table TO STDOUT, COPY (query) TO STDOUT."""
    if command.query is not None:
        page = await rows(work, command.query.text, command.query.offset)
    else:
        relation = work.find_relation(command.table or ())
        names = ", ".join(quote(name) for name in command.columns or [column.name for column in relation.columns])
        source = ".".join(quote(part) for part in command.table or ())
        written = Work(work.session, work.environment, naming=AS_WRITTEN)
        page = await rows(written, f"SELECT {names} FROM {source}", 0)
    form = command.format
    forced = form.force_quote or ()
    every = frozenset(column.name for column in page.columns) if "*" in forced else frozenset(forced)
    return StdoutCopy(
        page,
        CopyForm(
            format=form.format,
            delimiter=form.delimiter,
            null=form.null,
            header=form.header,
            quote=form.quote,
            escape=form.escape,
            force_quote=every,
        ),
    )


def _chosen(relation: Relation, names: tuple[str, ...]) -> list[TableColumn]:
    if not names:
        return [column for column in relation.columns if column.identity is None or column.identity.by_default]
    found = []
    for name in names:
        column = relation.column(name)
        if column is None:
            raise SqlError(
                SqlState.UNDEFINED_COLUMN, f'column "{name}" of relation "{relation.name}" does not exist'
            )
        found.append(column)
    return found


def _plan(work: Work, relation: Relation, chosen: list[TableColumn], form: CopyFormat) -> CopyPlan:
    csv = form.format == "csv"
    return CopyPlan(
        table=relation.name,
        engine_name=relation.engine_name,
        columns=tuple(load_column(column) for column in chosen),
        fillers=filled(work, relation, frozenset(column.name for column in chosen)),
        layout=Layout(
            format=Format.CSV if csv else Format.STREAM,
            delimiter=form.delimiter or ("," if csv else "\t"),
            quote=form.quote or '"',
            null_as=form.null if form.null is not None else ("" if csv else "\\N"),
            ignore_header=int(form.header),
        ),
    )
