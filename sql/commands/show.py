"""SHOW of objects: lists, definitions, grants.

Redshift, "SHOW DATABASES", "SHOW SCHEMAS", "SHOW TABLES", "SHOW COLUMNS", "SHOW GRANTS", "SHOW TABLE", ….
"""

from dataclasses import dataclass, replace
from typing import Final

from core.types import ColumnType
from sql.commands.datatypes import read_signature
from sql.commands.privileges import Grantee, read_grantee
from sql.commands.settings import ShowSetting, read_show_setting
from sql.commands.unsupported import Unsupported
from sql.stream import Stream
from sql.tokens import TokenKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowObjects:
    """One of the SHOW family."""

    topic: str
    """DATABASES, SCHEMAS, TABLES, COLUMNS, PRIMARY KEYS, FOREIGN KEYS, EXPORTED FOREIGN KEYS, GRANTS ON,
    GRANTS FOR, COLUMN GRANTS, PROCEDURES, FUNCTIONS, PARAMETERS OF PROCEDURE, PARAMETERS OF FUNCTION,
    TABLE, VIEW, PROCEDURE, USE, USER LOCKOUT."""
    name: tuple[str, ...] = ()
    """The database, schema, relation or routine it is about."""
    object: str | None = None
    """GRANTS ON: DATABASE, SCHEMA, TABLE, FUNCTION or PROCEDURE."""
    signature: tuple[ColumnType, ...] | None = None
    like: str | None = None
    limit: int | None = None
    grantee: Grantee | None = None
    """FOR …."""
    database: str | None = None
    """GRANTS FOR … FROM DATABASE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How one of the family is written: its words, and whether a name follows."""

    words: tuple[str, ...]
    topic: str
    named: bool = False
    routine: bool = False
    """Whether argument types may follow the name."""


# fmt: off
_FORMS: Final = (
    _Form(words=("DATABASES",), topic="DATABASES"),
    _Form(words=("SCHEMAS", "FROM", "DATABASE"), topic="SCHEMAS", named=True),
    _Form(words=("SCHEMAS",), topic="SCHEMAS"),
    _Form(words=("TABLES", "FROM", "SCHEMA"), topic="TABLES", named=True),
    _Form(words=("COLUMNS", "FROM", "TABLE"), topic="COLUMNS", named=True),
    _Form(words=("CONSTRAINTS", "PRIMARY", "KEYS", "FROM", "TABLE"), topic="PRIMARY KEYS", named=True),
    _Form(
        words=("CONSTRAINTS", "FOREIGN", "KEYS", "EXPORTED", "FROM", "TABLE"),
        topic="EXPORTED FOREIGN KEYS",
        named=True,
    ),
    _Form(words=("CONSTRAINTS", "FOREIGN", "KEYS", "FROM", "TABLE"), topic="FOREIGN KEYS", named=True),
    _Form(words=("COLUMN", "GRANTS", "ON", "TABLE"), topic="COLUMN GRANTS", named=True),
    _Form(words=("COLUMN", "GRANTS", "ON"), topic="COLUMN GRANTS", named=True),
    _Form(words=("PROCEDURES", "FROM", "SCHEMA"), topic="PROCEDURES", named=True),
    _Form(words=("FUNCTIONS", "FROM", "SCHEMA"), topic="FUNCTIONS", named=True),
    _Form(words=("PARAMETERS", "OF", "PROCEDURE"), topic="PARAMETERS OF PROCEDURE", named=True, routine=True),
    _Form(words=("PARAMETERS", "OF", "FUNCTION"), topic="PARAMETERS OF FUNCTION", named=True, routine=True),
    _Form(words=("TABLE",), topic="TABLE", named=True),
    _Form(words=("VIEW",), topic="VIEW", named=True),
    _Form(words=("PROCEDURE",), topic="PROCEDURE", named=True, routine=True),
    _Form(words=("USER", "LOCKOUT"), topic="USER LOCKOUT"),
    _Form(words=("USE",), topic="USE"),
)
# fmt: on
_ABSENT: Final = (
    (("DATABASES", "FROM", "DATA", "CATALOG"), "SHOW DATABASES FROM DATA CATALOG"),
    (("DATASHARES",), "SHOW DATASHARES"),
    (("EXTERNAL", "TABLE"), "SHOW EXTERNAL TABLE"),
    (("MODEL",), "SHOW MODEL"),
    (("TEMPLATES",), "SHOW TEMPLATES"),
    (("TEMPLATE",), "SHOW TEMPLATE"),
    (("RLS", "POLICIES"), "SHOW RLS POLICIES"),
    (("MASKING", "POLICIES"), "SHOW MASKING POLICIES"),
)
_GRANTED_ON: Final = ("DATABASE", "SCHEMA", "TABLE", "FUNCTION", "PROCEDURE")


def read_show(stream: Stream) -> ShowObjects | ShowSetting | Unsupported:
    """Take SHOW: one of the family, or a parameter."""
    stream.expect("SHOW")
    for words, feature in _ABSENT:
        if stream.at(*words):
            stream.rest()
            return Unsupported(feature=feature)
    if stream.take("GRANTS"):
        return _grants(stream)
    form = next((form for form in _FORMS if stream.take(*form.words)), None)
    if form is None:
        return read_show_setting(stream)
    name = stream.name() if form.named else ()
    signature = read_signature(stream) if form.routine and stream.at("(") else None
    return _restricted(stream, ShowObjects(topic=form.topic, name=name, signature=signature))


def _grants(stream: Stream) -> ShowObjects:
    if stream.take("FOR"):
        shown = ShowObjects(topic="GRANTS FOR", grantee=read_grantee(stream))
        if stream.take("FROM", "DATABASE"):
            shown = replace(shown, database=stream.identifier())
        return _restricted(stream, shown)
    stream.expect("ON")
    following = stream.tokens[min(stream.index + 1, len(stream.tokens) - 1)]
    named = following.kind in {TokenKind.WORD, TokenKind.QUOTED} and following.key not in {"FOR", "LIMIT"}
    object_ = (stream.take_any(*_GRANTED_ON) if named else "") or "TABLE"
    name = stream.name()
    signature = read_signature(stream) if stream.at("(") else None
    return _restricted(stream, ShowObjects(topic="GRANTS ON", object=object_, name=name, signature=signature))


def _restricted(stream: Stream, shown: ShowObjects) -> ShowObjects:
    """Take LIKE, FOR and LIMIT, each at most once, in this order."""
    if stream.take("LIKE"):
        shown = replace(shown, like=stream.string())
    if stream.take("FOR"):
        shown = replace(shown, grantee=read_grantee(stream))
    if stream.take("LIMIT"):
        shown = replace(shown, limit=stream.integer())
    return shown
