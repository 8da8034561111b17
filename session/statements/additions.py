"""INSERT of few plain values: its rows are taken down, to be logged at the commit.

What cannot be taken so (``session.small_writes``), or is wrong, is left to the ordinary way.
"""

from dataclasses import dataclass

from session.answers import Value
from session.context import Work
from session.logged_rows import Addition
from session.plans import Plan
from session.recipes import DRAWN, MOMENTS, Recipe
from session.sharing import written
from session.small_writes import ROWS_MAX
from session.variables import variable_of
from sql.bulk import LiteralRows


async def taken(work: Work, text: str, parameters: tuple[Value, ...]) -> int | None:
    """Take down the rows of the INSERT *text*; return how many they are, None where it must be run."""
    if not work.warehouse.small_writes.takes(work):
        return None
    taking = _Taking(work, text, parameters)
    await taking.look()
    if taking.rows is None:
        return None
    plan = await work.allowed(taking.plan, taking.lock)
    rows = taking.rows
    if rows is None:
        return None
    await work.session.admission.admitted(plan)
    addition = rows.numbered(work)
    if addition is None:
        return None
    work.engine.profile = ""
    work.tx.taken.add(addition)
    return addition.rows


class _Taking:
    """An INSERT whose rows are being taken down."""

    def __init__(self, work: Work, text: str, parameters: tuple[Value, ...]) -> None:
        self._work, self._text, self._parameters = work, text, parameters
        self._found = work.warehouse.rows.plan(work, text)
        self._seen: Plan | None = None
        """The plan that ``rows`` are of."""
        self.rows: _Rows | None = None

    async def look(self) -> None:
        """See what it gives, None where it must be run."""
        self.rows = None
        if self._found is not None:
            self._seen = self._found[0]
            self.rows = await _rows(self._work, *self._found, self._parameters)

    def plan(self) -> Plan:
        """Return its plan."""
        if self._found is None or self._found[0] is not self._seen:
            # Something has changed that plans depend on.
            self._found = self._work.warehouse.rows.plan(self._work, self._text)
        found, self._seen = self._found, None
        return self._work.plan(self._text) if found is None else found[0]

    async def lock(self, plan: Plan) -> None:
        """Take the locks of *plan*."""
        if self.rows is None or self.rows.plan is not plan:
            await self.look()
        if self.rows is None:
            await self._work.locked(plan)
        else:
            await self._work.tx.adding(written(self._work, self.rows.table))


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a statement gives."""

    plan: Plan
    table: int
    recipe: Recipe
    given: list[tuple[str, str, list[object]]]
    count: int

    def numbered(self, work: Work) -> Addition | None:
        """Return the rows with the numbers that an IDENTITY gives them; None where more must be set aside first."""
        given, identity = self.given, self.recipe.identity
        if identity is not None:
            first = work.warehouse.identities.draw(self.table, identity, self.count)
            if first is None:
                return None
            numbers: list[object] = [first + identity[1] * place for place in range(self.count)]
            given = [*given, (DRAWN, "int", numbers)]
        for name in self.recipe.moments:
            given = [*given, (MOMENTS[name], "text", [variable_of(work.session, name)] * self.count)]
        return Addition(self.table, self.recipe.form, given, self.count)


async def _rows(work: Work, plan: Plan, rows: LiteralRows, parameters: tuple[Value, ...]) -> _Rows | None:
    target = plan.translated.target
    recipe = await work.warehouse.small_writes.recipes.of(plan)
    if target is None or recipe is None or (recipe.zoned and work.settings.get("timezone") != "UTC"):
        return None
    count = len(rows.cells[0])
    if count > ROWS_MAX or len(parameters) < len(plan.translated.parameter_types):
        return None
    found = rows.values(work.bound(plan, parameters))
    given = [(name, kind, values) for name, kind, values in found or () if isinstance(values, list)]
    return _Rows(plan, target.oid, recipe, given, count) if given else None
