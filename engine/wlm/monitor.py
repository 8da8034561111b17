"""Looks at the statements that run or wait, once a second, where queues have rules."""

import asyncio
from typing import Final

from engine.wlm.workload import Workload

_EVERY_S: Final = 1.0


class Monitor:
    """The watch over a workload."""

    def __init__(self, workload: Workload) -> None:
        """Watch *workload*."""
        self._workload = workload
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, where there is something to look for."""
        if any(queue.rules for queue in self._workload.configuration.queues):
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            for ticket in self._workload.tickets:
                self._workload.judge(ticket)
