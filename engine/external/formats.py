"""What the classes and properties of a table in a data catalog mean: a format and how its fields stand.

Redshift, "CREATE EXTERNAL TABLE"; the classes are Hive's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from engine.load.plan import Compression
from storage.datacatalog import (
    PARQUET_INPUT,
    PARQUET_OUTPUT,
    PARQUET_SERDE,
    TEXT_INPUT,
    TEXT_OUTPUT,
    TEXT_SERDE,
    Storage,
    Table,
)


class FileFormat(Enum):
    """What files hold."""

    PARQUET = "Parquet"
    ORC = "ORC"
    AVRO = "Avro"
    TEXT = "Text"
    CSV = "OpenCSV"
    JSON = "JSON"
    REGEX = "Regex"
    ICEBERG = "Iceberg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """The three classes that a format is named by in a data catalog."""

    input_format: str
    output_format: str
    serde: str


CLASSES: Final[Mapping[str, Classes]] = {
    "PARQUET": Classes(input_format=PARQUET_INPUT, output_format=PARQUET_OUTPUT, serde=PARQUET_SERDE),
    "TEXTFILE": Classes(input_format=TEXT_INPUT, output_format=TEXT_OUTPUT, serde=TEXT_SERDE),
    "ORC": Classes(
        input_format="org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
        output_format="org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
        serde="org.apache.hadoop.hive.ql.io.orc.OrcSerde",
    ),
    "AVRO": Classes(
        input_format="org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
        output_format="org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
        serde="org.apache.hadoop.hive.serde2.avro.AvroSerDe",
    ),
}
"""STORED AS."""

_SERDES: Final = (
    # the end of a SerDe's class, lower case → its format
    ("parquethiveserde", FileFormat.PARQUET),
    ("orcserde", FileFormat.ORC),
    ("avroserde", FileFormat.AVRO),
    ("lazysimpleserde", FileFormat.TEXT),
    ("metadatatypedcolumnsetserde", FileFormat.TEXT),
    ("opencsvserde", FileFormat.CSV),
    ("jsonserde", FileFormat.JSON),
    ("hivejsonserde", FileFormat.JSON),
    ("regexserde", FileFormat.REGEX),
)
_EXTENSIONS: Final = {".gz": Compression.GZIP, ".bz2": Compression.BZIP2, ".zst": Compression.ZSTD}
_NAMED: Final = {
    "gzip": Compression.GZIP, "gz": Compression.GZIP, "bzip2": Compression.BZIP2, "bz2": Compression.BZIP2,
    "zstd": Compression.ZSTD, "none": Compression.NONE,
}  # fmt: skip
DEFAULT_DELIMITER: Final = "\x01"
_BYTE: Final = 256
TEXTUAL: Final = frozenset({FileFormat.TEXT, FileFormat.CSV, FileFormat.JSON, FileFormat.REGEX})
WRITABLE: Final = frozenset({FileFormat.PARQUET, FileFormat.TEXT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """How the rows of a table's files are cut into fields."""

    delimiter: str = DEFAULT_DELIMITER
    quote: str = ""
    escape: str = ""
    null: str = r"\N"
    skip: int = 0
    whole: bool = False
    """Whether quoted fields may hold line ends."""
    pattern: str = ""
    """RegexSerDe: one group a column."""
    array: bool = False
    """JSON: whether a file is one array of rows."""
    names: tuple[tuple[str, str], ...] = ()
    """JSON: columns that another key stands for."""


def is_iceberg(table: Table) -> bool:
    """Tell whether a table's columns and files are told by Iceberg's metadata."""
    return (table.parameter("table_type") or "").upper() == "ICEBERG"


def format_of(table: Table) -> FileFormat:
    """Return the format of a table's files; raises 0A000 for one that there is no reader for."""
    if is_iceberg(table):
        return FileFormat.ICEBERG
    storage = table.storage
    serde = storage.serde.rpartition(".")[2].lower()
    for name, found in _SERDES:
        if serde == name:
            return found
    if not serde and storage.input_format.endswith("ParquetInputFormat"):
        return FileFormat.PARQUET
    raise not_supported(f"the format {storage.serde or storage.input_format or 'of this table'}")


def fields(table: Table, storage: Storage) -> Fields:
    """Return how the fields of files stand, of the table or of a partition of its own."""
    said = dict(table.storage.serde_parameters) | dict(storage.serde_parameters)
    form = format_of(table)
    skip = table.parameter("skip.header.line.count") or said.get("skip.header.line.count") or "0"
    if not skip.isdigit():
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"invalid value for skip.header.line.count: '{skip}'")
    null = table.parameter("serialization.null.format") or said.get("serialization.null.format")
    if form is FileFormat.CSV:
        return Fields(
            delimiter=said.get("separatorChar") or said.get("field.delim") or ",",
            quote=said.get("quoteChar") or '"',
            escape=said.get("escapeChar") or "\\",
            null=null or "",
            skip=int(skip),
            whole=said.get("wholeFile", "").lower() == "true",
        )
    return Fields(
        delimiter=_delimiter(said.get("field.delim") or said.get("serialization.format") or DEFAULT_DELIMITER),
        null=r"\N" if null is None else null,
        skip=int(skip),
        pattern=said.get("input.regex", ""),
        array=said.get("strip.outer.array", "").lower() == "true",
        names=tuple(
            (name.removeprefix("mapping.").lower(), key)
            for name, key in said.items() if name.startswith("mapping.")
        ),
    )  # fmt: skip


def _delimiter(said: str) -> str:
    # Hive also writes a character's number: 1, 9, 44.
    return chr(int(said)) if said.isdigit() and int(said) < _BYTE else said


def compression_of(table: Table, location: str) -> Compression:
    """Return how a file of text is packed: what the table says, or its name's end."""
    said = (table.parameter("compression_type") or "").lower()
    if said in _NAMED:
        return _NAMED[said]
    if location.endswith((".snappy", ".deflate", ".lz4", ".lzo")):
        raise not_supported(f"the compression {location.rpartition('.')[2]}")
    return next((kind for end, kind in _EXTENSIONS.items() if location.endswith(end)), Compression.NONE)
