"""The row type of the rewrite rules."""

from dataclasses import dataclass

from sqlglot import exp

from sql.scope import Write


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one kind of expression is written for the engine."""

    node: type[exp.Expr]
    write: Write
    doc: str
    """Page of Redshift's manual that says what it means."""
