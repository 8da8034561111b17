"""Errors as Flight's: a class for what its status tells, the SQLSTATE in the text and as extra information."""

from typing import Final

import pyarrow.flight as pf

from core.errors import Canceled, ConnectionFatal, SqlError
from core.sqlstate import SqlState

_CLASSES: Final = {
    SqlState.INSUFFICIENT_PRIVILEGE: pf.FlightUnauthorizedError,
    SqlState.TOO_MANY_CONNECTIONS: pf.FlightUnavailableError,
    SqlState.INVALID_PASSWORD: pf.FlightUnauthenticatedError,
    SqlState.INVALID_AUTHORIZATION_SPECIFICATION: pf.FlightUnauthenticatedError,
    SqlState.INTERNAL_ERROR: pf.FlightInternalError,
}


def flight_error(error: SqlError) -> Exception:
    """Return what a client of Flight is told of *error*."""
    details = [f"\nDetail: {error.detail}"] if error.detail else []
    details += [f"\nHint: {error.hint}"] if error.hint else []
    text = f"{error.message} (SQLSTATE {error.state.value}){''.join(details)}"
    kind = _CLASSES.get(error.state)
    if kind is None:
        canceled, fatal = isinstance(error, Canceled), isinstance(error, ConnectionFatal)
        kind = pf.FlightCancelledError if canceled else pf.FlightUnavailableError if fatal else pf.FlightServerError
    made: Exception = kind(text, error.state.value.encode())
    return made
