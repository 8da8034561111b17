"""Runs the conformance suite on a server of its own and prints a table: area, cases, passing.

``make conformance``; arguments are words that a file's path must hold. Ends with 1 when a case that must hold
does not.
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.support import slt
from tests.support.server import Server
from tests.support.surface import FOLDER

_HEAD: Final = f"{'area':<28} {'cases':>6} {'passing':>8} {'known gaps':>11}"


def main(words: list[str]) -> int:
    """Run the files whose path holds one of *words*, all for none."""
    files = [path for path in sorted(FOLDER.rglob("*.slt")) if not words or any(word in str(path) for word in words)]
    figures: dict[str, list[int]] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data") as server:
        for path in files:
            found = slt.problems(path, server.dsn)
            cases = [record for record in slt.parse(path) if record.case]
            gaps = sum(bool(record.gap) for record in cases)
            row = figures.setdefault(str(path.parent.relative_to(FOLDER)), [0, 0, 0])
            for place, number in enumerate((len(cases), len(cases) - gaps - len(found), gaps)):
                row[place] += number
            wrong += found
    print(_table(figures))
    print("\n\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


def _table(figures: dict[str, list[int]]) -> str:
    lines = [f"{area:<28} {row[0]:>6} {row[1]:>8} {row[2]:>11}" for area, row in sorted(figures.items())]
    total = [sum(row[place] for row in figures.values()) for place in range(3)]
    return "\n".join([_HEAD, *lines, f"{'all':<28} {total[0]:>6} {total[1]:>8} {total[2]:>11}"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
