"""What a COPY or UNLOAD is to do, as values: files, format, columns, conversions, limits.

Redshift, "COPY" and "UNLOAD" parameters. Who may do it and what the names mean was decided before.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from core.types import ColumnType

FAILED: Final = "Load into table '{table}' failed.  Check 'stl_load_errors' system table for details."
LOADED: Final = "Load into table '{table}' completed, {rows} record(s) loaded successfully."
NOT_LOADED: Final = "Load into table '{table}' completed, {rows} record(s) could not be loaded.  Check 'stl_load_errors' system table for details."  # noqa: E501
UNLOADED: Final = "UNLOAD completed, {rows} record(s) unloaded successfully."


class Format(StrEnum):
    """How data files are written."""

    DELIMITED = "delimited"
    CSV = "csv"
    FIXED = "fixedwidth"
    JSON = "json"
    PARQUET = "parquet"
    ORC = "orc"
    AVRO = "avro"
    SHAPEFILE = "shapefile"
    STREAM = "stream"
    """PostgreSQL's COPY text format: backslash escapes of its own, used by COPY FROM STDIN."""


class Compression(StrEnum):
    """How data files are packed. Said by the statement, never by a file's name."""

    NONE = ""
    GZIP = "gzip"
    BZIP2 = "bzip2"
    LZOP = "lzop"
    ZSTD = "zstd"


SUFFIXES: Final = {
    Compression.NONE: "", Compression.GZIP: ".gz", Compression.BZIP2: ".bz2", Compression.LZOP: ".lzo",
    Compression.ZSTD: ".zst",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadColumn:
    """A column that a field of the file goes into."""

    name: str
    type: ColumnType
    not_null: bool = False
    stored_as: str = ""
    """Its name in the engine, where that is another."""

    @property
    def engine_name(self) -> str:
        """Its name in the engine."""
        return self.stored_as or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Filler:
    """A column that the file does not have: its DEFAULT or IDENTITY as engine SQL."""

    name: str
    """The engine's."""
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Simplification:
    """SIMPLIFY: how shapes of a shapefile are made smaller."""

    tolerance: float
    """The one of all shapes, or the greatest; -1 where AUTO has none."""
    automatic: bool
    """Whether only shapes that are too large are simplified, as little as they need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How records and fields are told apart."""

    format: Format = Format.DELIMITED
    compression: Compression = Compression.NONE
    delimiter: str = "|"
    quote: str = '"'
    escape: bool = False
    remove_quotes: bool = False
    ignore_header: int = 0
    ignore_blank_lines: bool = False
    fill_record: bool = False
    null_as: str = r"\N"
    replace_invalid: str | None = None
    """ACCEPTINVCHARS: what stands for a byte that is no UTF-8."""
    json_paths: tuple[str, ...] | None = None
    """JSONPath expressions in the order of the columns; None matches keys to column names."""
    json_ignore_case: bool = False
    json_whole: bool = False
    """'noshred': a document is the value of the one SUPER column."""
    widths: tuple[int, ...] = ()
    """FIXEDWIDTH: characters of each field."""
    simplify: Simplification | None = None
    encoding: str = "utf-8"
    """Python's name of the files' encoding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How a field's text becomes a value."""

    blanks_as_null: bool = False
    empty_as_null: bool = False
    trim_blanks: bool = False
    truncate_columns: bool = False
    round_decimals: bool = False
    accept_any_date: bool = False
    date_format: str = ""
    """As Redshift spells it, ``auto``, or empty for YYYY-MM-DD."""
    time_format: str = ""
    """As Redshift spells it, ``auto``, ``epochsecs``, ``epochmillisecs``, or empty for the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPlan:
    """One COPY … FROM files."""

    table: str
    """The name that messages show."""
    engine_name: str
    columns: tuple[LoadColumn, ...]
    """In the order of the file's fields."""
    fillers: tuple[Filler, ...] = ()
    layout: Layout = field(default_factory=Layout)
    conversion: Conversion = field(default_factory=Conversion)
    max_errors: int = 0
    """The load fails at this many bad records; 0 and 1 both mean at the first."""
    all_errors: bool = False
    """IGNOREALLERRORS."""
    no_load: bool = False

    def gives_up(self, bad: int) -> bool:
        """Return whether this many bad records end the load."""
        return not self.all_errors and bad >= max(1, self.max_errors)

    def target(self) -> tuple[str, ...]:
        """Return the engine's names of the columns that get values."""
        return (*(column.engine_name for column in self.columns), *(filler.name for filler in self.fillers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a field or record cannot be loaded: STL_LOAD_ERRORS' code, reason and position."""

    code: int
    reason: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A record that was not loaded."""

    filename: str
    line_number: int
    fault: Fault
    column: LoadColumn | None = None
    raw_line: str = ""
    raw_value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A record in which characters were replaced: STL_REPLACEMENTS."""

    filename: str
    line_number: int
    column: str
    raw_line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Simplified:
    """What SIMPLIFY did, to one shape if it was AUTO: SVL_SPATIAL_SIMPLIFY."""

    maximum: float
    number: int = -1
    """The record's, from 0."""
    initial_size: int = 0
    done: bool = False
    """Whether the shape fits now."""
    final_size: int = 0
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a COPY did."""

    rows: int
    rejections: tuple[Rejection, ...] = ()
    files: tuple[tuple[str, int], ...] = ()
    """What was read: location and bytes."""
    replacements: tuple[Replacement, ...] = ()
    simplified: tuple[Simplified, ...] = ()


USUAL_GROUP_BYTES: Final = 32 << 20
"""ROWGROUPSIZE where it is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnloadPlan:
    """One UNLOAD."""

    query: str
    """Engine SQL."""
    destination: str
    """The prefix that file names continue."""
    format: Format = Format.DELIMITED
    compression: Compression = Compression.NONE
    delimiter: str = "|"
    header: bool = False
    null_as: str = ""
    add_quotes: bool = False
    escape: bool = False
    parallel: bool = True
    manifest: bool = False
    manifest_verbose: bool = False
    partition_by: tuple[str, ...] = ()
    partition_include: bool = False
    max_file_bytes: int = 6_200_000_000
    allow_overwrite: bool = False
    clean_path: bool = False
    extension: str | None = None
    widths: tuple[tuple[str, int], ...] = ()
    """FIXEDWIDTH: (column name or number, characters) in order."""
    row_group_bytes: int = USUAL_GROUP_BYTES
    stem: str = ""
    """What each file's own name begins with, inside its partition's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnloadedFile:
    """One file that UNLOAD wrote."""

    location: str
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unloaded:
    """What an UNLOAD did."""

    rows: int
    files: tuple[UnloadedFile, ...]
