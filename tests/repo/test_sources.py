"""What holds for every source file: size, docstrings, plain words, nobody's machine."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("api", "auth", "catalog", "console", "core", "engine", "flight", "server", "session", "sql", "storage")
LIMIT = 400
# Tables: a file of rows, which is read by looking a row up.
TABLES = {
    "catalog/system/": "system views, a row a view",
    "core/types.py": "the types",
    "session/settings.py": "session settings",
    "sql/functions/": "functions, a row a function",
    "sql/options.py": "parameters of COPY and UNLOAD",
}
BANNED = {"utils", "util", "helpers", "common", "misc", "base", "manager", "handler"}


def tracked(*patterns):
    """Return the tracked files, as paths below the root, that match one of *patterns*."""
    shown = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in shown.stdout.split("\0") if name and (ROOT / name).is_file()]


def modules():
    return tracked(*(f"{package}/*.py" for package in PACKAGES), "tools/*.py", "bench/*.py", "tests/*.py")


@pytest.fixture(scope="module", autouse=True)
def has_files():
    assert len(modules()) > 50


def test_no_module_grows_past_the_limit():
    sizes = {name: len((ROOT / name).read_text().splitlines()) for name in modules()}
    long = {name: size for name, size in sizes.items() if size > LIMIT and not name.startswith(tuple(TABLES))}
    assert not long, f"split by noun, do not shorten: {long}"


def test_exemptions_are_needed_by_files_that_exist():
    assert all(any(name.startswith(table) for name in modules()) for table in TABLES)


def test_every_module_says_what_it_owns():
    silent = []
    for name in modules():
        if name.startswith("tests/") and Path(name).name == "__init__.py":
            continue
        if not ast.get_docstring(ast.parse((ROOT / name).read_text())):
            silent.append(name)
    assert not silent


def test_modules_are_named_by_what_they_own():
    assert not [name for name in modules() if Path(name).stem in BANNED]


def test_packages_are_typed_packages():
    folders = {str(Path(name).parent) for name in modules() if name.split("/")[0] in PACKAGES}
    assert not [folder for folder in folders if not (ROOT / folder / "__init__.py").is_file()]
    assert not [package for package in PACKAGES if not (ROOT / package / "py.typed").is_file()]


def test_test_folders_are_no_packages():
    # A tests/<package>/__init__.py can shadow the package itself: docs/decisions/0001-packaging.md.
    assert tracked("tests/**/__init__.py", "tests/__init__.py") == ["tests/__init__.py"]


def test_imports_are_absolute():
    found = []
    for name in modules():
        for node in ast.walk(ast.parse((ROOT / name).read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                found.append(name)
    assert not found


FOREIGN = {
    "the path of one machine": re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/"),
    "the address of a package index": re.compile(r"--(?:extra-)?index-url\b|pypi\.org|files\.pythonhosted|registry\.npmjs"),
    "an unfinished mark": re.compile(r"(?:#|--|//)\s*(?:TODO|FIXME|XXX|HACK)\b"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_tracked_files_hold_nothing_foreign(what):
    found = []
    for name in tracked():
        if name == "tests/repo/test_sources.py" or (ROOT / name).is_symlink():
            continue
        try:
            text = (ROOT / name).read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{name}:{text.count(chr(10), 0, hit.start()) + 1}" for hit in FOREIGN[what].finditer(text)]
    assert not found, what
