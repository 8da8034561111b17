"""Which of the program's threads go first where there are more than processors.

The event loop must answer all connections, so the engine's threads give way to it, and those that only prepare
something give way to all. On Linux, where niceness is a thread's own; a thread that is made later inherits it.
"""

import contextlib
import os
import sys
import threading
from typing import Final

BACKGROUND: Final = 19
"""Niceness of threads that nobody waits for."""


def give_way(niceness: int) -> None:
    """Let the calling thread go after those of a lower niceness."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
