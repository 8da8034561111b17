"""Where DuckDB puts what does not fit into its memory, and how much of that there may be."""

import shutil
from pathlib import Path
from typing import Final

import duckdb

from core.names import literal

LIMITED: Final = "max_temp_directory_size"
"""DuckDB's setting, which an error names that meets it."""
_PART: Final = 3
"""One part in so many of what is free on the disk is for it: there are two instances, and others need some, too."""


def cleared(folder: Path) -> Path:
    """Return *folder* without what a server that was killed has left there: it would keep DuckDB from starting."""
    for left in folder.glob("duckdb_temp_*"):
        left.unlink(missing_ok=True)
    return folder


def limit(connection: duckdb.DuckDBPyConnection, folder: Path, most: str = "") -> None:
    """Let the instance spill *most* (as 100GB) to *folder*; where that is empty, a third of what is free there now."""
    if not most:
        there = next(place for place in (folder, *folder.parents) if place.exists())
        most = f"{shutil.disk_usage(there).free // _PART}B"
    # What ``connect`` is told of it is not heeded.
    connection.execute(f"SET GLOBAL {LIMITED} = {literal(most)}")
