"""A PostgreSQL client that says exactly what it is told and shows exactly what it hears.

Messages are written as ``Type {json}`` and shown the same way; nothing here is shared with the server's
codec, so that the two check each other. PostgreSQL, "Message Formats".
"""

import base64
import hashlib
import hmac
import json
import os
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

FIELDS = {"S": "severity", "C": "code", "M": "message", "D": "detail", "H": "hint", "P": "position"}


@dataclass
class Message:
    """A message from the server."""

    name: str
    fields: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name} {json.dumps(self.fields, ensure_ascii=False)}" if self.fields else self.name


def frame(tag: bytes, body: bytes = b"") -> bytes:
    return tag + struct.pack("!I", len(body) + 4) + body


def cstring(text: str) -> bytes:
    return text.encode() + b"\0"


def _int16s(values: list[int]) -> bytes:
    return struct.pack(f"!H{len(values)}H", len(values), *values)


def _value(value: str | None) -> bytes:
    if value is None:
        return struct.pack("!i", -1)
    data = bytes.fromhex(value[2:]) if value.startswith("\\x") else value.encode()
    return struct.pack("!i", len(data)) + data


def _bind(given: dict[str, Any]) -> bytes:
    values = given.get("values", [])
    return (
        cstring(given.get("portal", ""))
        + cstring(given.get("statement", ""))
        + _int16s(given.get("formats", []))
        + struct.pack("!H", len(values))
        + b"".join(_value(value) for value in values)
        + _int16s(given.get("results", []))
    )


def _parse(given: dict[str, Any]) -> bytes:
    oids = given.get("oids", [])
    return cstring(given.get("name", "")) + cstring(given["query"]) + struct.pack(f"!H{len(oids)}I", len(oids), *oids)


def _startup(given: dict[str, Any]) -> bytes:
    pairs = "".join(f"{name}\0{value}\0" for name, value in given.get("parameters", {}).items())
    body = struct.pack("!HH", *given.get("version", (3, 0))) + pairs.encode() + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def _target(given: dict[str, Any]) -> bytes:
    return given["target"].encode() + cstring(given.get("name", ""))


FRONTEND: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "Query": lambda given: frame(b"Q", cstring(given["query"])),
    "Parse": lambda given: frame(b"P", _parse(given)),
    "Bind": lambda given: frame(b"B", _bind(given)),
    "Describe": lambda given: frame(b"D", _target(given)),
    "Execute": lambda given: frame(b"E", cstring(given.get("portal", "")) + struct.pack("!i", given.get("rows", 0))),
    "Close": lambda given: frame(b"C", _target(given)),
    "Flush": lambda _: frame(b"H"),
    "Sync": lambda _: frame(b"S"),
    "Terminate": lambda _: frame(b"X"),
    "FunctionCall": lambda given: frame(b"F", bytes.fromhex(given.get("body", ""))),
    "CopyData": lambda given: frame(b"d", given["data"].encode()),
    "CopyDone": lambda _: frame(b"c"),
    "CopyFail": lambda given: frame(b"f", cstring(given.get("reason", ""))),
    "PasswordMessage": lambda given: frame(b"p", cstring(given["password"])),
    "Startup": _startup,
    "SSLRequest": lambda _: struct.pack("!IHH", 8, 1234, 5679),
    "GSSENCRequest": lambda _: struct.pack("!IHH", 8, 1234, 5680),
}


def encode(line: str) -> bytes:
    """Return the bytes of a send line: ``Type``, ``Type {json}`` or hexadecimal digits."""
    name, _, rest = line.partition(" ")
    if name in FRONTEND:
        return FRONTEND[name](json.loads(rest) if rest else {})
    return bytes.fromhex(line)


class _Reader:
    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def unpack(self, shape: str) -> tuple[Any, ...]:
        values = struct.unpack_from("!" + shape, self.body, self.at)
        self.at += struct.calcsize("!" + shape)
        return values

    def cstring(self) -> str:
        end = self.body.index(b"\0", self.at)
        text = self.body[self.at : end].decode()
        self.at = end + 1
        return text

    def bytes(self, count: int) -> bytes:
        piece = self.body[self.at : self.at + count]
        assert len(piece) == count, "a message shorter than it says"
        self.at += count
        return piece


def _shown(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "\\x" + data.hex()
    return text if text.isprintable() or text.strip("\n\t").isprintable() else "\\x" + data.hex()


def _row(reader: _Reader) -> dict[str, Any]:
    (count,) = reader.unpack("H")
    values: list[str | None] = []
    for _ in range(count):
        (length,) = reader.unpack("i")
        values.append(None if length < 0 else _shown(reader.bytes(length)))
    return {"values": values}


def _description(reader: _Reader) -> dict[str, Any]:
    (count,) = reader.unpack("H")
    columns = []
    for _ in range(count):
        name = reader.cstring()
        _table, _attribute, oid, _length, modifier, form = reader.unpack("IHIhih")
        columns.append({"name": name, "oid": oid, "modifier": modifier, "format": form})
    return {"columns": columns}


def _diagnosis(reader: _Reader) -> dict[str, Any]:
    given = {}
    while (code := reader.bytes(1)) != b"\0":
        text = reader.cstring()
        if name := FIELDS.get(code.decode()):
            given[name] = text
    return given


def _copy_shape(reader: _Reader) -> dict[str, Any]:
    form, count = reader.unpack("bH")
    return {"format": form, "columns": list(reader.unpack(f"{count}H"))}


def _authentication(reader: _Reader) -> dict[str, Any]:
    (code,) = reader.unpack("I")
    return {"code": code, "payload": reader.body[4:].hex()}


def _negotiation(reader: _Reader) -> dict[str, Any]:
    major, minor, count = reader.unpack("HHI")
    return {"version": [major, minor], "options": [reader.cstring() for _ in range(count)]}


def _key(reader: _Reader) -> dict[str, Any]:
    return {"pid": reader.unpack("i")[0], "secret": reader.body[4:].hex()}


BACKEND: dict[bytes, tuple[str, Callable[[_Reader], dict[str, Any]]]] = {
    b"1": ("ParseComplete", lambda _: {}),
    b"2": ("BindComplete", lambda _: {}),
    b"3": ("CloseComplete", lambda _: {}),
    b"C": ("CommandComplete", lambda reader: {"tag": reader.cstring()}),
    b"D": ("DataRow", _row),
    b"E": ("ErrorResponse", _diagnosis),
    b"G": ("CopyInResponse", _copy_shape),
    b"H": ("CopyOutResponse", _copy_shape),
    b"I": ("EmptyQueryResponse", lambda _: {}),
    b"K": ("BackendKeyData", _key),
    b"N": ("NoticeResponse", _diagnosis),
    b"R": ("Authentication", _authentication),
    b"S": ("ParameterStatus", lambda reader: {"name": reader.cstring(), "value": reader.cstring()}),
    b"T": ("RowDescription", _description),
    b"Z": ("ReadyForQuery", lambda reader: {"status": reader.bytes(1).decode()}),
    b"c": ("CopyDone", lambda _: {}),
    b"d": ("CopyData", lambda reader: {"data": _shown(reader.body)}),
    b"n": ("NoData", lambda _: {}),
    b"s": ("PortalSuspended", lambda _: {}),
    b"t": ("ParameterDescription", lambda reader: {"oids": list(reader.unpack(f"{reader.unpack('H')[0]}I"))}),
    b"v": ("NegotiateProtocolVersion", _negotiation),
}


class Closed(Exception):
    """The server has closed the connection."""


class Wire:
    """One connection. *chop* sends every byte by itself."""

    def __init__(self, host: str, port: int, *, chop: bool = False, timeout_s: float = 20) -> None:
        self.socket: socket.socket = socket.create_connection((host, port), timeout=timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._chop = chop
        self._input = b""
        self.key: dict[str, Any] = {}
        self.parameters: dict[str, str] = {}

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, *lines: str) -> None:
        self.send_bytes(b"".join(encode(line) for line in lines))

    def send_bytes(self, data: bytes) -> None:
        try:
            if self._chop:
                for at in range(len(data)):
                    self.socket.sendall(data[at : at + 1])
            else:
                self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what the server said before it closed is still to be read

    def receive_bytes(self, count: int) -> bytes:
        while len(self._input) < count:
            try:
                piece = self.socket.recv(65_536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise Closed(self._input)
            self._input += piece
        data, self._input = self._input[:count], self._input[count:]
        return data

    def receive(self) -> Message:
        """Return the next message."""
        header = self.receive_bytes(5)
        body = self.receive_bytes(struct.unpack("!I", header[1:])[0] - 4)
        name, read = BACKEND[header[:1]]
        return Message(name, read(_Reader(body)))

    def until(self, name: str = "ReadyForQuery") -> list[Message]:
        """Return the messages up to and with the next *name*."""
        messages = [self.receive()]
        while messages[-1].name != name:
            messages.append(self.receive())
        return messages

    def query(self, text: str) -> list[Message]:
        """Run a simple query and return everything up to ReadyForQuery."""
        self.send("Query " + json.dumps({"query": text}))
        return self.until()

    def at_end(self, within_s: float = 10) -> bool:
        """Return whether the server closes the connection, whatever it says before."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                self.receive()
            except Closed:
                return True
        return False

    def login(self, user: str, password: str, database: str, version: tuple[int, int] = (3, 0)) -> None:
        """Start up and authenticate by whatever the server asks for, up to ReadyForQuery."""
        parameters = {"user": user, "database": database, "client_encoding": "UTF8"}
        self.send("Startup " + json.dumps({"parameters": parameters, "version": version}))
        secret = _Scram(password)
        while (message := self.receive()).name != "ReadyForQuery":
            if message.name == "ErrorResponse":
                raise ConnectionError(str(message))
            if message.name == "BackendKeyData":
                self.key = message.fields
            if message.name == "ParameterStatus":
                self.parameters[message.fields["name"]] = message.fields["value"]
            if message.name == "Authentication":
                answer = _answer(message, user, password, secret)
                if answer is not None:
                    self.send_bytes(frame(b"p", answer))


def _answer(message: Message, user: str, password: str, scram: "_Scram") -> bytes | None:
    code, payload = message.fields["code"], bytes.fromhex(message.fields["payload"])
    if code == 3:
        return cstring(password)
    if code == 5:
        inner = hashlib.md5(password.encode() + user.encode()).hexdigest()  # the protocol's choice
        return cstring("md5" + hashlib.md5(inner.encode() + payload).hexdigest())
    if code == 10:
        first = scram.first()
        return cstring("SCRAM-SHA-256") + struct.pack("!I", len(first)) + first
    return scram.final(payload) if code == 11 else None


class _Scram:
    """The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding."""

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._bare = "n=,r=" + base64.b64encode(os.urandom(18)).decode()

    def first(self) -> bytes:
        return ("n,," + self._bare).encode()

    def final(self, challenge: bytes) -> bytes:
        given = dict(part.split("=", 1) for part in challenge.decode().split(","))
        salted = hashlib.pbkdf2_hmac("sha256", self._password, base64.b64decode(given["s"]), int(given["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        bare = "c=biws,r=" + given["r"]
        signed = f"{self._bare},{challenge.decode()},{bare}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(left ^ right for left, right in zip(client_key, signature, strict=True))
        return f"{bare},p={base64.b64encode(proof).decode()}".encode()
