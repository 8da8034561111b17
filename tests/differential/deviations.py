"""Where Redshift is documented to answer otherwise than PostgreSQL: what explains a difference.

A row whose words stand in the statement explains a difference of its kinds: the rows' values, a column's type,
the SQLSTATE. Everything else that differs is a fault of this server.
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One known difference."""

    name: str
    pattern: str
    """What a statement must have for the row to apply, a regular expression without regard to case."""
    kinds: frozenset[str]
    """``value``, ``type``, ``state``."""
    reason: str
    """Redshift's page, and what it says."""

    def explains(self, kind: str, statement: str) -> bool:
        """Tell whether a difference of *kind* in *statement* is this one."""
        return kind in self.kinds and re.search(self.pattern, statement, re.IGNORECASE | re.DOTALL) is not None


def _row(name: str, pattern: str, kinds: str, reason: str) -> Deviation:
    return Deviation(name=name, pattern=pattern, kinds=frozenset(kinds.split()), reason=reason)


DEVIATIONS: Final = (
    _row("ntile", r"\bntile\(", "type", "r_WF_NTILE: the return type is BIGINT"),
    _row("sum of REAL", r"\bsum\(", "type", "r_SUM: floats give DOUBLE PRECISION"),
    _row("floor of REAL", r"\b(floor|ceil)\(|sum\(", "type", "r_FLOOR, r_CEILING_FLOOR: the argument's type"),
    _row("sum of BIGINT", r"\bsum\(", "type", "r_SUM: whole numbers give BIGINT"),
    _row("avg of whole numbers", r"\bavg\(", "type value", "r_AVG: whole numbers give BIGINT, cut off"),
    _row("number as boolean", r"as boolean\)", "state", "c_Supported_data_types: whole numbers convert to BOOLEAN"),
    _row("number with string", r"'(alpha|a)'|substring", "state", "c_Supported_data_types: numbers are compared as strings"),
    _row("order of evaluation", r"2147483647|1000\)|32767", "state", "which operand is computed first, or not at all, is left open"),
    _row("sums of quotients", r"(sum|avg)\(.*/", "value", "r_numeric_computations201: each quotient is cut at its scale"),
    _row("halves", r"round\(", "value", "r_ROUND: DOUBLE PRECISION too is rounded away from zero in the middle"),
    _row("boolean constant", r"(order|group) by (true|false)", "state", "PostgreSQL 8: TRUE is no constant of the grammar"),
    _row("literal of unknown type", r"first_value\('|last_value\('|lead\('|lag\('", "state", "PostgreSQL 8 keeps a literal unknown"),
    _row("subquery in an outer join", r"left join .* on .*select", "state", "docs/compatibility.md, known gaps: queries"),
)
