"""Datashares: which one a database is made of."""

from catalog.model import CatalogState, Database
from catalog.shares import Consumer, Datashare, Doors, ShareOrigin
from catalog.store import Changes


def test_another_namespaces_datashare_is_never_one_of_ours() -> None:
    share = Datashare(oid=20, name="s", source=10, owner=1, consumers=(Consumer(namespace="here"),))
    changes = Changes()
    changes.put(Database(oid=10, name="dev", owner=1), share)
    doors = Doors(changes.over(CatalogState()), "123456789012", "here")
    assert doors.share(ShareOrigin(name="s", namespace="here")) is share
    assert doors.share(ShareOrigin(name="s", namespace="elsewhere")) is None
