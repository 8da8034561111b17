"""TLS: the certificate that is made, the upgrade, the direct connection, and what is refused."""

import datetime
import ssl
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from server.tls import ServerTls, TlsFiles, TlsMode, load, self_signed
from tests.support.listener import names, running
from tests.support.session import PASSWORD
from tests.support.wire import Closed, Wire

NOW = datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC)
HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"), HOST, datetime.datetime.now(datetime.UTC))


@pytest.fixture(scope="module")
def tls(files: tuple[Path, Path]) -> ServerTls:
    return load(TlsFiles(*files))


def client_context(files: tuple[Path, Path], alpn: str | None = "postgresql") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(files[0]))
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


@contextmanager
def encrypted(port: int, context: ssl.SSLContext, *, direct: bool = False, chop: bool = False) -> Iterator[Wire]:
    with Wire(HOST, port, chop=chop) as wire:
        if not direct:
            wire.send("SSLRequest")
            assert wire.receive_bytes(1) == b"S"
        wire.socket = context.wrap_socket(wire.socket, server_hostname=HOST)
        yield wire


def test_the_key_is_its_owners_alone_and_is_made_once(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "db.example", NOW)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = certificate.read_bytes(), key.read_bytes()
    assert self_signed(tmp_path, "db.example", NOW) == (certificate, key)
    assert (certificate.read_bytes(), key.read_bytes()) == before
    assert {path.name for path in tmp_path.iterdir()} == {"server.crt", "server.key"}
    read = x509.load_pem_x509_certificate(before[0])
    named = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "db.example" in named.get_values_for_type(x509.DNSName)
    assert load(TlsFiles(certificate, key)).certificate_hash == read.fingerprint(hashes.SHA256())


def test_a_wrong_key_is_an_error(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with pytest.raises(ssl.SSLError):
        load(TlsFiles(self_signed(one, HOST, NOW)[0], self_signed(two, HOST, NOW)[1]))


@pytest.mark.parametrize("chop", [False, True])
@pytest.mark.parametrize("direct", [False, True])
def test_a_verified_connection_both_ways(files: tuple[Path, Path], tls: ServerTls, direct: bool, chop: bool) -> None:
    with running(tls) as server, encrypted(server.port, client_context(files), direct=direct, chop=chop) as wire:
        wire.login("ann", PASSWORD, "dev")
        rows = wire.query("rows 20 1000 100")
        assert len(rows) == 20_000 + 3
        assert rows[-3].fields["values"] == ["19999", "x" * 100]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions(files: tuple[Path, Path], tls: ServerTls, version: ssl.TLSVersion) -> None:
    context = client_context(files)
    context.minimum_version = context.maximum_version = version
    with running(tls) as server, encrypted(server.port, context) as wire:
        wire.login("ann", PASSWORD, "dev")
        assert names(wire.query("rows 1 1 1"))[-1] == "ReadyForQuery"
        wire.send("Terminate")
        with pytest.raises(Closed):
            wire.receive()


@pytest.mark.parametrize("alpn", [None, "http/1.1"])
def test_direct_tls_must_name_the_protocol(files: tuple[Path, Path], tls: ServerTls, alpn: str | None) -> None:
    with running(tls) as server, encrypted(server.port, client_context(files, alpn), direct=True) as wire:
        wire.send('Startup {"parameters": {"user": "ann", "database": "dev"}}')
        assert wire.receive().fields["code"] == "08P01"
        assert wire.at_end()


def test_what_comes_before_encryption_is_not_listened_to(tls: ServerTls) -> None:
    with running(tls) as server, Wire(HOST, server.port) as wire:
        wire.send_bytes(struct.pack("!IHH", 8, 1234, 5679) + b"\0\0\0\x10\0\3\0\0user\0a\0\0")
        error = wire.receive()
        assert error.fields["message"] == "received unencrypted data after SSL request"
        assert wire.at_end()


def test_modes(files: tuple[Path, Path], tls: ServerTls) -> None:
    with running(tls, tls_mode=TlsMode.DISABLE) as server, Wire(HOST, server.port) as wire:
        wire.send("GSSENCRequest", "SSLRequest")
        assert wire.receive_bytes(2) == b"NN"
        wire.login("ann", PASSWORD, "dev")
    with running(tls, tls_mode=TlsMode.REQUIRE) as server:
        with Wire(HOST, server.port) as wire, pytest.raises(ConnectionError, match="SSL off"):
            wire.login("ann", PASSWORD, "dev")
        with encrypted(server.port, client_context(files)) as wire:
            wire.login("ann", PASSWORD, "dev")


def test_a_client_that_gives_up_the_handshake_is_gone(tls: ServerTls) -> None:
    with running(tls, authentication_timeout_s=1) as server:
        for garbage in (b"", b"\x15\3\3\0\2\2\x28", b"not TLS at all, not at all"):
            with Wire(HOST, server.port) as wire:
                wire.send("SSLRequest")
                assert wire.receive_bytes(1) == b"S"
                wire.send_bytes(garbage)
                try:
                    while wire.receive_bytes(1):
                        pass
                except Closed:
                    pass
