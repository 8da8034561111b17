"""Workload management without an engine: what a configuration means, who goes where, who is let in when."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from core.errors import SqlError
from core.option_values import ConfigError
from engine.wlm.configuration import Asker
from engine.wlm.rules import Priority
from engine.wlm.tickets import CHANGING, READING, UNTOUCHED, Evicted, State, Ticket, Treatment
from engine.wlm.workload import Workload
from tests.support.workload import owner, ticket, workload


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 30))


async def never_short() -> bool:
    return False


async def short() -> bool:
    return True


def test_slots_need_workers() -> None:
    with pytest.raises(ConfigError, match=r"20 slots, for which engine.workers must be at least 22; it is 16"):
        workload({"query_concurrency": 20})


# Redshift, "WLM queue assignment rules": its example of four queues.
QUEUES = (
    {"user_group": ["admin"]}, {"query_group": ["QG_B"]}, {"user_group": ["analysts"]}, {"query_concurrency": 1},
)  # fmt: skip


@pytest.mark.parametrize(
    ("asker", "number"),
    [
        (Asker(superuser=True), 9),
        (Asker(superuser=True, label="superuser"), 5),
        (Asker(label="superuser"), 9),
        (Asker(groups=frozenset({"admin"})), 6),
        (Asker(label="qg_b"), 7),
        (Asker(groups=frozenset({"analysts"}), label="qg_b"), 7),
        (Asker(groups=frozenset({"analysts"})), 8),
        (Asker(groups=frozenset({"others"})), 9),
    ],
)
def test_assignment(asker: Asker, number: int) -> None:
    assert workload(*QUEUES, workers=64).route(asker).queue.number == number


@pytest.mark.parametrize(
    ("pattern", "group", "taken"),
    [("dba_*", "dba_admin", True), ("dba?1", "dba11", True), ("dba?1", "dba12", False), ("DBA_*", "dba_primary", True),
     ("a[b]", "ab", False), ("a[b]", "a[b]", True)],
)  # fmt: skip
def test_wild_cards(pattern: str, group: str, taken: bool) -> None:
    load = workload({"user_group": [pattern], "user_group_wild_card": 1}, {})
    assert (load.route(Asker(groups=frozenset({group}))).queue.number == 6) is taken
    plain = workload({"user_group": [pattern]}, {})
    assert (plain.route(Asker(groups=frozenset({group}))).queue.number == 6) is (pattern == group)


def test_roles() -> None:
    load = workload({"user_role": ["etl*"], "user_role_wild_card": 1}, {})
    assert load.route(Asker(roles=frozenset({"etl_nightly"}))).queue.number == 6


def test_slots_are_respected() -> None:
    async def story() -> None:
        load = workload({"query_concurrency": 5})
        large, small, other = ticket(load, slots=3), ticket(load), ticket(load, slots=2)
        assert load.enter(large)
        assert load.enter(small)
        assert not load.enter(other)
        turn = asyncio.create_task(load.turn(other, never_short))
        await asyncio.sleep(0)
        assert other.state is State.QUEUED
        load.leave(small)
        await turn
        assert load.queues[0].pool.used == 5
        for each in (large, other):
            load.leave(each)
            load.leave(each)
        assert load.queues[0].pool.used == 0
        assert list(load.tickets) == []

    play(story())


def test_more_slots_than_there_are() -> None:
    load = workload({"query_concurrency": 5, "name": "etl"})
    with pytest.raises(SqlError, match=r'wlm_query_slot_count \(6\) is greater than the 5 slots of queue "etl"'):
        load.enter(ticket(load, slots=6))


def test_nobody_is_overtaken_for_asking_for_more() -> None:
    async def story() -> None:
        load = workload({"query_concurrency": 5})
        running = [ticket(load), ticket(load, slots=4)]
        for each in running:
            load.enter(each)
        large, small = ticket(load, slots=5), ticket(load)
        assert not load.enter(large)
        assert not load.enter(small)
        load.leave(running[1])
        assert not small.held
        load.leave(running[0])
        assert large.held
        load.leave(large)
        assert small.held

    play(story())


def test_the_queue_is_bounded() -> None:
    async def story() -> None:
        load = workload({"query_concurrency": 1}, length=1)
        tickets = [ticket(load) for _ in range(3)]
        assert load.enter(tickets[0])
        assert not load.enter(tickets[1])
        with pytest.raises(SqlError, match="too many statements wait") as refused:
            load.enter(tickets[2])
        assert refused.value.state == "53000"

    play(story())


def test_priorities_go_first() -> None:
    async def story() -> None:
        load = workload(
            {"query_group": ["low"], "priority": "low", "queue_type": "auto"},
            {"query_group": ["high"], "priority": "highest", "queue_type": "auto"},
            {"auto_wlm": True}, {"short_query_queue": False}, workers=3,
        )  # fmt: skip
        first = ticket(load)
        assert load.enter(first)
        waiting = [ticket(load, Asker(label=label)) for label in ("low", "", "high", "low", "high")]
        for each in waiting:
            each.priority = each.place.queue.priority
            assert not load.enter(each)
        order, running = [], first
        while len(order) < len(waiting):
            load.leave(running)
            running = next(each for each in waiting if each.held)
            order.append(running)
        assert [waiting.index(each) for each in order] == [2, 4, 1, 0, 3]

    play(story())


def test_one_critical_statement_runs_at_a_time() -> None:
    async def story() -> None:
        load = workload({"auto_wlm": True}, {"short_query_queue": False}, workers=8)
        first, second, other = (ticket(load) for _ in range(3))
        first.priority = second.priority = Priority.CRITICAL
        assert load.enter(first)
        assert not load.enter(second)
        # It keeps nobody else waiting.
        assert load.enter(other)
        load.leave(other)
        assert not second.held
        load.leave(first)
        assert second.held
        # The superusers' queue is another pool.
        third = ticket(load, Asker(superuser=True, label="superuser"))
        third.priority = Priority.CRITICAL
        assert not load.enter(third)
        load.leave(second)
        assert third.held

    play(story())


def test_the_superusers_queue_is_its_own() -> None:
    async def story() -> None:
        load = workload({"query_concurrency": 1})
        assert load.enter(ticket(load))
        assert not load.enter(ticket(load))
        boss = Asker(superuser=True, label="superuser")
        assert load.enter(ticket(load, boss))
        assert not load.enter(ticket(load, boss))

    play(story())


def test_short_statements_do_not_wait() -> None:
    async def story() -> None:
        load = workload({"query_concurrency": 1}, {"short_query_queue": True})
        assert load.enter(ticket(load))
        quick, slow, change = ticket(load), ticket(load), ticket(load, treatment=CHANGING)
        turns = []
        for each, is_short in ((slow, never_short), (change, short), (quick, short)):
            assert not load.enter(each)
            turns.append(asyncio.create_task(load.turn(each, is_short)))
        await turns[-1]
        assert load.short is not None
        assert quick.place is load.short
        assert (slow.held, change.held) == (False, False)
        for turn in turns:
            turn.cancel()
        await asyncio.wait(turns)
        assert load.queues[0].pool.waiting == []

    play(story())


def test_a_short_statement_that_is_long_goes_back() -> None:
    async def story() -> None:
        load = workload({"query_concurrency": 1}, {"short_query_queue": True})
        first, wrong, bound = ticket(load), ticket(load, restartable=True), ticket(load)
        load.enter(first)
        for each in (wrong, bound):
            load.enter(each)
            await load.turn(each, short)
            load._expired(each)
        (reason,) = owner(wrong).reasons
        assert isinstance(reason, Evicted)
        assert reason.target is load.queues[0]
        # What cannot be begun again goes on beside the others.
        assert bound.place is load.queues[0]
        assert bound.held
        assert not owner(bound).reasons

    play(story())


HOPS = (
    {"query_concurrency": 1, "query_group": ["a*"], "query_group_wild_card": 1, "max_execution_time": 20, "name": "one"},
    {"query_concurrency": 1, "query_group": ["ab"], "name": "two"},
    {"query_concurrency": 1},
)


def test_a_late_statement_goes_on_in_the_next_queue_with_room() -> None:
    async def story() -> None:
        load = workload(*HOPS)
        late = ticket(load, Asker(label="ab"))
        load.enter(late)
        await asyncio.sleep(0.1)
        assert late.place.queue.name == "two"
        assert late.held
        assert load.queues[0].running == 0
        assert load.queues[0].evicted == 1
        assert owner(late).evictions == 1

    play(story())


def test_a_late_statement_begins_again_where_there_is_no_room() -> None:
    async def story() -> None:
        load = workload(*HOPS)
        blocker = ticket(load, Asker(label="ab"))
        blocker.place = load.queues[1]
        load.enter(blocker)
        late = ticket(load, Asker(label="ab"), restartable=True)
        load.enter(late)
        await asyncio.sleep(0.1)
        (reason,) = owner(late).reasons
        assert isinstance(reason, Evicted)
        load.again(late, reason.target)
        assert not load.enter(late)
        load.leave(blocker)
        assert late.held
        assert late.waited_s > 0 or late.queued_s >= 0

    play(story())


@pytest.mark.parametrize(("label", "treatment"), [("ax", READING), ("ab", CHANGING)])
def test_a_late_statement_is_canceled_where_no_queue_takes_it(label: str, treatment: Treatment) -> None:
    async def story() -> None:
        load = workload(*HOPS)
        late = ticket(load, Asker(label=label), treatment)
        load.enter(late)
        await asyncio.sleep(0.1)
        (reason,) = owner(late).reasons
        assert (reason.state, reason.message) == ("57014", "Query (7) cancelled by WLM timeout.")

    play(story())


@pytest.mark.parametrize("case", ["copy", "returning"])
def test_what_time_outs_leave_alone(case: str) -> None:
    async def story() -> None:
        load = workload(*HOPS)
        spared = ticket(load, Asker(label="ab"), UNTOUCHED if case == "copy" else READING)
        load.enter(spared)
        if case == "returning":
            spared.state = State.RETURNING
        await asyncio.sleep(0.1)
        assert not owner(spared).reasons
        assert spared.place is load.queues[0]

    play(story())


def test_waits_can_be_ended() -> None:
    async def story() -> None:
        load = workload({"query_concurrency": 1})
        load.enter(ticket(load))
        waiting = ticket(load)
        load.enter(waiting)
        turn = asyncio.create_task(load.turn(waiting, never_short))
        await asyncio.sleep(0)
        load.abandon(waiting, SqlError(Evicted(1, load.queues[0]).state, "enough"))
        with pytest.raises(SqlError, match="enough"):
            await turn
        assert load.queues[0].pool.waiting == []

    play(story())


def test_memory_decides_who_runs_beside_whom() -> None:
    async def story() -> None:
        load = workload(memory=100)
        first, second, large, none = (_needing(load, size) for size in (80, 10, 30, 0))
        assert load.enter(first)
        assert load.enter(second)
        assert not load.enter(large)
        # Who needs none waits for nobody, who needs some for those before.
        assert load.enter(none)
        tiny = _needing(load, 5)
        assert not load.enter(tiny)
        load.leave(first)
        assert large.held
        assert tiny.held
        # More than there is runs alone.
        huge = _needing(load, 500)
        assert not load.enter(huge)
        for each in (large, tiny, second):
            load.leave(each)
        assert not huge.held
        load.leave(none)
        assert huge.held

    play(story())


def _needing(load: Workload, size: int) -> Ticket:
    one = ticket(load)
    owner(one).expected_bytes = size
    return one


def test_what_is_over_in_no_time_waits_for_nobody_and_keeps_nobody_waiting() -> None:
    async def story() -> None:
        load = workload({"query_concurrency": 1}, memory=100)
        light = [ticket(load, light=True) for _ in range(3)]
        assert all(load.enter(each) for each in light)
        first, second = ticket(load), ticket(load)
        assert load.enter(first)
        assert not load.enter(second)
        late = ticket(load, light=True)
        assert load.enter(late)
        assert (late.place.running, late.place.waiting) == (5, 1)
        for each in (*light, late):
            load.leave(each)
        assert not second.held
        load.leave(first)
        assert second.held

    play(story())


def test_memory_is_not_kept_for_what_is_over_in_no_time() -> None:
    async def story() -> None:
        load = workload(memory=100)
        light = ticket(load, light=True)
        owner(light).expected_bytes = 90
        assert load.enter(light)
        assert load.enter(_needing(load, 50))
        assert load.enter(_needing(load, 50))

    play(story())


def test_of_one_priority_one_runs_however_brief_it_is() -> None:
    async def story() -> None:
        load = workload({"queue_type": "auto", "auto_wlm": True})
        first = ticket(load, priority=Priority.CRITICAL)
        light = ticket(load, priority=Priority.CRITICAL, light=True)
        assert load.enter(first)
        assert not load.enter(light)
        load.leave(first)
        assert light.held

    play(story())
