"""Copy jobs, as immutable values: a COPY that is kept, and run for files that are new under its prefix.

Redshift, "COPY JOB". Which files a job has loaded is in the lake (``storage.copied``), written with their rows.
"""

from dataclasses import dataclass

from catalog.model import CatalogState, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyJob:
    """One job."""

    oid: int
    database: int
    name: str
    owner: int
    table: tuple[str, ...]
    """Schema and name of the table, as they were when the job was made."""
    text: str
    """The COPY statement."""
    exact: bool = False
    """Whether quoted names in it keep their case."""
    iam_role: str
    auto: bool = True
    """Whether the server itself looks for new files."""

    kind = Kind.COPY_JOB


def copy_job(state: CatalogState, database: int, name: str) -> CopyJob | None:
    """Return the job called *name* of a database."""
    found = state.objects.get(state.names.get((Kind.COPY_JOB, database, name), -1))
    return found if isinstance(found, CopyJob) else None


def copy_jobs(state: CatalogState, database: int | None = None) -> list[CopyJob]:
    """Return the jobs, of one database or of all."""
    return [item for item in state.of(CopyJob) if database is None or item.database == database]
