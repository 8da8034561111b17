"""Compile the result encoder's C source into the library that ``server.wire.encode_native`` loads.

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

SOURCE: Final = Path(__file__).resolve().parent.parent / "server" / "wire" / "native"
LIBRARY: Final = "encode.so"
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
        "duckshift: no C compiler found. Its result encoder is compiled when it is installed: install gcc or "
        "clang, set CC, or install the Python package ziglang, then try again."
    )


def build(source: Path = SOURCE) -> Path:
    """Compile the library beside its source and return its path; nothing is done when it is up to date."""
    library = source / LIBRARY
    inputs = [*source.glob("*.c"), *source.glob("*.h"), Path(__file__)]
    if library.exists() and library.stat().st_mtime > max(path.stat().st_mtime for path in inputs):
        return library
    with tempfile.TemporaryDirectory(dir=source, prefix=".build-") as folder:
        made = Path(folder) / LIBRARY
        command = [*compiler(), *FLAGS, "-o", str(made), str(source / "encode.c"), "-lm"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"duckshift: compiling the result encoder failed: {shlex.join(command)}\n{done.stderr}")
        # In one step, so that a running server keeps the file that it has mapped.
        made.replace(library)
    return library


if __name__ == "__main__":
    sys.stdout.write(f"{build()}\n")
