"""Plans by the shape of a text: what a text that was never seen becomes, from one that differs in its numbers."""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final

from core.errors import SqlError
from sql.shapes import Gapped, Shape, shape, template
from sql.translate import Translated

if TYPE_CHECKING:
    from session.plans import Plan
    from session.warehouse import Cache

_TEXT_MAX: Final = 2_000
"""Longer texts are not looked at: they are seldom sent again with another number."""
_SEEN: Final = "seen"
_NONE: Final = "none"
"""What is known of a shape that has no template."""


class Templates:
    """The templates of all sessions."""

    def __init__(self, cache: "Cache[Hashable, Plan | str]") -> None:
        """Keep what is known of shapes in *cache*."""
        self._cache = cache

    def plan(
        self, text: str, rest: Hashable, translate: Callable[[str], Translated] | None,
        planned: Callable[[Translated, Gapped], "Plan"],
    ) -> "Plan | None":  # fmt: skip
        """Return the plan of *text* where its shape was seen before; *rest* is what else it depends on.

        The second text of a shape is worth finding out whether there is a template, unless *translate* is None.
        """
        found = shape(text) if len(text) <= _TEXT_MAX else None
        if found is None:
            return None
        key = (found.pieces, rest)
        known = self._cache.get(key)
        if known is None:
            if translate is not None:
                self._cache.put(key, _SEEN)
            return None
        if isinstance(known, str):
            if known != _SEEN or translate is None:
                return None
            known = _made(found, translate, planned)
            self._cache.put(key, known)
        return None if isinstance(known, str) else known.filled(found.numbers)


def _made(
    found: Shape, translate: Callable[[str], Translated], planned: Callable[[Translated, Gapped], "Plan"]
) -> "Plan | str":
    try:
        made = template(found, translate)
    except SqlError:
        # Made-up numbers may be wrong where the real ones are not.
        made = None
    return _NONE if made is None else planned(made.filled(found.numbers), made.sql)
