"""TLS: whether it is wanted, the certificate, and encryption as bytes in, bytes out.

``TlsStream`` encrypts over memory buffers instead of asyncio's own TLS transport: an upgrade in the middle
of a connection then has no moment in which bytes can be lost or read in the clear, a direct TLS connection
is the same thing with its first bytes already read, and an idle connection holds no buffers of its own.
"""

import contextlib
import datetime
import ipaddress
import os
import ssl
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ALPN: Final = "postgresql"
_READ_BYTES: Final = 65_536
_SELF_SIGNED_DAYS: Final = 3650


class TlsMode(StrEnum):
    """Whether TLS is refused, taken when asked for, or the only way in."""

    DISABLE = "disable"
    ALLOW = "allow"
    REQUIRE = "require"


class ClientCertificates(StrEnum):
    """What is asked of clients' certificates, where an authority for them is named."""

    VERIFY_CA = "verify-ca"
    """Signed by the authority."""
    VERIFY_FULL = "verify-full"
    """And made out to the user (common name)."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where certificates are."""

    certificate: Path
    key: Path
    authority: Path | None = None
    """Who signs clients' certificates; None asks for none."""

    def stamp(self) -> tuple[int, ...]:
        """Return what changes when a file does; raises OSError."""
        return tuple(path.stat().st_mtime_ns for path in (self.certificate, self.key, self.authority) if path)


@dataclass(slots=True)
class ServerTls:
    """What is needed to accept TLS: one context for ever, whose certificate may change."""

    context: ssl.SSLContext
    certificate_hash: bytes
    """For the channel binding tls-server-end-point (RFC 5929)."""
    files: TlsFiles
    names_users: bool = False
    """Whether a client's certificate must be made out to the user."""
    stamp: tuple[int, ...] = ()

    def refresh(self) -> bool:
        """Take certificate and key from files that have changed; tell whether they had.

        Raises OSError, ssl.SSLError or ValueError for files that do not fit, as in the middle of a change, and goes on
        with what it had. Connections keep the certificate that they began with.
        """
        stamp = self.files.stamp()
        if stamp == self.stamp:
            return False
        # Tried on a context of its own first: this one must not be left with half of a pair.
        fresh = load(self.files)
        self.context.load_cert_chain(self.files.certificate, self.files.key)
        if self.files.authority is not None:
            self.context.load_verify_locations(self.files.authority)
        self.certificate_hash, self.stamp = fresh.certificate_hash, stamp
        return True


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a connection's TLS began with."""

    certificate_hash: bytes


def load(files: TlsFiles, *, alpn: str = ALPN, names_users: bool = False) -> ServerTls:
    """Read a PEM certificate chain and its key; raises OSError or ssl.SSLError when they do not fit."""
    stamp = files.stamp()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key)
    context.set_alpn_protocols([alpn])
    if files.authority is not None:
        context.load_verify_locations(files.authority)
        context.verify_mode = ssl.CERT_REQUIRED
    # As PostgreSQL does: sessions are not resumed, and a client cannot make the server renegotiate.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    leaf = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    return ServerTls(context, certificate_hash(leaf), files, names_users, stamp)


def certificate_hash(certificate: x509.Certificate) -> bytes:
    """Return the hash for tls-server-end-point: the signature's own, SHA-256 where that is MD5, SHA-1 or none."""
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None or isinstance(algorithm, hashes.MD5 | hashes.SHA1):
        algorithm = hashes.SHA256()
    return certificate.fingerprint(algorithm)


def self_signed(folder: Path, host: str, now: datetime.datetime) -> tuple[Path, Path]:
    """Return certificate and key in *folder*, made for *host* and this machine when they are not there yet.

    The key is readable by its owner alone. The certificate is its own authority, so a client can verify it
    by being given the file (sslrootcert).
    """
    certificate_file, key_file = folder / "server.crt", folder / "server.key"
    if certificate_file.exists() and key_file.exists():
        return certificate_file, key_file
    key = ec.generate_private_key(ec.SECP256R1())
    _write(
        key_file,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        mode=0o600,
    )
    _write(certificate_file, _certificate(key, host, now).public_bytes(serialization.Encoding.PEM), mode=0o644)
    return certificate_file, key_file


def _certificate(key: ec.EllipticCurvePrivateKey, host: str, now: datetime.datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "duckshift")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_SELF_SIGNED_DAYS))
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    addresses = ["127.0.0.1", "::1"]
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        if host and host != "localhost":
            names.append(x509.DNSName(host))
    else:
        if address not in addresses:
            addresses.append(address)
    return [*names, *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses)]


def _write(path: Path, data: bytes, *, mode: int) -> None:
    # Created with its final mode under another name: never readable by others, never half there.
    draft = path.with_suffix(path.suffix + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    draft.replace(path)


class TlsStream:
    """One connection's encryption. Feed what the socket gave, send on what ``outgoing`` gives."""

    __slots__ = ("_incoming", "_object", "_outgoing", "handshaken")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.handshaken = False

    @property
    def alpn(self) -> str | None:
        """Return the protocol agreed on in the handshake."""
        return self._object.selected_alpn_protocol()

    @property
    def cipher(self) -> tuple[str, str]:
        """Return the version and the cipher agreed on in the handshake."""
        cipher = self._object.cipher()
        return self._object.version() or "", cipher[0] if cipher else ""

    @property
    def peer(self) -> str:
        """Return whom the client's certificate is made out to (common name), empty without one."""
        certificate = self._object.getpeercert(binary_form=True)
        if certificate is None:
            return ""
        names = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(names[0].value) if names else ""

    def receive(self, data: memoryview | bytes) -> list[bytes]:
        """Take bytes from the socket; return the plain pieces in them.

        Raises ssl.SSLError when the peer does not speak TLS properly, EOFError when it has closed its side;
        ``outgoing`` may hold an alert then.
        """
        self._incoming.write(data)
        pieces: list[bytes] = []
        try:
            if not self.handshaken:
                self._object.do_handshake()
                self.handshaken = True
            while piece := self._object.read(_READ_BYTES):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            return pieces
        except ssl.SSLZeroReturnError:
            pass
        if not pieces:
            raise EOFError
        return pieces

    def send(self, data: bytes | memoryview) -> bytes:
        """Return *data* encrypted."""
        self._object.write(data)
        return self.outgoing()

    def outgoing(self) -> bytes:
        """Return what is to be sent now: handshake messages, alerts."""
        return self._outgoing.read()

    def close(self) -> bytes:
        """Return the close_notify alert."""
        with contextlib.suppress(ssl.SSLError, ValueError):
            self._object.unwrap()
        return self.outgoing()
