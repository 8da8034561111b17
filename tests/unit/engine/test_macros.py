"""The table of functions that the engine is given."""

import re
from collections import Counter

from engine.macros import MACROS


def test_names_are_unique() -> None:
    names = Counter(match[1] for sql in MACROS if (match := re.match(r"CREATE OR REPLACE MACRO (\w+)\(", sql)))
    assert not [name for name, count in names.items() if count > 1]
