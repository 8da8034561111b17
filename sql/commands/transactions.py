"""BEGIN, COMMIT, ROLLBACK, savepoints, SET TRANSACTION.

Redshift, "BEGIN", "COMMIT", "ROLLBACK", "SET SESSION CHARACTERISTICS"; PostgreSQL, "SET TRANSACTION".
"""

from dataclasses import dataclass


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
