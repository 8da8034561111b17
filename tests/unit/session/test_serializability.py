"""SERIALIZABLE by tables: which pairs and circles may commit (Redshift, "Isolation levels")."""

import pytest

from core.errors import SerializationFailure
from session.serializability import SerializationGraph

A, B, C = 1, 2, 3


def test_write_skew_is_refused() -> None:
    graph = SerializationGraph()
    first, second = graph.begin(101), graph.begin(102)
    first.reads, first.writes = frozenset({A}), frozenset({B})
    second.reads, second.writes = frozenset({B}), frozenset({A})
    graph.commit(first)
    with pytest.raises(SerializationFailure) as caught:
        graph.commit(second)
    assert caught.value.state == "40001"
    assert caught.value.message.startswith("1023: Serializable isolation violation on table - ")
    assert "101" in caught.value.message
    assert "102" in caught.value.message


def test_one_after_the_other_is_fine() -> None:
    graph = SerializationGraph()
    first = graph.begin(1)
    first.reads, first.writes = frozenset({A}), frozenset({B})
    with graph.settling():
        graph.commit(first)
    second = graph.begin(2)
    second.reads, second.writes = frozenset({B}), frozenset({A})
    graph.commit(second)


def test_who_begins_while_another_commits_may_not_have_seen_it() -> None:
    graph = SerializationGraph()
    first = graph.begin(1)
    first.reads, first.writes = frozenset({A}), frozenset({B})
    with graph.settling():
        graph.commit(first)
        second = graph.begin(2)
    second.reads, second.writes = frozenset({B}), frozenset({A})
    with pytest.raises(SerializationFailure):
        graph.commit(second)


def test_a_reader_that_saw_one_and_not_the_other_forbids_their_circle() -> None:
    graph = SerializationGraph()
    late = graph.begin(1)
    late.reads, late.writes = frozenset({A}), frozenset({B})
    early = graph.begin(2)
    early.writes = frozenset({A})
    with graph.settling():
        graph.commit(early)
    reader = graph.begin(3)
    reader.reads = frozenset({A, B})
    graph.commit(reader)
    with pytest.raises(SerializationFailure):
        graph.commit(late)


def test_who_is_overlapped_by_who_is_overlapped_still_counts() -> None:
    graph = SerializationGraph()
    middle = graph.begin(1)
    middle.reads, middle.writes = frozenset({A}), frozenset({B})
    first = graph.begin(2)
    first.writes = frozenset({A})
    with graph.settling():
        graph.commit(first)
    last = graph.begin(3)
    last.reads, last.writes = frozenset({A, B}), frozenset({C})
    with graph.settling():
        graph.commit(middle)
    with pytest.raises(SerializationFailure):
        graph.commit(last)


def test_a_commit_that_fails_is_forgotten() -> None:
    graph = SerializationGraph()
    first, second = graph.begin(1), graph.begin(2)
    first.reads, first.writes = frozenset({A}), frozenset({B})
    second.reads, second.writes = frozenset({B}), frozenset({A})
    with graph.settling():
        graph.commit(first)
        graph.forget(first)
    graph.commit(second)


def test_one_reader_of_what_the_other_wrote_is_fine() -> None:
    graph = SerializationGraph()
    reader, writer = graph.begin(1), graph.begin(2)
    reader.reads = frozenset({A})
    writer.writes = frozenset({A})
    graph.commit(writer)
    graph.commit(reader)


def test_a_circle_of_three_is_refused() -> None:
    graph = SerializationGraph()
    one, two, three = graph.begin(1), graph.begin(2), graph.begin(3)
    one.reads, one.writes = frozenset({A}), frozenset({B})
    two.reads, two.writes = frozenset({B}), frozenset({C})
    three.reads, three.writes = frozenset({C}), frozenset({A})
    graph.commit(one)
    graph.commit(two)
    with pytest.raises(SerializationFailure):
        graph.commit(three)


def test_a_rolled_back_transaction_counts_for_nothing() -> None:
    graph = SerializationGraph()
    first, second = graph.begin(1), graph.begin(2)
    first.reads, first.writes = frozenset({A}), frozenset({B})
    second.reads, second.writes = frozenset({B}), frozenset({A})
    graph.forget(first)
    graph.commit(second)


def test_what_nobody_overlaps_is_forgotten() -> None:
    graph = SerializationGraph()
    for number in range(100):
        footprint = graph.begin(number)
        footprint.reads, footprint.writes = frozenset({A}), frozenset({A})
        with graph.settling():
            graph.commit(footprint)
    assert len(graph._done) <= 1
