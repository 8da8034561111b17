"""Programs that run a client in an environment of its own, each with many cases.

A program is a file of tests/clients/programs; its functions ``case_<name>`` are its cases. It is told by variables where
the server is and says for each case in a line of JSON whether it went well.
"""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.support.server import Server

FOLDER: Final = Path(__file__).resolve().parents[1] / "clients" / "programs"
_CASE: Final = re.compile(r"^(?:(?:async )?def|(?:async )?function|func|sub|\s+(?:public )?static void) case_(\w+)\b", re.MULTILINE)
_TIMEOUT_S: Final = 280


def cases(program: str) -> list[str]:
    """Return the names of a program's cases, as its source has them."""
    return _CASE.findall((FOLDER / program).read_text(encoding="utf-8"))


def outcomes(
    command: Sequence[str | Path], server: Server, timeout_s: float = _TIMEOUT_S, **variables: str
) -> dict[str, str | None]:
    """Run a program and return for each case what went wrong, None for nothing; what else it printed under ""."""
    environment = os.environ | {
        "PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user, "PGPASSWORD": server.password,
        "PGDATABASE": server.database, "SERVER_CERTIFICATE": f"{server.data}/tls/server.crt", "PYTHONPATH": "",
    }  # fmt: skip
    try:
        done = subprocess.run(
            [str(word) for word in command], env=environment | variables, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=timeout_s, check=False,
        )  # fmt: skip
        output = done.stdout
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
    lines = output.decode(errors="replace").splitlines()
    said = [json.loads(line) for line in lines if line.startswith("{")]
    rest = "\n".join(line for line in lines if not line.startswith("{"))
    return {one["case"]: one["error"] for one in said} | {"": rest}


def judge(found: dict[str, str | None], case: str) -> None:
    """Fail where *case* did not go well, or was not reached."""
    assert case in found, f"the program did not come to it, but to{', '.join(found)}; it printed: {found['']}"
    assert found[case] is None, found[case]
