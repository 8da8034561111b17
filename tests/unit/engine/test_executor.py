"""The engine's threads: how many run at once, and that nothing short waits for what is long."""

import asyncio
import threading
import time

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
