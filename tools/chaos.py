"""Does to servers what the tests know of faults, for longer and more often than the tests, and prints what they survived.

``make chaos``; ``--seconds`` is how long concurrent clients run under kills and cancels. A fault is a test with the mark
``fault(name)``. Ends with 1 when one was not survived.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_TESTS: Final = Path(__file__).parents[1] / "tests"
_SECONDS: Final = 30
_HEAD: Final = f"{'fault':<66} {'injected':>8} {'survived':>8} {'seconds':>8}"


class _Ledger:
    """What happened to each fault."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.injected: Counter[str] = Counter()
        self.survived: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()
        self.skipped: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what is a fault."""
        for item in items:
            mark = item.get_closest_marker("fault")
            if mark is not None:
                self.names[item.nodeid] = str(mark.args[0])
        items[:] = [item for item in items if item.nodeid in self.names]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count."""
        name = self.names[report.nodeid]
        self.seconds[name] += round(report.duration)
        if report.skipped:
            self.skipped[name] = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
        elif report.when == "call" or report.failed:
            self.injected[name] += 1
            self.survived[name] += report.passed

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        yield _HEAD
        for name in dict.fromkeys(self.names.values()):
            if not self.injected[name]:
                yield f"{name:<66} {self.skipped.get(name, 'not run')}"
                continue
            yield f"{name:<66} {self.injected[name]:>8} {self.survived[name]:>8} {self.seconds[name]:>8}"


def main(arguments: list[str]) -> int:
    """Run all faults, or those of files whose name holds one of the words; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="parts of names of the tests' files")
    parser.add_argument("--seconds", type=int, default=_SECONDS)
    chosen = parser.parse_args(arguments)
    os.environ["CHAOS_SECONDS"] = str(chosen.seconds)
    files = [
        str(path) for path in sorted(_TESTS.rglob("test_*.py"))
        if (not chosen.words or any(word in path.stem for word in chosen.words)) and "mark.fault(" in path.read_text()
    ]  # fmt: skip
    ledger = _Ledger()
    status = pytest.main(["-q", "-p", "no:cacheprovider", f"--timeout={120 + 3 * chosen.seconds}", *files], [ledger])
    print("\n".join(ledger.lines()))
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
