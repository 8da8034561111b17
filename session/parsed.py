"""What texts of the simple protocol were read as: those that come again, and those that differ in numbers only."""

from typing import TYPE_CHECKING, Any, Final

from core.errors import Diagnosis
from session.aside import read
from session.names import names_cut
from sql.parse import parse_statement, split
from sql.shapes import shape
from sql.statement import Statement

if TYPE_CHECKING:
    from session.warehouse import Cache

_KEPT: Final = 1_000
"""Characters of a text that is worth keeping as it was read."""


class Parsed:
    """The texts of all sessions."""

    def __init__(self, cache: "Cache[tuple[object, bool], Any]") -> None:
        """Keep statements in *cache*: by texts, and by texts without their numbers."""
        self._cache = cache

    def known(self, text: str, *, keep: bool) -> list[Statement] | None:
        """Return the statements of *text*, None where it must be read; *keep* says whether quoted names keep case."""
        found: list[Statement] | None = self._cache.get((text, keep))
        return found

    async def read(self, text: str, *, keep: bool) -> tuple[list[Statement], list[Diagnosis]]:
        """Return the statements of *text*, all of them, and what is to be told of them; raises 42601."""
        form = shape(text) if len(text) <= _KEPT else None
        like: tuple[Statement, int] | None = self._cache.get((form.pieces, keep)) if form is not None else None
        if like is not None:
            known, behind = like
            own = text[known.offset : len(text) - behind]
            return [Statement(kind=known.kind, tag=known.tag, text=own, offset=known.offset)], []
        statements, cut = await read(text, lambda text: _read(text, keep))
        if cut or len(text) > _KEPT or any(statement.command is not None for statement in statements):
            return statements, cut
        self._cache.put((text, keep), statements)
        if form is not None and len(statements) == 1:
            one = statements[0]
            behind = len(text) - one.offset - len(one.text)
            # What stands round it has no numbers.
            if one.offset <= len(form.pieces[0]) and behind <= len(form.pieces[-1]):
                self._cache.put((form.pieces, keep), (one, behind))
        return statements, cut


def _read(text: str, keep: bool) -> tuple[list[Statement], list[Diagnosis]]:
    return [parse_statement(fragment, case_sensitive=keep) for fragment in split(text)], names_cut(text)
