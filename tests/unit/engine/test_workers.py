"""Threads that work for an event loop, and hand back what they have done."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from engine.workers import Task, Workers


def test_what_is_given_to_one_runs_in_its_order_and_gives_results_and_errors() -> None:
    async def story() -> None:
        alone = Workers(1, "alone")
        seen: list[tuple[int, str]] = []

        def work(number: int) -> int:
            time.sleep(0.001)
            seen.append((number, threading.current_thread().name))
            return 10 // number

        found = await asyncio.gather(*[alone.run(lambda n=n: work(n)) for n in (1, 2, 0, 5)], return_exceptions=True)
        assert [str(each) for each in found] == ["10", "5", "integer division or modulo by zero", "2"]
        assert seen == [(number, "alone") for number in (1, 2, 0, 5)]
        alone.close()

    asyncio.run(story())


def test_what_was_given_ends_though_nobody_waits_for_it() -> None:
    done: list[int] = []

    async def story(alone: Workers) -> None:
        begun = threading.Event()

        def work() -> None:
            begun.set()
            time.sleep(0.02)
            done.append(1)

        waiting = asyncio.ensure_future(alone.run(work))
        await asyncio.to_thread(begun.wait)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await alone.run(lambda: list(done)) == [1]
        assert not alone.pending
        alone.close()
        assert not any(thread.name == "alone" for thread in threading.enumerate())

    asyncio.run(story(Workers(1, "alone")))


def test_closing_lets_what_was_given_end() -> None:
    done: list[int] = []

    async def story() -> None:
        few = Workers(2, "few")
        for number in range(20):
            few.start(lambda n=number: done.append(n), lambda _: None)  # type: ignore[misc]
        few.close()
        with pytest.raises(RuntimeError):
            few.start(lambda: None, lambda _: None)

    asyncio.run(story())
    assert sorted(done) == list(range(20))


def test_as_many_work_at_once_as_are_wanted_and_no_more() -> None:
    async def story() -> tuple[int, int]:
        three = Workers(3, "three")
        met = threading.Barrier(3)
        await asyncio.wait_for(asyncio.gather(*(three.run(met.wait) for _ in range(3))), 30)
        await asyncio.gather(*(three.run(lambda: None) for _ in range(50)))
        begun = sum(thread.name.startswith("three_") for thread in threading.enumerate())
        three.close()
        return begun, sum(thread.name.startswith("three_") for thread in threading.enumerate())

    assert asyncio.run(story()) == (3, 0)


def test_nobody_who_waits_is_forgotten_however_the_loop_and_the_threads_meet() -> None:
    async def one(workers: Workers, number: int) -> int:
        total = 0
        for turn in range(400):
            total += await workers.run(lambda: 1)
            if turn % 7 == number % 7:
                await asyncio.sleep(0)
        return total

    async def story() -> list[int]:
        workers = Workers(4, "busy")
        try:
            return await asyncio.wait_for(asyncio.gather(*(one(workers, number) for number in range(16))), 60)
        finally:
            workers.close()

    assert asyncio.run(story()) == [400] * 16


def test_what_cannot_be_held_by_a_future_is_told_otherwise() -> None:
    async def story() -> None:
        alone = Workers(1, "alone")
        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.wait_for(alone.run(lambda: next(iter(()))), 30)
        alone.close()

    asyncio.run(story())


class _Large:
    """What can be looked for."""


def test_neither_a_thread_nor_a_task_keeps_what_it_worked_on() -> None:
    async def story() -> bool:
        alone = Workers(1, "alone")
        given, ended = _Large(), list[Task]()
        function: Callable[[], _Large] = lambda kept=given: kept  # noqa: E731 - its default is what it holds
        seen = weakref.ref(given)
        await alone.start(function, ended.append).future
        del given, function
        # The loop itself holds the future that it goes on for.
        await asyncio.sleep(0)
        gc.collect()
        found = seen() is None and len(ended) == 1
        alone.close()
        return found

    assert asyncio.run(story())
