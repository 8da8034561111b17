"""COMMENT ON.

Redshift, "COMMENT".
"""

from dataclasses import dataclass
from typing import Final

from core.types import ColumnType
from sql.commands.datatypes import read_signature
from sql.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """COMMENT ON object IS 'text' | NULL."""

    object: str
    """TABLE, COLUMN, CONSTRAINT, DATABASE, VIEW, SCHEMA, …."""
    name: tuple[str, ...]
    """A column's name is its relation's with the column at the end (two to four parts)."""
    on: tuple[str, ...] | None = None
    """A constraint's table."""
    text: str | None
    """None removes the remark."""
    signature: tuple[ColumnType, ...] | None = None
    """Of a routine: its argument types, None without parentheses."""


_PARTS: Final = (
    # words after ON, and how many parts the object's name may have
    (("MATERIALIZED", "VIEW"), 3),
    (("TABLE",), 3),
    (("COLUMN",), 4),
    (("CONSTRAINT",), 1),
    (("DATABASE",), 1),
    (("VIEW",), 3),
    (("SCHEMA",), 2),
    (("FUNCTION",), 3),
    (("PROCEDURE",), 3),
)


def read_comment(stream: Stream) -> Comment:
    """Take COMMENT ON object name IS 'text' | NULL."""
    stream.expect("COMMENT", "ON")
    found = next(((words, parts) for words, parts in _PARTS if stream.take(*words)), None)
    if found is None:
        stream.fail()
    words, parts = found
    name = stream.name(parts)
    if words == ("COLUMN",) and len(name) == 1:
        stream.expect(".")
    on = signature = None
    if words == ("CONSTRAINT",):
        stream.expect("ON")
        on = stream.name()
    elif stream.at("(") and words[0] in {"FUNCTION", "PROCEDURE"}:
        signature = read_signature(stream)
    stream.expect("IS")
    text = None if stream.take("NULL") else stream.string()
    return Comment(object=" ".join(words), name=name, on=on, text=text, signature=signature)
