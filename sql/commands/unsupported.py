"""What Redshift has and duckshift does not (yet): known by its first words, answered with 0A000."""

from dataclasses import dataclass
from typing import Final

from sql.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A statement of a known feature that is absent."""

    feature: str
    """As ``core.errors.not_supported`` takes it: ``CREATE MODEL``."""
    foreign: str = ""
    """The text of a statement that PostgreSQL has and Redshift has not."""


HEADS: Final = (
    "ALTER EXTERNAL VIEW",
    "ALTER TEMPLATE",
    "CREATE EXTERNAL FUNCTION",
    "CREATE EXTERNAL MODEL",
    "CREATE EXTERNAL VIEW",
    "CREATE LIBRARY",
    "CREATE MODEL",
    "CREATE PROTECTED EXTERNAL VIEW",
    "CREATE TEMPLATE",
    "DROP EXTERNAL VIEW",
    "DROP LIBRARY",
    "DROP MODEL",
    "DROP TEMPLATE",
)
"""Redshift, "SQL commands": those that duckshift knows and does not have. OR REPLACE may stand in between."""

FOREIGN: Final = (
    "ALTER INDEX",
    "ALTER SEQUENCE",
    "CREATE AGGREGATE",
    "CREATE DOMAIN",
    "CREATE INDEX",
    "CREATE RULE",
    "CREATE SEQUENCE",
    "CREATE TABLESPACE",
    "CREATE TRIGGER",
    "CREATE TYPE",
    "CREATE UNIQUE INDEX",
    "DROP AGGREGATE",
    "DROP DOMAIN",
    "DROP INDEX",
    "DROP RULE",
    "DROP SEQUENCE",
    "DROP TABLESPACE",
    "DROP TRIGGER",
    "DROP TYPE",
)
"""Redshift, "Unsupported PostgreSQL features": statements of PostgreSQL 8.0 that it reads and refuses."""

_FOREIGN: Final = frozenset(tuple(head.split()) for head in FOREIGN)
_HEADS: Final = {tuple(head.split()): head for head in HEADS}


def read_unsupported(stream: Stream) -> Unsupported | None:
    """Take a statement of an absent feature whole, or return None."""
    keys = [token.key for token in stream.tokens[stream.index : stream.index + 6]]
    if keys[1:3] == ["OR", "REPLACE"]:
        del keys[1:3]
    if any(tuple(keys[:length]) in _FOREIGN for length in (2, 3)):
        return Unsupported(feature=" ".join(keys[:2]), foreign=stream.rest().text)
    for length in (3, 2, 4):
        feature = _HEADS.get(tuple(keys[:length]))
        if feature:
            stream.rest()
            return Unsupported(feature=feature)
    return None
