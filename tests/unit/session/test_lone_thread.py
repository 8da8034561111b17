"""One thread for what is done one after the other."""

import asyncio
import threading
import time

import pytest

from session.lone_thread import LoneThread


def test_what_is_given_runs_in_its_order_on_one_thread_and_gives_results_and_errors() -> None:
    async def story() -> None:
        lone = LoneThread("alone")
        seen: list[tuple[int, str]] = []

        def work(number: int) -> int:
            time.sleep(0.001)
            seen.append((number, threading.current_thread().name))
            return 10 // number

        found = await asyncio.gather(*[lone.run(lambda n=n: work(n)) for n in (1, 2, 0, 5)], return_exceptions=True)
        assert [str(each) for each in found] == ["10", "5", "integer division or modulo by zero", "2"]
        assert seen == [(number, "alone") for number in (1, 2, 0, 5)]
        lone.close()

    asyncio.run(story())


def test_what_was_given_ends_though_nobody_waits_for_it() -> None:
    done: list[int] = []

    async def story(lone: LoneThread) -> None:
        begun = threading.Event()

        def work() -> None:
            begun.set()
            time.sleep(0.02)
            done.append(1)

        waiting = asyncio.ensure_future(lone.run(work))
        await asyncio.to_thread(begun.wait)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await lone.run(lambda: list(done)) == [1]
        lone.close()
        assert not any(thread.name == "alone" for thread in threading.enumerate())

    asyncio.run(story(LoneThread("alone")))
