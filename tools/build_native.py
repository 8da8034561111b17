"""Compile the C sources into the libraries of ``server.wire.encode_native``, ``engine.load.fields``, ``sql.literals``.

Run by the wheel's build hook and by hand after a change: ``python tools/build_native.py``.
"""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = (
    ROOT / "server" / "wire" / "native" / "encode.c",
    ROOT / "engine" / "load" / "native" / "fields.c",
    ROOT / "sql" / "native" / "literals.c",
)
FLAGS: Final = ("-std=c11", "-O3", "-fPIC", "-shared", "-Wall", "-Wextra")


def compiler() -> list[str]:
    """Return the command of a C compiler: $CC, then cc, gcc, clang, then the ziglang package's."""
    chosen = os.environ.get("CC")
    if chosen:
        return shlex.split(chosen)
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found:
            return [found]
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc"]
    raise SystemExit(
        "duckshift: no C compiler found. Parts of it are compiled when it is installed: install gcc or "
        "clang, set CC, or install the Python package ziglang, then try again."
    )


def build(source: Path) -> Path:
    """Compile a library beside its source and return its path; nothing is done when it is up to date."""
    folder, library = source.parent, source.with_suffix(".so")
    inputs = [*folder.glob("*.c"), *folder.glob("*.h"), Path(__file__)]
    if library.exists() and library.stat().st_mtime > max(path.stat().st_mtime for path in inputs):
        return library
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as made_in:
        made = Path(made_in) / library.name
        command = [*compiler(), *FLAGS, "-o", str(made), str(source), "-lm"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"duckshift: compiling {source.name} failed: {shlex.join(command)}\n{done.stderr}")
        # In one step, so that a running server keeps the file that it has mapped.
        made.replace(library)
    return library


def build_all() -> list[Path]:
    """Compile what is not up to date; return all libraries."""
    return [build(source) for source in SOURCES]


if __name__ == "__main__":
    sys.stdout.writelines(f"{library}\n" for library in build_all())
