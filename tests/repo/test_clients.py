"""The table of clients and the tests that belong to its rows name each other."""

import re

from tests.support.clients import FOLDER, clients

MARK = re.compile(r"mark\.client\(\"(\w+)\"\)")
MARKED = {name for path in FOLDER.glob("test_*.py") for name in MARK.findall(path.read_text())}


def test_every_client_has_tests_and_every_mark_names_a_client():
    assert {client.name for client in clients()} == MARKED


def test_every_client_says_how_to_connect_and_what_is_tested():
    for client in clients():
        assert client.title
        assert client.connect.strip()
        assert client.tested.endswith(".")
        assert not client.limits or client.limits.endswith(".")
        assert len(dict(client.version)) - ("environment" in client.version) == 1
