"""Certificates: a new one comes into use without a restart, and clients may be asked for theirs."""

import datetime
import shutil
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.tls import self_signed
from tests.support.server import Server

NOW = datetime.datetime.now(datetime.UTC)


class Authority:
    """One that signs clients' certificates."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.crt"
        self.file.write_bytes(self._signed(name, self._key, ca=True))

    def client(self, name: str) -> dict[str, str]:
        """Return libpq's parameters for a certificate that is made out to *name*."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, secret = self._folder / f"{self._name}-{name}.crt", self._folder / f"{self._name}-{name}.key"
        certificate.write_bytes(self._signed(name, key, ca=False))
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        secret.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
        secret.chmod(0o600)
        return {"sslcert": str(certificate), "sslkey": str(secret)}

    def _signed(self, name: str, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> bytes:
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - datetime.timedelta(days=1))
            .not_valid_after(NOW + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)


def user(server: Server, **more: str) -> str:
    with psycopg.connect(server.dsn, sslmode="require", **more) as connection:
        row = connection.execute("SELECT current_user").fetchone()
    assert row is not None
    return str(row[0])


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_a_new_certificate_needs_no_restart(tmp_path: Path) -> None:
    pairs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        pairs.append(self_signed(tmp_path / name, "127.0.0.1", NOW))
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    shutil.copy(pairs[0][0], certificate)
    shutil.copy(pairs[0][1], key)
    environment = {
        "DUCKSHIFT_SERVER_TLS_CERTIFICATE": str(certificate),
        "DUCKSHIFT_SERVER_TLS_KEY": str(key),
        "DUCKSHIFT_API_LISTEN": "https://127.0.0.1:0",
        "DUCKSHIFT_API_ACCESS_KEY_ID": "AKIDTEST",
        "DUCKSHIFT_API_SECRET_ACCESS_KEY": "secret",
    }

    with Server(tmp_path / "data", environment=environment) as server:
        line = next(line for line in server.log if "https://" in line)
        port = int(line.rsplit(":", 1)[1])

        def shown() -> str:
            return ssl.get_server_certificate((server.host, port))

        def verified(place: Path) -> bool:
            try:
                with psycopg.connect(
                    server.dsn, sslmode="verify-full", sslrootcert=str(place), channel_binding="require"
                ):
                    return True
            except psycopg.OperationalError:
                return False

        assert verified(pairs[0][0]) and not verified(pairs[1][0])
        assert shown() == pairs[0][0].read_text()
        with psycopg.connect(server.dsn, sslmode="require") as kept:
            # Between the two files of a change the pair does not fit: the one before stays in use.
            shutil.copy(pairs[1][0], certificate)
            assert within(60, lambda: any("certificates cannot be read" in line for line in server.log))
            assert verified(pairs[0][0])
            shutil.copy(pairs[1][1], key)
            assert within(60, lambda: verified(pairs[1][0]))
            assert within(60, lambda: shown() == pairs[1][0].read_text())
            assert not verified(pairs[0][0])
            assert kept.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_certificates_of_clients(tmp_path: Path, mode: str) -> None:
    ours, others = Authority(tmp_path, "ours"), Authority(tmp_path, "others")
    environment = {
        "DUCKSHIFT_SERVER_TLS": "require",
        "DUCKSHIFT_SERVER_TLS_CLIENT_AUTHORITY": str(ours.file),
        "DUCKSHIFT_SERVER_TLS_CLIENT_CERTIFICATE": mode,
    }
    with Server(tmp_path / "data", environment=environment) as server:
        assert user(server, **ours.client("awsuser")) == "awsuser"
        with psycopg.connect(server.dsn, sslmode="require", **ours.client("awsuser")) as connection:
            assert connection.execute("SHOW require_ssl").fetchone() == ("true",)
        # It is asked for besides the password, not instead.
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            user(server, password="Wrong4ever", **ours.client("awsuser"))
        if mode == "verify-ca":
            assert user(server, **ours.client("somebody")) == "awsuser"
        else:
            with pytest.raises(psycopg.OperationalError, match='certificate authentication failed for user "awsuser"'):
                user(server, **ours.client("somebody"))
        with pytest.raises(psycopg.OperationalError):
            user(server, **others.client("awsuser"))
        with pytest.raises(psycopg.OperationalError):
            user(server)


def test_certificates_of_clients_need_encryption(tmp_path: Path) -> None:
    ours = Authority(tmp_path, "ours")
    server = Server(tmp_path / "data", environment={"DUCKSHIFT_SERVER_TLS_CLIENT_AUTHORITY": str(ours.file)})
    with pytest.raises(RuntimeError, match=r'needs server\.tls = "require"'):
        server.start()
