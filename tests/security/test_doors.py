"""The doors beside the PostgreSQL port under attack: forged requests, garbage, floods, clients that never end."""

import contextlib
import json
import random
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow.flight as pf
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from flight.messages import packed
from tests.support import aws
from tests.support.server import Server

FORGERIES = 600
GARBAGE = 150
BODY = json.dumps({"Sql": "select 1", "ClusterIdentifier": "duckshift", "Database": "dev", "DbUser": "awsuser"}).encode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {
        "DUCKSHIFT_API_LISTEN": "http://127.0.0.1:0",
        "DUCKSHIFT_API_ACCESS_KEY_ID": "AKIAADMIN0000000000",
        "DUCKSHIFT_API_SECRET_ACCESS_KEY": "admin-secret",
        "DUCKSHIFT_API_MAX_CONNECTIONS": "60",
        "DUCKSHIFT_FLIGHT_LISTEN": "grpc://127.0.0.1:0",
    }
    with Server(tmp_path_factory.mktemp("doors") / "data", environment=environment) as running:
        yield running


def port(served: Server, scheme: str) -> int:
    (url,) = [url for url in aws.urls(served) if url.startswith(scheme)]
    return int(url.rpartition(":")[2])


def signed(served: Server, body: bytes = BODY) -> bytes:
    host = f"127.0.0.1:{port(served, 'http')}"
    headers = {"X-Amz-Target": "RedshiftData.ExecuteStatement", "Content-Type": "application/x-amz-json-1.1", "Host": host}
    request = AWSRequest("POST", f"http://{host}/", data=body, headers=headers)
    SigV4Auth(Credentials("AKIAADMIN0000000000", "admin-secret"), "redshift-data", "us-east-1").add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join(["POST / HTTP/1.1", *lines, f"Content-Length: {len(body)}", "Connection: close", "", ""]).encode() + body


def answer(served: Server, data: bytes, timeout_s: float = 10) -> bytes:
    pieces = []
    address = ("127.0.0.1", port(served, "http"))
    with socket.create_connection(address, timeout=timeout_s) as wire, contextlib.suppress(ConnectionError):
        wire.sendall(data)
        wire.shutdown(socket.SHUT_WR)
        while piece := wire.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces)


def serves(served: Server) -> None:
    assert answer(served, signed(served)).startswith(b"HTTP/1.1 200 ")
    with psycopg.connect(served.dsn) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    client = pf.connect(f"grpc://127.0.0.1:{port(served, 'grpc')}")
    options = pf.FlightCallOptions(headers=[client.authenticate_basic_token(served.user, served.password)], timeout=20)
    client.get_flight_info(pf.FlightDescriptor.for_command(packed("CommandGetCatalogs", {})), options)
    client.close()


def test_no_signed_byte_can_be_forged(served: Server) -> None:
    whole = signed(served)
    assert answer(served, whole).startswith(b"HTTP/1.1 200 ")
    head, _, body = whole.partition(b"\r\n\r\n")
    places = [place for pattern in (rb"X-Amz-Target: (\S+)", rb"Host: (\S+)", rb"X-Amz-Date: (\S+)", rb"Credential=(\S+)/aws4", rb"SignedHeaders=([^,]+)", rb"Signature=(\w+)")
              for found in re.finditer(pattern, head) for place in range(*found.span(1))]  # fmt: skip
    places += range(len(head) + 4, len(whole))
    chance = random.Random(1)
    taken = []
    for _ in range(FORGERIES):
        data = bytearray(whole)
        place = chance.choice(places)
        data[place] = chance.choice([byte for byte in b"abcxyzABC0189-_.;/" if byte != data[place]])
        reply = answer(served, bytes(data))
        if reply.startswith(b"HTTP/1.1 200 "):
            taken.append(bytes(data))
    assert taken == [] and body == BODY


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b"[" * 100_000, b'{"Sql":' * 5_000, b'{"Sql": 5}', b'{"Sql": "select 1", "Database": null}', b"\xff\xfe", b'{"Id": "' + b"x" * 100_000 + b'"}', b'{"MaxResults": 1e400}', b'{"Sqls": ' + b"[" * 2_000 + b"]" * 2_000 + b"}"],
)  # fmt: skip
def test_bodies_that_make_no_sense(served: Server, body: bytes) -> None:
    reply = answer(served, signed(served, body))
    assert reply.startswith(b"HTTP/1.1 400 ") and b"Traceback" not in reply


def test_garbage_on_both_ports(served: Server) -> None:
    chance = random.Random(2)
    for number in range(GARBAGE):
        data = chance.randbytes(chance.randrange(1, 400)) + (b"\r\n\r\n" if number % 2 else b"")
        with contextlib.suppress(TimeoutError):
            assert b" 200 " not in answer(served, data, timeout_s=5)
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port(served, "grpc")), timeout=5) as wire:
            wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" * (number % 3 == 0) + data)
    serves(served)


def test_clients_that_never_end_keep_nobody_out_of_the_other_doors(served: Server) -> None:
    held = []
    try:
        for _ in range(80):
            wire = socket.create_connection(("127.0.0.1", port(served, "http")), timeout=5)
            wire.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nx")
            held.append(wire)
        with psycopg.connect(served.dsn) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        for wire in held:
            wire.close()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not answer(served, signed(served)).startswith(b"HTTP/1.1 200 "):
        time.sleep(0.1)
    serves(served)


def test_tokens_cannot_be_guessed_or_taken_from_another_port(served: Server) -> None:
    chance = random.Random(3)
    client = pf.connect(f"grpc://127.0.0.1:{port(served, 'grpc')}")
    for _ in range(100):
        token = f"Bearer {chance.randbytes(32).hex()}".encode()
        with pytest.raises(pf.FlightUnauthenticatedError):
            client.do_get(pf.Ticket(b"nothing"), pf.FlightCallOptions(headers=[(b"authorization", token)], timeout=10)).read_all()
    client.close()


def test_nothing_of_it_is_told_in_the_log(served: Server) -> None:
    text = "".join(served.log)
    assert "admin-secret" not in text and served.password not in text and "Traceback" not in text
    assert Path(served.data).exists()
