"""The row type of the functions that are installed into DuckDB, and how one raises an error of Redshift's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """One function: ``CREATE MACRO name(arguments) AS body``."""

    name: str
    arguments: str
    body: str
    doc: str
    """What it means, or the page of Redshift's manual."""

    @property
    def sql(self) -> str:
        """Return the statement that installs it."""
        return f"CREATE OR REPLACE MACRO {self.name}({self.arguments}) AS {self.body}"


def raising(state: str, message: str) -> str:
    """Return an expression that raises *message*, an engine string expression."""
    return f"error('duckshift:{state}:' || {message})"
