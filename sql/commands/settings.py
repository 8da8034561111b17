"""SET, RESET, SHOW parameter, SET SESSION AUTHORIZATION.

Redshift, "SET", "RESET", "SHOW", "SET SESSION AUTHORIZATION".
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """SET [SESSION | LOCAL] name {TO | =} value[, …].

    SET TIME ZONE sets ``timezone``, SET NAMES ``client_encoding``, SET SEED ``seed``.
    """

    name: str
    """Folded; ``a.b`` for a session context variable."""
    values: tuple[str, ...] | None
    """Strings read, words folded, numbers as written; None is DEFAULT."""
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """RESET name; None is ALL."""

    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowSetting:
    """SHOW name; None is ALL. SHOW TIME ZONE and TRANSACTION ISOLATION LEVEL give their parameters' names."""

    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSessionAuthorization:
    """SET [SESSION | LOCAL] SESSION AUTHORIZATION user; None is DEFAULT, RESET SESSION AUTHORIZATION too."""

    user: str | None
    local: bool = False
