"""What INSERTs of plain values become, where their rows may be taken down and put into the lake later.

Only what cannot go wrong any more then: ``sql.bulk`` has looked at the values, and a column that none is given for gets
NULL, the next number of an IDENTITY, or a DEFAULT that was tried out. That is the same each time, or depends on the
moment that the statement or transaction began at, which is taken down with the row.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from catalog.model import Relation, Schema
from core.errors import SqlError
from core.names import quote
from engine.cursors import DuckDbEngine
from session.functions import is_fleeting, needs
from session.plans import Plan
from sql.bulk import GIVEN, LiteralRows
from sql.facts import Source, SourceColumn, SourceKind
from storage.small_writes import Form

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_MOST: Final = 1_000
_FOREIGN: Final = "super"
"""The type that is not taken: the lake has JSON otherwise."""
_ZONED: Final = "timestamptz"
"""The type whose values are read in the session's time zone."""
MOMENTS: Final = {"statement_timestamp": "rs_statement_began", "transaction_timestamp": "rs_transaction_began"}
"""Engine variables that may be taken down, and the columns for them."""
_SOME_MOMENT: Final = "CAST('2000-01-01 00:00:00' AS VARCHAR)"
DRAWN: Final = "rs_drawn"
"""The column of numbers for an IDENTITY."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the rows of one kind of INSERT become."""

    form: Form
    identity: tuple[int, int] | None
    """(seed, step) of the IDENTITY that they get numbers of."""
    moments: tuple[str, ...] = ()
    """The engine variables that are taken down with them."""
    zoned: bool = False
    """Whether they depend on the time zone of the session: it must be the lake's own, UTC."""


class Recipes:
    """Those of all sessions, as long as the catalog stays as it is."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look into *warehouse*'s catalog."""
        self._warehouse = warehouse
        self._known: dict[str, Recipe | None] = {}
        self._version = -1

    async def of(self, plan: Plan) -> Recipe | None:
        """Return what the rows of *plan* become, None where it must be run as it is."""
        sql, version = plan.translated.engine_sql, self._warehouse.store.state.version
        if version != self._version or len(self._known) > _MOST:
            self._known, self._version = {}, version
        known = self._known
        if sql not in known:
            recipe = self._made(plan)
            known[sql] = recipe if recipe is not None and await self._works(plan, recipe) else None
        return known[sql]

    def _made(self, plan: Plan) -> Recipe | None:
        translated = plan.translated
        target, rows = translated.target, translated.rows
        if target is None or not isinstance(rows, LiteralRows) or not _is_plain(plan, target):
            return None
        if not all(_is_taken(column, rows) for column in target.columns):
            return None
        state = self._warehouse.store.state
        relation = state.objects.get(target.oid)
        schema = state.objects.get(relation.schema) if isinstance(relation, Relation) else None
        if not isinstance(relation, Relation) or not isinstance(schema, Schema) or relation.temporary:
            return None
        names = tuple(column.engine_name for column in target.columns)
        head = f"INSERT INTO {target.engine_name} ({', '.join(quote(name) for name in names)}) SELECT "
        tail = f" FROM {GIVEN} AS given"
        identity, sql = _drawing(target, translated.engine_sql)
        moments, sql = _moments(plan, sql)
        if is_fleeting(sql) or needs(sql)[0] or not sql.startswith(head) or not sql.endswith(tail):
            return None
        types = tuple(column.type.engine() for column in target.columns)
        place = (schema.engine_name, relation.engine_table)
        zoned = bool(moments) or any(column.type.type.name == _ZONED for column in target.columns)
        return Recipe(Form(place, names, types, sql[len(head) : -len(tail)]), identity, moments, zoned)

    async def _works(self, plan: Plan, recipe: Recipe) -> bool:
        """Tell whether what stands for the columns that nothing is given for is right."""
        target, rows = plan.translated.target, plan.translated.rows
        if target is None or not isinstance(rows, LiteralRows):
            return False
        filled = [column.identity is None and column not in rows.columns for column in target.columns]
        if not any(column.default and due for column, due in zip(target.columns, filled, strict=True)):
            return True
        nothing = ", ".join([
            *(f"NULL AS {quote(name)}" for name in [DRAWN, *recipe.form.names]),
            *(f"{_SOME_MOMENT} AS {quote(name)}" for name in MOMENTS.values()),
        ])  # fmt: skip
        engine: DuckDbEngine = self._warehouse.connect()
        try:
            [found] = await engine.fetch(f"SELECT {recipe.form.values} FROM (SELECT {nothing}) AS given")
        except SqlError:
            return False
        finally:
            engine.close()
        columns = zip(target.columns, filled, found, strict=True)
        return not any(due and column.not_null and value is None for column, due, value in columns)


def _drawing(target: Source, sql: str) -> tuple[tuple[int, int] | None, str]:
    """Return the IDENTITY that engine SQL draws numbers of, and the SQL with numbers that are given."""
    found = next((column.identity for column in target.columns if column.identity is not None), None)
    if found is None:
        return None, sql
    drawn = f"getvariable('identity_{target.oid}') + {found[1]} * (row_number() OVER () - 1)"
    return found, sql.replace(drawn, f"given.{quote(DRAWN)}")


def _moments(plan: Plan, sql: str) -> tuple[tuple[str, ...], str]:
    """Return the moments that engine SQL reads, and the SQL with moments that are given."""
    found = tuple(name for name in plan.variables if name in MOMENTS)
    for name in found:
        given = f"given.{quote(MOMENTS[name])}"
        sql = sql.replace(f"rs_instant(getvariable('{name}'))", f"timezone('UTC', CAST({given} AS TIMESTAMP))")
    return found, sql


def _is_plain(plan: Plan, target: Source) -> bool:
    """Tell whether a plan needs nothing but its values and a table to put them into."""
    translated = plan.translated
    special = (
        plan.sources, plan.external, translated.externals, translated.calls, translated.guarded, translated.spatial,
        translated.effects,
    )  # fmt: skip
    return target.kind is SourceKind.TABLE and not any(special)


def _is_taken(column: SourceColumn, rows: LiteralRows) -> bool:
    """Tell whether what a column gets can be right, or be tried out."""
    if column.type.type.name == _FOREIGN:
        return False
    if column in rows.columns:
        return column.identity is None
    return bool(column.identity or column.default) or not column.not_null
