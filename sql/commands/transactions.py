"""BEGIN, COMMIT, ROLLBACK, savepoints, SET TRANSACTION.

Redshift, "BEGIN", "COMMIT", "ROLLBACK", "SET SESSION CHARACTERISTICS"; PostgreSQL, "SET TRANSACTION".
"""

from dataclasses import dataclass
from typing import Final

from sql.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """BEGIN or START TRANSACTION."""

    isolation: str | None = None
    """SERIALIZABLE, SNAPSHOT, REPEATABLE READ, READ COMMITTED or READ UNCOMMITTED."""
    read_only: bool | None = None
    tag: str = "BEGIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """COMMIT or END."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """ROLLBACK or ABORT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Savepoint:
    """SAVEPOINT name, RELEASE [SAVEPOINT] name, ROLLBACK TO [SAVEPOINT] name."""

    action: str
    """SAVEPOINT, RELEASE or ROLLBACK TO."""
    name: str

    @property
    def tag(self) -> str:
        """Return CommandComplete's tag."""
        return self.action.split()[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTransaction:
    """SET TRANSACTION …, SET SESSION CHARACTERISTICS AS TRANSACTION …."""

    session: bool
    """Whether it holds for the session's later transactions, not for the current one."""
    isolation: str | None = None
    read_only: bool | None = None


_LEVELS: Final = (
    ("SERIALIZABLE",),
    ("SNAPSHOT",),
    ("REPEATABLE", "READ"),
    ("READ", "COMMITTED"),
    ("READ", "UNCOMMITTED"),
)


def read_begin(stream: Stream) -> Begin:
    """Take BEGIN [WORK | TRANSACTION] or START TRANSACTION, with modes."""
    if stream.take("START"):
        stream.expect("TRANSACTION")
        tag = "START TRANSACTION"
    else:
        stream.expect("BEGIN")
        stream.take_any("WORK", "TRANSACTION")
        tag = "BEGIN"
    isolation, read_only = _modes(stream)
    return Begin(isolation=isolation, read_only=read_only, tag=tag)


def read_characteristics(stream: Stream, *, session: bool) -> SetTransaction:
    """Take the modes of SET TRANSACTION; at least one."""
    if stream.ended:
        stream.fail()
    isolation, read_only = _modes(stream)
    return SetTransaction(session=session, isolation=isolation, read_only=read_only)


def _modes(stream: Stream) -> tuple[str | None, bool | None]:
    isolation: str | None = None
    read_only: bool | None = None
    while not stream.ended:
        if stream.take("ISOLATION", "LEVEL"):
            isolation = _level(stream)
        else:
            stream.expect("READ")
            read_only = stream.expect_any("ONLY", "WRITE") == "ONLY"
        if stream.take(",") and stream.ended:
            stream.fail()
    return isolation, read_only


def _level(stream: Stream) -> str:
    for words in _LEVELS:
        if stream.take(*words):
            return " ".join(words)
    stream.take_any("READ", "REPEATABLE")
    raise stream.failure()


def read_commit(stream: Stream) -> Commit:
    """Take COMMIT or END [WORK | TRANSACTION]."""
    stream.expect_any("COMMIT", "END")
    stream.take_any("WORK", "TRANSACTION")
    return Commit()


def read_rollback(stream: Stream) -> Rollback | Savepoint:
    """Take ROLLBACK or ABORT [WORK | TRANSACTION], ROLLBACK TO [SAVEPOINT] name."""
    verb = stream.expect_any("ROLLBACK", "ABORT")
    stream.take_any("WORK", "TRANSACTION")
    if verb == "ROLLBACK" and stream.take("TO"):
        stream.take("SAVEPOINT")
        return Savepoint(action="ROLLBACK TO", name=stream.identifier())
    return Rollback()


def read_savepoint(stream: Stream) -> Savepoint:
    """Take SAVEPOINT name or RELEASE [SAVEPOINT] name."""
    action = stream.expect_any("SAVEPOINT", "RELEASE")
    if action == "RELEASE":
        stream.take("SAVEPOINT")
    return Savepoint(action=action, name=stream.identifier())
