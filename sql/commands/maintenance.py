"""ANALYZE, VACUUM, EXPLAIN, LOCK, CANCEL, DISCARD, LISTEN, UNLISTEN, NOTIFY.

Redshift, "ANALYZE", "ANALYZE COMPRESSION", "VACUUM", "EXPLAIN", "LOCK", "CANCEL"; PostgreSQL for the rest.
"""

from dataclasses import dataclass
from typing import Final

from sql.statement import Statement
from sql.stream import Stream


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


def read_analyze(stream: Stream) -> Analyze | AnalyzeCompression:
    """Take ANALYZE [VERBOSE] or ANALYZE COMPRESSION, with a table and columns perhaps."""
    stream.expect_any("ANALYZE", "ANALYSE")
    if stream.take("COMPRESSION"):
        table, columns = _table(stream, "COMPROWS")
        comprows = stream.integer() if stream.take("COMPROWS") else None
        return AnalyzeCompression(table=table, columns=columns, comprows=comprows)
    verbose = stream.take("VERBOSE")
    table, columns = _table(stream, "PREDICATE", "ALL")
    predicate = stream.take("PREDICATE", "COLUMNS")
    if not predicate and stream.take("ALL"):
        stream.expect("COLUMNS")
    return Analyze(table=table, columns=columns, verbose=verbose, predicate_columns=predicate)


def _table(stream: Stream, *stops: str) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    if stream.ended or stream.at_any(*stops):
        return None, ()
    name = stream.name()
    return name, stream.columns() if stream.at("(") else ()


_MODES: Final = (("FULL",), ("SORT", "ONLY"), ("DELETE", "ONLY"), ("REINDEX",), ("RECLUSTER",))


def read_vacuum(stream: Stream) -> Vacuum:
    """Take VACUUM [mode] [table] [TO n PERCENT] [BOOST]."""
    stream.expect("VACUUM")
    mode = next((" ".join(words) for words in _MODES if stream.take(*words)), "FULL")
    table, _ = _table(stream, "TO", "BOOST")
    threshold = None
    if stream.take("TO"):
        threshold = stream.integer()
        stream.expect("PERCENT")
    return Vacuum(mode=mode, table=table, threshold_percent=threshold, boost=stream.take("BOOST"))


def read_lock(stream: Stream) -> Lock:
    """Take LOCK [TABLE] names."""
    stream.expect("LOCK")
    stream.take("TABLE")
    return Lock(names=stream.names())


def read_cancel(stream: Stream) -> Cancel:
    """Take CANCEL pid ['message']."""
    stream.expect("CANCEL")
    pid = stream.integer()
    return Cancel(pid=pid, message=stream.string() if stream.at_string() else None)


def read_discard(stream: Stream) -> Discard:
    """Take DISCARD ALL | PLANS | SEQUENCES | TEMP | TEMPORARY."""
    stream.expect("DISCARD")
    what = stream.expect_any("ALL", "PLANS", "SEQUENCES", "TEMP", "TEMPORARY")
    return Discard(what="TEMP" if what == "TEMPORARY" else what)


def read_notification(stream: Stream) -> Notification:
    """Take LISTEN channel, UNLISTEN channel | *, NOTIFY channel [, 'payload']."""
    action = stream.expect_any("LISTEN", "UNLISTEN", "NOTIFY")
    if action == "UNLISTEN" and stream.take("*"):
        return Notification(action=action, channel="*")
    channel = stream.identifier()
    payload = stream.string() if action == "NOTIFY" and stream.take(",") else None
    return Notification(action=action, channel=channel, payload=payload)
