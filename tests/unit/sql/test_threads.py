"""Texts that several threads read at once: each gets its own tokens."""

import gc
import sys
import threading
from collections.abc import Iterator

import pytest

from sql.dialect import tokenized

TEXTS = (
    "select event_id, page, clicked_at from clicks",
    "with a as (select 1 as x, 'it''s' as y from t where z = 3.5) select * from a join b on a.x = b.y order by 1 -- done",
    "insert into t values " + ", ".join(f"({n}, 'text {n}', null)" for n in range(50)),
)


@pytest.fixture
def turns() -> Iterator[None]:
    """Let threads take turns in the middle of compiled code, too: where it has garbage collected."""

    def give_turn(phase: str, _: dict[str, int]) -> None:
        for _ in range(30):
            pass

    before, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(give_turn)
    gc.set_threshold(50, 5, 5)
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*before)
    gc.callbacks.remove(give_turn)


@pytest.mark.usefixtures("turns")
def test_threads_do_not_mix_texts() -> None:
    def read(text: str) -> list[str]:
        return [token.text for token in tokenized(text)]

    expected, wrong = [read(text) for text in TEXTS], []

    def work(first: int) -> None:
        for round_ in range(400):
            place = (first + round_) % len(TEXTS)
            if read(TEXTS[place]) != expected[place]:
                wrong.append(TEXTS[place])

    threads = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
