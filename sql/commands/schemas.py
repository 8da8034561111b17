"""CREATE SCHEMA, ALTER SCHEMA.

Redshift, "CREATE SCHEMA", "ALTER SCHEMA".
"""

from dataclasses import dataclass
from typing import Final

from sql.statement import Fragment, Statement
from sql.stream import Stream

UNLIMITED: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSchema:
    """CREATE SCHEMA [IF NOT EXISTS] name [AUTHORIZATION user] [QUOTA …]."""

    name: tuple[str, ...]
    """Schema, or database and schema."""
    if_not_exists: bool = False
    authorization: str | None = None
    quota_mb: int | None = None
    """-1 is UNLIMITED."""
    elements: tuple[Statement, ...] = ()
    """CREATE TABLE, CREATE VIEW and GRANT, to be run in the new schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterSchema:
    """ALTER SCHEMA name RENAME TO | OWNER TO | QUOTA: one of them is given."""

    name: tuple[str, ...]
    rename_to: str | None = None
    owner: str | None = None
    quota_mb: int | None = None
    """-1 is UNLIMITED."""


def element_fragments(stream: Stream) -> list[Fragment]:
    """Take the statements that stand in CREATE SCHEMA: each begins with CREATE or GRANT outside parentheses."""
    starts: list[int] = []
    depth = 0
    while not stream.ended:
        before = stream.tokens[stream.index - 1].key
        if depth == 0 and stream.at_any("CREATE", "GRANT") and before != "WITH":
            starts.append(stream.token.start)
        depth += stream.at("(") - stream.at(")")
        stream.advance()
    end = stream.tokens[-2].end
    return [stream.between(start, stop) for start, stop in zip(starts, [*starts[1:], end], strict=True)]


_MEGABYTES: Final = {"MB": 1, "GB": 1024, "TB": 1024 * 1024}


def read_create_schema(stream: Stream) -> CreateSchema:
    """Take what follows CREATE SCHEMA."""
    if_not_exists = stream.take("IF", "NOT", "EXISTS")
    name = () if stream.at("AUTHORIZATION") else stream.name(2)
    authorization = stream.user() if stream.take("AUTHORIZATION") else None
    quota = _quota(stream) if stream.take("QUOTA") else None
    return CreateSchema(
        name=name or (authorization or "",),
        if_not_exists=if_not_exists,
        authorization=authorization,
        quota_mb=quota,
    )


def read_alter_schema(stream: Stream) -> AlterSchema:
    """Take what follows ALTER SCHEMA."""
    name = stream.name(2)
    match stream.expect_any("RENAME", "OWNER", "QUOTA"):
        case "RENAME":
            stream.expect("TO")
            return AlterSchema(name=name, rename_to=stream.identifier())
        case "OWNER":
            stream.expect("TO")
            return AlterSchema(name=name, owner=stream.user())
    return AlterSchema(name=name, quota_mb=_quota(stream))


def _quota(stream: Stream) -> int:
    if stream.take("UNLIMITED"):
        return UNLIMITED
    amount = stream.integer()
    return amount * _MEGABYTES[stream.take_any(*_MEGABYTES) or "GB"]
