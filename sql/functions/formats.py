"""Placeholder."""

from typing import Final

from sql.functions.spec import Function

TABLE: Final[tuple[Function, ...]] = ()
