"""An S3 object read to its end although connections break: what is missing is asked for again."""

import io
from typing import Any, Final, cast

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from core.errors import SqlError
from core.sqlstate import SqlState

_ATTEMPTS: Final = 4
_BUFFER_BYTES: Final = 1 << 20


class _Resuming(io.RawIOBase):
    """The bytes of one version of an object."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client, self._bucket, self._key = client, bucket, key
        answer = client.get_object(Bucket=bucket, Key=key)
        self._body: Any = answer["Body"]
        self._etag: str = answer["ETag"]
        self._size = int(answer["ContentLength"])
        self._place = 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def close(self) -> None:
        """Let go of the connection."""
        self._body.close()
        super().close()

    def readinto(self, buffer: object) -> int:
        """Fill *buffer* with the next bytes; raises ``SqlError`` when they cannot be had."""
        target = memoryview(cast("bytearray", buffer))
        wanted = min(len(target), self._size - self._place)
        if not wanted:
            return 0
        for _ in range(_ATTEMPTS):
            data = self._piece(wanted)
            if data:
                target[: len(data)] = data
                self._place += len(data)
                return len(data)
            self._reopen()
        raise SqlError(
            SqlState.IO_ERROR, f"the object 's3://{self._bucket}/{self._key}' cannot be read to its end"
        )

    def _piece(self, wanted: int) -> bytes:
        try:
            data: bytes = self._body.read(wanted)
        except (BotoCoreError, HTTPError, OSError):
            return b""
        return data

    def _reopen(self) -> None:
        self._body.close()
        # The same version, or the halves would not fit.
        answer = self._client.get_object(
            Bucket=self._bucket, Key=self._key, Range=f"bytes={self._place}-", IfMatch=self._etag
        )
        self._body = answer["Body"]


def resuming(client: Any, bucket: str, key: str) -> io.BufferedReader:
    """Open an object with boto3's *client*; its errors are boto3's when it opens, ``SqlError`` while it is read."""
    return io.BufferedReader(_Resuming(client, bucket, key), _BUFFER_BYTES)
