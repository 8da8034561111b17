"""DuckDB's files under other names, because an instance that was given up keeps theirs.

An instance that has failed cannot be closed, and within a process DuckDB opens a path once. So its files get other
names for the instance that comes after it, ``NAME~1`` and so on, and their own again when the server ends. A server
that was killed between left them so: ``settle`` belongs before the first use.
"""

import os
from pathlib import Path
from typing import Final

_MARK: Final = "~"
_LOGS: Final = (".wal", ".wal.checkpoint", ".wal.recovery")


def place(folder: Path, name: str) -> Path:
    """Return where the file called *name* lies now, or is to be."""
    turned = _turned(folder, name, "")
    return folder / f"{name}{_MARK}{max(turned)}" if turned else folder / name


def turn(folder: Path, name: str) -> None:
    """Give the file called *name*, and its logs, the next name."""
    old = place(folder, name)
    if not old.exists():
        return
    new = folder / f"{name}{_MARK}{max(_turned(folder, name, ''), default=0) + 1}"
    old.replace(new)
    for log in _LOGS:
        beside = Path(f"{old}{log}")
        if beside.exists():
            beside.replace(f"{new}{log}")
    _sync(folder)


def settle(folder: Path) -> None:
    """Give all files in *folder*, and their logs, their own names again; only while nobody has them open."""
    names = {path.name.partition(_MARK)[0] for path in folder.glob(f"*{_MARK}[0-9]*")}
    # A server that was killed while it renamed has left a log under an older name than its file's.
    for name, log in ((name, log) for name in names for log in ("", *_LOGS)):
        for number in sorted(_turned(folder, name, log), reverse=True):
            own = folder / f"{name}{log}"
            if not own.exists():
                (folder / f"{name}{_MARK}{number}{log}").replace(own)
    if names:
        _sync(folder)


def _turned(folder: Path, name: str, log: str) -> list[int]:
    start = f"{name}{_MARK}"
    numbers = (path.name.removeprefix(start).removesuffix(log) for path in folder.glob(f"{start}*{log}"))
    return [int(number) for number in numbers if number.isdigit()]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
