"""Tables of DynamoDB, read item by item for COPY.

Redshift, "Loading data from an Amazon DynamoDB table": a Scan, slowed down so that READRATIO percent of the table's
provisioned throughput are not exceeded.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from core.errors import SqlError
from core.sqlstate import SqlState
from storage.aws import service_client
from storage.database import S3Access

_DENIED: Final = frozenset({"AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException"})
_LONGEST_WAIT_S: Final = 5.0
Item = Mapping[str, Mapping[str, Any]]
"""Attribute names with values as DynamoDB's protocol writes them: ``{"S": "text"}``, ``{"N": "1.5"}``."""


class DynamoTable:
    """One table. Every method blocks and raises ``SqlError``."""

    def __init__(self, access: S3Access, name: str) -> None:
        """Read table *name* with the keys of *access*."""
        self._client = service_client(access, "dynamodb")
        self._name = name

    def items(self, read_ratio: int) -> Iterator[Item]:
        """Yield every item, using *read_ratio* percent of the provisioned capacity at most."""
        units = self._capacity() * read_ratio / 100
        start: dict[str, Any] = {}
        while True:
            began = time.monotonic()
            page = self._call("scan", ReturnConsumedCapacity="TOTAL", **start)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
            used = float(page.get("ConsumedCapacity", {}).get("CapacityUnits", 0))
            wait = used / units - (time.monotonic() - began) if units else 0
            if wait > 0:
                time.sleep(min(wait, _LONGEST_WAIT_S))

    def _capacity(self) -> float:
        """Return the provisioned read units of a second, 0 for a table that is paid by request."""
        table = self._call("describe_table")["Table"]
        return float(table.get("ProvisionedThroughput", {}).get("ReadCapacityUnits", 0))

    def _call(self, name: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, name)(TableName=self._name, **arguments)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "?")
            if code == "ResourceNotFoundException":
                raise SqlError(SqlState.INTERNAL_ERROR, f"DynamoDB table '{self._name}' does not exist") from None
            raise SqlError(
                SqlState.INSUFFICIENT_PRIVILEGE if code in _DENIED else SqlState.INTERNAL_ERROR,
                f"DynamoDB answered {code} for table '{self._name}'",
            ) from None
        except (BotoCoreError, OSError):
            raise SqlError(SqlState.IO_ERROR, f"DynamoDB cannot be reached for table '{self._name}'") from None
        return answer
