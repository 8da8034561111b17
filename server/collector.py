"""When Python's collector of garbage looks, and at how much: while it does nothing else runs."""

import gc
import sys
from typing import Final

_THRESHOLDS: Final = (2_000, 3, 300)
"""A statement makes some hundred objects that live on for a while: the usual 700 are looked at all the time. So many
take a millisecond, three times as many a few, and all that live a tenth of a second: little of what is left goes round
in circles (``sql.query.let_go``)."""


def hold() -> None:
    """Let it not look while the program is imported and the warehouse read: what is made there stays."""
    gc.disable()


def begin() -> None:
    """Have it look, but never at what is there now. Called in the event loop."""
    # Whoever reads a generator closes it here: the loop need not take each of them down.
    sys.set_asyncgen_hooks(firstiter=None)
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    gc.enable()
