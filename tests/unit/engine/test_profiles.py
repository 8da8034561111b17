"""The engine's profiles as steps: their order, their segments, what counts as one."""

import json

from engine import profiles


def node(name, rows=1, *children, **info):
    return {
        "operator_name": name, "operator_cardinality": rows, "operator_timing": 0.5, "extra_info": info,
        "children": list(children),
    }  # fmt: skip


def steps(tree):
    return [(step.kind, step.rows, step.segment) for step in profiles.done(json.dumps({"children": [tree]}))]


def scan(rows=1):
    return node("READ_PARQUET", rows, **{"Filename(s)": "/a/b.parquet, /a/c.parquet"})


def test_what_is_hashed_is_read_first_in_a_segment_of_its_own():
    join = node("HASH_JOIN", 7, scan(100), scan(10))
    assert steps(node("PROJECTION", 7, join)) == [("scan", 10, 0), ("scan", 100, 1), ("hashjoin", 7, 1)]


def test_an_aggregation_ends_its_segment_and_top_is_a_sort_and_a_limit():
    tree = node("TOP_N", 3, node("HASH_GROUP_BY", 5, scan(9), Groups="#0", Aggregates="count_star()"))
    assert steps(tree) == [("scan", 9, 0), ("aggregate", 5, 0), ("sort", 3, 1), ("limit", 3, 1)]


def test_a_filter_belongs_to_its_scan():
    (step,) = profiles.done(json.dumps({"children": [node("FILTER", 2, scan(9))]}))
    assert (step.kind, step.rows, step.micros, step.place) == ("scan", 2, 1_000_000, "/a/b.parquet")


def test_what_reads_no_place_is_no_step():
    assert steps(node("PROJECTION", 1, node("DUMMY_SCAN"))) == []


def test_groups_without_aggregates_are_distinct_rows():
    (_, step) = profiles.done(json.dumps({"children": [node("HASH_GROUP_BY", 2, scan(), Groups="#0", Aggregates="")]}))
    assert step.distinct
