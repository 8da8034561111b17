"""Query monitoring rules: which are met, and what follows."""

from engine.wlm.configuration import Asker
from engine.wlm.rules import Action, Priority
from engine.wlm.tickets import CHANGING, UNTOUCHED
from tests.support.workload import owner, ticket, workload

HOPS = (
    {"query_concurrency": 1, "query_group": ["a*"], "query_group_wild_card": 1, "max_execution_time": 20, "name": "one"},
    {"query_concurrency": 1, "query_group": ["ab"], "name": "two"},
    {"query_concurrency": 1},
)


def _rule(name: str, action: str, limit: int) -> dict[str, object]:
    predicate = {"metric_name": "return_row_count", "operator": ">", "value": limit}
    return {"rule_name": name, "predicate": [predicate], "action": action}


def test_of_several_rules_the_most_severe_acts() -> None:
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
