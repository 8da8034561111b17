"""The watchdog tells of turns of the event loop that were too long, with their place in the program."""

import asyncio
import logging
import socket
import time

import pytest

from server.watchdog import watched_loop

_SPINNING = """
def spin(seconds):
    end = thread_time() + seconds
    while thread_time() < end:
        pass
"""


def _said(seconds: float, caplog: pytest.LogCaptureFixture, *, listens: bool = True) -> list[logging.LogRecord]:
    module = {"__name__": "session.spinning", "thread_time": time.thread_time}
    exec(_SPINNING, module)
    spin = module["spin"]

    async def work() -> None:
        if listens:
            asyncio.get_running_loop().add_reader(ours, lambda: None)
        await asyncio.sleep(0.01)
        spin(seconds)  # type: ignore[operator]
        await asyncio.sleep(0.01)
        asyncio.get_running_loop().remove_reader(ours)

    caplog.clear()
    ours, theirs = socket.socketpair()
    with ours, theirs, caplog.at_level(logging.WARNING), asyncio.Runner(loop_factory=lambda: watched_loop(100)) as runner:
        runner.run(work())
    return [record for record in caplog.records if record.getMessage() == "the event loop was busy"]


def test_a_long_turn_is_told_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    said = _said(0.3, caplog)
    assert len(said) == 1
    facts = vars(said[0])
    assert 290 <= facts["processor_ms"] <= facts["ms"] + 1
    assert facts["at"].startswith("session.spinning.spin:")


def test_none_is_told_before_anybody_can_be_kept_waiting(caplog: pytest.LogCaptureFixture) -> None:
    assert _said(0.3, caplog, listens=False) == []


def test_none_is_told_without_a_limit() -> None:
    loop = watched_loop(0)
    assert type(loop) is asyncio.SelectorEventLoop
    loop.close()
