"""Parameters of COPY and UNLOAD: one row each.

Redshift, "COPY parameter reference" and "UNLOAD parameters". A row says which words begin the parameter,
what argument follows, with which formats it goes, and what holds when it is not given. Reading them is in
``sql.commands.parameters``, their meaning in ``engine.load``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

Value = str | int | bool | tuple[str, ...]


class Argument(Enum):
    """What follows a parameter's words. AS may stand before it."""

    NONE = "nothing"
    STRING = "a string"
    CHARACTER = "a string of one character, perhaps written as an escape"
    NULL_STRING = "a string in which \\N stands for itself"
    OPTIONAL_STRING = "a string, or nothing for the default"
    INTEGER = "a whole number"
    OPTIONAL_NUMBER = "a number, or nothing; a modifier stands before it"
    SWITCH = "ON, TRUE, OFF, FALSE, or nothing for ON"
    PRESET = "PRESET, ON, TRUE, OFF, FALSE, or nothing for ON"
    WORD = "a word, quoted or not"
    ROLE = "a string or DEFAULT"
    SIZE = "a number with MB or GB; megabytes without"
    COLUMNS = "column names in parentheses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One parameter."""

    name: str
    """Key in ``Given``."""
    keywords: tuple[str, ...]
    argument: Argument = Argument.NONE
    sets_format: str = ""
    """Whether it chooses the format, and which; FORMAT AS may stand before it."""
    modifier: str = ""
    """A word that may follow and gives ``<name>_<word>``: MANIFEST VERBOSE."""
    formats: frozenset[str] = frozenset()
    """Formats that it goes with; empty means all."""
    within: tuple[int, int] | None = None
    """The smallest and the largest number that may be given."""
    needs: str = ""
    """The parameter that must be given with it."""
    without: frozenset[str] = frozenset()
    """Parameters that it does not go with. One of the two says so."""
    default: Value | None = None
    """What holds when it is not given, as documented; of OPTIONAL_STRING also without the string."""
    status: str = "done"
    """done, accepted (read and without effect here) or absent (answered with 0A000)."""
    secret: bool = False
    """Whether logs must not show its argument."""
    doc: str


@dataclass(frozen=True, slots=True)
class Given(Mapping[str, Value]):
    """The parameters that a command gave, by option name, with their arguments.

    A word without argument is True, SWITCH a bool, SIZE bytes, PRESET ``preset``, ``on`` or ``off``.
    ``get(name)`` is None when the parameter was not given; ``format`` tells text from csv, json, ….
    """

    arguments: Mapping[str, Value] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Value:
        """Return the argument of a parameter that was given."""
        return self.arguments[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names given."""
        return iter(self.arguments)

    def __len__(self) -> int:
        """Return how many were given."""
        return len(self.arguments)

    @property
    def format(self) -> str:
        """Return the format chosen: text (delimited) unless another was."""
        value = self.arguments.get("format", "text")
        return value if isinstance(value, str) else "text"

    def text(self, name: str, default: str | None = None) -> str | None:
        """Return a parameter's string, or *default* when it was not given."""
        value = self.arguments.get(name)
        return value if isinstance(value, str) else default

    def number(self, name: str, default: int = 0) -> int:
        """Return a parameter's number, or *default* when it was not given."""
        value = self.arguments.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def on(self, name: str, *, default: bool = False) -> bool:
        """Return whether a parameter was given and is not switched off, or *default* when it was not given."""
        value = self.arguments.get(name, default)
        return value not in {False, "off"}


def _formats(letters: str) -> frozenset[str]:
    return frozenset(_LETTERS[letter] for letter in letters)


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_MB: Final = 1 << 20
_LARGEST_FILE: Final = 6_657_199_309
"""6.2 GB."""
_LETTERS: Final = {
    "T": "text", "C": "csv", "F": "fixedwidth", "J": "json", "A": "avro", "P": "parquet", "O": "orc", "S": "shapefile",
}  # fmt: skip

# fmt: off
_ACCESS: Final = (
    Option(name="iam_role", keywords=("IAM_ROLE",), argument=Argument.ROLE, doc="Role, or chain of roles, to read and write with"),
    Option(name="access_key_id", keywords=("ACCESS_KEY_ID",), argument=Argument.STRING, secret=True, doc="Access key"),
    Option(name="secret_access_key", keywords=("SECRET_ACCESS_KEY",), argument=Argument.STRING, secret=True, doc="Secret of the access key"),
    Option(name="session_token", keywords=("SESSION_TOKEN",), argument=Argument.STRING, secret=True, doc="Token of temporary credentials"),
    Option(name="session_token", keywords=("TOKEN",), argument=Argument.STRING, secret=True, doc="Older spelling of SESSION_TOKEN"),
    Option(name="credentials", keywords=("WITH", "CREDENTIALS"), argument=Argument.STRING, secret=True, doc="Older spelling of CREDENTIALS"),
    Option(name="credentials", keywords=("CREDENTIALS",), argument=Argument.STRING, secret=True, doc="All of them as 'name=value;…'"),
    Option(name="master_symmetric_key", keywords=("MASTER_SYMMETRIC_KEY",), argument=Argument.STRING, secret=True, without=_names("credentials"), doc="Key of client-side encryption"),
    Option(name="region", keywords=("REGION",), argument=Argument.STRING, doc="Region of the bucket"),
)

COPY_OPTIONS: Final = (
    *_ACCESS,
    # Formats
    Option(name="csv", keywords=("CSV",), sets_format="csv", doc="Comma-separated values with quotes"),
    Option(name="json", keywords=("JSON",), argument=Argument.OPTIONAL_STRING, sets_format="json", default="auto", doc="JSON: 'auto', 'auto ignorecase', 'noshred' or a JSONPaths file"),
    Option(name="avro", keywords=("AVRO",), argument=Argument.OPTIONAL_STRING, sets_format="avro", default="auto", doc="Avro: 'auto', 'auto ignorecase' or a JSONPaths file"),
    Option(name="parquet", keywords=("PARQUET",), sets_format="parquet", doc="Parquet, columns by position"),
    Option(name="orc", keywords=("ORC",), sets_format="orc", doc="ORC, columns by position"),
    Option(name="fixedwidth", keywords=("FIXEDWIDTH",), argument=Argument.STRING, sets_format="fixedwidth", doc="Fields of given widths, 'label:width,…'"),
    Option(name="shapefile", keywords=("SHAPEFILE",), sets_format="shapefile", doc="ESRI shapefile: the geometry first, then the attributes"),
    Option(name="simplify", keywords=("SIMPLIFY",), argument=Argument.OPTIONAL_NUMBER, modifier="AUTO", formats=_formats("S"), doc="Simplifies the shapes by a tolerance; AUTO only those that are too large, by no more than it"),
    Option(name="delimiter", keywords=("DELIMITER",), argument=Argument.CHARACTER, formats=_formats("TC"), default="|", doc="Character between fields; a comma for CSV"),
    Option(name="quote", keywords=("QUOTE",), argument=Argument.CHARACTER, formats=_formats("C"), default='"', doc="CSV's quote character"),
    # Source
    Option(name="manifest", keywords=("MANIFEST",), doc="The source is a manifest that lists the files"),
    Option(name="ssh", keywords=("SSH",), status="absent", doc="The source is a manifest of SSH hosts"),
    Option(name="readratio", keywords=("READRATIO",), argument=Argument.INTEGER, within=(1, 200), doc="Percent of a DynamoDB table's capacity that may be used"),
    Option(name="encrypted", keywords=("ENCRYPTED",), modifier="AUTO", doc="Files are encrypted by the client, with MASTER_SYMMETRIC_KEY"),
    Option(name="gzip", keywords=("GZIP",), formats=_formats("TCFJS"), doc="Files are compressed by gzip"),
    Option(name="bzip2", keywords=("BZIP2",), formats=_formats("TCFJ"), without=_names("gzip"), doc="Files are compressed by bzip2"),
    Option(name="lzop", keywords=("LZOP",), formats=_formats("TCFJ"), without=_names("gzip bzip2"), doc="Files are compressed by lzop"),
    Option(name="zstd", keywords=("ZSTD",), formats=_formats("TCFJ"), without=_names("gzip bzip2 lzop"), doc="Files are compressed by zstd"),
    # Conversion
    Option(name="acceptanydate", keywords=("ACCEPTANYDATE",), formats=_formats("TCFJA"), doc="Dates that cannot be read are NULL"),
    Option(name="acceptinvchars", keywords=("ACCEPTINVCHARS",), argument=Argument.OPTIONAL_STRING, default="?", doc="Invalid UTF-8 is replaced by this character"),
    Option(name="blanksasnull", keywords=("BLANKSASNULL",), formats=_formats("TCFJA"), doc="Blank strings are NULL"),
    Option(name="emptyasnull", keywords=("EMPTYASNULL",), formats=_formats("TCFJA"), doc="Empty strings are NULL"),
    Option(name="dateformat", keywords=("DATEFORMAT",), argument=Argument.STRING, formats=_formats("TCFJA"), default="YYYY-MM-DD", doc="How dates are written, or 'auto'"),
    Option(name="timeformat", keywords=("TIMEFORMAT",), argument=Argument.STRING, formats=_formats("TCFJA"), default="YYYY-MM-DD HH:MI:SS", doc="How timestamps are written, 'auto', 'epochsecs' or 'epochmillisecs'"),
    Option(name="encoding", keywords=("ENCODING",), argument=Argument.WORD, formats=_formats("TCFJ"), default="utf8", doc="UTF8, UTF16, UTF16LE, UTF16BE or ISO88591"),
    Option(name="escape", keywords=("ESCAPE",), formats=_formats("T"), doc="A backslash takes the next character's meaning away"),
    Option(name="explicit_ids", keywords=("EXPLICIT_IDS",), doc="IDENTITY columns are loaded from the files"),
    Option(name="fillrecord", keywords=("FILLRECORD",), formats=_formats("TCPO"), doc="Fields missing at a record's end are NULL"),
    Option(name="ignoreblanklines", keywords=("IGNOREBLANKLINES",), formats=_formats("TCFJ"), doc="Blank lines are skipped"),
    Option(name="ignoreheader", keywords=("IGNOREHEADER",), argument=Argument.INTEGER, formats=_formats("TCFJ"), default=0, doc="Lines to skip at the start of each file"),
    Option(name="null", keywords=("NULL",), argument=Argument.NULL_STRING, formats=_formats("TCFJA"), default="\\N", doc="What stands for NULL"),
    Option(name="removequotes", keywords=("REMOVEQUOTES",), formats=_formats("T"), doc="Surrounding quotes are taken off"),
    Option(name="roundec", keywords=("ROUNDEC",), formats=_formats("TCFJA"), doc="Numbers are rounded, not cut, to their column's scale"),
    Option(name="serializetojson", keywords=("SERIALIZETOJSON",), formats=_formats("PO"), doc="Nested values become SUPER"),
    Option(name="trimblanks", keywords=("TRIMBLANKS",), formats=_formats("TCFJA"), doc="Trailing blanks of VARCHAR are taken off"),
    Option(name="truncatecolumns", keywords=("TRUNCATECOLUMNS",), formats=_formats("TCFJA"), doc="Strings too long for their column are cut"),
    # Operation
    Option(name="compupdate", keywords=("COMPUPDATE",), argument=Argument.PRESET, formats=_formats("TCFJA"), status="accepted", doc="Whether to choose column encodings"),
    Option(name="comprows", keywords=("COMPROWS",), argument=Argument.INTEGER, formats=_formats("TCFJA"), within=(1000, 2**31 - 1), status="accepted", doc="Rows to choose encodings from"),
    Option(name="statupdate", keywords=("STATUPDATE",), argument=Argument.SWITCH, status="accepted", doc="Whether to gather statistics after the load"),
    Option(name="maxerror", keywords=("MAXERROR",), argument=Argument.INTEGER, formats=_formats("TCFJAS"), within=(0, 100_000), default=0, doc="The load fails at this many bad records"),
    Option(name="ignoreallerrors", keywords=("IGNOREALLERRORS",), formats=_formats("TCFJAS"), without=_names("maxerror"), doc="All bad records are skipped"),
    Option(name="noload", keywords=("NOLOAD",), formats=_formats("TCFJAS"), doc="Files are checked and not loaded"),
    Option(name="template", keywords=("USING", "TEMPLATE"), argument=Argument.WORD, status="absent", doc="Parameters kept under a name"),
    Option(name="job", keywords=("JOB", "CREATE"), argument=Argument.WORD, status="absent", doc="Loads new files when they come"),
)

UNLOAD_OPTIONS: Final = (
    *_ACCESS,
    Option(name="csv", keywords=("CSV",), sets_format="csv", doc="Comma-separated values with quotes"),
    Option(name="parquet", keywords=("PARQUET",), sets_format="parquet", doc="Parquet"),
    Option(name="json", keywords=("JSON",), sets_format="json", doc="A JSON object a line"),
    Option(name="fixedwidth", keywords=("FIXEDWIDTH",), argument=Argument.STRING, sets_format="fixedwidth", doc="Fields of given widths, 'id:width,…'"),
    Option(name="delimiter", keywords=("DELIMITER",), argument=Argument.CHARACTER, formats=_formats("TC"), default="|", doc="Character between fields; a comma for CSV"),
    Option(name="header", keywords=("HEADER",), formats=_formats("TC"), doc="Column names come first in each file"),
    Option(name="addquotes", keywords=("ADDQUOTES",), formats=_formats("T"), doc="Fields are quoted"),
    Option(name="escape", keywords=("ESCAPE",), formats=_formats("T"), doc="A backslash stands before what could be misread"),
    Option(name="null", keywords=("NULL",), argument=Argument.NULL_STRING, formats=_formats("TCF"), doc="What stands for NULL"),
    Option(name="gzip", keywords=("GZIP",), formats=_formats("TCFJ"), doc="Files are compressed by gzip"),
    Option(name="bzip2", keywords=("BZIP2",), formats=_formats("TCFJ"), without=_names("gzip"), doc="Files are compressed by bzip2"),
    Option(name="zstd", keywords=("ZSTD",), formats=_formats("TCFJ"), without=_names("gzip bzip2 lzop"), doc="Files are compressed by zstd"),
    Option(name="parallel", keywords=("PARALLEL",), argument=Argument.SWITCH, default=True, doc="Whether several files are written at once"),
    Option(name="maxfilesize", keywords=("MAXFILESIZE",), argument=Argument.SIZE, within=(5 * _MB, _LARGEST_FILE), default=_LARGEST_FILE, doc="Largest file in bytes; 6.2 GB"),
    Option(name="rowgroupsize", keywords=("ROWGROUPSIZE",), argument=Argument.SIZE, formats=_formats("P"), within=(32 * _MB, 128 * _MB), default=32 * _MB, doc="Size of a row group in bytes; 32 MB"),
    Option(name="manifest", keywords=("MANIFEST",), modifier="VERBOSE", doc="Writes a list of the files; VERBOSE adds counts and the schema"),
    Option(name="partition", keywords=("PARTITION", "BY"), argument=Argument.COLUMNS, modifier="INCLUDE", doc="Folders by column values; INCLUDE keeps the columns in the files"),
    Option(name="allowoverwrite", keywords=("ALLOWOVERWRITE",), doc="Existing files are overwritten"),
    Option(name="cleanpath", keywords=("CLEANPATH",), without=_names("allowoverwrite"), doc="Existing files are removed first"),
    Option(name="encrypted", keywords=("ENCRYPTED",), modifier="AUTO", doc="Files are encrypted: by the client with MASTER_SYMMETRIC_KEY, else by the store, which is the store's business"),
    Option(name="kms_key_id", keywords=("KMS_KEY_ID",), argument=Argument.STRING, needs="encrypted", without=_names("credentials master_symmetric_key encrypted_auto"), status="accepted", doc="Key that the store encrypts with"),
    Option(name="extension", keywords=("EXTENSION",), argument=Argument.STRING, doc="End of the files' names"),
)
# fmt: on

COPY: Final = {option.name: option for option in COPY_OPTIONS}
UNLOAD: Final = {option.name: option for option in UNLOAD_OPTIONS}
