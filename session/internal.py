"""Statements that the server itself runs, in a session of the system's own user."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from auth.exchange import Entry
from catalog.model import BOOTSTRAP_USER, User
from session.calls import run
from session.warehouse import Warehouse

if TYPE_CHECKING:
    from session.sessions import SessionFactory

_PROTOCOL: Final = (3, 0)


async def run_as_system(
    warehouse: Warehouse, sessions: "SessionFactory", database: str, application: str, statements: Sequence[str]
) -> None:
    """Run *statements* in *database*, under the name *application*."""
    system = warehouse.store.state.objects[BOOTSTRAP_USER]
    assert isinstance(system, User)  # noqa: S101 - made with the warehouse, never dropped
    session = await sessions.open(
        user=system.name,
        database=database,
        parameters={"application_name": application, "enable_case_sensitive_identifier": "true"},
        peer="[local]",
        tls=False,
        protocol=_PROTOCOL,
        entry=Entry(system.name, method="internal"),
    )
    try:
        for statement in statements:
            await run(session, statement)
    finally:
        await session.close()
