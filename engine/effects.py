"""Functions that the session carries out, called from anywhere in a statement: from the engine to the event loop.

The engine's threads call them with the number of the session, their name and their arguments as JSON; each call
waits until the event loop has carried it out. They are in Python and need numpy, as users' functions do; without it
only whole items of a select list work (``session.statements.effects``).
"""

import asyncio
import importlib.util
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final

import duckdb
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL

from core.errors import SqlError
from core.sqlstate import SqlState
from engine.cursors import Connection

Perform = Callable[[int, str, Sequence[Any]], Any]
"""Carries out one call: of the session with this number, the function, its arguments. Runs on the event loop."""

_RESULTS: Final = (("rs_effect_int", "INTEGER", pa.int32()), ("rs_effect_text", "VARCHAR", pa.string()))
_WAIT_S: Final = 60


class Effects:
    """The engine's functions that sessions carry out."""

    def __init__(self, perform: Perform) -> None:
        """Have *perform* carry out the calls."""
        self._perform = perform
        self._lock = threading.Lock()
        self._installed = False
        self._functions: list[Callable[..., pa.Array]] = []
        """The engine's connection that was given a function lets go of it when it is closed; others still call it."""

    def install(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Make the functions known to the engine, for all connections; they are carried out on *loop*."""
        with self._lock:
            if self._installed:
                return
            if importlib.util.find_spec("numpy") is None:
                raise SqlError(
                    SqlState.FEATURE_NOT_SUPPORTED,
                    "a function that changes the session or the cluster, other than in a select list, needs numpy",
                )
            for name, returns, kind in _RESULTS:
                function = self._called(loop, kind)
                self._functions.append(function)
                connection.create_function(
                    name,
                    function,
                    [duckdb.sqltype("INTEGER"), duckdb.sqltype("VARCHAR"), duckdb.sqltype("VARCHAR")],
                    duckdb.sqltype(returns),
                    type=ARROW,
                    null_handling=SPECIAL,
                    side_effects=True,
                )
            self._installed = True

    def forget(self) -> None:
        """Take note that the engine is a new one, which does not know them."""
        with self._lock:
            self._installed = False

    def _called(self, loop: asyncio.AbstractEventLoop, kind: pa.DataType) -> Callable[[Any, Any, Any], pa.Array]:
        def call(sessions: Any, names: Any, arguments: Any) -> pa.Array:
            asked = list(zip(sessions.to_pylist(), names.to_pylist(), arguments.to_pylist(), strict=True))
            future: Future[list[Any]] = Future()
            loop.call_soon_threadsafe(self._carry_out, asked, future)
            try:
                return pa.array(future.result(_WAIT_S), kind)
            except SqlError as error:
                # The engine puts words of its own behind a message: what is ours ends at the mark.
                raise RuntimeError(f"duckshift:{error.state.value}:{error.message}\x1e") from None

        return call

    def _carry_out(self, asked: Sequence[tuple[int, str, str]], future: "Future[list[Any]]") -> None:
        try:
            future.set_result([self._perform(session, name, json.loads(text)) for session, name, text in asked])
        except Exception as error:  # noqa: BLE001 - whoever waits for the answer raises it
            future.set_exception(error)
