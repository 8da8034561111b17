"""COPY in all its forms.

Redshift, "COPY"; PostgreSQL, "COPY" for STDIN and STDOUT. Parameters are rows of ``sql.options``.
"""

from dataclasses import dataclass, field

from sql.options import Given
from sql.statement import Fragment


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How a COPY or UNLOAD proves who it is. One of the forms is given."""

    iam_roles: tuple[str, ...] = ()
    """ARNs of a chain, or ``default``, or ``SESSION``."""
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    master_symmetric_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """COPY table FROM 'source' credentials parameters."""

    table: tuple[str, ...]
    columns: tuple[str, ...] = ()
    source: str
    """As written, escapes read: s3://bucket/prefix, file:///…, dynamodb://…, emr://…."""
    credentials: Credentials = Credentials()
    options: Given = field(default_factory=Given)
    """``options["delimiter"]`` is its argument; see ``sql.options`` for names and defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFormat:
    """How a STDIN or STDOUT stream is written. None: the format's default."""

    format: str = "text"
    """text, csv or binary."""
    delimiter: str | None = None
    null: str | None = None
    header: bool = False
    quote: str | None = None
    escape: str | None = None
    force_quote: tuple[str, ...] | None = None
    """``("*",)`` for all columns."""
    force_not_null: tuple[str, ...] = ()
    encoding: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFromStdin:
    """COPY table [(columns)] FROM STDIN."""

    table: tuple[str, ...]
    columns: tuple[str, ...] = ()
    format: CopyFormat = CopyFormat()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyToStdout:
    """COPY table [(columns)] TO STDOUT, COPY (query) TO STDOUT: one of table and query is given."""

    table: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    query: Fragment | None = None
    format: CopyFormat = CopyFormat()
