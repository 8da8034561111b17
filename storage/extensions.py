"""DuckDB's extensions: signed files that come in Python packages, loaded from where the packages lie.

To load a file costs a check of its signature; to install it first, as the packages' own function does, costs a second
check, a copy of some 60 MB for each data folder, and most of a second of a server's start.
"""

import importlib.util
from pathlib import Path
from typing import Final

import duckdb
from duckdb_extensions import import_extension

from core.names import literal

_SCANNERS: Final = frozenset({"mysql", "postgres", "sqlite"})
"""Those whose entry point has another name than their file, which only an installation knows."""


def is_there(name: str) -> bool:
    """Tell whether the package of an extension is installed."""
    return importlib.util.find_spec(_package(name)) is not None


def load(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension into the instance of *connection*; raises ImportError where its package is not installed."""
    found = importlib.util.find_spec(_package(name))
    if found is None or found.origin is None:
        raise ImportError(f"the package duckdb-extension-{name} is not installed")
    if name in _SCANNERS:
        import_extension(name, con=connection)
        connection.execute(f"LOAD {name}")
        return
    folder = Path(found.origin).parent / "extensions" / f"v{duckdb.__version__}"
    connection.execute(f"LOAD {literal(str(folder / f'{name}.duckdb_extension'))}")


def _package(name: str) -> str:
    return f"duckdb_extension_{name}"
