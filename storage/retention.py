"""What has been asked of a warehouse's snapshots since its configuration was written.

A small file of the data folder, read each time that it matters: whoever hosts the server may change it while that runs.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState

FILE: Final = "snapshot_rules.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What has been asked."""

    days: int | None = None
    """Days that automated snapshots are kept, 0 takes none; None is as the configuration says."""
    manual_days: int = -1
    """Days that a manual one is kept which is asked for without a number of them; -1 is for ever."""
    schedule: str = ""
    """Name of the schedule that is followed instead of the configuration's, empty for none."""
    definitions: tuple[str, ...] = ()
    """Its expressions."""
    since: str = ""
    """When they were written: ISO 8601, UTC."""


def load(folder: Path) -> Rules:
    """Return what has been asked of the warehouse in *folder*; raises 58030."""
    try:
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Rules(**kept | {"definitions": tuple(kept["definitions"])})
    except FileNotFoundError:
        return Rules()
    except (ValueError, TypeError, LookupError):
        raise SqlError(SqlState.IO_ERROR, f"{FILE} in the data folder is damaged") from None


def save(folder: Path, rules: Rules) -> None:
    """Keep *rules*, whole or not at all."""
    fresh = folder / f"{FILE}.new"
    fresh.write_text(json.dumps(asdict(rules), indent=1), encoding="utf-8")
    fresh.replace(folder / FILE)
