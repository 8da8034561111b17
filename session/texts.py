"""Lines of CSV read back as columns of text: how doors without the wire protocol get at values' texts."""

import pyarrow as pa
import pyarrow.csv

_BLOCK_BYTES = 1 << 16


def texts(lines: bytes, width: int) -> list[pa.Array]:
    """Return the *width* columns of *lines*; nothing between two commas is NULL, an empty string is quoted."""
    names = [str(index) for index in range(width)]
    if not lines:
        return [pa.array([], pa.string()) for _ in names]
    table = pa.csv.read_csv(
        pa.BufferReader(lines),
        # A row that stood across two blocks would not be read.
        read_options=pa.csv.ReadOptions(column_names=names, block_size=len(lines) + _BLOCK_BYTES, use_threads=False),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return [column.combine_chunks() for column in table.columns]
