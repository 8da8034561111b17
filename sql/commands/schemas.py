"""CREATE SCHEMA, ALTER SCHEMA.

Redshift, "CREATE SCHEMA", "ALTER SCHEMA".
"""

from dataclasses import dataclass
from typing import Final

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


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterSchema:
    """ALTER SCHEMA name RENAME TO | OWNER TO | QUOTA: one of them is given."""

    name: tuple[str, ...]
    rename_to: str | None = None
    owner: str | None = None
    quota_mb: int | None = None
    """-1 is UNLIMITED."""
