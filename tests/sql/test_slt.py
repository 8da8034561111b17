"""Every .slt file beside this one, run over the wire; see tests.support.slt for the format."""

from pathlib import Path

import pytest

from tests.support import slt
from tests.support.server import Server

HERE = Path(__file__).parent
FILES = sorted(HERE.rglob("*.slt"))


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(HERE)) for path in FILES])
def test_slt(path: Path, server: Server) -> None:
    assert not slt.problems(path, server.dsn)
