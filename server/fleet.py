"""A server's place among others of the same lake, where the configuration says that there are some."""

from collections.abc import Callable
from functools import partial

from core.config import Options
from core.errors import ConnectionFatal
from server.health import note
from server.listener import Listener
from server.private import SECRET_FILE, new_secret, write_private
from session.fleet.fleet import Fleet
from session.warehouse import Warehouse
from storage.coordination import Coordination
from storage.database import Database


async def joined(options: Options, database: Database, make: Callable[[Fleet | None], Warehouse]) -> Warehouse:
    """Take a place among the lake's servers, if there are some, and return the warehouse that *make* makes."""
    if not options.storage.shared:
        return make(None)
    coordination = Coordination(options.storage.catalog, partial(note, options.storage.state_folder))
    fleet = Fleet(coordination)
    await fleet.open()
    # What one server has given out, temporary passwords, is taken by all.
    place, secret = options.storage.state_folder / SECRET_FILE, await coordination.secret(new_secret())
    if not place.exists() or place.read_bytes() != secret:
        write_private(place, secret)
    warehouse = make(fleet)
    await fleet.follow(warehouse)
    database.started()
    return warehouse


def connected(warehouse: Warehouse, listener: Listener, terminate: Callable[[int, ConnectionFatal], bool]) -> None:
    """Let signals find their sessions, on whichever server they arrive; *terminate* ends those of this one."""
    warehouse.terminate, fleet = terminate, warehouse.fleet
    if fleet is not None:
        warehouse.cancel = listener.keys.obey
        listener.keys.elsewhere = fleet.pass_on
        fleet.start()
