"""DuckDB's exceptions as SqlErrors: one table, keyed by class and subtype, never by message.

A message may quote what the user wrote, and names objects that the user may not see, so none is passed
on. Where a macro raises on purpose it says ``duckshift:<SQLSTATE>:<text>`` (``engine.macros``), and that
text is ours.
"""

import errno
import json
import os
import re
from typing import Any, Final

import duckdb

from core.errors import SerializationFailure, SqlError
from core.sqlstate import SqlState
from storage import spilling

PREFIX: Final = "duckshift:"
"""What a message of our own macros begins with."""
_OURS: Final = re.compile(r"duckshift:([0-9A-Z]{5}):([^\x1e]*)", re.DOTALL)
"""A text that the engine puts words behind ends with a mark (``engine.udfs``)."""
_CONVERSION: Final = re.compile(
    r"(?:Could not convert string|invalid (\w+) field format:|Could not parse string) [\"'](.*?)[\"'](?: to ([A-Z]+))?",
    re.DOTALL,
)


class EngineFailure(SqlError):
    """A SqlError that keeps DuckDB's own exception for those below who attribute it (COPY)."""

    def __init__(self, state: SqlState, message: str, cause: duckdb.Error, *, hint: str | None = None) -> None:
        """Keep *cause* beside what the client is told."""
        super().__init__(state, message, hint=hint)
        self.cause = cause


class EngineFault(EngineFailure):
    """The engine's instance has failed, and refuses everything from now on."""

    def __init__(self, cause: duckdb.Error, *, met: bool) -> None:
        """*met* says that it failed while it did what was asked, and not before."""
        if met:
            super().__init__(SqlState.INTERNAL_ERROR, "the execution engine has failed at this statement", cause)
        else:
            super().__init__(SqlState.CRASH_SHUTDOWN, "the execution engine has failed", cause)
        self.met = met


class BrokenOff(EngineFailure):
    """The engine says that it was interrupted, and nobody has asked for that (``engine.reasons``)."""

    def __init__(self, cause: duckdb.Error) -> None:
        """Say what is known."""
        super().__init__(SqlState.INTERNAL_ERROR, "the execution engine has broken the statement off", cause)


class UnknownOutcome(EngineFault):
    """The instance has failed in a commit: nobody can say whether it is done."""

    def __init__(self, cause: duckdb.Error) -> None:
        """Say so."""
        super().__init__(cause, met=True)
        self.state = SqlState.TRANSACTION_RESOLUTION_UNKNOWN
        self.message = "the execution engine has failed in the commit: the transaction may have been committed or not"
        self.hint = "Look whether its changes are there before you run it again."


_CAST_HINT: Final = "No function matches the given name and argument types. You may need to add explicit type casts."

# (class, subtype or "") → state, wording. ``{name}`` is the name that DuckDB reports, where it does.
# fmt: off
_TABLE: Final[dict[tuple[str, str], tuple[SqlState, str, str | None]]] = {
    ("ParserException", ""): (SqlState.SYNTAX_ERROR, "syntax error", None),
    ("SyntaxException", ""): (SqlState.SYNTAX_ERROR, "syntax error", None),
    ("BinderException", "COLUMN_NOT_FOUND"): (SqlState.UNDEFINED_COLUMN, 'column "{name}" does not exist', None),
    ("BinderException", "AMBIGUOUS_REFERENCE"): (SqlState.AMBIGUOUS_COLUMN, 'column reference "{name}" is ambiguous', None),
    ("BinderException", "NO_MATCHING_FUNCTION"): (SqlState.UNDEFINED_FUNCTION, "function {name} does not exist for these argument types", _CAST_HINT),
    ("BinderException", ""): (SqlState.DATATYPE_MISMATCH, "the statement does not fit the types or clauses it uses", None),
    ("CatalogException", "MISSING_ENTRY"): (SqlState.UNDEFINED_TABLE, 'relation "{name}" does not exist', None),
    ("CatalogException", ""): (SqlState.UNDEFINED_OBJECT, "object does not exist", None),
    ("ConversionException", ""): (SqlState.INVALID_TEXT_REPRESENTATION, "invalid input syntax", None),
    ("OutOfRangeException", ""): (SqlState.NUMERIC_VALUE_OUT_OF_RANGE, "value out of range", None),
    ("ConstraintException", ""): (SqlState.NOT_NULL_VIOLATION, "Cannot insert a NULL value into a NOT NULL column", None),
    ("InvalidInputException", ""): (SqlState.INVALID_PARAMETER_VALUE, "invalid input value", None),
    ("InvalidTypeException", ""): (SqlState.DATATYPE_MISMATCH, "types do not match", None),
    ("TypeMismatchException", ""): (SqlState.DATATYPE_MISMATCH, "types do not match", None),
    ("NotImplementedException", ""): (SqlState.FEATURE_NOT_SUPPORTED, "this form of the statement is not supported", None),
    ("OutOfMemoryException", ""): (SqlState.OUT_OF_MEMORY, "out of memory", None),
    ("PermissionException", ""): (SqlState.INSUFFICIENT_PRIVILEGE, "permission denied", None),
    ("IOException", ""): (SqlState.IO_ERROR, "could not read or write a file", None),
    ("HTTPException", ""): (SqlState.IO_ERROR, "could not reach the object store", None),
    ("InternalException", ""): (SqlState.INTERNAL_ERROR, "internal error in the execution engine", None),
}
# fmt: on


# What a number did not fit is told by the first words of DuckDB's own text, which come before any value: overflows
# have no subtype. (class, the words) → the wording; ``{0}`` is the type, as ``_NUMBERS`` calls it.
_OVERFLOWS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"Type \w+ with value \S+ can't be cast because the value is out of range for the destination type (\w+)"),
     "{0} out of range"),
    (re.compile(r"Overflow in (addition|subtraction|multiplication|division) of DECIMAL\(1"), "Numeric data overflow ({0})"),
    (re.compile(r"Overflow in (addition|subtraction|multiplication|division) of (?:DECIMAL|INT128)"),
     "128 bit numeric data overflow ({0})"),
    (re.compile(r"Overflow in \w+ of (INT\d+|UINT\d+) "), "{0} out of range"),
    (re.compile(r'Casting value "[^"]*" to type DECIMAL'), "Numeric data overflow (result precision)"),
    (re.compile(r"Could not cast value \S+ to DECIMAL"), "Numeric data overflow (result precision)"),
    (re.compile(r"Could not convert string '([-+]?[0-9]+)' to (INT\d+)"), 'value "{0}" is out of range for type {1}'),
    (re.compile(r'Could not convert string "[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?" to DECIMAL'),
     "numeric field overflow"),
    (re.compile(r"Failed to cast decimal value \S+ to type (\w+)"), "{0} out of range"),
)
_NUMBERS: Final = {"INT8": "smallint", "INT16": "smallint", "INT32": "integer", "INT64": "bigint", "UINT32": "OID",
                   "FLOAT": "real", "DOUBLE": "double precision", "INT128": "numeric"}


_FAILED_BEFORE: Final = ("Failed: database has been invalidated", "FATAL Error: Failed: database has been invalidated")
"""DuckDB's own first words for what it refuses because its instance has failed before."""
_UNCLASSED: Final = frozenset({"Error", "InvalidInputException", "InternalException"})
# How the operating system ends what DuckDB says of a file, alone or as the reason of a refused commit.
_NO_ROOM: Final = tuple(f": {os.strerror(number)}" for number in (errno.ENOSPC, errno.EDQUOT))
_NOT_WRITTEN: Final = re.compile(r"Failed to commit: Could not (?:write|sync|open) file ")
# What the reader of Parquet says of a damaged file, and the libraries below it, whose errors have no class.
_DAMAGED: Final = re.compile(
    r"Failed to read file [\"']|Parquet file has invalid|No magic bytes found|Footer length error|"
    r"File '[^']*' too small|The width \(\d+\) of the bitpacked|TProtocolException|don't know what type|"
    r"Out of buffer|invalid TType|ZSTD Decompression failure"
)
# What libpq says, through the engine, when a server of PostgreSQL has gone: the lake's catalogue, or a source.
_GONE: Final = re.compile(
    r"server closed the connection unexpectedly|[Uu]nable to connect to Postgres|no connection to the server|"
    r"connection to server at |could not (?:receive data from|send data to) server|connection not open|"
    r"terminating connection due to |the database system is (?:starting up|shutting down|in recovery mode)|"
    r"SSL connection has been closed unexpectedly"
)
_SAID: Final = ("Attempting to fetch from", "Failed to ", "Unable to connect to ")
_SEVERAL_ROWS: Final = "More than one row returned by a subquery used as an expression"

# The class of an error that came through Arrow is told by its text: in JSON, or as its first words, DuckDB's own
# constant for the class. So this is no matching of messages.
_SPOKEN: Final[dict[str, type[duckdb.Error]]] = {
    "Conversion Error": duckdb.ConversionException,
    "Out of Range Error": duckdb.OutOfRangeException,
    "Invalid Input Error": duckdb.InvalidInputException,
    "Constraint Error": duckdb.ConstraintException,
    "Out of Memory Error": duckdb.OutOfMemoryException,
    "INTERRUPT Error": duckdb.InterruptException,
    "IO Error": duckdb.IOException,
    "HTTP Error": duckdb.HTTPException,
    "TransactionContext Error": duckdb.TransactionException,
    "Not implemented Error": duckdb.NotImplementedException,
    "FATAL Error": duckdb.FatalException,
}


def from_stream(error: Exception) -> SqlError:
    """Return the error to answer with for what Arrow raised while a DuckDB stream was read."""
    text = str(error)
    kind = _facts(error).get("exception_type")
    word, _, rest = text.partition(": ") if kind is None else (f"{kind} Error", "", text)
    found = _SPOKEN.get(word)
    return from_engine(found(rest) if found is not None else duckdb.InternalException(text))


def from_engine(error: duckdb.Error) -> SqlError:
    """Return the error to answer with for what DuckDB raised."""
    facts = _facts(error)
    ours = _OURS.search(facts.get("exception_message", ""))
    if ours is not None:
        # A function in Python adds its traceback.
        message, _, detail = ours[2].partition("\n\nAt:\n")[0].partition("\x1f")
        return SqlError(SqlState(ours[1]), message, detail=detail or None)
    failed = _broken_off(error, facts) or _files(error, facts.get("exception_message", ""))
    if failed is not None:
        return failed
    if isinstance(error, duckdb.TransactionException):
        # Every other way in which DuckLake refuses a commit is a conflict with a transaction that came first.
        return SerializationFailure(
            SqlState.SERIALIZATION_FAILURE,
            "1023: Serializable isolation violation on a table: a concurrent transaction changed it first",
        )
    name = type(error).__name__
    if name == "InvalidInputException" and facts.get("exception_message", "").startswith(_SEVERAL_ROWS):
        return EngineFailure(
            SqlState.CARDINALITY_VIOLATION, "single-row subquery returns more than one row", error
        )
    number = _overflow(name, facts.get("exception_message", ""))
    if number is not None:
        return EngineFailure(SqlState.NUMERIC_VALUE_OUT_OF_RANGE, number, error)
    state, message, hint = (
        _TABLE.get((name, facts.get("error_subtype", "")))
        or _TABLE.get((name, ""))
        or (SqlState.INTERNAL_ERROR, "internal error in the execution engine", None)
    )
    if name == "CatalogException" and facts.get("type", "").endswith("Function"):
        state, message, hint = SqlState.UNDEFINED_FUNCTION, "function {name} does not exist", _CAST_HINT
    return EngineFailure(state, _worded(name, message, facts), error, hint=hint)


def _broken_off(error: duckdb.Error, facts: dict[str, str]) -> SqlError | None:
    """Return the error for what came to no end of its own."""
    if isinstance(error, duckdb.FatalException):
        return EngineFault(error, met=not facts.get("exception_message", "").startswith(_FAILED_BEFORE))
    if isinstance(error, duckdb.InterruptException):
        return BrokenOff(error)
    return None


def _files(error: duckdb.Error, message: str) -> SqlError | None:
    """Return the error for a file that cannot be written, or read for what is in it, and for a server that has gone."""
    if message.startswith(_SAID) and _GONE.search(message) is not None:
        return EngineFailure(
            SqlState.CONNECTION_FAILURE, "the connection to a PostgreSQL server was lost", error,
            hint="Run the transaction again.",
        )  # fmt: skip
    if isinstance(error, duckdb.TransactionException):
        # A commit is refused for a reason that has facts of its own.
        _, _, inner = message.partition("\n{")
        message = _facts(duckdb.Error("{" + inner)).get("exception_message", "") if inner else message
    if isinstance(error, (duckdb.IOException, duckdb.TransactionException)) and message.endswith(_NO_ROOM):
        return EngineFailure(SqlState.DISK_FULL, "Disk Full", error)
    if isinstance(error, duckdb.OutOfMemoryException) and spilling.LIMITED in message:
        return EngineFailure(SqlState.DISK_FULL, "Disk Full", error)
    if isinstance(error, duckdb.TransactionException) and _NOT_WRITTEN.match(message) is not None:
        return EngineFailure(SqlState.IO_ERROR, "could not write a file", error)
    if type(error).__name__ in _UNCLASSED and _DAMAGED.match(message) is not None:
        return EngineFailure(SqlState.DATA_CORRUPTED, "a data file is damaged", error)
    return None


_TEXT_TYPES: Final = (
    ("DECIMAL", "type numeric"), ("DOUBLE", "type double precision"), ("FLOAT", "type real"), ("INT", "integer"),
    ("TIMESTAMP WITH", "type timestamp with time zone"), ("TIMESTAMP", "type timestamp"), ("DATE", "type date"),
    ("TIME", "type time"), ("BOOL", "type boolean"), ("INTERVAL", "type interval"),
)  # fmt: skip
"""What DuckDB calls a type that a string could not be read as, and what it is called in the error."""


def _overflow(name: str, text: str) -> str | None:
    if name not in {"ConversionException", "OutOfRangeException"}:
        return None
    for pattern, wording in _OVERFLOWS:
        if (found := pattern.match(text)) is not None:
            return wording.format(*(_NUMBERS.get(group, group) for group in found.groups()))
    return None


def _worded(name: str, message: str, facts: dict[str, str]) -> str:
    # The value shown back is the user's own; the state does not depend on it.
    if name == "ConversionException":
        found = _CONVERSION.search(facts.get("exception_message", ""))
        if found is None:
            return message
        kind = next((words for start, words in _TEXT_TYPES if (found[3] or "").startswith(start)), "")
        return f'{message}{kind and f" for {kind}"}: "{found[2]}"'
    return message.format(name=facts.get("name", "?"))


def _facts(error: Exception) -> dict[str, str]:
    text = str(error)
    start = text.find("{")
    if start >= 0:
        try:
            facts: Any = json.loads(text[start:])
        except ValueError:
            facts = None
        if isinstance(facts, dict):
            return {str(key): str(value) for key, value in facts.items()}
    return {"exception_message": text}
