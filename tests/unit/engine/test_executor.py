"""The engine's threads: how many run at once, that nothing short waits for what is long, and how far a function is."""

import asyncio
import threading
import time

import pytest

from engine.executor import Executor


def test_short_functions_run_a_few_at_a_time() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.0005)
        with lock:
            running -= 1

    async def play() -> None:
        executor = Executor(16, cores=2)
        await asyncio.gather(*(executor.run(work) for _ in range(50)))
        executor.close()

    asyncio.run(play())
    assert most < 16


def test_a_short_function_does_not_wait_for_long_ones() -> None:
    async def play() -> bool:
        executor, stop = Executor(8, cores=2), threading.Event()
        long = [asyncio.create_task(executor.run(lambda: stop.wait(30))) for _ in range(4)]
        await asyncio.sleep(0)
        answer = await asyncio.wait_for(executor.run(lambda: True), 10)
        stop.set()
        await asyncio.gather(*long)
        executor.close()
        return answer

    assert asyncio.run(play())


def test_a_cancelled_wait_gives_its_turn_away() -> None:
    async def play() -> int:
        executor, stop = Executor(1), threading.Event()
        first = asyncio.create_task(executor.run(lambda: stop.wait(30)))
        await asyncio.sleep(0)
        given_up = asyncio.create_task(executor.run(lambda: 1))
        last = asyncio.create_task(executor.run(lambda: 2))
        await asyncio.sleep(0.02)
        given_up.cancel()
        stop.set()
        await first
        answer = await asyncio.wait_for(last, 10)
        executor.close()
        return answer

    assert asyncio.run(play()) == 2


def test_what_is_brief_runs_where_it_is_asked_for_and_beside_where_others_ask_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play() -> list[str]:
        executor = Executor(2)

        async def asked(who: object) -> str:
            return await executor.brief(lambda: threading.current_thread().name, who)

        first, second = object(), object()
        monkeypatch.setattr("engine.executor._AT_ONCE_S", 60)
        found = [await asked(first), await asked(first), await asked(second), await asked(second)]
        monkeypatch.setattr("engine.executor._AT_ONCE_S", 0)
        found.append(await asked(first))
        executor.close()
        return found

    here = threading.current_thread().name
    assert asyncio.run(play()) == [here, here, "brief", here, here]


def test_the_event_loop_takes_what_is_brief_itself_where_too_much_of_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.executor._AT_ONCE_S", 60)

    async def play() -> tuple[list[str], bool, bool]:
        executor, go = Executor(2), threading.Event()
        first = [object() for _ in range(5)]
        await executor.brief(lambda: None, object())
        waiting = [asyncio.create_task(executor.brief(lambda: go.wait(30), each)) for each in first[:4]]
        await asyncio.sleep(0)
        here = await executor.brief(lambda: threading.current_thread().name, first[4])
        idle, told = executor.idle, await executor.ended(0.01)
        go.set()
        await asyncio.gather(*waiting)
        assert executor.idle
        assert await executor.ended(0)
        executor.close()
        return [here], idle, told

    assert asyncio.run(play()) == ([threading.current_thread().name], False, False)


def _compute(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_outlast_waits_for_what_had_no_turn_yet() -> None:
    async def play() -> tuple[bool, bool]:
        executor, go = Executor(1), threading.Event()

        def late() -> None:
            go.wait(30)
            _compute(0.05)

        running = asyncio.create_task(executor.run(late))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(executor.outlast(0.03))
        # On the clock it runs for longer than that.
        await asyncio.sleep(0.1)
        before = waiting.done()
        go.set()
        await asyncio.wait_for(waiting, 10)
        await running
        executor.close()
        return before, waiting.done()

    assert asyncio.run(play()) == (False, True)


def test_outlast_does_not_wait_for_what_has_come_far() -> None:
    async def play() -> bool:
        executor, stop = Executor(1), threading.Event()

        def long() -> None:
            _compute(0.05)
            stop.wait(30)

        running = asyncio.create_task(executor.run(long))
        await asyncio.wait_for(executor.outlast(0.03), 10)
        runs = not running.done()
        stop.set()
        await running
        await asyncio.wait_for(executor.outlast(0.03), 10)
        executor.close()
        return runs

    assert asyncio.run(play())
