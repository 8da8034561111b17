"""What a wlm_json_configuration means, and which mistakes in it are told."""

import json

import pytest

from core.option_values import ConfigError
from engine.wlm.configuration import AUTOMATIC, read

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
        ({"metric_name": "io_skew", "operator": ">", "value": 1}, '"io_skew" is not measured'),
        ({"metric_name": "query_cpu_time", "operator": ">", "value": 1}, "the action must be log"),
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
