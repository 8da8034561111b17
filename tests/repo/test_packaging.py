"""What is installed: the wheel's names, nobody else's, and pinned dependencies."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-uv.lock")


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock):
    text = (ROOT / lock).read_text()
    return {normal(name): version for name, version in re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", text, re.MULTILINE)}


def test_the_wheel_holds_the_eleven_packages():
    assert PACKAGES == ["api", "auth", "catalog", "console", "core", "engine", "flight", "server", "session", "sql", "storage"]
    assert PROJECT["tool"]["importlinter"]["root_packages"] == PACKAGES
    assert set(PACKAGES) < set(PROJECT["tool"]["mypy"]["files"])


def test_no_other_distribution_owns_our_names():
    owners = {}
    for found in importlib.metadata.distributions():
        tops = {file.parts[0] for file in found.files or () if len(file.parts) > 1}
        for package in tops & {*PACKAGES, "bench", "config", "tools"}:
            if found.name != "duckshift":
                owners[package] = found.name
    assert not owners


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash_and_no_address(lock):
    text = (ROOT / lock).read_text()
    assert "http" not in text.replace("duckdb-extension-httpfs", "").replace("httpcore", "").replace("httpx", "")
    for block in re.split(r"\n(?=[a-z])", text)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_locks_hold_what_the_project_asks_for():
    asked = PROJECT["project"]["dependencies"]
    for lock, wanted in (
        (LOCKS[0], asked),
        (LOCKS[1], [*asked, *PROJECT["project"]["optional-dependencies"]["dev"]]),
    ):
        held = pins(lock)
        for requirement in wanted:
            name, exact = re.match(r"([\w.-]+)(?:\[[\w,]+\])?(?:==(\S+))?", requirement).groups()
            assert normal(name) in held, f"{name} is missing in {lock}"
            if exact:
                assert held[normal(name)] == exact


def test_both_locks_agree():
    run, dev = (pins(lock) for lock in LOCKS[:2])
    assert run.items() <= dev.items()


def test_the_console_script_is_what_the_readme_says():
    (script,) = [
        found for found in importlib.metadata.entry_points(group="console_scripts") if found.name == "duckshift"
    ]
    assert script.value == "server.main:main"
