"""Who is let in by Flight: passwords, tokens, tickets."""

import time
from collections.abc import Iterator

import pyarrow.flight as pf
import pytest

from core.protobuf import decode
from flight.messages import OWN_HANDLE, packed, unpacked
from tests.support import aws
from tests.support.flight import Door, certificate
from tests.support.server import Server


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {"DUCKSHIFT_FLIGHT_LISTEN": "grpc+tls://127.0.0.1:0", "DUCKSHIFT_FLIGHT_IDLE_TIMEOUT_S": "1"}
    with Server(tmp_path_factory.mktemp("flight") / "data", environment=environment) as running:
        yield running


@pytest.mark.parametrize(("user", "password"), [("awsuser", "wrong"), ("nobody", "Ticket5ales"), ("awsuser", "")])
def test_wrong_passwords(served: Server, user: str, password: str) -> None:
    with pytest.raises(pf.FlightUnauthenticatedError):
        Door(served, user, password or " ")


@pytest.mark.parametrize("header", [None, b"Bearer nonsense", b"Basic !!", b"Basic bm9jb2xvbg==", b"Digest x"])
def test_calls_without_credentials(served: Server, header: bytes | None) -> None:
    (url,) = aws.urls(served)
    client = pf.connect(url, tls_root_certs=certificate(served))
    options = pf.FlightCallOptions(headers=[] if header is None else [(b"authorization", header)], timeout=10)
    with pytest.raises(pf.FlightUnauthenticatedError):
        client.get_flight_info(pf.FlightDescriptor.for_command(packed("CommandGetCatalogs", {})), options)
    client.close()


def test_a_ticket_is_no_way_round_authentication(served: Server) -> None:
    door = Door(served)
    info = door.info("select 1 as a")
    name, fields = unpacked(info.endpoints[0].ticket.ticket)
    assert name == "TicketStatementQuery" and decode(OWN_HANDLE, fields["statement_handle"])["query"] == "select 1 as a"
    stranger = pf.connect(aws.urls(served)[0], tls_root_certs=certificate(served))
    with pytest.raises(pf.FlightUnauthenticatedError):
        stranger.do_get(info.endpoints[0].ticket).read_all()
    stranger.close()


def test_tokens_end_when_they_are_not_used(served: Server) -> None:
    unused, used = Door(served), Door(served)
    assert used.read("select 1 as a").num_rows == 1
    time.sleep(3)
    for door in (unused, used):
        with pytest.raises(pf.FlightUnauthenticatedError):
            door.read("select 1 as a")
        door.client.close()
