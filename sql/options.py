"""Parameters of COPY and UNLOAD: one row each.

Redshift, "COPY parameter reference" and "UNLOAD parameters". A row says which words begin the parameter,
what argument follows, with which formats it goes, and what holds when it is not given.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Value = str | int | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given(Mapping[str, Value]):
    """The parameters that a command gave, by option name, with their arguments.

    A word without argument is True. ``get(name)`` is None when the parameter was not given.
    """

    values: Mapping[str, Value] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Value:
        """Return the argument of a parameter that was given."""
        return self.values[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names given."""
        return iter(self.values)

    def __len__(self) -> int:
        """Return how many were given."""
        return len(self.values)
