"""Every .slt file beside this one, run over the wire; see tests.support.slt for the format."""

from pathlib import Path

import pytest

from tests.support.server import Server
from tests.support.slt import Runner, parse

HERE = Path(__file__).parent
FILES = sorted(HERE.rglob("*.slt"))


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(HERE)) for path in FILES])
def test_slt(path: Path, server: Server) -> None:
    dsn = f"host={server.host} port={server.port} user={server.user} password={server.password} dbname=dev"
    runner = Runner(dsn, "slt_" + path.stem.replace("-", "_"))
    try:
        wrong = [
            f"{path.name}:{record.line}: {record.sql}\n{problem}"
            for record in parse(path)
            if (problem := runner.run(record)) is not None
        ]
    finally:
        runner.close()
    assert not wrong, "\n\n".join(wrong)
