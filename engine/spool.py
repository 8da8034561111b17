"""Arrow batches put aside in a temporary file: small ones stay in memory.

Used where rows must be kept while their connection does something else: suspended portals and cursors.
"""

import tempfile
from typing import Final

import pyarrow as pa

_MEMORY_BYTES: Final = 8 * 1024 * 1024


class ArrowSpool:
    """Batches of one schema, written once and then read once."""

    def __init__(self, schema: pa.Schema) -> None:
        """Make an empty spool."""
        self._file = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - closed by close()
        self._schema = schema
        self._reader: pa.RecordBatchStreamReader | None = None

    def fill(self, reader: pa.RecordBatchReader) -> None:
        """Write all that *reader* still holds; blocking."""
        with pa.ipc.new_stream(self._file, self._schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
        self._file.seek(0)
        self._reader = pa.ipc.open_stream(self._file)

    def read(self) -> pa.RecordBatch | None:
        """Return the next batch, None at the end."""
        if self._reader is None:
            return None
        try:
            batch: pa.RecordBatch = self._reader.read_next_batch()
        except StopIteration:
            return None
        return batch

    def close(self) -> None:
        """Give the space back."""
        self._reader = None
        self._file.close()
