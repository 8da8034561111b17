"""What Redshift has and duckshift does not (yet): known by its first words, answered with 0A000."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupported:
    """A statement of a known feature that is absent."""

    feature: str
    """As ``core.errors.not_supported`` takes it: ``CREATE DATASHARE``."""
