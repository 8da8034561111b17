"""Table locks: who waits for whom, in which order, and when waiting would never end."""

import asyncio

import pytest

from core.errors import SqlError
from session.locks import CONFLICTS, LockManager, Mode

SHARE, ADD, WRITE, EXCLUSIVE = Mode


@pytest.mark.parametrize("first", Mode)
@pytest.mark.parametrize("second", Mode)
def test_conflicts_are_mutual(first: Mode, second: Mode) -> None:
    assert (second in CONFLICTS[first]) == (first in CONFLICTS[second])


@pytest.mark.parametrize(
    ("held", "wanted", "free"),
    [
        (SHARE, SHARE, True),
        (SHARE, WRITE, True),
        (WRITE, SHARE, True),
        (WRITE, WRITE, False),
        (ADD, ADD, True),
        (SHARE, ADD, True),
        (ADD, SHARE, True),
        (ADD, WRITE, False),
        (WRITE, ADD, False),
        (ADD, EXCLUSIVE, False),
        (SHARE, EXCLUSIVE, False),
        (EXCLUSIVE, SHARE, False),
    ],
)
def test_modes(held: Mode, wanted: Mode, free: bool) -> None:
    locks = LockManager()
    assert locks.try_acquire(1, "t", held)
    assert locks.try_acquire(2, "t", wanted) is free


def test_an_owner_never_waits_for_itself() -> None:
    locks = LockManager()
    assert all(locks.try_acquire(1, "t", mode) for mode in (SHARE, WRITE, EXCLUSIVE, SHARE))


def test_a_lock_can_be_given_up_alone() -> None:
    locks = LockManager()
    assert locks.try_acquire(1, "t", ADD) and locks.try_acquire(1, "u", ADD)
    assert locks.release(1, "t") and not locks.release(1, "t") and not locks.release(2, "u")
    assert locks.try_acquire(2, "t", WRITE) and not locks.try_acquire(2, "u", WRITE)
    locks.release_all(1)
    assert locks.try_acquire(2, "u", WRITE)


def test_writers_queue_in_order() -> None:
    async def play() -> list[int]:
        locks, order = LockManager(), []

        async def write(owner: int) -> None:
            await locks.acquire(owner, "t", WRITE)
            order.append(owner)
            await asyncio.sleep(0)
            locks.release_all(owner)

        await asyncio.gather(*(write(owner) for owner in range(1, 6)))
        assert not list(locks.held())
        return order

    assert asyncio.run(play()) == [1, 2, 3, 4, 5]


def test_a_reader_waits_behind_a_waiting_ddl() -> None:
    async def play() -> list[str]:
        locks, order = LockManager(), []
        await locks.acquire(1, "t", SHARE)

        async def take(owner: int, mode: Mode, name: str) -> None:
            await locks.acquire(owner, "t", mode)
            order.append(name)
            locks.release_all(owner)

        ddl = asyncio.create_task(take(2, EXCLUSIVE, "ddl"))
        await asyncio.sleep(0)
        reader = asyncio.create_task(take(3, SHARE, "reader"))
        await asyncio.sleep(0)
        locks.release_all(1)
        await asyncio.gather(ddl, reader)
        return order

    assert asyncio.run(play()) == ["ddl", "reader"]


def test_a_circle_is_refused_and_the_other_goes_on() -> None:
    async def play() -> None:
        locks = LockManager()
        await locks.acquire(1, "a", WRITE)
        await locks.acquire(2, "b", WRITE)
        first = asyncio.create_task(locks.acquire(1, "b", WRITE))
        await asyncio.sleep(0)
        with pytest.raises(SqlError) as caught:
            await locks.acquire(2, "a", WRITE)
        assert caught.value.state == "40P01"
        locks.release_all(2)
        await asyncio.wait_for(first, 20)

    asyncio.run(play())


def test_two_readers_that_both_want_to_write_exclusively_are_a_circle() -> None:
    async def play() -> None:
        locks = LockManager()
        await locks.acquire(1, "a", SHARE)
        await locks.acquire(2, "a", SHARE)
        first = asyncio.create_task(locks.acquire(1, "a", EXCLUSIVE))
        await asyncio.sleep(0)
        with pytest.raises(SqlError):
            await locks.acquire(2, "a", EXCLUSIVE)
        locks.release_all(2)
        await asyncio.wait_for(first, 20)

    asyncio.run(play())


def test_a_cancelled_waiter_lets_the_next_one_through() -> None:
    async def play() -> None:
        locks = LockManager()
        await locks.acquire(1, "t", SHARE)
        ddl = asyncio.create_task(locks.acquire(2, "t", EXCLUSIVE))
        await asyncio.sleep(0)
        reader = asyncio.create_task(locks.acquire(3, "t", SHARE))
        await asyncio.sleep(0)
        ddl.cancel()
        await asyncio.wait_for(reader, 20)
        locks.release_all(1)
        locks.release_all(3)
        assert not list(locks.held())

    asyncio.run(play())


def test_a_lock_handed_over_is_held_on() -> None:
    async def play() -> None:
        locks = LockManager()
        assert locks.is_held_only_by("t", frozenset({9}))
        assert locks.try_acquire(1, "t", EXCLUSIVE)
        assert not locks.is_held_only_by("t", frozenset({9}))
        locks.hand_over("t", 1, 9)
        locks.release_all(1)
        assert locks.is_held_only_by("t", frozenset({9}))
        waiting = asyncio.ensure_future(locks.acquire(2, "t", EXCLUSIVE))
        await asyncio.sleep(0)
        assert not waiting.done()
        assert not locks.is_held_only_by("t", frozenset({9}))
        locks.release_all(9)
        await asyncio.wait_for(waiting, 20)

    asyncio.run(play())
