"""What is kept of the copying of snapshots to a second place: whether it is on, for how long, when all was verified."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

FILE: Final = "snapshots.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """What has been asked for since the configuration was written."""

    enabled: bool = True
    days: int
    """Days that automated snapshots are kept at the second place."""
    manual_days: int = -1
    """Days that manual ones are; -1 is for ever."""
    verified: str = ""
    """When all files were last held against their checksums: ISO 8601, UTC."""


def load(folder: Path, days: int) -> Copying:
    """Return what is kept in *folder*, *days* and defaults where that is nothing."""
    place = folder / FILE
    if not place.exists():
        return Copying(days=days)
    return Copying(**json.loads(place.read_text(encoding="utf-8")))


def save(folder: Path, copying: Copying) -> None:
    """Keep *copying*, whole or not at all."""
    fresh = folder / f"{FILE}.new"
    fresh.write_text(json.dumps(asdict(copying), indent=1), encoding="utf-8")
    fresh.replace(folder / FILE)
