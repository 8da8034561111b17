"""The one error that reaches a client, and the notices that accompany an answer.

Wording follows PostgreSQL's style guide ("Error Message Style Guide", section 56.3): messages are lower
case without a full stop, details and hints are sentences.
"""

from dataclasses import dataclass
from typing import Literal

from core.sqlstate import SqlState

Severity = Literal["ERROR", "FATAL", "PANIC", "WARNING", "NOTICE", "DEBUG", "INFO", "LOG"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The fields of an ErrorResponse or NoticeResponse (protocol section 55.8)."""

    severity: Severity
    state: SqlState
    message: str
    detail: str | None = None
    hint: str | None = None
    position: int | None = None
    """1-based character offset into the statement's text."""
    context: str | None = None
    """Where in a procedure it happened, innermost call first."""


class SqlError(Exception):
    """A condition that the client is told about, and nothing else is.

    Subclasses exist only where someone catches them.
    """

    def __init__(
        self,
        state: SqlState,
        message: str,
        *,
        detail: str | None = None,
        hint: str | None = None,
        position: int | None = None,
        context: str | None = None,
    ) -> None:
        super().__init__(message)
        self.state = state
        self.message = message
        self.detail = detail
        self.hint = hint
        self.position = position
        self.context = context

    severity: Severity = "ERROR"

    def diagnosis(self) -> Diagnosis:
        """Return the fields to send."""
        return Diagnosis(
            severity=self.severity,
            state=self.state,
            message=self.message,
            detail=self.detail,
            hint=self.hint,
            position=self.position,
            context=self.context,
        )


class ConnectionFatal(SqlError):
    """An error after which the connection is closed."""

    severity: Severity = "FATAL"


class SerializationFailure(SqlError):
    """A conflict with a concurrent transaction; the client may run the transaction again."""


class Canceled(SqlError):
    """The statement was interrupted: by its user, a time-out, an administrator or shutdown."""


def not_supported(feature: str, *, position: int | None = None, hint: str | None = None) -> SqlError:
    """Return the error for something that Redshift has and duckshift does not (yet) have."""
    return SqlError(
        SqlState.FEATURE_NOT_SUPPORTED, f"{feature} is not supported", position=position, hint=hint
    )


def notice(message: str, *, state: SqlState = SqlState.SUCCESSFUL_COMPLETION, detail: str | None = None) -> Diagnosis:
    """Return a NOTICE."""
    return Diagnosis(severity="NOTICE", state=state, message=message, detail=detail)


def info(message: str) -> Diagnosis:
    """Return an INFO message, as COPY and UNLOAD send on success."""
    return Diagnosis(severity="INFO", state=SqlState.SUCCESSFUL_COMPLETION, message=message)


def warning(message: str, *, state: SqlState = SqlState.WARNING) -> Diagnosis:
    """Return a WARNING."""
    return Diagnosis(severity="WARNING", state=state, message=message)
