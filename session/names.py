"""What the client is told of names that are too long: Redshift, "Names and identifiers", cuts them at 127 bytes."""

from core.errors import Diagnosis, notice
from core.names import cut
from core.sqlstate import SqlState
from sql.tokens import too_long


def names_cut(text: str) -> list[Diagnosis]:
    """Return a notice for each name in *text* that is cut."""
    return [
        notice(f'identifier "{name}" will be truncated to "{cut(name)}"', state=SqlState.NAME_TOO_LONG)
        for name in too_long(text)
    ]
