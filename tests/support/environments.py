"""Where the client programs live that ``scripts/clients`` installs, one environment a name."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def python_of(name: str) -> Path:
    """The interpreter of the Python environment that tests/clients/environments/<name>.lock describes."""
    return _there(ROOT / ".clients" / name / "bin" / "python", name)


def program_of(name: str, program: str) -> Path:
    """A program which that environment's packages brought, such as ``dbt``."""
    return _there(ROOT / ".clients" / name / "bin" / program, name)


def jar_of(name: str) -> Path:
    """The jar that a Python package of that environment carries."""
    folder = _there(ROOT / ".clients" / name, name)
    (found,) = folder.glob("lib/python*/site-packages/*/jars/*.jar")
    return found


def modules_of(name: str) -> Path:
    """The ``node_modules`` folder (for NODE_PATH) of tests/clients/environments/<name>/package-lock.json."""
    return _there(ROOT / ".clients" / name / "node_modules", name)


def _there(path: Path, name: str) -> Path:
    assert path.exists(), f"{path.relative_to(ROOT)} is missing: run scripts/clients {name}"
    return path
