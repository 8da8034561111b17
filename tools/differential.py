"""``make differential``: generated statements on this server and on PostgreSQL, and what they differ in.

Exits with 1 when a difference has no explanation (``tests/differential/deviations.py``).
"""

import argparse
import collections
import sys
import tempfile
from pathlib import Path

from tests.differential.comparison import run
from tests.support.server import Server


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="which statements (default %(default)s)")
    parser.add_argument("--count", type=int, default=5_000, help="how many (default %(default)s)")
    options = parser.parse_args()
    explained: collections.Counter[str] = collections.Counter()
    unexplained = 0
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data") as server:
        for difference in run(server.dsn, options.seed, options.count):
            if difference is not None and difference.explained:
                explained[difference.explained] += 1
            elif difference is not None:
                unexplained += 1
                print(difference)
    print(f"{options.count} statements, {unexplained} unexplained differences")
    for name, times in explained.most_common():
        print(f"{times:6} {name}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
