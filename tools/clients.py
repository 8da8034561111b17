"""Runs each client's tests against a fresh server and prints a table: client, version, cases, passing.

``make clients``; arguments name clients, none means all. The figures go to tests/clients/figures.tsv, and
docs/clients.md is written from them and from tests/clients/clients.toml. Ends with 1 when a case fails.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.clients import FOLDER, Client, clients, version_of
from tools.gen_surface import grid

_ROOT: Final = Path(__file__).resolve().parent.parent
_FIGURES: Final = FOLDER / "figures.tsv"
_PAGE: Final = _ROOT / "docs/clients.md"
_HEAD: Final = ("client", "version", "cases", "passing")
_INTRODUCTION: Final = """\
Clients are used as they come: nothing in them is changed, and they are told that this is Amazon Redshift. A case is
one test in `tests/clients`, which runs the real client; `make clients` runs them and writes this table. `make test` runs
them too, but for those whose section says otherwise.
`scripts/clients` installs those that are not duckshift's own test dependencies. The connections of each are listed with
their application names in STV_SESSIONS, STL_CONNECTION_LOG, SYS_CONNECTION_LOG and SYS_SESSION_HISTORY."""


@dataclass
class Tally:
    """Counts a run's cases by client; leaves out the tests of clients that were not asked for."""

    names: frozenset[str]
    cases: Counter[str] = field(default_factory=Counter)
    passing: Counter[str] = field(default_factory=Counter)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the tests of the clients that were asked for."""
        kept: list[pytest.Item] = []
        left: list[pytest.Item] = []
        for item in items:
            (kept if self.names.intersection(of(item)) else left).append(item)
        items[:] = kept
        config.hook.pytest_deselected(items=left)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test that ran, and one that could not be set up."""
        if report.when != "call" and report.passed:
            return
        for name in {value for key, value in report.user_properties if key == "client"} & self.names:
            self.cases[str(name)] += 1
            self.passing[str(name)] += report.when == "call" and report.passed


def of(item: Any) -> set[str]:
    """Return the clients that a test is of."""
    return {mark.args[0] for mark in item.iter_markers("client")}


def page() -> str:
    """Return ``docs/clients.md``."""
    figures = _figures()
    lines = [
        "# Clients", "", "<!-- Written by `make clients` from tests/clients/clients.toml and its figures. -->", "",
        _INTRODUCTION, "",
        *grid(list(_HEAD), ([client.title, *figures.get(client.name, ("", "", ""))] for client in clients())),
    ]  # fmt: skip
    for client in clients():
        lines += ["", f"## {client.title}", "", *_notes(client)]
    return "\n".join([*lines, ""])


def _notes(client: Client) -> Iterator[str]:
    fence = "```"
    yield from (f"{fence}text", *client.connect.strip().splitlines(), fence, "")
    yield f"Tested: {client.tested}"
    if client.apart:
        yield from ("", "Run by `make clients` alone, not by `make test`: its environment is large.")
    if client.application:
        yield from ("", f"Listed in STL_CONNECTION_LOG as `{client.application}` where its user names no application.")
    if client.limits:
        yield from ("", f"Known limits: {client.limits}")


def _figures() -> dict[str, tuple[str, ...]]:
    if not _FIGURES.is_file():
        return {}
    rows = [line.split("\t") for line in _FIGURES.read_text(encoding="utf-8").splitlines()[1:]]
    return {name: tuple(rest) for name, *rest in rows}


def main(names: list[str]) -> int:
    """Run the tests of the clients called *names*, of all for none."""
    wanted = [client for client in clients() if not names or client.name in names]
    if unknown := set(names) - {client.name for client in wanted}:
        print(f"no such client: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    tally = Tally(frozenset(client.name for client in wanted))
    # tests/conftest.py starts one server, with an empty data folder, for the run.
    os.environ["ALL_CLIENTS"] = "1"
    code = pytest.main(["-q", "-p", "no:cacheprovider", str(FOLDER)], plugins=[tally])
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        print("the tests did not run to their end; the figures stay as they were", file=sys.stderr)
        return int(code)
    found = _figures()
    for client in wanted:
        found[client.name] = (version_of(client), str(tally.cases[client.name]), str(tally.passing[client.name]))
    known = [client.name for client in clients()]
    rows = ["\t".join(_HEAD), *("\t".join((name, *found[name])) for name in sorted(found) if name in known)]
    _FIGURES.write_text("\n".join([*rows, ""]), encoding="utf-8")
    _PAGE.write_text(page(), encoding="utf-8")
    print(f"\n{_HEAD[0]:<34} {_HEAD[1]:<16} {_HEAD[2]:>6} {_HEAD[3]:>8}")
    for client in wanted:
        version, cases, passing = found[client.name]
        print(f"{client.title:<34} {version:<16} {cases:>6} {passing:>8}")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
