"""UNLOAD.

Redshift, "UNLOAD". Options are rows of ``sql.options``.
"""

from dataclasses import dataclass, field

from sql.commands.copy import Credentials
from sql.options import Given
from sql.statement import Fragment


@dataclass(frozen=True, slots=True, kw_only=True)
class Unload:
    """UNLOAD ('query') TO 'target' credentials options."""

    query: Fragment
    """The literal's value; the offset is of its first character, exact while the literal has no escapes."""
    target: str
    credentials: Credentials = Credentials()
    options: Given = field(default_factory=Given)
