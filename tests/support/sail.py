"""A Spark Connect server: Sail, in a process of its own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.environments import python_of

_PROGRAM = """
import sys
from pysail.spark import SparkConnectServer
server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
print(server.listening_address[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def sail(**variables: str) -> Iterator[str]:
    """Run Sail with environment *variables*; yield its address. It ends with the process that waits for it."""
    process = subprocess.Popen(
        [python_of("sail"), "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env=os.environ | variables,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield f"sc://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()
