"""ANALYZE, VACUUM, EXPLAIN, LOCK, CANCEL, DISCARD, LISTEN, UNLISTEN, NOTIFY.

Redshift, "ANALYZE", "ANALYZE COMPRESSION", "VACUUM", "EXPLAIN", "LOCK", "CANCEL"; PostgreSQL for the rest.
"""

from dataclasses import dataclass

from sql.statement import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyze:
    """ANALYZE [VERBOSE] [table [(columns)]] [PREDICATE COLUMNS | ALL COLUMNS]."""

    table: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    verbose: bool = False
    predicate_columns: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzeCompression:
    """ANALYZE COMPRESSION [table [(columns)]] [COMPROWS n]."""

    table: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    comprows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacuum:
    """VACUUM [mode] [table] [TO n PERCENT] [BOOST]."""

    mode: str = "FULL"
    """FULL, SORT ONLY, DELETE ONLY, REINDEX or RECLUSTER."""
    table: tuple[str, ...] | None = None
    threshold_percent: int | None = None
    boost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Explain:
    """EXPLAIN [VERBOSE] statement."""

    statement: Statement
    verbose: bool = False
    analyze: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """LOCK [TABLE] name[, …]."""

    names: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """CANCEL pid ['message']."""

    pid: int
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """DISCARD ALL | PLANS | TEMP | TEMPORARY."""

    what: str = "ALL"

    @property
    def tag(self) -> str:
        """Return CommandComplete's tag."""
        return f"DISCARD {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """LISTEN channel, UNLISTEN channel | *, NOTIFY channel [, 'payload']."""

    action: str
    """LISTEN, UNLISTEN or NOTIFY."""
    channel: str
    payload: str | None = None

    @property
    def tag(self) -> str:
        """Return CommandComplete's tag."""
        return self.action
