"""Golden files of the translator: Redshift SQL, ``----``, engine SQL or ``error (SQLSTATE) message``."""

from dataclasses import dataclass
from pathlib import Path

from core.errors import SqlError
from sql.translate import translate
from tests.support.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One case of a golden file."""

    path: Path
    line: int
    text: str
    expected: str

    def __str__(self) -> str:
        """Return what identifies it in a report."""
        return f"{self.path.stem}:{self.line}"


def collect(path: Path) -> list[Pair]:
    """Return the cases of one file; blank lines part them, ``#`` begins a comment."""
    pairs: list[Pair] = []
    line = 1
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        lines = [item for item in block.splitlines() if item and not item.startswith("#")]
        if lines:
            cut = lines.index("----")
            pairs.append(Pair(path=path, line=line, text="\n".join(lines[:cut]), expected="\n".join(lines[cut + 1 :])))
        line += block.count("\n") + 2
    return pairs


def written(text: str) -> str:
    """Return what the translator makes of *text*, as a golden file shows it."""
    try:
        return translate(text, Warehouse()).engine_sql
    except SqlError as error:
        return f"error ({error.state}) {error.message}"
