"""The checker of histories knows the textbook's anomalies, and which of them snapshot isolation allows."""

import pytest

from tests.support.histories import Append, Read, Transaction, anomalies

A, B = "a", "b"


def _history(*transactions: list[Append | Read], serial: bool = False) -> list[Transaction]:
    """Return committed transactions, all at the same time or one after the other."""
    return [
        Transaction(
            number,
            began=float(2 * number if serial else 0),
            ended=float(2 * number + 1 if serial else 100),
            committed=True,
            steps=steps,
        )
        for number, steps in enumerate(transactions)
    ]


SOUND = {
    "one after the other": _history([Append(A, 1)], [Read(A, (1,)), Append(A, 2)], [Read(A, (1, 2))], serial=True),
    "nobody has seen the other": _history([Read(A, ()), Append(B, 1)], [Read(B, (1,)), Read(A, ())]),
    "its own appends": _history([Append(A, 1), Read(A, (1,)), Append(A, 2), Read(A, (1, 2))]),
}
SKEW = _history([Read(A, ()), Append(B, 1)], [Read(B, ()), Append(A, 2)], [Read(A, (2,)), Read(B, (1,))])
FORBIDDEN = {
    "dirty write (G0)": _history([Append(A, 1), Append(B, 2)], [Append(A, 3), Append(B, 4)], [Read(A, (1, 3)), Read(B, (4, 2))]),
    "circular information (G1c)": _history([Append(A, 1), Read(B, (2,))], [Append(B, 2), Read(A, (1,))]),
    "intermediate read (G1b)": _history([Append(A, 1), Append(A, 2)], [Read(A, (1,))]),
    "read skew (G-single)": _history([Append(A, 1), Append(B, 2)], [Read(A, (1,)), Read(B, ())], [Read(B, (2,))]),
    "lost update": _history([Read(A, ()), Append(A, 1)], [Read(A, ()), Append(A, 2)], [Read(A, (1, 2))]),
    "a lost append": _history([Append(A, 1)], [Read(A, (1,))], [Read(A, ())], serial=True),
    "a stale read": _history([Append(A, 1)], [Read(A, ())], [Read(A, (1,))], serial=True),
    "two orders": _history([Append(A, 1)], [Append(A, 2)], [Read(A, (1, 2))], [Read(A, (2,))]),
    "what nobody wrote": _history([Read(A, (1,))]),
    "not its own": _history([Append(A, 1), Read(A, ())]),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_histories(name: str) -> None:
    assert anomalies(SOUND[name], serializable=True) == []
    assert anomalies(SOUND[name], serializable=False) == []


@pytest.mark.parametrize("name", FORBIDDEN)
def test_anomalies_that_both_forbid(name: str) -> None:
    assert anomalies(FORBIDDEN[name], serializable=True)
    assert anomalies(FORBIDDEN[name], serializable=False)


def test_write_skew_is_what_snapshot_isolation_allows() -> None:
    assert anomalies(SKEW, serializable=False) == []
    (problem,) = anomalies(SKEW, serializable=True)
    assert "rw" in problem


def test_what_was_rolled_back_is_seen_by_nobody() -> None:
    history = _history([Append(A, 1)], [Read(A, (1,))])
    history[0].committed = False
    assert anomalies(history, serializable=False)


def test_who_cannot_know_may_have_committed() -> None:
    history = _history([Append(A, 1)], [Read(A, (1,))])
    history[0].committed = None
    assert anomalies(history, serializable=True) == []
