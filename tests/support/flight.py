"""A connection to the Flight SQL door by pyarrow's own client, which knows Flight and not SQL."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.flight as pf

from core.protobuf import decode
from flight.messages import UPDATE_RESULT, packed, unpacked
from tests.support import aws
from tests.support.server import Server


def certificate(served: Server) -> bytes:
    return Path(f"{served.data}/tls/server.crt").read_bytes()


class Door:
    """A connection by Flight."""

    def __init__(self, served: Server, user: str = "", password: str = "", **headers: str) -> None:
        self.client = pf.connect(aws.flight(served), tls_root_certs=certificate(served))
        basic = self.client.authenticate_basic_token(user or served.user, password or served.password)
        self.headers = [basic, *((name.encode(), value.encode()) for name, value in headers.items())]

    @property
    def options(self) -> Any:
        return pf.FlightCallOptions(headers=self.headers, timeout=40)

    def info(self, query: str, transaction: bytes = b"") -> Any:
        fields = {"query": query, **({"transaction_id": transaction} if transaction else {})}
        return self.client.get_flight_info(pf.FlightDescriptor.for_command(packed("CommandStatementQuery", fields)), self.options)

    def read(self, query: str, transaction: bytes = b"") -> pa.Table:
        return self.client.do_get(self.info(query, transaction).endpoints[0].ticket, self.options).read_all()

    def metadata(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        info = self.client.get_flight_info(pf.FlightDescriptor.for_command(packed(name, fields)), self.options)
        table = self.client.do_get(info.endpoints[0].ticket, self.options).read_all()
        assert table.schema == info.schema
        return table.to_pylist()

    def send(self, name: str, rows: pa.Table, /, **fields: Any) -> bytes:
        writer, reader = self.client.do_put(pf.FlightDescriptor.for_command(packed(name, fields)), rows.schema, self.options)
        writer.write_table(rows)
        writer.done_writing()
        answer = reader.read()
        writer.close()
        return answer.to_pybytes()

    def put(self, name: str, rows: pa.Table, /, **fields: Any) -> int:
        return decode(UPDATE_RESULT, self.send(name, rows, **fields)).get("record_count", 0)

    def act(self, name: str, body: bytes) -> list[bytes]:
        return [result.body.to_pybytes() for result in self.client.do_action(pf.Action(name, body), self.options)]

    def begin(self) -> bytes:
        return unpacked(self.act("BeginTransaction", packed("ActionBeginTransactionRequest", {}))[0]).fields["transaction_id"]

    def end(self, transaction: bytes, action: int) -> None:
        self.act("EndTransaction", packed("ActionEndTransactionRequest", {"transaction_id": transaction, "action": action}))


def memory_mb(served: Server) -> int:
    assert served.process is not None
    lines = Path(f"/proc/{served.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) // 1024
