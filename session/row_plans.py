"""Plans of INSERTs of plain values, kept by form: a text that was never seen costs no translation."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from core.errors import SqlError
from session.plans import Plan, planned
from sql.bulk import LiteralRows
from sql.facts import settled
from sql.row_forms import RowForm, row_form
from sql.statement import KINDS, Kind, Statement
from sql.translate import translate_few

if TYPE_CHECKING:
    from session.context import Work
    from session.warehouse import Cache

_NONE: Final = "none"
TEXT_MAX: Final = 4_000
"""Longer texts are not looked at: reading them here would keep others waiting."""
_READ_MOST: Final = 100
_TAG: Final = KINDS[Kind.INSERT].tag


class RowPlans:
    """The plans of all sessions."""

    def __init__(
        self, cache: "Cache[Hashable, tuple[Plan, tuple[int, ...]] | str]",
        forms: "Cache[str, tuple[RowForm, list[tuple[str, ...]]] | str]",
    ) -> None:  # fmt: skip
        """Keep what is known of forms in *cache*, and the *forms* of texts with parameters."""
        self._cache, self._forms = cache, forms
        self._read: dict[str, tuple[RowForm, list[tuple[str, ...]]]] = {}
        """What ``statement`` has read of texts whose plans are asked for next."""

    def statement(self, text: str) -> Statement | None:
        """Return the statement that *text* is, None where it is anything but one INSERT of plain values."""
        if len(text) > TEXT_MAX:
            return None
        body = text.strip()
        body = body[:-1].rstrip() if body.endswith(";") else body
        found = row_form(body)
        if found is None:
            return None
        self._keep(body, found)
        return Statement(kind=Kind.INSERT, tag=_TAG, text=body, offset=len(text) - len(text.lstrip()))

    def plan(self, work: "Work", text: str) -> tuple[Plan, LiteralRows] | None:
        """Return the plan of *text* and its rows, None where it is anything but an INSERT that ``sql.bulk`` reads."""
        found = self._read.pop(text, None) or self._form(text)
        if found is None:
            return None
        form, cells = found
        key = (form.head, form.marks, work.parameter_oids, work.session.translation_key(), work.naming)
        known = self._cache.get(key)
        if known is None:
            known = self._made(work, text, cells)
            self._cache.put(key, known)
        if isinstance(known, str):
            return None
        plan, places = known
        rows = plan.translated.rows
        columns = rows.columns if isinstance(rows, LiteralRows) else ()
        return plan, LiteralRows(columns=columns, cells=tuple([cells[place] for place in places]))

    def knows(self, work: "Work", text: str) -> bool:
        """Tell whether *text* is an INSERT without parameters whose form has a plan already."""
        found = None if "$" in text else self._form(text)
        if found is None:
            return False
        known = self._cache.get((found[0].head, found[0].marks, (), work.session.translation_key(), work.naming))
        if known is None or isinstance(known, str):
            return False
        self._keep(text, found)
        return True

    def _form(self, text: str) -> tuple[RowForm, list[tuple[str, ...]]] | None:
        if len(text) > TEXT_MAX:
            return None
        if "$" not in text:
            return row_form(text)
        # A prepared statement's text comes again and again.
        known = self._forms.get(text)
        if known is None:
            known = row_form(text) or _NONE
            self._forms.put(text, known)
        return None if isinstance(known, str) else known

    def _keep(self, text: str, found: tuple[RowForm, list[tuple[str, ...]]]) -> None:
        if len(self._read) > _READ_MOST:
            self._read.clear()
        self._read[text] = found

    def _made(self, work: "Work", text: str, cells: list[tuple[str, ...]]) -> tuple[Plan, tuple[int, ...]] | str:
        made = _made(work, text)
        places = None if made is None else _places(made, cells)
        return _NONE if made is None or places is None else (made, places)


def _made(work: "Work", text: str) -> Plan | None:
    facts = settled(work.visible, work.naming)
    try:
        found = translate_few(text, facts, parameter_oids=work.parameter_oids)
    except SqlError:
        # Whatever is wrong with it, the ordinary way says so.
        return None
    return None if found is None else planned(found)


def _places(plan: Plan, cells: list[tuple[str, ...]]) -> tuple[int, ...] | None:
    """Return which of a text's columns a plan reads: not those that are DEFAULT."""
    rows = plan.translated.rows
    kept = tuple(place for place, column in enumerate(cells) if {cell.lower() for cell in column} != {"default"})
    same = isinstance(rows, LiteralRows) and rows.cells == tuple(cells[place] for place in kept)
    return kept if same else None
