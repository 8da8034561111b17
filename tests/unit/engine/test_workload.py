"""Workload management without an engine: what a configuration means, who goes where, who is let in when."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest

from core.clock import SystemClock
from core.errors import Canceled, SqlError
from core.option_values import ConfigError
from engine.wlm.configuration import AUTOMATIC, Asker, read
from engine.wlm.rules import Action, Priority, Rule
from engine.wlm.tickets import CHANGING, READING, UNTOUCHED, Evicted, State, Ticket, Treatment
from engine.wlm.workload import Capacity, Workload

# The example of Redshift's Management Guide, "Workload management".
GUIDE = [
    {
        "query_concurrency": 4, "max_execution_time": 20000, "memory_percent_to_use": 25, "query_group": ["report"],
        "query_group_wild_card": 1, "user_group": [], "user_group_wild_card": 0, "concurrency_scaling": "auto",
        "queue_type": "manual",
    },
    {
        "query_concurrency": 5, "memory_percent_to_use": 40, "query_group": [], "query_group_wild_card": 0,
        "user_group": ["admin", "dba"], "user_group_wild_card": 0, "concurrency_scaling": "off",
        "queue_type": "manual",
    },
    {
        "query_concurrency": 5, "query_group": [], "query_group_wild_card": 0, "user_group": [],
        "user_group_wild_card": 0, "concurrency_scaling": "auto", "queue_type": "manual",
    },
    {"short_query_queue": True},
]  # fmt: skip


class Owner:
    """A statement that tells what was done to it."""

    query = 7

    def __init__(self) -> None:
        self.returned_rows = self.scanned_rows = 0
        self.reasons: list[Canceled] = []
        self.actions: list[tuple[str, str]] = []
        self.evictions = 0

    def interrupt(self, reason: Canceled) -> None:
        self.reasons.append(reason)

    def evicted(self, ticket: Ticket) -> None:
        self.evictions += 1

    def acted(self, ticket: Ticket, rule: Rule, action: str) -> None:
        self.actions.append((rule.name, action))


def workload(*items: object, workers: int = 16, length: int = 100, memory: int = 1_000) -> Workload:
    configuration = read(json.dumps(items) if items else AUTOMATIC)
    return Workload(configuration, Capacity(workers=workers, memory_bytes=memory, queue_length=length), SystemClock())


def ticket(load: Workload, asker: Asker | None = None, treatment: Treatment = READING, **more: Any) -> Ticket:
    asker = asker or Asker()
    return Ticket(
        owner=Owner(), asker=asker, treatment=treatment, place=load.route(asker), clock=load.clock, task=7, **more
    )


def owner(of: Ticket) -> Owner:
    assert isinstance(of.owner, Owner)
    return of.owner


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 30))


async def never_short() -> bool:
    return False


async def short() -> bool:
    return True


def test_the_guides_example() -> None:
    found = read(json.dumps(GUIDE))
    first, second, last = found.queues
    assert (first.number, first.name, first.concurrency, first.max_execution_time_ms) == (6, "Queue 1", 4, 20_000)
    assert (second.number, second.memory_percent, last.memory_percent) == (7, 40, 35)
    assert last.name == "Default queue"
    assert found.short_ms == 5_000
    assert not found.auto


@pytest.mark.parametrize(
    "text", ['{"auto_wlm": true}', AUTOMATIC, '[{"auto_wlm":true},{"short_query_queue":true}]', "[]"]
)
def test_automatic_wlm_is_one_queue_and_short_queries(text: str) -> None:
    found = read(text)
    assert found.auto
    assert [queue.number for queue in found.queues] == [100]
    assert found.short_ms == 5_000


def test_manual_queues_have_no_short_queries_unless_asked() -> None:
    assert read('{"query_concurrency":5}').short_ms == 0
    assert read('[{"query_concurrency":5},{"short_query_queue":true,"max_execution_time":7000}]').short_ms == 7_000


RULE = {"rule_name": "r", "predicate": [{"metric_name": "query_execution_time", "operator": ">", "value": 5}],
        "action": "abort"}  # fmt: skip


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"query_concurency": 5}, 'did you mean "query_concurrency"'),
        ({"query_concurrency": 51}, "between 1 and 50"),
        ({"query_concurrency": 0}, "between 1 and 50"),
        ({"query_concurrency": "5"}, "whole number"),
        ({"name": 'a "b"'}, "up to 64 letters"),
        ({"user_group": 5}, "list of names"),
        ({"priority": "urgent"}, "lowest, low, normal"),
        ({"auto_wlm": True, "queue_type": "manual"}, "automatic WLM is on"),
        ({"rules": [RULE | {"rule_name": "two words"}]}, "letters, digits or underscores"),
        ({"rules": [RULE | {"action": "kill"}]}, "action must be one of log"),
        ({"rules": [RULE | {"predicate": []}]}, "one to 3 predicates"),
        ({"rules": [RULE | {"action": "change_query_priority", "value": "low"}]}, "needs automatic WLM"),
        ({"auto_wlm": True, "rules": [RULE | {"action": "hop"}]}, "needs manual queues"),
        ({"rules": [RULE, RULE]}, "two rules have the same name"),
    ],
)
def test_mistakes_are_told(item: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(json.dumps([item]))


@pytest.mark.parametrize(
    ("predicate", "words"),
    [
        ({"metric_name": "query_cpu_time", "operator": ">", "value": 1}, '"query_cpu_time" is not measured'),
        ({"metric_name": "query_time", "operator": ">", "value": 1}, 'unknown metric "query_time"'),
        ({"metric_name": "return_row_count", "operator": ">=", "value": 1}, "operator"),
        ({"metric_name": "return_row_count", "operator": ">", "value": "many"}, "number"),
        ({"metric_name": "query_priority", "operator": "=", "value": "urgent"}, "lowest, low"),
    ],
)
def test_predicates_are_checked(predicate: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(json.dumps([{"rules": [RULE | {"predicate": [predicate]}]}]))


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([{"query_concurrency": 30}, {"query_concurrency": 30}], "60 slots together, at most 50"),
        ([{"memory_percent_to_use": 60}, {"memory_percent_to_use": 50}], "110 percent of memory"),
        ([{}] * 9, "more than 8 queues"),
        ([{"name": "a"}, {"name": "a"}], "two queues have the same name"),
        (["a"], "list of objects"),
    ],
)
def test_limits_of_all_queues(items: list[object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(json.dumps(items))


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


def _rule(name: str, action: str, limit: int) -> dict[str, object]:
    predicate = {"metric_name": "return_row_count", "operator": ">", "value": limit}
    return {"rule_name": name, "predicate": [predicate], "action": action}


def test_of_several_rules_the_most_severe_acts() -> None:
    async def story() -> None:
        rules = [_rule("z_log", "log", 10), _rule("b_abort", "abort", 20), _rule("a_abort", "abort", 20)]
        load = workload({"query_concurrency": 1, "rules": rules})
        one = ticket(load)
        load.enter(one)
        load.judge(one)
        assert owner(one).actions == []
        one.owner.returned_rows = 15  # type: ignore[misc]
        load.judge(one)
        load.judge(one)
        assert owner(one).actions == [("z_log", "log")]
        one.owner.returned_rows = 21  # type: ignore[misc]
        load.judge(one)
        assert owner(one).actions[1:] == [("a_abort", "abort"), ("b_abort", "none")]
        assert owner(one).reasons[0].message == (
            'Query (7) cancelled by WLM abort action of Query Monitoring Rule "a_abort".'
        )

    play(story())


def test_what_is_met_at_the_end_is_logged_only() -> None:
    load = workload({"query_concurrency": 1, "rules": [_rule("a", "abort", 1), _rule("l", "log", 1)]})
    one = ticket(load)
    load.enter(one)
    one.owner.returned_rows = 5  # type: ignore[misc]
    load.leave(one)
    assert owner(one).actions == [("l", "log")]
    assert owner(one).reasons == []


def test_rules_do_not_end_copy() -> None:
    load = workload({"query_concurrency": 1, "rules": [_rule("a", "abort", 1)]})
    one = ticket(load, treatment=UNTOUCHED)
    load.enter(one)
    one.owner.returned_rows = 5  # type: ignore[misc]
    load.judge(one)
    assert owner(one).reasons == []


def test_a_rule_has_a_statement_hop() -> None:
    hop = HOPS[0] | {"rules": [_rule("h", "hop", 1)], "max_execution_time": 0}
    load = workload(hop, *HOPS[1:])
    moved, stuck = ticket(load, Asker(label="ab"), CHANGING), ticket(load, Asker(label="ax"))
    load.enter(moved)
    moved.owner.returned_rows = 2  # type: ignore[misc]
    load.judge(moved)
    assert owner(moved).actions == [("h", "hop(reassign)")]
    assert moved.place.queue.name == "two"
    load.enter(stuck)
    stuck.owner.returned_rows = 2  # type: ignore[misc]
    load.judge(stuck)
    assert owner(stuck).reasons[0].message.endswith('by WLM hop action of Query Monitoring Rule "h".')


def test_a_rule_changes_a_priority() -> None:
    rule = _rule("p", "change_query_priority", 1) | {"value": "lowest"}
    load = workload({"auto_wlm": True, "rules": [rule]})
    assert load.configuration.queues[0].rules[0].action is Action.CHANGE_QUERY_PRIORITY
    one = ticket(load)
    load.enter(one)
    one.owner.returned_rows = 2  # type: ignore[misc]
    load.judge(one)
    assert one.priority is Priority.LOWEST


def test_memory_decides_who_runs_beside_whom() -> None:
    async def story() -> None:
        load = workload(memory=100)
        first, large, small = (ticket(load, memory_bytes=size) for size in (80, 30, 10))
        assert load.enter(first)
        assert load.enter(small)
        assert not load.enter(large)
        load.leave(first)
        assert large.held
        # More than there is runs alone.
        huge = ticket(load, memory_bytes=500)
        assert not load.enter(huge)
        load.leave(large)
        assert not huge.held
        load.leave(small)
        assert huge.held

    play(story())
