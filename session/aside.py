"""Long texts are translated on a thread of their own, so that the event loop goes on hearing others meanwhile.

A short text is translated where it is: the hand-over would cost as much. Whether there is something to translate is
known only on the way, so planning says it by ``Aside`` and is begun again on the thread.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from session.external.tables import Unfetched, known, resolved

if TYPE_CHECKING:
    from session.session import Session

T = TypeVar("T")
LONG: Final = 400
"""Characters of a text that takes some five milliseconds to translate."""
_BRIEF: Final = 2_000
"""Characters of a text that takes some three milliseconds to take apart where it is a command."""
WIDE: Final = 100
"""Columns of a table that take some three milliseconds."""


class Aside(Exception):
    """What is planned has a long text that is to be translated."""


def hand_over(waits: bool) -> None:
    """Have planning begin again on a thread where there is something that *waits* for it."""
    if waits:
        raise Aside


async def read(text: str, make: Callable[[str], T]) -> T:
    """Return what *make* reads in *text*; on a thread where it is long, however simple what is in it."""
    return make(text) if len(text) <= _BRIEF else await asyncio.to_thread(make, text)


async def apart(heavy: bool, make: Callable[[], T]) -> T:
    """Return what *make* makes of what is at hand; on a thread where it is *heavy*."""
    return await asyncio.to_thread(make) if heavy else make()


def here(session: "Session", make: Callable[[], T]) -> T | None:
    """Return what *make* plans if that can be done here and now; None otherwise."""
    session.aside = True
    try:
        return make()
    except (Aside, Unfetched):
        return None
    finally:
        session.aside = False


async def elsewhere(session: "Session", make: Callable[[], T], *, heavy: bool = False) -> T:
    """Return what *make* plans, once the external names that it needs are known; on a thread where that takes long.

    That is where it is *heavy*, or begun it finds that it is.
    """

    async def there() -> T:
        try:
            return await asyncio.to_thread(make)
        finally:
            # What came meanwhile found nothing to interrupt.
            if session.active and session.stopped is not None:
                raise session.stopped

    if heavy:
        return await resolved(session, there)
    session.aside = True
    try:
        return await known(session, make)
    except Aside:
        pass
    finally:
        session.aside = False
    return await resolved(session, there)
