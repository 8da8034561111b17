r"""COPY … FROM STDIN: what the client sends is collected in a file and loaded like one.

Memory stays bounded: beyond some megabytes the data is on disk. Formats are PostgreSQL's text (tab,
``\N``, backslash escapes) and CSV; see its "COPY", File Formats.
"""

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

import duckdb

from core.errors import SqlError
from core.sqlstate import SqlState
from engine.load.aside import Aside
from engine.load.copy import LoadFailedError, load
from engine.load.plan import CopyPlan, Format, Loaded

_BUFFER_BYTES: Final = 1 << 20
NAME: Final = "STDIN"


class StdinLoad:
    """One COPY FROM STDIN: written to piece by piece, then loaded or thrown away."""

    def __init__(self, plan: CopyPlan) -> None:
        """Collect for *plan*, whose layout is ``Format.STREAM`` or ``Format.CSV``."""
        self._plan = plan
        folder = tempfile.mkdtemp(prefix="duckshift-stdin-")
        self._path = Path(folder, NAME)
        self._file: IO[bytes] = self._path.open("wb", buffering=_BUFFER_BYTES)
        self._escaped = False
        self._rest = b"\n"
        delimiter = re.escape(plan.layout.delimiter.encode())
        self._null = re.compile(rb"(?<=[\n" + delimiter + rb"])\\N(?=[\r\n" + delimiter + rb"])")

    def write(self, data: bytes) -> None:
        """Take a piece of the stream; pieces may end anywhere."""
        if not self._escaped:
            self._look(self._rest + data)
        self._file.write(data)

    def _look(self, data: bytes, *, ended: bool = False) -> None:
        """Take note of escapes in whole lines of *data*; the last, perhaps unfinished one is kept for later."""
        end = len(data) if ended else data.rfind(b"\n")
        # The line end before a line is looked at with it, so it is kept as well.
        whole, self._rest = data[: end + 1], b"" if ended else data[max(0, end) :]
        if ended and not whole.endswith(b"\n"):
            whole += b"\n"
        escapes = whole.count(b"\\")
        if escapes and self._plan.layout.null_as == r"\N":
            escapes -= len(self._null.findall(whole))
        self._escaped = self._escaped or escapes > 0 or len(self._rest) > _BUFFER_BYTES

    def load(self, connection: duckdb.DuckDBPyConnection, *, fresh: bool = False) -> Loaded:
        """Load what was written in the transaction open on *connection*; raises ``SqlError`` 22P04 and kin."""
        self._file.close()
        kept = Aside({NAME: self._path})
        plan = self._plan
        self._look(self._rest, ended=True)
        if plan.layout.format is Format.STREAM and not self._escaped:
            # With no backslash but that of \\N the text format is plain delimited text, which DuckDB reads itself.
            plan = replace(plan, layout=replace(plan.layout, format=Format.DELIMITED))
        try:
            return load(connection, plan, kept, kept.objects(), fresh=fresh)
        except LoadFailedError as error:
            raise _told(error, plan) from None
        finally:
            self.close()

    def close(self) -> None:
        """Throw away what was written."""
        self._file.close()
        self._path.unlink(missing_ok=True)
        if self._path.parent.exists():
            self._path.parent.rmdir()


def _told(error: LoadFailedError, plan: CopyPlan) -> SqlError:
    # PostgreSQL names line and column in the message itself; there is no system table to look into.
    first = error.rejections[0] if error.rejections else None
    if first is None:
        return SqlError(SqlState.BAD_COPY_FILE_FORMAT, error.message)
    place = f"COPY {plan.table}, line {first.line_number}"
    if first.column is not None:
        place += f', column {first.column.name}: "{first.raw_value}"'
    state = SqlState.INVALID_TEXT_REPRESENTATION if first.column is not None else SqlState.BAD_COPY_FILE_FORMAT
    return SqlError(state, first.fault.reason, detail=place)
